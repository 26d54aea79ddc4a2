//! The schemas of the API's description: checks values against them, and makes some that they allow and some that they do not.

use agent_updates_collector::event::microseconds;
use regex::Regex;
use serde_json::Value;

/// Why a value is not what a schema says, with its place; `None` if it is. An object has no other members than are described, if
/// any are, and a keyword that this does not know is a failure: nothing is left unchecked.
pub fn violation(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let keywords = schema.as_object().unwrap();
    keywords.iter().find_map(|(keyword, rule)| {
        let holds = match keyword.as_str() {
            "description" | "example" | "default" | "title" => true,
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                return violation(document, document.pointer(pointer).unwrap(), value, at);
            }
            "oneOf" => {
                let matches = |rule: &&Value| violation(document, rule, value, at).is_none();
                rule.as_array().unwrap().iter().filter(matches).count() == 1
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                return items.find_map(|(index, item)| violation(document, rule, item, &format!("{at}/{index}")));
            }
            "properties" => {
                let mut members = value.as_object().into_iter().flatten();
                return members.find_map(|(name, member)| match rule.get(name) {
                    Some(rule) => violation(document, rule, member, &format!("{at}/{name}")),
                    None => Some(format!("{at}/{name} is not described")),
                });
            }
            "required" => {
                let mut names = rule.as_array().unwrap().iter();
                !value.is_object() || names.all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|kind| is_of(value, kind)),
                kind => is_of(value, kind),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => !value.is_number() || value.as_f64() >= rule.as_f64(),
            "maximum" => !value.is_number() || value.as_f64() <= rule.as_f64(),
            "pattern" => value
                .as_str()
                .map_or(true, |text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
            "format" => match (rule.as_str().unwrap(), value.as_str()) {
                ("date-time", Some(text)) => microseconds(text).is_ok(),
                ("int32", None) => value.as_i64().map_or(true, |number| i32::try_from(number).is_ok()),
                ("int64" | "double", None) => true,
                _ => value.is_null(),
            },
            _ => false,
        };
        (!holds).then(|| format!("{at}: {keyword} {rule} does not hold for {value}"))
    })
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

/// Values of a parameter that its schema allows, and ones that it does not.
pub fn values(schema: &Value) -> (Vec<String>, Vec<String>) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    if let Some(allowed) = schema["enum"].as_array() {
        return (allowed.iter().map(text).collect(), owned(&["other", "", "1"]));
    }
    match (schema["type"].as_str().unwrap(), schema["pattern"].as_str()) {
        ("boolean", _) => (owned(&["true", "false"]), owned(&["yes", "", "2"])),
        ("integer", _) => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(least), Some(most)) => (
                [least, most].map(|number| number.to_string()).into(),
                owned(&[&(least - 1).to_string(), &(most + 1).to_string(), "1.5", "x", "", "-1"]),
            ),
            _ => (owned(&["0", "7"]), owned(&["x", "", "1.5", "99999999999999999999"])),
        },
        ("string", Some(pattern)) => {
            let pattern = Regex::new(pattern).unwrap();
            let words = owned(&[
                "a0",
                "b7",
                "7.7",
                "git.*",
                "git.merged,activity.tool_use",
                "error",
                "mcp",
            ]);
            let allowed: Vec<_> = words.into_iter().filter(|word| pattern.is_match(word)).collect();
            assert!(!allowed.is_empty(), "no word for {pattern}");
            (allowed, owned(&["%00", "no such", "-1", "*"]))
        }
        ("string", None) if schema["format"] == "date-time" => (
            owned(&["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5%2B02:00"]),
            owned(&["yesterday", "2026-01-02", "2026-13-02T03:04:05Z", "1767323045"]),
        ),
        // A name may be anything.
        ("string", None) => (owned(&["x", "", "%00", "%F0%9F%92%A9", "a%26b"]), Vec::new()),
        other => panic!("{other:?}"),
    }
}
