//! One event: what the collector understands of it, beside the text that was sent.

pub mod canonical;
pub mod code;
pub mod id;
pub mod lenient;
pub mod namespace;
pub mod parse;
pub mod schema;
pub mod status;
pub mod strict;
pub mod tags;

use jiff::Timestamp;

pub use code::{Code, Rejection};
pub use id::EventKey;
pub use namespace::Source;
pub use status::Status;
pub use tags::Tags;

/// The longest `agent_id`, session, task, branch, trace or tool name, in bytes. What is longer was not meant as a name.
pub const NAME_BYTES: usize = 512;

/// An event that was checked and can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What makes the event the same event when it is sent again. `None`: nothing does, each time is a new one.
    pub key: Option<EventKey>,
    /// When it happened, by its sender's clock, in microseconds since 1970.
    pub timestamp_us: i64,
    /// Who did it.
    pub agent: String,
    /// `namespace.action`.
    pub event_type: String,
    /// What its sender was doing, as sent or as the type says.
    pub status: Option<Status>,
    /// The way by which it came.
    pub source: Option<Source>,
    /// The session.
    pub session: Option<String>,
    /// The task.
    pub task: Option<String>,
    /// The git branch.
    pub branch: Option<String>,
    /// The distributed trace.
    pub trace: Option<String>,
    /// The tool that was used.
    pub tool: Option<String>,
    /// How long the tool took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// What the collector noticed.
    pub tags: Tags,
    /// The JSON as it was sent, without secrets.
    pub body: String,
}

impl Record {
    /// A record with what every one has, and nothing else.
    #[must_use]
    pub fn new(agent: String, event_type: String, timestamp_us: i64, body: String) -> Self {
        Self {
            key: None,
            timestamp_us,
            agent,
            event_type,
            status: None,
            source: None,
            session: None,
            task: None,
            branch: None,
            trace: None,
            tool: None,
            duration_ms: None,
            tags: Tags::default(),
            body,
        }
    }

    /// Whether this is the end of a tool's call: the beginning, which only announces one, has the status `tool_use` and no
    /// duration.
    #[must_use]
    pub fn ends_tool_call(&self) -> bool {
        self.tool.is_some() && (self.duration_ms.is_some() || self.status != Some(Status::ToolUse))
    }

    /// Fills in the status that the type implies, and notes a namespace that the collector does not know.
    pub(crate) fn infer(&mut self) {
        if self.status.is_none() {
            self.status = Status::of_type(&self.event_type);
            if self.status.is_some() {
                self.tags.insert(Tags::STATUS_INFERRED);
            }
        }
        if !namespace::is_known(&self.event_type) {
            self.tags.insert(Tags::UNKNOWN_NAMESPACE);
        }
    }
}

/// RFC 3339 with a zone, as microseconds since 1970.
///
/// # Errors
///
/// When the text is not such a time.
pub fn microseconds(text: &str) -> Result<i64, jiff::Error> {
    text.parse::<Timestamp>().map(Timestamp::as_microsecond)
}
