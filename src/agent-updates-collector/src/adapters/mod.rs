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
use crate::event::{Record, Rejection};

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
