//! Decisions: `decision` is a sentence, and so is `context`.

use serde::Deserialize;

use super::{agent, author, finish, is_text, time, Adapter};
use crate::event::lenient::Field;
use crate::event::parse::{read as read_object, text, Notes};
use crate::event::{canonical, EventKey, Record, Rejection, Source, Tags};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "decision",
    recognises: |keys| is_text(&keys.decision) && !is_text(&keys.event_type),
    read,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Decision<'a> {
    #[serde(borrow)]
    entry_id: Field<'a>,
    #[serde(borrow)]
    timestamp: Field<'a>,
    #[serde(borrow)]
    source: Field<'a>,
    #[serde(borrow)]
    agent_id: Field<'a>,
    related_tasks: Tasks,
}

/// The first of a list of tasks; any other value is none.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "serde_json::Value")]
struct Tasks(Option<String>);

impl From<serde_json::Value> for Tasks {
    fn from(value: serde_json::Value) -> Self {
        Self(value.get(0).and_then(|task| task.as_str()).map(str::to_owned))
    }
}

fn read(json: &str, received_us: i64) -> Result<Record, Rejection> {
    let decision: Decision<'_> = read_object(json)?;
    let mut notes = Notes::default();
    let timestamp_us = time(decision.timestamp, received_us, &mut notes);
    let source = text(decision.source);
    let named = notes.name(decision.agent_id);
    let agent = agent(named, || author(source.as_deref(), "agent"), &mut notes);
    let mut record = Record::new(agent, "decision.made".to_owned(), timestamp_us, json.to_owned());
    record.key = match notes.name(decision.entry_id) {
        Some(id) => Some(EventKey::of_id(&id)),
        None if notes.tags.contains(Tags::TIMESTAMP_ASSIGNED) => None,
        // Its own time makes it one of a kind.
        None => Some(EventKey::of_content(&[&canonical::canonical(json)])),
    };
    record.source = source.as_deref().and_then(Source::from_name);
    record.task = decision
        .related_tasks
        .0
        .filter(|task| !task.is_empty() && task.len() <= crate::event::NAME_BYTES);
    Ok(finish(record, &notes))
}

#[cfg(test)]
mod tests {
    use super::super::recognise;
    use super::*;

    #[test]
    fn a_decision_is_an_event_of_its_first_task() {
        let json = include_str!("../../tests/fixtures/decision.json").trim();
        let record = recognise(json).unwrap().read(json, 0).unwrap();
        assert_eq!(
            (record.event_type.as_str(), record.agent.as_str()),
            ("decision.made", "log-agent")
        );
        assert_eq!(record.task.as_deref(), Some("task-12"));
    }

    #[test]
    fn without_an_id_the_same_decision_is_the_same_event() {
        let json =
            r#"{"timestamp":"2026-01-02T03:04:05Z","decision_id":"ARCH001","decision":"Use SQLite","outcome":"x"}"#;
        let spaced = json.replace(':', ": ").replace("03: 04: 05", "03:04:05");
        assert_eq!(read(json, 0).unwrap().key, read(&spaced, 1).unwrap().key);
        assert!(read(json, 0).unwrap().key.is_some());
    }
}
