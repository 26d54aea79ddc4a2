//! What the collector counts. Never a label per agent, session or prompt: each value would be a series of its own.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::event::Code;

/// The media type of [`Metrics::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    accepted: Counter,
    rejected: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Metrics {
    /// All counters at zero, and the build information.
    #[must_use]
    pub fn new(version: &'static str, sqlite: &'static str) -> Self {
        let mut registry = Registry::with_prefix("agent_collector");
        let accepted = Counter::default();
        registry.register("events_accepted", "Events stored", accepted.clone());
        let rejected = Family::<[(&'static str, &'static str); 1], Counter>::default();
        registry.register(
            "events_rejected",
            "Events not stored, by the reason's code",
            rejected.clone(),
        );
        registry.register(
            "build",
            "What is running",
            Info::new(vec![("version", version), ("sqlite", sqlite)]),
        );
        for code in Code::ALL {
            // A rate needs the zero that it starts from.
            drop(rejected.get_or_create(&[("code", code.as_str())]));
        }
        Self {
            registry,
            accepted,
            rejected,
        }
    }

    /// Counts events that were stored.
    pub fn accepted(&self, events: usize) {
        self.accepted.inc_by(events as u64);
    }

    /// Counts one event that was not.
    pub fn rejected(&self, code: Code) {
        self.rejected.get_or_create(&[("code", code.as_str())]).inc();
    }

    /// The counters as Prometheus reads them.
    ///
    /// # Errors
    ///
    /// Only when a value cannot be formatted.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
