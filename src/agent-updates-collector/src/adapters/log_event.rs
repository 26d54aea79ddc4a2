//! The entries of an event log: `entry_id`, a `category` for a type, and `details`.

use serde::Deserialize;

use super::{agent, author, finish, is_text, time, Adapter};
use crate::event::lenient::Field;
use crate::event::parse::{event_type, read as read_object, text, Notes};
use crate::event::{EventKey, Record, Rejection, Source, Status};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "log event",
    recognises: |keys| is_text(&keys.entry_id) && is_text(&keys.category),
    read,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LogEvent<'a> {
    #[serde(borrow)]
    entry_id: Field<'a>,
    #[serde(borrow)]
    category: Field<'a>,
    #[serde(borrow)]
    timestamp: Field<'a>,
    #[serde(borrow)]
    source: Field<'a>,
    #[serde(borrow)]
    task_id: Field<'a>,
    success: Field<'a>,
}

fn read(json: &str, received_us: i64) -> Result<Record, Rejection> {
    let event: LogEvent<'_> = read_object(json)?;
    let event_type = event_type(&event.category)?.to_owned();
    let mut notes = Notes::default();
    let source = text(event.source);
    let timestamp_us = time(event.timestamp, received_us, &mut notes);
    // The shape names no agent, only the kind of its author: agent, human, hook, backlog, workflow or system.
    let agent = agent(None, || author(source.as_deref(), "system"), &mut notes);
    let mut record = Record::new(agent, event_type, timestamp_us, json.to_owned());
    record.key = notes.name(event.entry_id).map(|id| EventKey::of_id(&id));
    record.source = source.as_deref().and_then(Source::from_name);
    record.task = notes.name(event.task_id);
    record.status = match (&event.success, record.event_type.as_str()) {
        (Field::Truth(false), _) | (_, "workflow.failed" | "hook.failed" | "error.occurred") => Some(Status::Error),
        (_, "session.start" | "workflow.started") => Some(Status::Started),
        (_, "session.end" | "workflow.completed") => Some(Status::Completed),
        _ => None,
    };
    Ok(finish(record, &notes))
}

#[cfg(test)]
mod tests {
    use super::super::recognise;
    use super::*;

    #[test]
    fn the_category_is_the_type_and_a_failure_an_error() {
        let json = include_str!("../../tests/fixtures/log-event.json").trim();
        let record = recognise(json).unwrap().read(json, 0).unwrap();
        assert_eq!(record.event_type, "task.completed");
        assert_eq!(record.agent, "log-backlog");
        assert_eq!(record.task.as_deref(), Some("task-368"));
        assert_eq!(record.status, Some(Status::Completed));
        assert_eq!(record.key, Some(EventKey::Text("log_3f2a9c81d7e0".to_owned())));
        let failed = json.replace("\"success\":true", "\"success\":false");
        assert_ne!(failed, json);
        assert_eq!(read(&failed, 0).unwrap().status, Some(Status::Error));
    }
}
