//! What is computed from the events: the agents' states, the tools' hours, the days' counts, the zones of time.
//!
//! All are sums or maxima, so the order in which events come does not matter, and they can be computed again.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use rusqlite::Connection;

/// Places in one zone, as a power of two.
pub const ZONE_BITS: u32 = 12;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// What the models need of a stored event.
#[derive(Debug, Clone, Copy)]
pub struct Inserted {
    /// Its place.
    pub seq: i64,
    /// When it was received.
    pub received_us: i64,
    /// When it happened.
    pub timestamp_us: i64,
    /// The agent's number.
    pub agent: i64,
    /// The type's number.
    pub event_type: i64,
    /// The status' number.
    pub status: Option<i64>,
    /// The tool's number, if this is the end of a call.
    pub tool: Option<i64>,
    /// The tool's milliseconds.
    pub duration_ms: Option<i64>,
    /// Whether the tool failed.
    pub failed: bool,
}

#[derive(Debug)]
struct Agent {
    events: i64,
    first_us: i64,
    last_us: i64,
    state: Option<(i64, i64)>,
}

#[derive(Debug, Default)]
struct Calls {
    calls: i64,
    errors: i64,
    total_ms: i64,
}

/// Changes of the models, summed up in memory and written once for each transaction.
#[derive(Debug, Default)]
pub struct Deltas {
    agents: Numbered<i64, Agent>,
    tools: Numbered<(i64, i64, i64), Calls>,
    days: Numbered<(i64, i64, i64), i64>,
    zones: Numbered<i64, (i64, i64)>,
}

/// A map by numbers. Names' numbers and places are the collector's own; senders choose hours and days, but a transaction has at
/// most some thousand of them.
type Numbered<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// Multiplies and rotates; four look-ups for each event are too many for the standard library's careful hash.
#[derive(Debug, Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0xf135_7aea_2e62_a9c5);
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(u64::from_ne_bytes(number.to_ne_bytes()));
    }
}

impl Deltas {
    /// Adds one event.
    pub fn add(&mut self, event: &Inserted) {
        // A clock that is ahead must not keep an agent's state for years: no event is newer than its arrival.
        let order_us = event.timestamp_us.min(event.received_us);
        let state = event.status.map(|_| (order_us, event.seq));
        let agent = self.agents.entry(event.agent).or_insert(Agent {
            events: 0,
            first_us: event.received_us,
            last_us: event.received_us,
            state,
        });
        agent.events += 1;
        agent.first_us = agent.first_us.min(event.received_us);
        agent.last_us = agent.last_us.max(event.received_us);
        agent.state = agent.state.max(state);

        if let Some(tool) = event.tool {
            let key = (event.timestamp_us.div_euclid(HOUR_US), tool, bucket(event.duration_ms));
            let calls = self.tools.entry(key).or_default();
            calls.calls += 1;
            calls.errors += i64::from(event.failed);
            calls.total_ms += event.duration_ms.unwrap_or(0);
        }
        let key = (
            event.timestamp_us.div_euclid(DAY_US),
            event.event_type,
            event.status.unwrap_or(0),
        );
        *self.days.entry(key).or_default() += 1;
        let time = event.timestamp_us;
        let zone = self.zones.entry(event.seq >> ZONE_BITS).or_insert((time, time));
        *zone = (zone.0.min(time), zone.1.max(time));
    }

