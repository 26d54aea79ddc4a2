//! The thread that writes: takes what has come, commits it at once, answers, and writes the log back now and then.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};
use tracing::{error, info, warn};

use super::insert::Inserter;
use super::names::Names;
use super::Options;
use crate::error::Error;
use crate::event::Record;
use crate::metrics::Metrics;

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored at this place.
    Stored(i64),
    /// It was stored before, at this place.
    Duplicate(i64),
    /// Another event with its id was stored before, at this place, and is kept.
    Conflict(i64),
    /// The database refused this one row.
    Unstorable(String),
    /// It could be stored, but another event of its atomic request could not.
    RolledBack,
}

impl Outcome {
    /// Whether the event is not in the database, by its own fault.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Unstorable(_))
    }
}

/// Why nothing of a request was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// More waits for the writer than may.
    #[error("more events wait than the writer can store")]
    QueueFull,
    /// The disk is full. It passes when there is room again.
    #[error("the disk is full")]
    DiskFull,
    /// The write-ahead log cannot be written back, because somebody holds an old state of the database open.
    #[error("the write-ahead log is full")]
    LogFull,
    /// SQLite refused.
    #[error("the database refused: {0}")]
    Refused(Arc<str>),
    /// The service ends.
    #[error("the service ends")]
    Stopping,
}

struct Append {
    records: Vec<Record>,
    bytes: usize,
    atomic: bool,
    reply: oneshot::Sender<Result<Vec<Outcome>, Failure>>,
}

enum Job {
    Append(Append),
    /// Work that needs the writing connection, retention for instance.
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
    Stop,
}

#[derive(Debug)]
struct Shared {
    events: AtomicUsize,
    bytes: AtomicUsize,
    beat_us: AtomicI64,
    committed: watch::Sender<i64>,
    fatal: watch::Sender<Option<String>>,
}

/// The queue's end that requests hold.
#[derive(Debug)]
pub struct Writer {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
    queue_events: usize,
    queue_bytes: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What an event costs in the queue besides its body.
const OVERHEAD: usize = 512;

impl Writer {
    /// Starts the thread on its connection.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or no thread can be had.
    pub fn start(path: &Path, connection: Connection, options: Options, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let newest = connection
            .query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| row.get(0))
            .map_err(super::sqlite::failed(path))?;
        let shared = Arc::new(Shared {
            events: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            beat_us: AtomicI64::new(now_us()),
            committed: watch::channel(newest).0,
            fatal: watch::channel(None).0,
        });
        let (jobs, received) = mpsc::channel();
        let (queue_events, queue_bytes) = (options.queue_events, options.queue_bytes);
        let mut worker = Worker {
            path: path.to_owned(),
            connection,
            names: Names::default(),
            options,
            metrics,
            shared: Arc::clone(&shared),
            wal_pages: 0,
            wal_written: 0,
        };
        let thread = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || worker.run(&received))
            .map_err(Error::Runtime)?;
        Ok(Self {
            jobs,
            shared,
            queue_events,
            queue_bytes,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues events and waits for their commit.
    ///
    /// # Errors
    ///
    /// When the queue is full, or nothing was stored.
    pub async fn append(&self, records: Vec<Record>, atomic: bool) -> Result<Vec<Outcome>, Failure> {
        let bytes = records.iter().map(|record| record.body.len() + OVERHEAD).sum();
        let (waiting_events, waiting_bytes) = self.waiting();
        // One request alone always fits, however large.
        if waiting_events > 0
            && (waiting_events + records.len() > self.queue_events || waiting_bytes + bytes > self.queue_bytes)
        {
            return Err(Failure::QueueFull);
        }
        self.shared.events.fetch_add(records.len(), Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let job = Job::Append(Append {
            records,
            bytes,
            atomic,
            reply,
        });
        self.jobs.send(job).map_err(|_| Failure::Stopping)?;
        answer.await.unwrap_or(Err(Failure::Stopping))
    }

    /// Runs work on the writing connection, between two transactions.
    ///
    /// # Errors
    ///
    /// When the service ends first.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let work = move |connection: &mut Connection| drop(reply.send(work(connection)));
        self.jobs
            .send(Job::Run(Box::new(work)))
            .map_err(|_| Failure::Stopping)?;
        answer.await.map_err(|_| Failure::Stopping)
    }

    /// Events and bytes that wait.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let load = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        (load(&self.shared.events), load(&self.shared.bytes))
    }

    /// How long ago the thread said that it lives.
    #[must_use]
    pub fn silence(&self) -> Duration {
        let silent_us = now_us() - self.shared.beat_us.load(Ordering::Relaxed);
        Duration::from_micros(u64::try_from(silent_us).unwrap_or(0))
    }

    /// The newest place, now and after each commit.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.shared.committed.subscribe()
    }

    /// Completes when the thread cannot go on.
    pub async fn fatal(&self) -> String {
        let mut fatal = self.shared.fatal.subscribe();
        let reason = fatal.wait_for(Option::is_some).await.map(|reason| reason.clone());
        match reason {
            Ok(reason) => reason.unwrap_or_default(),
            // Cannot be: the sender lives as long as this.
            Err(_) => std::future::pending().await,
        }
    }

    /// Ends the thread after what was queued before.
    pub fn stop(&self) {
        let _ = self.jobs.send(Job::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            if thread.join().is_err() {
                error!("the writer ended in a panic");
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}

struct Worker {
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
    fn run(&mut self, jobs: &Receiver<Job>) {
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
        let _ = self.connection.busy_timeout(super::sqlite::BUSY_TIMEOUT);
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
