//! The JSON Schemas of the event's versions, as `/v1/schema/{version}` serves them.

/// The schema of a version, by its full number or by the first two parts of it.
#[must_use]
pub fn of_version(version: &str) -> Option<&'static str> {
    match version {
        "1.0" | "1.0.0" => Some(include_str!("v1.0.json")),
        "1.1" | "1.1.0" => Some(include_str!("v1.1.json")),
        _ => None,
    }
}
