//! Inserts events within a transaction. A row that cannot be stored fails alone.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{params, Connection, ErrorCode, Statement, ToSql};

use super::models::{Deltas, Inserted};
use super::names::{Kind, Names};
use super::writer::Outcome;
use crate::event::{canonical, EventKey, Record, Tags};

impl ToSql for EventKey {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Uuid(bytes) => ValueRef::Blob(bytes),
            Self::Ulid(bytes) | Self::Content(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

const INSERT: &str =
    "INSERT INTO events (key, received_us, timestamp_us, agent, type, session, tool, status, source, tags,
         duration_ms, task, branch, trace, body)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
     ON CONFLICT DO NOTHING";

/// Inserts the events of several requests into one open transaction.
pub struct Inserter<'a> {
    connection: &'a Connection,
    names: &'a mut Names,
    received_us: i64,
    deltas: Deltas,
}

impl<'a> Inserter<'a> {
    /// An inserter for the transaction that is open on the connection.
    pub fn new(connection: &'a Connection, names: &'a mut Names, received_us: i64) -> Self {
        Self {
            connection,
            names,
            received_us,
            deltas: Deltas::default(),
        }
    }

    /// Inserts one request's events. With `atomic`, either all are new or known afterwards, or none is.
    ///
    /// # Errors
    ///
    /// When the transaction as a whole cannot go on.
    pub fn insert(&mut self, records: &[Record], atomic: bool) -> rusqlite::Result<Vec<Outcome>> {
        if atomic {
            self.connection.execute_batch("SAVEPOINT request")?;
        }
        let mut inserted = Vec::with_capacity(records.len());
        let mut outcomes = Vec::with_capacity(records.len());
        {
            // Looked up once: for each row it would cost more than the binding.
            let mut statement = self.connection.prepare_cached(INSERT)?;
            for record in records {
                outcomes.push(self.insert_one(&mut statement, record, &mut inserted)?);
            }
        }
        if atomic {
            if outcomes.iter().any(Outcome::is_refusal) {
                self.connection.execute_batch("ROLLBACK TO request")?;
                self.names.forget();
                inserted.clear();
                for outcome in outcomes.iter_mut().filter(|outcome| !outcome.is_refusal()) {
                    *outcome = Outcome::RolledBack;
                }
            }
            self.connection.execute_batch("RELEASE request")?;
        }
        for event in &inserted {
            self.deltas.add(event);
        }
        Ok(outcomes)
    }

    /// Writes the models' changes; the last step before the commit.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub fn finish(self) -> rusqlite::Result<()> {
        self.deltas.write(self.connection)
    }

    fn insert_one(
        &mut self,
        statement: &mut Statement<'_>,
        record: &Record,
        inserted: &mut Vec<Inserted>,
    ) -> rusqlite::Result<Outcome> {
        match self.try_insert(statement, record) {
            Ok(Some(event)) => {
                inserted.push(event);
                Ok(Outcome::Stored(event.seq))
            }
            Ok(None) => self.duplicate(record),
            Err(error) if is_of_the_row(&error) => Ok(Outcome::Unstorable(error.to_string())),
            Err(error) => Err(error),
        }
    }

    fn try_insert(&mut self, statement: &mut Statement<'_>, record: &Record) -> rusqlite::Result<Option<Inserted>> {
        let agent = self.names.number(self.connection, Kind::Agent, &record.agent)?;
        let event_type = self.names.number(self.connection, Kind::Type, &record.event_type)?;
        let session = self.optional(Kind::Session, record.session.as_deref())?;
        let tool = self.optional(Kind::Tool, record.tool.as_deref())?;
        let status = record.status.map(crate::event::Status::number);
        let rows = statement.execute(params![
            record.key,
            self.received_us,
            record.timestamp_us,
            agent,
            event_type,
            session,
            tool,
            status,
            record.source.map(crate::event::Source::number),
            record.tags.bits(),
            record.duration_ms,
            record.task,
            record.branch,
            record.trace,
            record.body,
        ])?;
        if rows == 0 {
            return Ok(None);
        }
        Ok(Some(Inserted {
            seq: self.connection.last_insert_rowid(),
            received_us: self.received_us,
            timestamp_us: record.timestamp_us,
            agent,
            event_type,
            status,
            tool: tool.filter(|_| record.ends_tool_call()),
            duration_ms: record.duration_ms,
            failed: record.tags.contains(Tags::TOOL_ERROR),
        }))
    }

    fn optional(&mut self, kind: Kind, name: Option<&str>) -> rusqlite::Result<Option<i64>> {
        name.map(|name| self.names.number(self.connection, kind, name))
            .transpose()
    }

    /// The event is there already: with this content, or with another.
    fn duplicate(&self, record: &Record) -> rusqlite::Result<Outcome> {
        let (seq, body): (i64, String) = self
            .connection
            .prepare_cached("SELECT seq, body FROM events WHERE key = ?1")?
            .query_row([&record.key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // A key of content says that it is the same; the body of a hook's repetition may differ in what does not matter.
        if matches!(record.key, Some(EventKey::Content(_))) || canonical::same(&body, &record.body) {
            return Ok(Outcome::Duplicate(seq));
        }
        Ok(Outcome::Conflict(seq))
    }
}

/// Whether an error is the fault of the one row. SQLite has undone the statement then, and the transaction goes on.
fn is_of_the_row(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::ConstraintViolation
                | ErrorCode::TooBig
                | ErrorCode::TypeMismatch
                | ErrorCode::ParameterOutOfRange
        ),
        rusqlite::Error::ToSqlConversionFailure(_) => true,
        _ => false,
    }
}

impl From<&EventKey> for Value {
    fn from(key: &EventKey) -> Self {
        match key {
            EventKey::Uuid(bytes) => Self::Blob(bytes.to_vec()),
            EventKey::Ulid(bytes) | EventKey::Content(bytes) => Self::Blob(bytes.to_vec()),
            EventKey::Text(text) => Self::Text(text.clone()),
        }
    }
}
