//! What one client may take.

use std::time::Duration;

use crate::ingest::Caps;

/// What one client may take: time to send, and bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first byte of a request to the end of its headers, or the connection is closed. Also how long a connection
    /// may stay open between two requests.
    pub headers: Duration,
    /// From the end of the headers to the end of the body, or the answer is 408.
    pub body: Duration,
    /// How long a client may take nothing of its answer, or the connection is closed.
    pub stalled: Duration,
    /// The largest body, or the answer is 413.
    pub body_bytes: usize,
    /// Bodies that may be in memory at a time, in bytes; others wait a moment, and then the answer is 429.
    pub bodies_bytes: usize,
    /// Connections at a time; others wait to be accepted.
    pub connections: usize,
    /// Event streams at a time, or the answer is 503.
    pub streams: usize,
    /// What a body may hold.
    pub caps: Caps,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(30),
            body: Duration::from_secs(30),
            stalled: Duration::from_secs(30),
            body_bytes: 4 << 20,
            bodies_bytes: 48 << 20,
            connections: 1024,
            streams: 64,
            caps: Caps::default(),
        }
    }
}
