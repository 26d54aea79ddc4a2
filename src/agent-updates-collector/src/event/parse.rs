//! Reads the native shape: one flat object with `version`, `event_type`, `timestamp` and `agent_id`.

use std::borrow::Cow;
use std::fmt;

use semver::Version;
use serde::de::IgnoredAny;
use serde::Deserialize;
use serde_json::error::Category;

use super::lenient::{Field, Nested};
use super::{canonical, microseconds, Code, EventKey, Record, Rejection, Source, Status, Tags, NAME_BYTES};
use crate::adapters;

/// The fields that are looked at. All others stay in the body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire<'a> {
    #[serde(borrow)]
    version: Field<'a>,
    #[serde(borrow)]
    event_type: Field<'a>,
    #[serde(borrow)]
    timestamp: Field<'a>,
    #[serde(borrow)]
    agent_id: Field<'a>,
    #[serde(borrow)]
    event_id: Field<'a>,
    #[serde(borrow)]
    session_id: Field<'a>,
    #[serde(borrow)]
    source: Field<'a>,
    #[serde(borrow)]
    status: Field<'a>,
    #[serde(borrow)]
    progress: Field<'a>,
    #[serde(borrow)]
    tool: Nested<Tool<'a>>,
    #[serde(borrow)]
    correlation: Nested<Correlation<'a>>,
    #[serde(borrow)]
    context: Nested<Context<'a>>,
    #[serde(borrow)]
    task: Nested<Task<'a>>,
    #[serde(borrow)]
    git: Nested<Git<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tool<'a> {
    #[serde(borrow)]
    tool_name: Field<'a>,
    duration_ms: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Correlation<'a> {
    #[serde(borrow)]
    trace_id: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context<'a> {
    #[serde(borrow)]
    task_id: Field<'a>,
    #[serde(borrow)]
    branch_name: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Task<'a> {
    #[serde(borrow)]
    task_id: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Git<'a> {
    #[serde(borrow)]
    branch_name: Field<'a>,
}

/// Reads one JSON text of any shape that the collector knows.
///
/// # Errors
///
/// When the text is not a JSON object, or a required field is missing or malformed.
pub fn parse(text: &str, received_us: i64) -> Result<Record, Rejection> {
    let text = text.trim();
    let wire = read::<Wire<'_>>(text)?;
    // The one field that no other shape has. The other shapes are rare, so the usual one is tried first.
    if wire.version == Field::Missing {
        if let Some(adapter) = adapters::recognise(text) {
            return adapter.read(text, received_us);
        }
    }
    let id = wire.event_id();
    wire.record(text).map_err(|rejection| rejection.of(id.as_deref()))
}

/// Reads the fields of one object.
///
/// # Errors
///
/// When the text is not a JSON object.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Rejection> {
    // A sequence would pass for a structure's fields.
    if !text.starts_with('{') {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| Rejection::new(Code::InvalidJson, error))?;
        return Err(Rejection::new(Code::InvalidEvent, "an event is a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => Rejection::new(Code::InvalidEvent, error),
        Category::Io | Category::Syntax | Category::Eof => Rejection::new(Code::InvalidJson, error),
    })
}

impl Wire<'_> {
    fn event_id(&self) -> Option<String> {
        match &self.event_id {
            Field::Text(id) => Some(id.chars().take(64).collect()),
            _ => None,
        }
    }

    fn record(self, text: &str) -> Result<Record, Rejection> {
        let version = required(&self.version, "version")?;
        if let Err(error) = Version::parse(version) {
            return invalid("version", format_args!("is not a semantic version: {error}"));
        }
        let event_type = event_type(&self.event_type)?;
        let timestamp = required(&self.timestamp, "timestamp")?;
        let timestamp_us = match microseconds(timestamp) {
            Ok(time) => time,
            Err(error) => return invalid("timestamp", format_args!("is not RFC 3339 with a zone: {error}")),
        };
        let agent = name(required(&self.agent_id, "agent_id")?, "agent_id")?;

        let mut record = Record::new(agent.to_owned(), event_type.to_owned(), timestamp_us, text.to_owned());
        let mut notes = Notes::default();
        record.session = notes.name(self.session_id);
        record.source = notes.one_of(&self.source, Source::from_name);
        record.status = notes.one_of(&self.status, Status::from_name);
        notes.within(&self.progress, 0.0, 1.0);
        if let Some(tool) = notes.object(self.tool) {
            record.tool = notes.name(tool.tool_name);
            record.duration_ms = notes.milliseconds(&tool.duration_ms);
        }
        record.trace = notes
            .object(self.correlation)
            .and_then(|found| notes.name(found.trace_id));
        if let Some(context) = notes.object(self.context) {
            record.task = notes.name(context.task_id);
            record.branch = notes.name(context.branch_name);
        }
        if let Some(task) = notes.object(self.task) {
            record.task = record.task.or(notes.name(task.task_id));
        }
        if let Some(git) = notes.object(self.git) {
            record.branch = record.branch.or(notes.name(git.branch_name));
        }
        if record.tool.is_some() && record.status == Some(Status::Error) {
            record.tags.insert(Tags::TOOL_ERROR);
        }
        record.key = Some(match notes.name(self.event_id) {
            Some(id) => EventKey::of_id(&id),
            None => EventKey::of_content(&[&canonical::canonical(text)]),
        });
        record.tags.insert(notes.tags);
        record.infer();
        Ok(record)
    }
}

