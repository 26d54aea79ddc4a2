//! The description of the API is that of the routes: each is asked in every way that the description knows, and in those that
//! it rules out; status, media type and body are what it says, and every status that it names is seen.

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use agent_updates_collector::config::{Limits, Settings, Tokens};
use axum::body::Bytes;
use axum::http::Method;
use serde_json::{json, Value};
use support::schema::{values, violation};
use support::{begin, event, send_with, token, Collector};

const STREAM: &str = "/v1/events/stream";

/// The statuses for which something must go wrong that a request alone does not bring about; other tests see them.
const NOT_BY_A_REQUEST: [&str; 3] = ["408", "429", "503"];

/// Everything that an id of the fixtures may be, and what no id is.
const IDS: [&str; 10] = [
    "1.1",
    "1",
    "task-12",
    "trace-1",
    "%40backend-engineer%40galway",
    "session-abc12345",
    "nobody",
    "%00",
    "a%2Fb",
    "%ff", // not UTF-8
];

type Headers<'a> = Vec<(&'a str, &'a str)>;

/// The routes, and what was seen of them.
struct Asking {
    api: SocketAddr,
    document: Value,
    seen: BTreeSet<String>,
}

impl Asking {
    /// Asks, checks the answer against the description, and returns the status.
    async fn ask(&mut self, (path, method): (&str, &str), asked: &str, headers: &Headers<'_>, body: Bytes) -> u16 {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = format!("{verb} {asked} {headers:?}");
        let (status, media_type, text) = if path == STREAM {
            let answer = begin(self.api, verb, asked, headers, body).await.unwrap();
            let media_type = answer
                .headers()
                .get("content-type")
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            (answer.status(), media_type, None)
        } else {
            let answer = send_with(self.api, verb, asked, headers, body).await;
            let answer = answer.unwrap_or_else(|error| panic!("{request}: {error}"));
            (
                answer.status,
                answer.header("content-type").to_owned(),
                Some(answer.text),
            )
        };
        let described = &self.document["paths"][path][method]["responses"][status.as_str()];
        assert!(described.is_object(), "{request}: {status} is not described: {text:?}");
        let essence = media_type.split(';').next().unwrap();
        match (described["content"].as_object(), text) {
            (Some(content), text) => {
                let schema = content
                    .get(essence)
                    .unwrap_or_else(|| panic!("{request}: {media_type}"));
                if let (true, Some(text)) = (essence.ends_with("json") && !essence.contains("nd"), text) {
                    let value = serde_json::from_str(&text).unwrap();
                    let violation = violation(&self.document, &schema["schema"], &value, "");
                    assert_eq!(violation, None, "{request}: {text}");
                }
            }
            (None, text) => assert_eq!((essence, text.as_deref()), ("", Some("")), "{request}"),
        }
        self.seen.insert(format!("{method} {path} {}", status.as_str()));
        status.as_u16()
    }
}

#[test]
fn the_check_of_bodies_tells_what_is_wrong() {
    let document = json!({"s": {"Count": {"type": "integer", "minimum": 0}}});
    let schema = json!({
        "type": "object",
        "required": ["n"],
        "properties": {
            "n": {"$ref": "#/s/Count"},
            "state": {"type": "string", "enum": ["idle", "gone"]},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "all": {"type": "array", "items": {"oneOf": [{"type": "null"}, {"$ref": "#/s/Count"}]}},
        },
    });
    let wrong = |value: Value| violation(&document, &schema, &value, "").is_some();
    assert!(!wrong(
        json!({"n": 1, "state": "idle", "at": "2026-01-02T03:04:05Z", "all": [null, 7]})
    ));
    for value in [
        json!([]),
        json!({}),
        json!({"n": -1}),
        json!({"n": 1.5}),
        json!({"n": 1, "more": 1}),
        json!({"n": 1, "state": "asleep"}),
        json!({"n": 1, "at": "yesterday"}),
        json!({"n": 1, "all": [1, "x"]}),
    ] {
        assert!(wrong(value.clone()), "{value}");
    }
    let unknown = violation(&document, &json!({"maxLength": 3}), &json!("x"), "");
    assert!(unknown.is_some(), "a keyword went unchecked");
}

