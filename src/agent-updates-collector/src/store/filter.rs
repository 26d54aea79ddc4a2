//! What a reader asks for, as a condition.

use rusqlite::types::Value;
use rusqlite::Connection;

use super::models::ZONE_BITS;
use super::names::{find, find_prefix, Kind};
use crate::event::{Source, Status};

/// Which events; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this agent.
    pub agent: Option<String>,
    /// Of this session.
    pub session: Option<String>,
    /// Of one of these types; `git.*` is every type in the namespace.
    pub types: Vec<String>,
    /// With this status.
    pub status: Option<Status>,
    /// Of this task.
    pub task: Option<String>,
    /// On this branch.
    pub branch: Option<String>,
    /// Of this trace.
    pub trace: Option<String>,
    /// That came by this way.
    pub source: Option<Source>,
    /// Of this tool.
    pub tool: Option<String>,
    /// That happened at this time or later.
    pub from_us: Option<i64>,
    /// That happened before this time.
    pub to_us: Option<i64>,
    /// With this text anywhere in the JSON; small and capital letters of ASCII are the same.
    pub text: Option<String>,
}

/// A filter that was looked up: what remains is SQL.
#[derive(Debug)]
pub struct Condition {
    /// The index to go by; without one, the table's own order.
    pub index: Option<&'static str>,
    /// `AND …` for each condition, with `?` for its values.
    pub sql: String,
    /// The values.
    pub values: Vec<Value>,
    /// Whether the index finds the events, and nothing else, in order.
    pub exact: bool,
    /// The places within which the events are.
    pub least: i64,
    /// The same.
    pub most: i64,
}

impl Filter {
    /// Looks the names up. `None`: one of them was never stored, so there are no such events.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub fn condition(&self, connection: &Connection) -> rusqlite::Result<Option<Condition>> {
        let mut condition = Condition {
            index: None,
            sql: String::new(),
            values: Vec::new(),
            exact: true,
            least: 1,
            most: i64::MAX,
        };
        // The rarest first: the first that has an index gives the way.
        for (column, index, value) in [
            ("task", "events_task", &self.task),
            ("trace", "events_trace", &self.trace),
        ] {
            if let Some(value) = value {
                condition.equals(column, Some(index), value.clone());
            }
        }
        for (column, index, kind, value) in [
            ("session", Some("events_session"), Kind::Session, &self.session),
            ("agent", Some("events_agent"), Kind::Agent, &self.agent),
            ("tool", None, Kind::Tool, &self.tool),
        ] {
            let Some(name) = value else { continue };
            let Some(number) = find(connection, kind, name)? else {
                return Ok(None);
            };
            condition.equals(column, index, number);
        }
        if !self.types.is_empty() && !condition.types(connection, &self.types)? {
            return Ok(None);
        }
        if let Some(branch) = &self.branch {
            condition.equals("branch", None, branch.clone());
        }
        if let Some(status) = self.status {
            condition.equals("status", None, status.number());
        }
        if let Some(source) = self.source {
            condition.equals("source", None, source.number());
        }
        condition.times(connection, self.from_us, self.to_us)?;
        if let Some(text) = &self.text {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            condition.and("e.body LIKE ? ESCAPE '\\'", [Value::from(format!("%{escaped}%"))]);
        }
        Ok(Some(condition))
    }
}

impl Condition {
    fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.values.extend(values);
        self.exact = false;
    }

    fn equals(&mut self, column: &str, index: Option<&'static str>, value: impl Into<Value>) {
        let leads = self.values.is_empty() && index.is_some();
        self.and(&format!("e.{column} = ?"), [value.into()]);
        if leads {
            self.index = index;
            self.exact = true;
        }
    }

    fn types(&mut self, connection: &Connection, types: &[String]) -> rusqlite::Result<bool> {
        let mut numbers = Vec::new();
        for name in types {
            match name.strip_suffix('*') {
                Some(prefix) => numbers.extend(find_prefix(connection, Kind::Type, prefix)?),
                None => numbers.extend(find(connection, Kind::Type, name)?),
            }
        }
        match numbers.as_slice() {
            [] => return Ok(false),
            [number] => self.equals("type", Some("events_type"), *number),
            _ => {
                let leads = self.values.is_empty();
                let marks = vec!["?"; numbers.len()].join(", ");
                self.and(&format!("e.type IN ({marks})"), numbers.into_iter().map(Value::from));
                if leads {
                    self.index = Some("events_type");
                }
            }
        }
        Ok(true)
    }

    fn times(&mut self, connection: &Connection, from_us: Option<i64>, to_us: Option<i64>) -> rusqlite::Result<()> {
        if from_us.is_none() && to_us.is_none() {
            return Ok(());
        }
        let (from, to) = (from_us.unwrap_or(i64::MIN), to_us.unwrap_or(i64::MAX));
        let (first, last): (Option<i64>, Option<i64>) = connection
            .prepare_cached("SELECT min(zone), max(zone) FROM zones WHERE max_us >= ?1 AND min_us < ?2")?
            .query_row((from, to), |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.least = first.map_or(1, |zone| zone << ZONE_BITS);
        self.most = last.map_or(0, |zone| ((zone + 1) << ZONE_BITS) - 1);
        self.and(
            "e.timestamp_us >= ? AND e.timestamp_us < ?",
            [Value::from(from), Value::from(to)],
        );
        Ok(())
    }
}
