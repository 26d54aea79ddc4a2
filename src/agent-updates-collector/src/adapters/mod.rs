//! The other shapes that real senders have, each read by a module of its own.
//!
//! An adapter says by which keys it knows its shape and makes a [`Record`] of it. The body stays as it was sent.

pub mod claude;
mod decision;
mod git_hook;
mod hook_event;
mod log_event;

use serde::de::IgnoredAny;
use serde::Deserialize;

use crate::event::lenient::{Field, Nested};
use crate::event::parse::{text, Notes};
use crate::event::{microseconds, Record, Rejection, Tags};

/// One shape.
#[derive(Debug)]
pub struct Adapter {
    /// For people.
    pub name: &'static str,
    recognises: fn(&Keys<'_>) -> bool,
    read: fn(&str, i64) -> Result<Record, Rejection>,
}

/// The shapes, in the order in which they are tried: the first has the most telling key.
static ADAPTERS: [Adapter; 5] = [
    claude::ADAPTER,
    hook_event::ADAPTER,
    decision::ADAPTER,
    log_event::ADAPTER,
    git_hook::ADAPTER,
];

/// The keys that tell one shape from another.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Keys<'a> {
    #[serde(borrow)]
    hook_event_name: Field<'a>,
    #[serde(borrow)]
    schema_version: Field<'a>,
    #[serde(borrow)]
    entry_id: Field<'a>,
    #[serde(borrow)]
    category: Field<'a>,
    #[serde(borrow)]
    decision: Field<'a>,
    #[serde(borrow)]
    event_type: Field<'a>,
    data: Nested<IgnoredAny>,
}

impl Adapter {
    /// Reads an event of this shape.
    ///
    /// # Errors
    ///
    /// When it lacks what the shape always has.
    pub fn read(&self, text: &str, received_us: i64) -> Result<Record, Rejection> {
        (self.read)(text, received_us)
    }
}

/// The adapter for a JSON object, if one knows its shape.
#[must_use]
pub fn recognise(text: &str) -> Option<&'static Adapter> {
    let keys = serde_json::from_str(text).ok()?;
    ADAPTERS.iter().find(|adapter| (adapter.recognises)(&keys))
}

fn is_text(field: &Field<'_>) -> bool {
    matches!(field, Field::Text(_))
}

/// The sender's time, in microseconds since 1970; without one that can be read, the collector's, which is noted.
fn time(field: Field<'_>, received_us: i64, notes: &mut Notes) -> i64 {
    let sent = text(field).and_then(|time| microseconds(&time).ok());
    sent.unwrap_or_else(|| {
        notes.tags.insert(Tags::TIMESTAMP_ASSIGNED);
        received_us
    })
}

/// The agent that the sender names; without one, another, which is noted.
fn agent(named: Option<String>, otherwise: impl FnOnce() -> String, notes: &mut Notes) -> String {
    named.unwrap_or_else(|| {
        notes.tags.insert(Tags::AGENT_ASSIGNED);
        otherwise()
    })
}

/// The agent of what a log holds: by the kind of its author.
fn author(source: Option<&str>, otherwise: &str) -> String {
    format!("log-{}", source.filter(|name| name.len() < 64).unwrap_or(otherwise))
}

/// The last step of each shape: what was noted, and what the type implies.
fn finish(mut record: Record, notes: &Notes) -> Record {
    record.tags.insert(notes.tags);
    record.tags.insert(Tags::ADAPTED);
    record.infer();
    record
}
