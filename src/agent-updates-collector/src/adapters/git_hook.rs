//! What a git hook posts: a type and its data, without time or agent.

use serde::Deserialize;

use super::{agent, finish, is_text, time, Adapter};
use crate::event::lenient::{Field, Nested};
use crate::event::parse::{event_type, read as read_object, Notes};
use crate::event::{Record, Rejection, Source};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "git hook",
    recognises: |keys| is_text(&keys.event_type) && keys.data.object().is_some(),
    read,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GitHook<'a> {
    #[serde(borrow)]
    event_type: Field<'a>,
    #[serde(borrow)]
    timestamp: Field<'a>,
    #[serde(borrow)]
    agent_id: Field<'a>,
    #[serde(borrow)]
    data: Nested<Data<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data<'a> {
    #[serde(borrow)]
    branch: Field<'a>,
    #[serde(borrow)]
    branch_name: Field<'a>,
    #[serde(borrow)]
    task_id: Field<'a>,
}

fn read(json: &str, received_us: i64) -> Result<Record, Rejection> {
    let event: GitHook<'_> = read_object(json)?;
    let event_type = event_type(&event.event_type)?.to_owned();
    let mut notes = Notes::default();
    let timestamp_us = time(event.timestamp, received_us, &mut notes);
    let agent = agent(notes.name(event.agent_id), || "git".to_owned(), &mut notes);
    let data = notes.object(event.data).unwrap_or_default();
    // No key: nothing tells a repetition from the same operation done twice.
    let mut record = Record::new(agent, event_type, timestamp_us, json.to_owned());
    record.source = Some(Source::Hook);
    record.branch = notes.name(data.branch_name).or_else(|| notes.name(data.branch));
    record.task = notes.name(data.task_id);
    Ok(finish(record, &notes))
}

#[cfg(test)]
mod tests {
    use super::super::recognise;
    use crate::event::Tags;

    #[test]
    fn the_collector_gives_the_time_and_the_agent() {
        let json = include_str!("../../tests/fixtures/git-hook.json").trim();
        let record = recognise(json).unwrap().read(json, 7).unwrap();
        assert_eq!((record.agent.as_str(), record.timestamp_us), ("git", 7));
        assert_eq!(record.branch.as_deref(), Some("task-12-login"));
        assert!(record.tags.contains(Tags::AGENT_ASSIGNED) && record.tags.contains(Tags::TIMESTAMP_ASSIGNED));
        assert_eq!(record.key, None);
    }
}
