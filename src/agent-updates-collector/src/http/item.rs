//! An event as the API shows it: what the collector understands of it, and what was sent.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{time, Problem};
use crate::store::rows::Stored;

/// A stored event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct Item {
    /// Its place in the log, from 1.
    pub seq: i64,
    /// When the collector got it.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// When it happened, by its sender's clock.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// `namespace.action`.
    pub event_type: String,
    /// Who did it.
    pub agent_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// What the agent was doing, as sent or as the type implies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// How long the tool took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// What the collector noticed.
    pub tags: Vec<&'static str>,
    /// The event as it was sent, without secrets.
    #[schema(value_type = Object)]
    pub event: Box<RawValue>,
}

impl TryFrom<Stored> for Item {
    type Error = Problem;

    fn try_from(stored: Stored) -> Result<Self, Problem> {
        Ok(Self {
            seq: stored.seq,
            received_at: time::format(stored.received_us)?,
            timestamp: time::format(stored.timestamp_us)?,
            event_type: stored.event_type,
            agent_id: stored.agent,
            session_id: stored.session,
            status: stored.status.map(crate::event::Status::as_str),
            source: stored.source.map(crate::event::Source::as_str),
            task_id: stored.task,
            branch: stored.branch,
            trace_id: stored.trace,
            tool: stored.tool,
            duration_ms: stored.duration_ms,
            tags: stored.tags.names(),
            event: RawValue::from_string(stored.body).map_err(|error| Problem::internal(&error))?,
        })
    }
}
