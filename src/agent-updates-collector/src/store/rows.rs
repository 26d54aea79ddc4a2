//! Events as they are read back.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::event::{EventKey, Source, Status, Tags};

/// An event in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log, from 1.
    pub seq: i64,
    /// When it was received, in microseconds since 1970.
    pub received_us: i64,
    /// When it happened, by its sender's clock.
    pub timestamp_us: i64,
    /// Who did it.
    pub agent: String,
    /// `namespace.action`.
    pub event_type: String,
    /// The session.
    pub session: Option<String>,
    /// The tool.
    pub tool: Option<String>,
    /// What its sender was doing.
    pub status: Option<Status>,
    /// The way by which it came.
    pub source: Option<Source>,
    /// What the collector noticed.
    pub tags: Tags,
    /// The tool's milliseconds.
    pub duration_ms: Option<i64>,
    /// The task.
    pub task: Option<String>,
    /// The git branch.
    pub branch: Option<String>,
    /// The distributed trace.
    pub trace: Option<String>,
    /// Its JSON, as it was sent.
    pub body: String,
}

/// The columns that [`Stored::from_row`] reads.
pub(super) const COLUMNS: &str = "e.seq, e.received_us, e.timestamp_us, \
     (SELECT name FROM names WHERE ref = e.agent), (SELECT name FROM names WHERE ref = e.type), \
     (SELECT name FROM names WHERE ref = e.session), (SELECT name FROM names WHERE ref = e.tool), \
     e.status, e.source, e.tags, e.duration_ms, e.task, e.branch, e.trace, e.body";

impl Stored {
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            received_us: row.get(1)?,
            timestamp_us: row.get(2)?,
            agent: row.get(3)?,
            event_type: row.get(4)?,
            session: row.get(5)?,
            tool: row.get(6)?,
            status: row.get::<_, Option<i64>>(7)?.and_then(Status::from_number),
            source: row.get::<_, Option<i64>>(8)?.and_then(Source::from_number),
            tags: Tags::from_bits(row.get(9)?),
            duration_ms: row.get(10)?,
            task: row.get(11)?,
            branch: row.get(12)?,
            trace: row.get(13)?,
            body: row.get(14)?,
        })
    }
}

/// The event at a place.
///
/// # Errors
///
/// When SQLite refuses.
pub fn by_seq(connection: &Connection, seq: i64) -> rusqlite::Result<Option<Stored>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM events e WHERE e.seq = ?1"))?
        .query_row([seq], Stored::from_row)
        .optional()
}

/// The event with an id.
///
/// # Errors
///
/// When SQLite refuses.
pub fn by_key(connection: &Connection, key: &EventKey) -> rusqlite::Result<Option<Stored>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM events e WHERE e.key = ?1"))?
        .query_row([key], Stored::from_row)
        .optional()
}