fn invalid<T>(field: &str, message: fmt::Arguments<'_>) -> Result<T, Rejection> {
    Err(Rejection::new(Code::InvalidField, format_args!("{field} {message}")).at(format!("/{field}")))
}

fn required<'a>(field: &'a Field<'_>, name: &str) -> Result<&'a str, Rejection> {
    match field {
        Field::Text(text) => Ok(text),
        Field::Missing => {
            Err(Rejection::new(Code::MissingField, format_args!("{name} is missing")).at(format!("/{name}")))
        }
        _ => invalid(name, format_args!("is not a string")),
    }
}

/// An `event_type`: two or more names with dots between.
pub(crate) fn event_type<'a>(field: &'a Field<'_>) -> Result<&'a str, Rejection> {
    let text = name(required(field, "event_type")?, "event_type")?;
    let names = text.split_once('.');
    if names.is_some_and(|(namespace, action)| !namespace.is_empty() && !action.is_empty()) {
        return Ok(text);
    }
    invalid("event_type", format_args!("is not of the form namespace.action"))
}

fn name<'a>(text: &'a str, field: &str) -> Result<&'a str, Rejection> {
    match text {
        _ if text.trim().is_empty() => invalid(field, format_args!("is empty")),
        _ if text.len() > NAME_BYTES => invalid(field, format_args!("is longer than {NAME_BYTES} bytes")),
        _ if text.contains(char::is_control) => invalid(field, format_args!("has a control character")),
        _ => Ok(text),
    }
}

/// Reads optional fields, and notes those of the wrong kind instead of failing.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub tags: Tags,
}

impl Notes {
    fn wrong<T>(&mut self) -> Option<T> {
        self.tags.insert(Tags::INVALID_FIELD);
        None
    }

    /// A name that is found by later.
    pub(crate) fn name(&mut self, field: Field<'_>) -> Option<String> {
        match field {
            Field::Missing => None,
            Field::Text(text) if text.is_empty() => None,
            Field::Text(text) if text.len() <= NAME_BYTES => Some(text.into_owned()),
            _ => self.wrong(),
        }
    }

    /// One word of a list.
    pub(crate) fn one_of<T>(&mut self, field: &Field<'_>, known: fn(&str) -> Option<T>) -> Option<T> {
        match field {
            Field::Missing => None,
            Field::Text(text) => known(text).or_else(|| self.wrong()),
            _ => self.wrong(),
        }
    }

    /// A number between two others.
    pub(crate) fn within(&mut self, field: &Field<'_>, least: f64, most: f64) -> Option<f64> {
        match field {
            Field::Missing => None,
            Field::Number(number) if (least..=most).contains(number) => Some(*number),
            _ => self.wrong(),
        }
    }

    /// A time's length.
    pub(crate) fn milliseconds(&mut self, field: &Field<'_>) -> Option<i64> {
        // A hundred years; more is no duration, and its sums would overflow.
        let number = self.within(field, 0.0, 3.2e12)?;
        // In range, by the line above.
        #[allow(clippy::cast_possible_truncation)]
        Some(number.round() as i64)
    }

    /// An object.
    pub(crate) fn object<T>(&mut self, nested: Nested<T>) -> Option<T> {
        match nested {
            Nested::Missing => None,
            Nested::Object(object) => Some(object),
            Nested::Text | Nested::Other => self.wrong(),
        }
    }
}

/// A field's text, if it is text.
pub(crate) fn text(field: Field<'_>) -> Option<Cow<'_, str>> {
    match field {
        Field::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}
