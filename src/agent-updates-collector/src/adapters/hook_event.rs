//! The events of workflow hooks: `schema_version`, and what the native shape has at the top is in `context`.

use serde::Deserialize;

use super::{agent, finish, is_text, time, Adapter};
use crate::event::lenient::{Field, Nested};
use crate::event::parse::{event_type, read as read_object, Notes};
use crate::event::{EventKey, Record, Rejection, Source, Status};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "hook event",
    recognises: |keys| is_text(&keys.schema_version) && is_text(&keys.event_type),
    read,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HookEvent<'a> {
    #[serde(borrow)]
    event_type: Field<'a>,
    #[serde(borrow)]
    event_id: Field<'a>,
    #[serde(borrow)]
    timestamp: Field<'a>,
    #[serde(borrow)]
    context: Nested<Context<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context<'a> {
    #[serde(borrow)]
    agent_id: Field<'a>,
    #[serde(borrow)]
    agent: Field<'a>,
    #[serde(borrow)]
    task_id: Field<'a>,
    #[serde(borrow)]
    session_id: Field<'a>,
    #[serde(borrow)]
    branch_name: Field<'a>,
    progress_percent: Field<'a>,
}

fn read(json: &str, received_us: i64) -> Result<Record, Rejection> {
    let event: HookEvent<'_> = read_object(json)?;
    let event_type = event_type(&event.event_type)?.to_owned();
    let mut notes = Notes::default();
    let context = notes.object(event.context).unwrap_or_default();
    let named = notes.name(context.agent_id).or_else(|| notes.name(context.agent));
    let agent = agent(named, || "hook".to_owned(), &mut notes);
    let timestamp_us = time(event.timestamp, received_us, &mut notes);
    let mut record = Record::new(agent, event_type, timestamp_us, json.to_owned());
    record.key = notes.name(event.event_id).map(|id| EventKey::of_id(&id));
    record.source = Some(Source::Hook);
    record.status = record.event_type.strip_prefix("agent.").and_then(Status::from_name);
    record.task = notes.name(context.task_id);
    record.session = notes.name(context.session_id);
    record.branch = notes.name(context.branch_name);
    notes.within(&context.progress_percent, 0.0, 100.0);
    Ok(finish(record, &notes))
}

#[cfg(test)]
mod tests {
    use super::super::recognise;
    use super::*;
    use crate::event::Tags;

    #[test]
    fn the_agent_and_the_task_come_out_of_the_context() {
        let json = include_str!("../../tests/fixtures/hook-event.json").trim();
        let record = recognise(json).unwrap().read(json, 0).unwrap();
        assert_eq!(record.agent, "claude-code@kinsale");
        assert_eq!(record.event_type, "agent.progress");
        assert_eq!(record.task.as_deref(), Some("task-229"));
        assert_eq!(record.status, Some(Status::Progress));
        assert!(matches!(record.key, Some(EventKey::Ulid(_))));
        assert!(record.tags.contains(Tags::UNKNOWN_NAMESPACE) && !record.tags.contains(Tags::INVALID_FIELD));
    }

    #[test]
    fn a_progress_above_a_hundred_is_noted() {
        let json = r#"{"schema_version":"1.0","event_type":"agent.progress","context":{"progress_percent":101}}"#;
        let record = read(json, 5).unwrap();
        assert!(record.tags.contains(Tags::INVALID_FIELD) && record.tags.contains(Tags::AGENT_ASSIGNED));
        assert_eq!((record.timestamp_us, record.key), (5, None));
    }
}
