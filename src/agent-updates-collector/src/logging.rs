//! Logs: one JSON object a line, on standard error.

use std::io;

use crate::config::LogLevel;

/// Starts logging. The first call in a process counts.
pub fn start(level: LogLevel) {
    // Fails only where logging was started before.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(level.filter())
        .with_writer(io::stderr)
        .try_init();
}
