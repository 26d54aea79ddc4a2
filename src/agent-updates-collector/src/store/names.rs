//! Names that many events share, as small numbers.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

/// What a name is the name of. The number is in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An agent.
    Agent = 1,
    /// An event's type.
    Type = 2,
    /// A session.
    Session = 3,
    /// A tool.
    Tool = 4,
}

/// More names than this are not remembered; the database has them all.
const REMEMBERED: usize = 20_000;

/// The writer's memory of the names.
#[derive(Debug, Default)]
pub struct Names {
    known: [HashMap<String, i64>; 4],
}

impl Names {
    /// The number of a name, which is stored if it is new.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub fn number(&mut self, connection: &Connection, kind: Kind, name: &str) -> rusqlite::Result<i64> {
        let known = &mut self.known[kind as usize - 1];
        if let Some(number) = known.get(name) {
            return Ok(*number);
        }
        let number = match find(connection, kind, name)? {
            Some(number) => number,
            None => connection
                .prepare_cached("INSERT INTO names (kind, name) VALUES (?1, ?2)")?
                .insert((kind as i64, name))?,
        };
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name.to_owned(), number);
        Ok(number)
    }

    /// Forgets everything: after a rollback, some of it is not in the database.
    pub fn forget(&mut self) {
        self.known.iter_mut().for_each(HashMap::clear);
    }
}

/// The number of a name that is stored.
///
/// # Errors
///
/// When SQLite refuses.
pub fn find(connection: &Connection, kind: Kind, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT ref FROM names WHERE kind = ?1 AND name = ?2")?
        .query_row((kind as i64, name), |row| row.get(0))
        .optional()
}

/// The numbers of all names that begin with a text.
///
/// # Errors
///
/// When SQLite refuses.
pub fn find_prefix(connection: &Connection, kind: Kind, prefix: &str) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT ref FROM names WHERE kind = ?1 AND name >= ?2 AND substr(name, 1, length(?2)) = ?2 AND name < ?2 || char(1114111)")?
        .query_map((kind as i64, prefix), |row| row.get(0))?
        .collect()
}
