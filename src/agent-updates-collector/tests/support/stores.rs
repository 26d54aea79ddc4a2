//! A store without a server, and events for it.

use std::path::Path;
use std::sync::Arc;

use agent_updates_collector::error::Error;
use agent_updates_collector::event::parse::parse;
use agent_updates_collector::event::Record;
use agent_updates_collector::metrics::Metrics;
use agent_updates_collector::store::{Options, Store};

pub fn open(path: &Path) -> Store {
    open_with(path, &Options::default())
}

pub fn open_with(path: &Path, options: &Options) -> Store {
    Store::open(path, options, &Arc::new(Metrics::new("", ""))).unwrap()
}

pub fn refusal(path: &Path) -> Error {
    Store::open(path, &Options::default(), &Arc::new(Metrics::new("", ""))).unwrap_err()
}

pub fn record(number: u32) -> Record {
    let kinds = [
        "activity.tool_use",
        "git.commit",
        "task.completed",
        "coordination.waiting",
    ];
    let text = format!(
        r#"{{"version":"1.1.0","event_type":"{}","timestamp":"2026-01-02T{:02}:00:{:02}Z","agent_id":"agent-{}","event_id":"id-{number}","tool":{{"tool_name":"t{}","duration_ms":{number}}},"task":{{"task_id":"task-{}"}}}}"#,
        kinds[number as usize % 4],
        number % 24,
        number % 60,
        number % 3,
        number % 2,
        number % 5,
    );
    parse(&text, 0).unwrap()
}
