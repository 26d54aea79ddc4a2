//! Whether a database is whole.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::sqlite::{damaged_or_failed, failed, schema, SCHEMA};
use crate::error::Error;

/// What a whole database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Its schema.
    pub schema: usize,
    /// Its events.
    pub events: i64,
    /// The newest place.
    pub newest: i64,
}

/// Reads the whole of a database, and compares its indexes and models with its events.
///
/// # Errors
///
/// When there is damage, or the file cannot be read.
pub fn verify(path: &Path) -> Result<Report, Error> {
    if !path.exists() {
        return Err(Error::NoDatabase { path: path.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed(path))?;
    let corrupt = |found: String| Error::Corrupt {
        path: path.to_owned(),
        found,
    };
    match check(&connection) {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(found)) => Err(corrupt(found)),
        Err(error) => Err(damaged_or_failed(path)(error)),
    }
}

fn check(connection: &Connection) -> rusqlite::Result<Result<Report, String>> {
    let transaction = connection.unchecked_transaction()?;
    let found = schema(&transaction)?;
    if found == 0 || found > SCHEMA {
        return Ok(Err(format!(
            "its schema is {found}, this collector knows 1 to {SCHEMA}"
        )));
    }
    let verdict: String = transaction.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Err(verdict));
    }
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i64>(0));
    for (fault, sql) in [
        (
            "events without their names",
            "SELECT count(*) FROM events WHERE agent NOT IN (SELECT ref FROM names)
             OR type NOT IN (SELECT ref FROM names)",
        ),
        (
            "gaps in the places",
            "SELECT coalesce(max(seq) - min(seq) + 1 - count(*), 0) FROM events",
        ),
        (
            "events that no agent's state counts",
            "SELECT count(*) FROM events WHERE agent NOT IN (SELECT agent FROM agents)",
        ),
    ] {
        let count = number(sql)?;
        if count != 0 {
            return Ok(Err(format!("{fault}: {count}")));
        }
    }
    Ok(Ok(Report {
        schema: found,
        events: number("SELECT count(*) FROM events")?,
        newest: number("SELECT coalesce(max(seq), 0) FROM events")?,
    }))
}
