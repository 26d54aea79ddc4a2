//! What the store does in this process with events that were read before: the most that HTTP in front of it could reach.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_updates_collector::event::{parse, Record};
use agent_updates_collector::metrics::Metrics;
use agent_updates_collector::store::{Options, Store};
use tokio::runtime::Builder;

use super::events::{Ids, Maker};
use super::service::settle;

/// Events a second, in batches as over HTTP. Making and reading the events is not in the time.
pub fn rate(parent: &Path, ids: Ids, batch: usize, ways: usize, time: Duration) -> f64 {
    let folder = tempfile::tempdir_in(parent).unwrap();
    let metrics = Arc::new(Metrics::new("", ""));
    let store = Store::open(&folder.path().join("events.db"), &Options::default(), &metrics).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut makers: Vec<_> = (0..ways).map(|way| Maker::new(ids, 1 << 50 | way as u64)).collect();
    let (mut events, mut took) = (0, Duration::ZERO);
    while took < time {
        // Two rounds for each way, so that the writer finds the next batches when it has committed.
        let rounds: Vec<Vec<Vec<Record>>> = makers
            .iter_mut()
            .map(|maker| (0..2).map(|_| read(&maker.batch(batch))).collect())
            .collect();
        events += batch * ways * 2;
        let begun = Instant::now();
        runtime.block_on(async {
            let ways: Vec<_> = rounds
                .into_iter()
                .map(|round| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        for records in round {
                            store.append(records, false).await.unwrap();
                        }
                    })
                })
                .collect();
            for way in ways {
                way.await.unwrap();
            }
        });
        took += begun.elapsed();
    }
    drop((store, runtime, folder));
    settle();
    events as f64 / took.as_secs_f64()
}

fn read(lines: &str) -> Vec<Record> {
    lines.lines().map(|line| parse::parse(line, 0).unwrap()).collect()
}
