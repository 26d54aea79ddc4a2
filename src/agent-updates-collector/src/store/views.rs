//! The answers that are more than a list of events.

use rusqlite::{Connection, OptionalExtension};

use super::models::bucket_end_ms;
use super::names::{find, Kind};
use super::page::bounds;
use super::rows::{by_key, by_seq, Stored};
use super::{Failure, Store};
use crate::error::Error;
use crate::event::{EventKey, Status};

/// An agent, with the newest of its events that has a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// Its name.
    pub agent: String,
    /// Its number, for paging.
    pub number: i64,
    /// How many events it sent.
    pub events: i64,
    /// When the first was received.
    pub first_us: i64,
    /// When the last was received.
    pub last_us: i64,
    /// The event that made its state.
    pub state: Option<Stored>,
}

/// A tool's calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRow {
    /// The tool.
    pub tool: String,
    /// How often it was called.
    pub calls: i64,
    /// How often it failed.
    pub errors: i64,
    /// The calls of which the length is known.
    pub timed: i64,
    /// Their milliseconds.
    pub total_ms: i64,
    /// For each bucket, the milliseconds that it ends below, and its calls.
    pub buckets: Vec<(i64, i64)>,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsRow {
    /// The oldest and the newest place.
    pub bounds: (i64, i64),
    /// How many agents.
    pub agents: i64,
    /// Type, status and number of events.
    pub kinds: Vec<(String, Option<Status>, i64)>,
}

impl Store {
    /// The event with an id.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn event_by_id(&self, id: &str) -> Result<Option<Stored>, Error> {
        let key = EventKey::of_id(id);
        self.inner
            .readers
            .read(move |connection, _| by_key(connection, &key))
            .await
    }

    /// The event at a place.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn event_by_seq(&self, seq: i64) -> Result<Option<Stored>, Error> {
        self.inner
            .readers
            .read(move |connection, _| by_seq(connection, seq))
            .await
    }

    /// Agents, the one that was heard last first, before a time of its last event and a number.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn agents(&self, before: Option<(i64, i64)>, limit: i64) -> Result<Vec<AgentRow>, Error> {
        let (before_us, before_number) = before.unwrap_or((i64::MAX, i64::MAX));
        self.inner
            .readers
            .read(move |connection, _| {
                connection
                    .prepare_cached(
                        "SELECT agent, events, first_us, last_us, state_seq, (SELECT name FROM names WHERE ref = agent)
                         FROM agents WHERE (last_us, agent) < (?1, ?2) ORDER BY last_us DESC, agent DESC LIMIT ?3",
                    )?
                    .query_map((before_us, before_number, limit), |row| agent_row(connection, row))?
                    .collect()
            })
            .await
    }

    /// One agent.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn agent(&self, name: String) -> Result<Option<AgentRow>, Error> {
        self.inner
            .readers
            .look_up(move |connection, _| {
                let Some(number) = find(connection, Kind::Agent, &name)? else {
                    return Ok(None);
                };
                connection
                    .prepare_cached(
                        "SELECT agent, events, first_us, last_us, state_seq, (SELECT name FROM names WHERE ref = agent)
                         FROM agents WHERE agent = ?1",
                    )?
                    .query_row([number], |row| agent_row(connection, row))
                    .optional()
            })
            .await
    }

    /// The tools' calls in the hours from one to before another.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn tools(&self, from_hour: i64, to_hour: i64) -> Result<Vec<ToolRow>, Error> {
        let rows: Vec<(String, i64, i64, i64, i64)> = self
            .inner
            .readers
            .read(move |connection, _| {
                connection
                    .prepare_cached(
                        "SELECT (SELECT name FROM names WHERE ref = tool), bucket, sum(calls), sum(errors), sum(total_ms)
                         FROM tool_hours WHERE hour >= ?1 AND hour < ?2 GROUP BY tool, bucket ORDER BY tool, bucket",
                    )?
                    .query_map((from_hour, to_hour), |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                    })?
                    .collect()
            })
            .await?;
        let mut tools: Vec<ToolRow> = Vec::new();
        for (tool, bucket, calls, errors, total_ms) in rows {
            if tools.last().map_or(true, |last| last.tool != tool) {
                tools.push(ToolRow {
                    tool,
                    calls: 0,
                    errors: 0,
                    timed: 0,
                    total_ms: 0,
                    buckets: Vec::new(),
                });
            }
            if let Some(row) = tools.last_mut() {
                row.calls += calls;
                row.errors += errors;
                if bucket >= 0 {
                    row.timed += calls;
                    row.total_ms += total_ms;
                    row.buckets.push((bucket_end_ms(bucket), calls));
                }
            }
        }
        Ok(tools)
    }

    /// What there is, by type and status, on the days from one to before another.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn stats(&self, from_day: i64, to_day: i64) -> Result<StatsRow, Error> {
        self.inner
            .readers
            .read(move |connection, _| {
                let kinds = connection
                    .prepare_cached(
                        "SELECT (SELECT name FROM names WHERE ref = type) AS name, status, sum(events) FROM day_counts
                         WHERE day >= ?1 AND day < ?2 GROUP BY type, status ORDER BY name, status",
                    )?
                    .query_map((from_day, to_day), |row| {
                        Ok((row.get(0)?, Status::from_number(row.get(1)?), row.get(2)?))
                    })?
                    .collect::<Result<_, _>>()?;
                Ok(StatsRow {
                    bounds: bounds(connection)?,
                    agents: connection.query_row("SELECT count(*) FROM agents", [], |row| row.get(0))?,
                    kinds,
                })
            })
            .await
    }

    /// Whether a reader gets an answer from the file.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn probe(&self) -> Result<(), Error> {
        self.inner
            .readers
            .read(|connection, _| bounds(connection).map(drop))
            .await
    }

    /// How long the writer has been silent, and what waits for it in events and bytes.
    #[must_use]
    pub fn writer_state(&self) -> (std::time::Duration, (usize, usize)) {
        (self.inner.writer.silence(), self.inner.writer.waiting())
    }

    /// Computes all models again.
    ///
    /// # Errors
    ///
    /// When SQLite refuses; then they are as before.
    pub async fn rebuild_models(&self) -> Result<(), Failure> {
        let rebuilt = self.inner.writer.run(super::models::rebuild).await?;
        rebuilt.map_err(|error| Failure::Refused(error.to_string().into()))
    }
}

fn agent_row(connection: &Connection, row: &rusqlite::Row<'_>) -> rusqlite::Result<AgentRow> {
    let state_seq: Option<i64> = row.get(4)?;
    Ok(AgentRow {
        number: row.get(0)?,
        events: row.get(1)?,
        first_us: row.get(2)?,
        last_us: row.get(3)?,
        agent: row.get(5)?,
        // Retention may have taken it.
        state: state_seq.map(|seq| by_seq(connection, seq)).transpose()?.flatten(),
    })
}
