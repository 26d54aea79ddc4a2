//! From a request's bytes to records: unpack, split, take secrets out, check.

pub mod batch;
pub mod encoding;
pub mod redact;

use serde::Deserialize;
use utoipa::ToSchema;

/// How strictly events are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Validation {
    /// The four required fields; what is odd besides is kept and tagged.
    #[default]
    Lenient,
    /// Schema 1.1 to the letter.
    Strict,
}

/// What one request may hold.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// The largest body after unpacking, in bytes.
    pub unpacked_bytes: usize,
    /// The largest event, in bytes.
    pub event_bytes: usize,
    /// The most events.
    pub events: usize,
    /// The deepest nesting of objects and arrays.
    pub depth: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            unpacked_bytes: 16 << 20,
            event_bytes: 1 << 20,
            events: 10_000,
            depth: 128,
        }
    }
}
