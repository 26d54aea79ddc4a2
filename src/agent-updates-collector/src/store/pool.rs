//! The connections that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::sqlite;
use crate::error::Error;

/// How long one answer may search. What was not found until then is the next page's.
pub const SEARCH_TIME: Duration = Duration::from_secs(1);

/// A few connections; a read waits until one is free.
#[derive(Debug)]
pub struct Pool {
    path: PathBuf,
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Pool {
    /// Opens the connections. The writer's must be open: it makes the file.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub fn open(path: &Path, size: usize) -> Result<Self, Error> {
        let open = |_| sqlite::open_reader(path).map_err(sqlite::failed(path));
        let connections = (0..size).map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            path: path.to_owned(),
            free: Arc::new(Semaphore::new(size)),
            idle: Arc::new(Mutex::new(connections)),
        })
    }

    /// Closes the connections. The writer's is the last, so that it can take the log away.
    pub fn close(&self) {
        self.free.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Runs a read on the blocking threads, in one transaction: what it sees does not change under it.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, Deadline) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        // An error means that the pool is closed.
        let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else {
            return Err(Error::Closed);
        };
        let (free, idle) = (Arc::clone(&self.free), Arc::clone(&self.idle));
        let task = tokio::task::spawn_blocking(move || {
            let result = with_connection(&free, &idle, work);
            drop(permit);
            result
        });
        match task.await {
            Ok(Some(result)) => result.map_err(sqlite::failed(&self.path)),
            Ok(None) => Err(Error::Closed),
            Err(error) => Err(Error::Interrupted(error)),
        }
    }

    /// Runs a read of a few recent rows on the thread that asks: with all cores busy, the way to a blocking thread and back takes
    /// longer than the read. Not for searches, nor for old rows, which may have to come from the disk. (`block_in_place` was as
    /// fast, but then every thread reads bodies some time and keeps their memory: 79 MB instead of 60.)
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn look_up<T>(
        &self,
        work: impl FnOnce(&Connection, Deadline) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let Ok(_permit) = self.free.acquire().await else {
            return Err(Error::Closed);
        };
        with_connection(&self.free, &self.idle, work)
            .ok_or(Error::Closed)?
            .map_err(sqlite::failed(&self.path))
    }
}

/// Takes a connection for one read; none when the pool is closed. The caller has a permit.
fn with_connection<T>(
    free: &Semaphore,
    idle: &Mutex<Vec<Connection>>,
    work: impl FnOnce(&Connection, Deadline) -> rusqlite::Result<T>,
) -> Option<rusqlite::Result<T>> {
    let take = || idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let connection = take()?;
    let result = in_transaction(&connection, work);
    if !free.is_closed() {
        idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
    Some(result)
}

fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection, Deadline) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.unchecked_transaction()?;
    let result = work(&transaction, Deadline(Instant::now() + SEARCH_TIME));
    // Nothing to commit; the end is what counts.
    transaction.rollback()?;
    result
}

/// When a search gives up.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// Whether it is time.
    #[must_use]
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// A deadline that has passed, and one that never will; for tests.
    #[cfg(test)]
    #[must_use]
    pub fn never() -> Self {
        Self(Instant::now() + Duration::from_secs(3600))
    }
}
