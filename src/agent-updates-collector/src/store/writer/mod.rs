//! The queue in front of the one thread that writes ([`worker`]): requests put events in and wait for their commit.

mod worker;

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};
use tracing::error;

use self::worker::Worker;
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
        let mut worker = Worker::new(path, connection, options, metrics, Arc::clone(&shared));
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
