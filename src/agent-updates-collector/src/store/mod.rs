//! The durable log of events, in SQLite.
//!
//! One thread has the one connection that writes, and that does every checkpoint ([`writer`]). Reads go to a few connections
//! that cannot write ([`pool`]), in short transactions.

pub mod backup;
pub mod filter;
pub mod insert;
pub mod lock;
pub mod models;
pub mod names;
pub mod page;
pub mod pool;
pub mod retention;
pub mod rows;
pub mod sqlite;
pub mod verify;
pub mod views;
pub mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::Error;
use crate::event::Record;
use crate::metrics::Metrics;

pub use sqlite::sqlite_version;
pub use writer::{Failure, Outcome};

/// How the store behaves; the defaults are for production.
#[derive(Debug, Clone)]
pub struct Options {
    /// Events that may wait for the writer.
    pub queue_events: usize,
    /// Bytes of events that may wait for the writer.
    pub queue_bytes: usize,
    /// Events in one transaction, about.
    pub group_events: usize,
    /// Pages in the write-ahead log after which they are written back. A request that comes meanwhile waits: with 4,000 pages the
    /// p99 of 500 events at half of the promised rate was 35 and 60 ms, with 1,000 14 and 38; the rates were the same (2026-11-29).
    pub checkpoint_pages: i64,
    /// Pages in the write-ahead log above which nothing is taken: somebody holds an old state open.
    pub wal_pages: i64,
    /// Without work for so long, the write-ahead log is emptied.
    pub idle: Duration,
    /// Connections that read.
    pub readers: usize,
    /// `PRAGMA synchronous`: FULL, but for the test that shows what it is for.
    pub synchronous: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_events: 40_000,
            queue_bytes: 24 << 20,
            group_events: 4_000,
            checkpoint_pages: 1_000,
            wal_pages: 262_144, // 1 GiB
            idle: Duration::from_secs(2),
            readers: 4,
            synchronous: "full",
        }
    }
}

/// A handle on the database; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    // In this order: the writer's end closes the log before the lock goes.
    readers: pool::Pool,
    writer: writer::Writer,
    _lock: lock::Lock,
}

impl Store {
    /// Opens the file, makes it if it is missing, brings its schema up to date and starts the writer.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or written, is not a database, is damaged, was made by a newer collector, or is open in
    /// another one. It is never replaced.
    pub fn open(path: &Path, options: &Options, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let lock = lock::Lock::take(path)?;
        let connection = sqlite::open_writer(path, options.synchronous)?;
        let readers = pool::Pool::open(path, options.readers)?;
        let writer = writer::Writer::start(path, connection, options.clone(), Arc::clone(metrics))?;
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                readers,
                writer,
                _lock: lock,
            }),
        })
    }

    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Stores events in one transaction; when this returns, they survive a loss of power. Once begun it is finished, even when
    /// the caller has gone. The outcomes are in the events' order.
    ///
    /// # Errors
    ///
    /// When nothing was stored; the failure says whether to try again.
    pub async fn append(&self, records: Vec<Record>, atomic: bool) -> Result<Vec<Outcome>, Failure> {
        self.inner.writer.append(records, atomic).await
    }

    /// The place of the newest event, now and after each commit.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.inner.writer.committed()
    }

    /// Completes with the reason when the writer cannot go on, after a failed sync for instance.
    pub async fn fatal(&self) -> String {
        self.inner.writer.fatal().await
    }

    /// Ends the writer after what it has, and waits for it.
    pub async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        inner.readers.close();
        // Its log is written back, which can take a moment.
        let _ = tokio::task::spawn_blocking(move || inner.writer.stop()).await;
    }
}
