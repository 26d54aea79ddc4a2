//! What the collector counts. Never a label per agent, session or prompt: each value would be a series of its own.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{exponential_buckets, Histogram};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::event::{Code, Source};

/// The media type of [`Metrics::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Label = [(&'static str, &'static str); 1];
type Bytes = Gauge<f64, AtomicU64>;

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    accepted: Family<Label, Counter>,
    duplicates: Family<Label, Counter>,
    rejected: Family<Label, Counter>,
    refused: Counter,
    batch: Histogram,
    commit: Histogram,
    checkpoint: Histogram,
    queue_events: Gauge,
    queue_bytes: Bytes,
    wal_bytes: Bytes,
    database_bytes: Bytes,
    free_bytes: Bytes,
    streams: Gauge,
}

/// What is measured when somebody asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gauges {
    /// Events that wait for the writer.
    pub queue_events: usize,
    /// Bytes that wait for the writer.
    pub queue_bytes: usize,
    /// The database's file.
    pub database_bytes: u64,
    /// Free on its disk.
    pub free_bytes: u64,
}

/// The size of a page, which the database never changes.
const PAGE_BYTES: i64 = 4096;

impl Metrics {
    /// All counters at zero, and the build information.
    #[must_use]
    pub fn new(version: &'static str, sqlite: &'static str) -> Self {
        let mut registry = Registry::with_prefix("agent_collector");
        let times = || Histogram::new(exponential_buckets(0.000_5, 2.0, 14));
        let metrics = Self {
            accepted: Family::default(),
            duplicates: Family::default(),
            rejected: Family::default(),
            refused: Counter::default(),
            batch: Histogram::new(exponential_buckets(1.0, 2.0, 14)),
            commit: times(),
            checkpoint: times(),
            queue_events: Gauge::default(),
            queue_bytes: Bytes::default(),
            wal_bytes: Bytes::default(),
            database_bytes: Bytes::default(),
            free_bytes: Bytes::default(),
            streams: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("events_accepted", "Events stored, by source", metrics.accepted.clone());
        registry.register(
            "events_duplicate",
            "Events stored before, by source",
            metrics.duplicates.clone(),
        );
        registry.register(
            "events_rejected",
            "Events not stored, by the reason's code",
            metrics.rejected.clone(),
        );
        registry.register(
            "requests_refused",
            "Requests told to come again",
            metrics.refused.clone(),
        );
        registry.register("batch_events", "Events in one transaction", metrics.batch.clone());
        registry.register_with_unit(
            "commit",
            "Time of one transaction",
            Unit::Seconds,
            metrics.commit.clone(),
        );
        let help = "Time to write the log back";
        registry.register_with_unit("checkpoint", help, Unit::Seconds, metrics.checkpoint.clone());
        registry.register(
            "queue_events",
            "Events that wait for the writer",
            metrics.queue_events.clone(),
        );
        let help = "Bytes that wait for the writer";
        registry.register_with_unit("queue", help, Unit::Bytes, metrics.queue_bytes.clone());
        let help = "The write-ahead log's part in use";
        registry.register_with_unit("wal", help, Unit::Bytes, metrics.wal_bytes.clone());
        registry.register_with_unit(
            "database",
            "The database's file",
            Unit::Bytes,
            metrics.database_bytes.clone(),
        );
        registry.register_with_unit(
            "free",
            "Free on the database's disk",
            Unit::Bytes,
            metrics.free_bytes.clone(),
        );
        registry.register("stream_clients", "Open event streams", metrics.streams.clone());
        let build = Info::new(vec![("version", version), ("sqlite", sqlite)]);
        registry.register("build", "What is running", build);
        // A rate needs the zero that it starts from.
        for code in Code::ALL {
            drop(metrics.rejected.get_or_create(&[("code", code.as_str())]));
        }
        for source in Source::ALL.map(Some).into_iter().chain([None]) {
            drop(metrics.accepted.get_or_create(&by_source(source)));
            drop(metrics.duplicates.get_or_create(&by_source(source)));
        }
        Self { registry, ..metrics }
    }

    /// Counts an event that was stored.
    pub fn accepted(&self, source: Option<Source>) {
        self.accepted.get_or_create(&by_source(source)).inc();
    }

    /// Counts an event that was stored before.
    pub fn duplicate(&self, source: Option<Source>) {
        self.duplicates.get_or_create(&by_source(source)).inc();
    }

    /// Counts one event that was not stored.
    pub fn rejected(&self, code: Code) {
        self.rejected.get_or_create(&[("code", code.as_str())]).inc();
    }

    /// Counts a request that was told to come again.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// Notes a transaction.
    #[allow(clippy::cast_precision_loss)] // thousands of events
    pub fn committed(&self, events: usize, time: Duration) {
        self.batch.observe(events as f64);
        self.commit.observe(time.as_secs_f64());
    }

    /// Notes that the log was written back.
    pub fn checkpointed(&self, time: Duration) {
        self.checkpoint.observe(time.as_secs_f64());
    }

    /// Notes the log's size.
    #[allow(clippy::cast_precision_loss)] // 2^53 bytes
    pub fn wal_pages(&self, pages: i64) {
        self.wal_bytes.set((pages * PAGE_BYTES) as f64);
    }

    /// The open event streams.
    #[must_use]
    pub fn streams(&self) -> &Gauge {
        &self.streams
    }

    /// The counters as Prometheus reads them.
    ///
    /// # Errors
    ///
    /// Only when a value cannot be formatted.
    #[allow(clippy::cast_precision_loss)] // 2^53 bytes
    pub fn encode(&self, gauges: Gauges) -> Result<String, fmt::Error> {
        self.queue_events
            .set(i64::try_from(gauges.queue_events).unwrap_or(i64::MAX));
        self.queue_bytes.set(gauges.queue_bytes as f64);
        self.database_bytes.set(gauges.database_bytes as f64);
        self.free_bytes.set(gauges.free_bytes as f64);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn by_source(source: Option<Source>) -> Label {
    [("source", source.map_or("none", Source::as_str))]
}