#[tokio::test]
async fn every_route_answers_as_described_to_all_that_is_described_and_to_what_is_not() {
    let tokens: Tokens = vec![token("in", "ingest"), token("out", "read"), token("all", "admin")].into();
    let limits = Limits {
        body_bytes: 100_000,
        ..Limits::default()
    };
    let change = |settings| Settings {
        tokens,
        limits,
        ..settings
    };
    let collector = Collector::start_as(change).await;
    let document = collector.get("/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut asking = Asking {
        api: collector.api,
        seen: BTreeSet::new(),
        document: document.clone(),
    };
    send_events(&mut asking).await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 17, "{:?}", paths.keys());
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(
                operation["summary"].is_string() && operation["tags"].is_array(),
                "{method} {path}"
            );
            if method == "get" {
                question(&mut asking, path, operation).await;
            }
            if operation["responses"]["401"].is_object() {
                let route = (path.as_str(), method.as_str());
                let asked = path.replace("{id}", "x");
                let wrong = if method == "get" { "Bearer in" } else { "Bearer out" };
                for (value, status) in [("", 401), ("Bearer nobody", 401), ("Basic in", 401), (wrong, 403)] {
                    let headers = vec![("authorization", value), ("content-type", "application/json")];
                    assert_eq!(
                        asking.ask(route, &asked, &headers, "{}".into()).await,
                        status,
                        "{route:?} {value}"
                    );
                }
            }
            for status in operation["responses"].as_object().unwrap().keys() {
                let seen = asking.seen.contains(&format!("{method} {path} {status}"));
                assert!(
                    seen || NOT_BY_A_REQUEST.contains(&status.as_str()),
                    "{method} {path} is described with {status}, which nothing brought about"
                );
            }
        }
    }
}

/// A route that answers, with each of its parameters.
async fn question(asking: &mut Asking, path: &str, operation: &Value) {
    let (route, headers) = ((path, "get"), vec![("authorization", "Bearer out")]);
    let is_named = path.contains('{');
    let name = operation["parameters"][0]["name"].as_str().unwrap_or_default();
    for id in IDS {
        let asked = path.replace(&format!("{{{name}}}"), id);
        asking.ask(route, &asked, &headers, Bytes::new()).await;
        if !is_named {
            break;
        }
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters: Vec<_> = parameters.filter(|parameter| parameter["in"] == "query").collect();
    for parameter in &parameters {
        let key = parameter["name"].as_str().unwrap();
        let (allowed, refused) = values(&parameter["schema"]);
        for id in IDS.iter().filter(|id| **id != "%ff").take(if is_named { 9 } else { 1 }) {
            let base = path.replace("{id}", id);
            for value in &allowed {
                let asked = format!("{base}?{key}={value}");
                let status = asking.ask(route, &asked, &headers, Bytes::new()).await;
                assert!(status == 200 || is_named && status == 404, "{asked}: {status}");
            }
            for value in &refused {
                let asked = format!("{base}?{key}={}", value.replace(' ', "%20"));
                assert_eq!(asking.ask(route, &asked, &headers, Bytes::new()).await, 400, "{asked}");
            }
        }
    }
    if !parameters.is_empty() {
        let unknown = format!("{}?no_such=1", path.replace("{id}", "task-12"));
        assert_eq!(
            asking.ask(route, &unknown, &headers, Bytes::new()).await,
            400,
            "{unknown}"
        );
    }
}

/// Bodies, good and bad, to the two routes that take some.
async fn send_events(asking: &mut Asking) {
    let fixture = include_str!("fixtures/event-v1.1.json");
    let conflict = fixture.replace("1.1.0", "1.2.0");
    let large = event(1).replace('}', &format!(",\"x\":\"{}\"}}", "y".repeat(100_000)));
    let hook = r#"{"hook_event_name":"Stop","session_id":"5e551011"}"#;
    let (json, lines) = ("application/json", "application/x-ndjson");
    let (events, hooks) = ("/v1/events", "/v1/hooks/claude");
    for (path, query, media_type, encoding, body, status) in [
        (events, "", json, "", fixture, 200),
        (
            events,
            "",
            lines,
            "identity",
            &[&event(1), "", "{}", "no", fixture].join("\n"),
            200,
        ),
        (events, "?atomic=true", json, "", &format!("[{},{{}}]", event(2)), 422),
        (
            events,
            "?atomic=false&validate=lenient",
            json,
            "",
            &format!("[{}]", event(3)),
            200,
        ),
        (events, "?validate=strict", json, "", &event(4), 422), // `n` is not in the schema
        (events, "", json, "", &conflict, 422),
        (events, "", json, "", "[1,2,null,\"x\"]", 422),
        (events, "", json, "", "", 400),
        (events, "", json, "", "[]", 400),
        (events, "?atomic=maybe", json, "", fixture, 400),
        (events, "?no_such=1", json, "", fixture, 400),
        (events, "", json, "gzip", "not packed", 400),
        (events, "", "text/plain", "", fixture, 415),
        (events, "", "", "", fixture, 415),
        (events, "", json, "br", fixture, 415),
        (events, "", json, "", &large, 413),
        (hooks, "", json, "", hook, 204),
        (hooks, "", json, "", "{}", 400),
        (hooks, "", json, "", "[", 400),
        (hooks, "", "text/plain", "", hook, 415),
        (hooks, "", json, "", &large, 413),
    ] {
        let headers = [
            ("authorization", "Bearer in"),
            ("content-type", media_type),
            ("content-encoding", encoding),
        ];
        let headers = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let asked = format!("{path}{query}");
        let found = asking
            .ask((path, "post"), &asked, &headers, body.to_owned().into())
            .await;
        assert_eq!(
            found,
            status,
            "{asked} {media_type} {encoding} {}",
            &body[..body.len().min(100)]
        );
    }
}
