//! One event: a JSON object with four required fields, kept as it was sent.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use semver::Version;
use serde::de::IgnoredAny;
use serde::Deserialize;
use serde_json::error::Category;

/// An event that was checked. Its text is what the client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(String);

/// The fields that every event has. Others are kept and not looked at.
#[derive(Deserialize)]
struct Required<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    agent_id: Cow<'a, str>,
}

impl Event {
    /// Checks one JSON text.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object, or a required field is missing or malformed.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let text = text.trim();
        // An array of four strings would pass for the four fields.
        if !text.starts_with('{') {
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| Rejection::new(Code::InvalidJson, error))?;
            return Err(Rejection::new(Code::InvalidEvent, "an event is a JSON object"));
        }
        let required: Required<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Data => Rejection::new(Code::InvalidEvent, error),
            Category::Io | Category::Syntax | Category::Eof => Rejection::new(Code::InvalidJson, error),
        })?;
        required.check()?;
        Ok(Self(text.to_owned()))
    }

    /// The event's JSON.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl Required<'_> {
    fn check(&self) -> Result<(), Rejection> {
        let invalid = |message: fmt::Arguments<'_>| Err(Rejection::new(Code::InvalidEvent, message));
        if let Err(error) = Version::parse(&self.version) {
            return invalid(format_args!("version is not a semantic version: {error}"));
        }
        let names = self.event_type.split_once('.');
        if !names.is_some_and(|(namespace, action)| !namespace.is_empty() && !action.is_empty()) {
            return invalid(format_args!("event_type is not of the form namespace.action"));
        }
        if let Err(error) = self.timestamp.parse::<Timestamp>() {
            return invalid(format_args!("timestamp is not RFC 3339 with a zone: {error}"));
        }
        if self.agent_id.trim().is_empty() {
            return invalid(format_args!("agent_id is empty"));
        }
        Ok(())
    }
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: String,
}

impl Rejection {
    /// A rejection with its reason.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

/// The kinds of rejection: part of the API's contract and a label of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Not UTF-8.
    InvalidUtf8,
    /// Not JSON.
    InvalidJson,
    /// JSON, but not an event.
    InvalidEvent,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 3] = [Self::InvalidUtf8, Self::InvalidJson, Self::InvalidEvent];

    /// The code as clients and dashboards see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidJson => "invalid_json",
            Self::InvalidEvent => "invalid_event",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"version":"1.0.0","event_type":"git.merged","timestamp":"2026-01-02T03:04:05.6+02:00","agent_id":"@a@b"}"#;

    fn code(text: &str) -> Option<Code> {
        Event::parse(text).err().map(|rejection| rejection.code)
    }

    #[test]
    fn an_event_is_kept_as_it_was_sent() {
        let sent = GOOD.replace('}', r#", "x" : {"y": 1e400}}"#);
        assert_eq!(Event::parse(&format!("  {sent}\r")).unwrap().as_json(), sent);
    }

    #[test]
    fn unknown_namespaces_are_kept() {
        assert_eq!(code(&GOOD.replace("git.merged", "quality_gate.failed.twice")), None);
    }

    #[test]
    fn text_that_is_not_json_is_told_from_json_that_is_no_event() {
        for text in ["", "{", "{]", &GOOD[1..], &format!("{GOOD} {GOOD}")] {
            assert_eq!(code(text), Some(Code::InvalidJson), "{text}");
        }
        for text in ["{}", "[]", "1", "null", r#"["1.0.0","a.b","2026-01-02T03:04:05Z","x"]"#] {
            assert_eq!(code(text), Some(Code::InvalidEvent), "{text}");
        }
    }

    #[test]
    fn each_required_field_is_checked() {
        for (good, bad) in [
            ("1.0.0", "1.0"),
            ("git.merged", "merged"),
            ("git.merged", ".merged"),
            ("git.merged", "git."),
            ("+02:00", ""),
            ("2026-01-02", "2026-13-02"),
            ("@a@b", " "),
            ("\"@a@b\"", "7"),
            ("agent_id", "agent"),
        ] {
            assert_eq!(
                code(&GOOD.replace(good, bad)),
                Some(Code::InvalidEvent),
                "{good} -> {bad}"
            );
        }
    }
}
