//! The thread that writes: takes what has come, commits it at once, answers, and writes the log back now and then.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tracing::{error, info, warn};

use super::{now_us, Append, Failure, Job, Outcome, Shared};
use crate::metrics::Metrics;
use crate::store::insert::Inserter;
use crate::store::names::Names;
use crate::store::{sqlite, Options};

/// What the thread works with.
pub(super) struct Worker {
    path: PathBuf,
    connection: Connection,
    names: Names,
    options: Options,
    metrics: Arc<Metrics>,
    shared: Arc<Shared>,
    wal_pages: i64,
    wal_written: i64,
}

/// How often the thread says that it lives.
const BEAT: Duration = Duration::from_millis(500);

/// A log of this many times the usual size is restarted, for which readers are waited for.
const RESTART_FACTOR: i64 = 8;

/// How long readers are waited for then.
const RESTART_PATIENCE: Duration = Duration::from_millis(200);

impl Worker {
    pub(super) fn new(
        path: &Path,
        connection: Connection,
        options: Options,
        metrics: Arc<Metrics>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            connection,
            names: Names::default(),
            options,
            metrics,
            shared,
            wal_pages: 0,
            wal_written: 0,
        }
    }

    /// Works until it is told to stop, or nobody is left to tell it.
    pub(super) fn run(&mut self, jobs: &Receiver<Job>) {
        let mut worked = Instant::now();
        loop {
            self.shared.beat_us.store(now_us(), Ordering::Relaxed);
            match jobs.recv_timeout(BEAT) {
                Ok(Job::Append(first)) => {
                    let next = self.append(first, jobs);
                    self.after_commit();
                    worked = Instant::now();
                    match next {
                        Some(Job::Run(work)) => work(&mut self.connection),
                        Some(Job::Stop) => break,
                        Some(Job::Append(_)) | None => {}
                    }
                }
                Ok(Job::Run(work)) => {
                    work(&mut self.connection);
                    self.names.forget();
                    self.after_commit();
                }
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if self.wal_pages > 0 && worked.elapsed() >= self.options.idle {
                        self.checkpoint("TRUNCATE");
                    }
                }
            }
        }
        self.checkpoint("TRUNCATE");
        info!(database = %self.path.display(), "the writer ended");
    }

    /// Commits this request and what has come since. Returns the job that is not an append, if one came.
    fn append(&mut self, first: Append, jobs: &Receiver<Job>) -> Option<Job> {
        let mut events = first.records.len();
        let mut group = vec![first];
        let mut next = None;
        while events < self.options.group_events {
            match jobs.try_recv() {
                Ok(Job::Append(append)) => {
                    events += append.records.len();
                    group.push(append);
                }
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let begun = Instant::now();
        if self.wal_pages > self.options.wal_pages {
            self.restart_log();
        }
        let result = if self.wal_pages > self.options.wal_pages {
            Err(Failure::LogFull)
        } else {
            self.commit(&group).map_err(|error| self.failed(&error))
        };
        self.metrics.committed(events, begun.elapsed());
        let bytes: usize = group.iter().map(|append| append.bytes).sum();
        self.shared.events.fetch_sub(events, Ordering::Relaxed);
        self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.answer(group, result);
        next
    }

    fn answer(&self, group: Vec<Append>, result: Result<Vec<Vec<Outcome>>, Failure>) {
        match result {
            Ok(outcomes) => {
                let stored = outcomes.iter().flatten().filter_map(|outcome| match outcome {
                    Outcome::Stored(seq) => Some(*seq),
                    _ => None,
                });
                if let Some(newest) = stored.max() {
                    self.shared.committed.send_replace(newest);
                }
                for (append, outcomes) in group.into_iter().zip(outcomes) {
                    // An error means that the client has gone; the events are stored all the same.
                    let _ = append.reply.send(Ok(outcomes));
                }
            }
            Err(failure) => {
                for append in group {
                    let _ = append.reply.send(Err(failure.clone()));
                }
            }
        }
    }

    fn commit(&mut self, group: &[Append]) -> rusqlite::Result<Vec<Vec<Outcome>>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut inserter = Inserter::new(&self.connection, &mut self.names, now_us());
        let mut insert_all = || -> rusqlite::Result<Vec<Vec<Outcome>>> {
            group
                .iter()
                .map(|append| inserter.insert(&append.records, append.atomic))
                .collect()
        };
        let result = insert_all().and_then(|outcomes| inserter.finish().map(|()| outcomes));
        let result = result.and_then(|outcomes| {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(outcomes)
        });
        if result.is_err() {
            // SQLite may have done so itself.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.names.forget();
        }
        result
    }

    fn failed(&mut self, error: &rusqlite::Error) -> Failure {
        const SYNC_FAILED: [i32; 2] = [rusqlite::ffi::SQLITE_IOERR_FSYNC, rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC];
        error!(%error, database = %self.path.display(), "events were not stored");
        let code = error.sqlite_error().map(|failure| failure.extended_code);
        if code.is_some_and(|code| SYNC_FAILED.contains(&code)) {
            // The system has dropped what it could not write: nobody knows what is on the disk, and asking again would be
            // answered with success.
            self.shared
                .fatal
                .send_replace(Some(format!("the disk lost data: {error}")));
        }
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
            // Gives the log's own pages back to the next attempt.
            self.checkpoint("PASSIVE");
            return Failure::DiskFull;
        }
        Failure::Refused(error.to_string().into())
    }

    fn after_commit(&mut self) {
        self.checkpoint("NOOP");
        if self.wal_pages - self.wal_written >= self.options.checkpoint_pages {
            self.checkpoint("PASSIVE");
        }
        // With readers at work there may always be one that keeps the log from beginning anew.
        if self.wal_pages >= self.options.checkpoint_pages * RESTART_FACTOR && self.wal_written == self.wal_pages {
            self.restart_log();
        }
    }

    /// Makes the next transaction begin the log anew, and waits a moment for readers that keep it from that.
    fn restart_log(&mut self) {
        let _ = self.connection.busy_timeout(RESTART_PATIENCE);
        self.checkpoint("RESTART");
        let _ = self.connection.busy_timeout(sqlite::BUSY_TIMEOUT);
    }

    /// Writes the log back, or (NOOP) only measures it.
    fn checkpoint(&mut self, mode: &str) {
        let begun = Instant::now();
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let pages = self.connection.prepare_cached(&sql).and_then(|mut statement| {
            statement.query_row([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })
        });
        match pages {
            Ok((busy, log, written)) => {
                let anew = busy == 0 && matches!(mode, "RESTART" | "TRUNCATE");
                (self.wal_pages, self.wal_written) = if anew { (0, 0) } else { (log.max(0), written.max(0)) };
                self.metrics.wal_pages(self.wal_pages);
                if mode != "NOOP" {
                    self.metrics.checkpointed(begun.elapsed());
                }
            }
            Err(error) => warn!(%error, mode, "the write-ahead log was not written back"),
        }
    }
}
