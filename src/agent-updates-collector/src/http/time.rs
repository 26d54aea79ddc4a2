//! Times as clients write and read them.

use jiff::Timestamp;

use super::Problem;

/// Microseconds since 1970, from RFC 3339 with a zone.
pub(super) fn parse(name: &str, text: &str) -> Result<i64, Problem> {
    crate::event::microseconds(text)
        .map_err(|error| Problem::query(format!("{name} is not RFC 3339 with a zone: {error}")))
}

/// RFC 3339 from microseconds since 1970.
pub(super) fn format(microseconds: i64) -> Result<Timestamp, Problem> {
    Timestamp::from_microsecond(microseconds).map_err(|error| Problem::internal(&error))
}