    /// Writes the changes.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut agents = connection.prepare_cached(
            "INSERT INTO agents (agent, events, first_us, last_us, state_us, state_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (agent) DO UPDATE SET
                 events = events + excluded.events,
                 first_us = min(first_us, excluded.first_us),
                 last_us = max(last_us, excluded.last_us),
                 (state_us, state_seq) = (SELECT
                     iif(newer, excluded.state_us, agents.state_us), iif(newer, excluded.state_seq, agents.state_seq)
                     FROM (SELECT excluded.state_us IS NOT NULL AND (agents.state_us IS NULL
                         OR (excluded.state_us, excluded.state_seq) > (agents.state_us, agents.state_seq)) AS newer))",
        )?;
        for (agent, delta) in &self.agents {
            let (state_us, state_seq) = delta.state.unzip();
            agents.execute((agent, delta.events, delta.first_us, delta.last_us, state_us, state_seq))?;
        }
        let mut tools = connection.prepare_cached(
            "INSERT INTO tool_hours (hour, tool, bucket, calls, errors, total_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (hour, tool, bucket) DO UPDATE SET calls = calls + excluded.calls,
                 errors = errors + excluded.errors, total_ms = total_ms + excluded.total_ms",
        )?;
        for ((hour, tool, bucket), delta) in &self.tools {
            tools.execute((hour, tool, bucket, delta.calls, delta.errors, delta.total_ms))?;
        }
        let mut days = connection.prepare_cached(
            "INSERT INTO day_counts (day, type, status, events) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (day, type, status) DO UPDATE SET events = events + excluded.events",
        )?;
        for ((day, event_type, status), events) in &self.days {
            days.execute((day, event_type, status, events))?;
        }
        let mut zones = connection.prepare_cached(
            "INSERT INTO zones (zone, min_us, max_us) VALUES (?1, ?2, ?3)
             ON CONFLICT (zone) DO UPDATE SET min_us = min(min_us, excluded.min_us), max_us = max(max_us, excluded.max_us)",
        )?;
        for (zone, (min_us, max_us)) in &self.zones {
            zones.execute((zone, min_us, max_us))?;
        }
        Ok(())
    }
}

/// The power of two above the milliseconds, -1 for none.
fn bucket(duration_ms: Option<i64>) -> i64 {
    duration_ms.map_or(-1, |milliseconds| i64::from(64 - milliseconds.max(0).leading_zeros()))
}

/// The milliseconds that a bucket ends below.
#[must_use]
pub fn bucket_end_ms(bucket: i64) -> i64 {
    1_i64
        .checked_shl(u32::try_from(bucket).unwrap_or(0))
        .unwrap_or(i64::MAX)
}

/// Computes all models again, in one transaction.
///
/// # Errors
///
/// When SQLite refuses; then they are as before.
pub fn rebuild(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction
        .execute_batch("DELETE FROM agents; DELETE FROM tool_hours; DELETE FROM day_counts; DELETE FROM zones;")?;
    {
        let mut select = transaction.prepare(
            "SELECT seq, received_us, timestamp_us, agent, type, status, tool, duration_ms, tags FROM events ORDER BY seq",
        )?;
        let mut rows = select.query([])?;
        let (mut deltas, mut pending) = (Deltas::default(), 0);
        while let Some(row) = rows.next()? {
            let (status, duration_ms): (Option<i64>, Option<i64>) = (row.get(5)?, row.get(7)?);
            let ends = duration_ms.is_some() || status != Some(crate::event::Status::ToolUse.number());
            deltas.add(&Inserted {
                seq: row.get(0)?,
                received_us: row.get(1)?,
                timestamp_us: row.get(2)?,
                agent: row.get(3)?,
                event_type: row.get(4)?,
                status,
                tool: row.get::<_, Option<i64>>(6)?.filter(|_| ends),
                duration_ms,
                failed: crate::event::Tags::from_bits(row.get(8)?).contains(crate::event::Tags::TOOL_ERROR),
            });
            pending += 1;
            if pending == 50_000 {
                std::mem::take(&mut deltas).write(&transaction)?;
                pending = 0;
            }
        }
        deltas.write(&transaction)?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_powers_of_two() {
        for (duration, expected) in [
            (None, -1),
            (Some(0), 0),
            (Some(1), 1),
            (Some(2), 2),
            (Some(3), 2),
            (Some(1024), 11),
        ] {
            assert_eq!(bucket(duration), expected);
            if let Some(duration) = duration {
                assert!(duration < bucket_end_ms(expected));
            }
        }
    }
}
