//! The durable log of events, in SQLite.
//!
//! One connection does everything, and so every checkpoint. Calls come from asynchronous code and run on the blocking
//! threads; one that was started is finished even when its client has gone.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use libsqlite3_hotbundle as _; // the SQLite that rusqlite is linked with
use rusqlite::{params, Connection, OpenFlags};

use crate::error::Error;
use crate::event::Event;

/// What the reviewed SQLite says of itself. Changes with libsqlite3-hotbundle.
const SQLITE_SOURCE_ID: &str = "2026-10-16 14:45:20 555e07ef33f69a0957d24d8e555b702464a131d6f1607f4c3c1e4551e8e6ca76";

/// The schema's steps; the number of those taken is the file's `user_version`. Only ever append.
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/0001_events.sql")];

/// Another process, a backup for instance, may hold the file this long before a call fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The version of the SQLite that is linked in.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// A handle on the database; clones share its one connection.
#[derive(Debug, Clone)]
pub struct Store {
    path: Arc<Path>,
    connection: Arc<Mutex<Connection>>,
}

/// An event in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log, from 1.
    pub seq: i64,
    /// When it was stored, in microseconds since 1970.
    pub received_us: i64,
    /// Its JSON, as it was sent.
    pub body: String,
}

impl Store {
    /// Opens the file, makes it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or written, is not a database, or was made by a newer collector. It is never
    /// replaced.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Database {
            path: path.to_owned(),
            source,
        };
        // Without SQLITE_OPEN_URI: the path is a path, whatever characters are in it. The mutex below is all the locking.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        check_library(&connection).map_err(failed)??;
        configure(&connection).map_err(failed)?;
        migrate(&mut connection, path)?;
        Ok(Self {
            path: path.into(),
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Stores events in one transaction and returns their places; when this returns, they survive a loss of power.
    ///
    /// # Errors
    ///
    /// When SQLite refuses; then none of them was stored.
    pub async fn append(&self, events: Vec<Event>) -> Result<RangeInclusive<i64>, Error> {
        self.call(move |connection| {
            let received_us = Timestamp::now().as_microsecond();
            let transaction = connection.transaction()?;
            let mut last = 0;
            {
                let mut insert =
                    transaction.prepare_cached("INSERT INTO events (received_us, body) VALUES (?1, ?2)")?;
                for event in &events {
                    last = insert.insert(params![received_us, event.as_json()])?;
                }
            }
            transaction.commit()?;
            let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
            Ok(last - count + 1..=last)
        })
        .await
    }

    /// The newest events, newest first.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn newest(&self, limit: u32) -> Result<Vec<Stored>, Error> {
        self.call(move |connection| {
            connection
                .prepare_cached("SELECT seq, received_us, body FROM events ORDER BY seq DESC LIMIT ?1")?
                .query_map([limit], |row| {
                    Ok(Stored {
                        seq: row.get(0)?,
                        received_us: row.get(1)?,
                        body: row.get(2)?,
                    })
                })?
                .collect()
        })
        .await
    }

    /// Whether the database answers: reads from the log itself.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn probe(&self) -> Result<(), Error> {
        self.newest(1).await.map(drop)
    }

    async fn call<T, F>(&self, operation: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let connection = Arc::clone(&self.connection);
        let work = move || {
            // After a panic the connection is sound: its transaction was rolled back when it was dropped.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            operation(&mut connection)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result.map_err(|source| Error::Database {
                path: self.path.to_path_buf(),
                source,
            }),
            Err(error) => Err(Error::Interrupted(error)),
        }
    }
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

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // An answer promises that the events are on the disk: FULL syncs the log at each commit, NORMAL would not.
    connection.pragma_update(None, "synchronous", "full")
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Database {
        path: path.to_owned(),
        source,
    };
    let taken: usize = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(failed)?;
    if taken > MIGRATIONS.len() {
        return Err(Error::SchemaTooNew {
            path: path.to_owned(),
            found: taken,
            known: MIGRATIONS.len(),
        });
    }
    for (index, step) in MIGRATIONS.iter().enumerate().skip(taken) {
        apply(connection, step, index + 1).map_err(failed)?;
    }
    Ok(())
}

fn apply(connection: &mut Connection, step: &str, version: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn event(number: u32) -> Event {
        Event::parse(&format!(
            r#"{{"version":"1.0.0","event_type":"a.b","timestamp":"2026-01-02T03:04:05Z","agent_id":"x","n":{number}}}"#
        ))
        .unwrap()
    }

    #[tokio::test]
    async fn stored_events_are_there_after_opening_again_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let store = Store::open(&path).unwrap();
        assert_eq!(store.append(vec![event(1), event(2)]).await.unwrap(), 1..=2);
        assert_eq!(store.append(vec![event(3)]).await.unwrap(), 3..=3);
        drop(store);

        let newest = Store::open(&path).unwrap().newest(2).await.unwrap();
        assert_eq!(newest.iter().map(|stored| stored.seq).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(newest[0].body, event(3).as_json());
    }

    #[test]
    fn commits_are_synced() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("x.db")).unwrap();
        let connection = store.connection.lock().unwrap();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
        assert_eq!(pragma("journal_mode").unwrap(), "wal".to_owned().into());
        assert_eq!(pragma("synchronous").unwrap(), 2_i64.into());
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let content = "no database, but somebody's file\n".repeat(100);
        fs::write(&path, &content).unwrap();
        assert!(matches!(Store::open(&path), Err(Error::Database { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }

    #[test]
    fn a_database_of_a_newer_collector_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        drop(Store::open(&path).unwrap());
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        assert!(matches!(Store::open(&path), Err(Error::SchemaTooNew { found: 99, .. })));
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let error = Store::open(Path::new("/nonexistent/x.db")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x.db"), "{error}");
    }
}
