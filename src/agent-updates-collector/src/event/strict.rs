//! What `?validate=strict` asks for besides: that the event follows schema 1.1 to the letter.

use serde_json::{Map, Value};

use super::namespace;
use super::{Code, Rejection, Source, Status};

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Source,
    Status,
    Fraction,
    Object(&'static [(&'static str, Kind)]),
    Duration,
    Count,
    Any,
}

const TEXT: Kind = Kind::Text;

/// The schema's fields. `schema/v1.1.json` says the same to clients; a test compares them.
const FIELDS: &[(&str, Kind)] = &[
    ("version", TEXT),
    ("event_type", TEXT),
    ("timestamp", TEXT),
    ("agent_id", TEXT),
    ("event_id", TEXT),
    ("session_id", TEXT),
    ("source", Kind::Source),
    ("status", Kind::Status),
    ("message", TEXT),
    ("progress", Kind::Fraction),
    (
        "tool",
        Kind::Object(&[
            ("tool_name", TEXT),
            ("tool_input", Kind::Any),
            ("tool_result", Kind::Any),
            ("tool_output", Kind::Any),
            ("duration_ms", Kind::Duration),
        ]),
    ),
    ("hook", Kind::Object(&[("hook_type", TEXT), ("raw_payload", Kind::Any)])),
    (
        "correlation",
        Kind::Object(&[
            ("trace_id", TEXT),
            ("span_id", TEXT),
            ("parent_span_id", TEXT),
            ("root_agent_id", TEXT),
        ]),
    ),
    (
        "context",
        Kind::Object(&[
            ("task_id", TEXT),
            ("branch_name", TEXT),
            ("worktree_path", TEXT),
            ("container_id", TEXT),
            ("pr_number", Kind::Count),
            ("decision_id", TEXT),
        ]),
    ),
    ("git", Kind::Object(&[])),
    ("task", Kind::Object(&[])),
    ("container", Kind::Object(&[])),
    ("decision", Kind::Object(&[])),
    ("action", Kind::Object(&[])),
    ("security", Kind::Object(&[])),
    ("metadata", Kind::Object(&[])),
];

/// Checks an event that [`super::parse::parse`] took.
///
/// # Errors
///
/// At the first deviation from the schema, with its place.
pub fn check(json: &str) -> Result<(), Rejection> {
    let event: Map<String, Value> =
        serde_json::from_str(json).map_err(|error| Rejection::new(Code::InvalidJson, error))?;
    let id = event.get("event_id").and_then(Value::as_str);
    check_event(&event).map_err(|rejection| rejection.of(id))
}

fn check_event(event: &Map<String, Value>) -> Result<(), Rejection> {
    for (name, value) in event {
        let Some((_, kind)) = FIELDS.iter().find(|(known, _)| known == name) else {
            let message = format!("the schema has no field {name}");
            return Err(Rejection::new(Code::UnknownField, message).at(pointer("", name)));
        };
        check_value(value, *kind, &pointer("", name))?;
    }
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    // Other shapes, which an adapter would read, do not follow the schema.
    let version =
        text("version").ok_or_else(|| Rejection::new(Code::MissingField, "version is missing").at("/version"))?;
    if !version.starts_with("1.") {
        return Err(Rejection::new(Code::InvalidField, "the schema's versions are 1.0 and 1.1").at("/version"));
    }
    let event_type = text("event_type").unwrap_or_default();
    if !namespace::is_known(event_type) {
        let message = format!("the namespaces are {}", namespace::NAMESPACES.join(", "));
        return Err(Rejection::new(Code::UnknownNamespace, message).at("/event_type"));
    }
    Ok(())
}

fn check_value(value: &Value, kind: Kind, place: &str) -> Result<(), Rejection> {
    let wanted = match (kind, value) {
        (Kind::Object(fields), Value::Object(object)) => {
            for (name, value) in object {
                if let Some((_, kind)) = fields.iter().find(|(known, _)| known == name) {
                    check_value(value, *kind, &pointer(place, name))?;
                }
            }
            return Ok(());
        }
        (Kind::Any, _) | (Kind::Text, Value::String(_)) => return Ok(()),
        (Kind::Source, Value::String(name)) if Source::from_name(name).is_some() => return Ok(()),
        (Kind::Status, Value::String(name)) if Status::from_name(name).is_some() => return Ok(()),
        (Kind::Fraction, Value::Number(number)) if within(number, 1.0) => return Ok(()),
        (Kind::Duration, Value::Number(number)) if within(number, f64::MAX) => return Ok(()),
        (Kind::Count, Value::Number(number)) if number.as_u64().is_some_and(|count| count > 0) => return Ok(()),
        (Kind::Text, _) => "a string",
        (Kind::Source, _) => "mcp, hook, cli or system",
        (Kind::Status, _) => "one of the schema's eight statuses",
        (Kind::Fraction, _) => "a number from 0 to 1",
        (Kind::Duration, _) => "a number from 0",
        (Kind::Count, _) => "a whole number from 1",
        (Kind::Object(_), _) => "an object",
    };
    Err(Rejection::new(Code::InvalidField, format!("{} must be {wanted}", &place[1..])).at(place))
}

fn within(number: &serde_json::Number, most: f64) -> bool {
    number.as_f64().is_some_and(|number| (0.0..=most).contains(&number))
}

fn pointer(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::schema;

    const GOOD: &str = include_str!("../../tests/fixtures/event-v1.1.json");

    fn rejection(good: &str, bad: &str) -> (Code, String) {
        let json = GOOD.replace(good, bad);
        assert_ne!(json, GOOD, "{good}");
        let rejection = check(&json).unwrap_err();
        (rejection.code, rejection.pointer.unwrap())
    }

    #[test]
    fn both_versions_pass() {
        check(GOOD).unwrap();
        check(include_str!("../../tests/fixtures/event-v1.0.json")).unwrap();
    }

    #[test]
    fn each_deviation_is_named_with_its_place() {
        for (good, bad, code, place) in [
            ("\"cli\"", "\"web\"", Code::InvalidField, "/source"),
            ("\"cli\"", "7", Code::InvalidField, "/source"),
            ("\"source\"", "\"so/urce\"", Code::UnknownField, "/so~1urce"),
            (
                "task.completed",
                "quality_gate.passed",
                Code::UnknownNamespace,
                "/event_type",
            ),
            (
                "\"pr_number\":7",
                "\"pr_number\":0",
                Code::InvalidField,
                "/context/pr_number",
            ),
            ("\"trace-1\"", "{}", Code::InvalidField, "/correlation/trace_id"),
            ("1.1.0", "2.0.0", Code::InvalidField, "/version"),
        ] {
            assert_eq!(rejection(good, bad), (code, place.to_owned()), "{bad}");
        }
    }

    #[test]
    fn the_published_schema_has_the_same_fields() {
        let schema: Value = serde_json::from_str(schema::of_version("1.1").unwrap()).unwrap();
        let mut published: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let mut checked: Vec<_> = FIELDS.iter().map(|(name, _)| (*name).to_owned()).collect();
        published.sort();
        checked.sort();
        assert_eq!(published, checked);
        serde_json::from_str::<Value>(schema::of_version("1.0.0").unwrap()).unwrap();
        assert!(schema::of_version("2").is_none());
    }
}
