//! Connections: the library's identity, the settings, the schema.

use std::path::Path;
use std::time::Duration;

use libsqlite3_hotbundle as _; // the SQLite that rusqlite is linked with
use rusqlite::{Connection, OpenFlags};

use crate::error::Error;

/// What the reviewed SQLite says of itself. Changes with libsqlite3-hotbundle.
const SQLITE_SOURCE_ID: &str = "2026-10-16 14:45:20 555e07ef33f69a0957d24d8e555b702464a131d6f1607f4c3c1e4551e8e6ca76";

/// The schema's steps; the number of those taken is the file's `user_version`. Only ever append.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/0001_events.sql")];

/// The newest schema that this program knows.
pub const SCHEMA: usize = MIGRATIONS.len();

/// Another process, a backup for instance, may hold the file this long before a call fails.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The version of the SQLite that is linked in.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// An error of SQLite with the file's name.
pub(crate) fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
    |source| Error::Database {
        path: path.to_owned(),
        source,
    }
}

/// Opens the connection that writes, and brings the schema up to date.
///
/// # Errors
///
/// When SQLite refuses, the file is damaged, or its schema is newer.
pub fn open_writer(path: &Path, synchronous: &str) -> Result<Connection, Error> {
    // Without SQLITE_OPEN_URI: the path is a path, whatever characters are in it. The connection never leaves its thread.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed(path))?;
    check_library(&connection).map_err(damaged_or_failed(path))??;
    // Before anything could be written to a damaged file.
    let is_new = schema(&connection).map_err(damaged_or_failed(path))? == 0;
    if !is_new {
        check_schema(&connection, path)?;
        check_file(&connection, path)?;
    }
    configure(&connection, synchronous, is_new).map_err(failed(path))?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens a connection that cannot write.
///
/// # Errors
///
/// When SQLite refuses.
pub fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -4_000)?; // KiB
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn check_library(connection: &Connection) -> rusqlite::Result<Result<(), Error>> {
    let found: String = connection.query_row("SELECT sqlite_source_id()", [], |row| row.get(0))?;
    if found == SQLITE_SOURCE_ID {
        return Ok(Ok(()));
    }
    Ok(Err(Error::ForeignSqlite {
        found,
        expected: SQLITE_SOURCE_ID,
    }))
}

fn configure(connection: &Connection, synchronous: &str, is_new: bool) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if is_new {
        // Only counts before the first table.
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    // An answer promises that the events are on the disk: FULL syncs the log at each commit, NORMAL would not.
    connection.pragma_update(None, "synchronous", synchronous)?;
    // The writer decides when: a checkpoint within COMMIT would make everybody wait for it.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cache_size", -24_000)?; // KiB
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn check_schema(connection: &Connection, path: &Path) -> Result<(), Error> {
    let found = schema(connection).map_err(failed(path))?;
    if found > SCHEMA {
        return Err(Error::SchemaTooNew {
            path: path.to_owned(),
            found,
            known: SCHEMA,
        });
    }
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let taken = schema(connection).map_err(failed(path))?;
    for (index, step) in MIGRATIONS.iter().enumerate().skip(taken) {
        apply(connection, step, index + 1).map_err(failed(path))?;
    }
    Ok(())
}

/// The schema of the open file.
///
/// # Errors
///
/// When SQLite refuses.
pub fn schema(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn apply(connection: &mut Connection, step: &str, version: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

/// The files of up to this size are checked whole at the start; it takes some 30 ms.
const CHECKED_WHOLE: i64 = 16 << 20;

/// Finds what damage can be found quickly: the whole of a small file, the two ends of the tables and indexes of a large one.
/// `verify` checks the whole of any.
fn check_file(connection: &Connection, path: &Path) -> Result<(), Error> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    let check = || -> rusqlite::Result<Option<String>> {
        let bytes = number("PRAGMA page_count")?.unwrap_or(0) * number("PRAGMA page_size")?.unwrap_or(0);
        if bytes <= CHECKED_WHOLE {
            let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            return Ok(Some(verdict).filter(|verdict| verdict != "ok"));
        }
        for sql in [
            "SELECT length(body) FROM events ORDER BY seq LIMIT 1",
            "SELECT length(body) FROM events ORDER BY seq DESC LIMIT 1",
            "SELECT seq FROM events INDEXED BY events_key WHERE key IS NOT NULL ORDER BY key DESC LIMIT 1",
            "SELECT max(agent) FROM events",
            "SELECT max(type) FROM events",
            "SELECT max(ref) FROM names",
            "SELECT max(zone) FROM zones",
        ] {
            connection.prepare(sql)?.query([])?.next()?;
        }
        Ok(None)
    };
    match check() {
        Ok(None) => Ok(()),
        Ok(Some(verdict)) => Err(Error::Corrupt {
            path: path.to_owned(),
            found: verdict,
        }),
        Err(error) => Err(damaged_or_failed(path)(error)),
    }
}

/// An error of SQLite with the file's name; damage is told from all else.
pub(super) fn damaged_or_failed(path: &Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
    |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => Error::Corrupt {
            path: path.to_owned(),
            found: error.to_string(),
        },
        _ => failed(path)(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_writer_syncs_commits_and_checkpoints_itself() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("x.db"), "full").unwrap();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
        assert_eq!(pragma("journal_mode").unwrap(), "wal".to_owned().into());
        assert_eq!(pragma("synchronous").unwrap(), 2_i64.into());
        assert_eq!(pragma("wal_autocheckpoint").unwrap(), 0_i64.into());
        assert_eq!(pragma("auto_vacuum").unwrap(), 2_i64.into());
    }

    #[test]
    fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let _writer = open_writer(&path, "full").unwrap();
        let reader = open_reader(&path).unwrap();
        assert!(reader.execute("DELETE FROM events", []).is_err());
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let content = "no database, but somebody's file\n".repeat(100);
        fs::write(&path, &content).unwrap();
        assert!(open_writer(&path, "full").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }

    #[test]
    fn a_database_of_a_newer_collector_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let connection = open_writer(&path, "full").unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let error = open_writer(&path, "full").unwrap_err();
        assert!(matches!(error, Error::SchemaTooNew { found: 99, .. }), "{error}");
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let error = open_writer(Path::new("/nonexistent/x.db"), "full").unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x.db"), "{error}");
    }
}
