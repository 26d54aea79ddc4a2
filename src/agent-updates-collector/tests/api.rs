//! The HTTP contract, asked of a real server.

mod support;

use std::time::Duration;

use agent_updates_collector::config::Limits;
use agent_updates_collector::error::Error;
use agent_updates_collector::health;
use axum::http::StatusCode;
use rusqlite::Connection;
use serde_json::{json, Value};
use support::{event, refusal, settings, Collector};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

fn numbers(list: &Value) -> Vec<i64> {
    let events = list["events"].as_array().unwrap();
    events.iter().map(|item| item["event"]["n"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_fresh_service_is_alive_ready_and_says_what_it_is() {
    let collector = Collector::start().await;
    assert_eq!(collector.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(collector.get("/readyz").await.status, StatusCode::OK);
    let version = collector.get("/version").await.json();
    assert_eq!(version["name"], "agent-updates-collector");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version["sqlite"], "3.54.1");
    health::check(collector.api).await.unwrap();
}

#[tokio::test]
async fn one_object_is_stored_as_it_was_sent() {
    let collector = Collector::start().await;
    let sent = event(1).replace(',', ",\n  ");
    let answer = collector
        .post("/v1/events", "application/json; charset=utf-8", sent.clone())
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let receipt = json!({"accepted": 1, "duplicates": 0, "rejected": 0, "errors": [], "first_seq": 1, "last_seq": 1});
    assert_eq!(answer.json(), receipt);

    let list = collector.get("/v1/events").await;
    assert!(list.text.contains(&sent), "{}", list.text);
    assert_eq!(list.json()["events"][0]["seq"], 1);
    let received = list.json()["events"][0]["received_at"].as_str().unwrap().to_owned();
    assert!(received.starts_with("20") && received.ends_with('Z'), "{received}");
}

#[tokio::test]
async fn ndjson_keeps_the_good_lines_and_explains_the_bad_ones() {
    let collector = Collector::start().await;
    let body = format!("{}\r\nnot json\n\n{}\n{{\"version\":\"1.0.0\"}}", event(1), event(2));
    let answer = collector.post("/events", NDJSON, body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let receipt = answer.json();
    assert_eq!((&receipt["accepted"], &receipt["rejected"]), (&json!(2), &json!(2)));
    assert_eq!((&receipt["first_seq"], &receipt["last_seq"]), (&json!(1), &json!(2)));
    let errors = receipt["errors"].as_array().unwrap();
    assert_eq!(
        (&errors[0]["line"], &errors[0]["code"]),
        (&json!(2), &json!("invalid_json"))
    );
    assert_eq!(
        (&errors[1]["line"], &errors[1]["code"]),
        (&json!(5), &json!("missing_field"))
    );
    assert!(
        errors[1]["message"].as_str().unwrap().contains("event_type"),
        "{errors:?}"
    );
}

#[tokio::test]
async fn a_body_of_bad_events_only_is_422_and_lists_a_hundred_of_them() {
    let collector = Collector::start().await;
    let answer = collector.post("/v1/events", NDJSON, "x\n".repeat(250)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let receipt = answer.json();
    assert_eq!(receipt["rejected"], 250);
    assert_eq!(receipt["errors"].as_array().unwrap().len(), 100);
    assert!(receipt.get("first_seq").is_none());
}

#[tokio::test]
async fn the_newest_events_come_first_and_outlive_a_restart() {
    let collector = Collector::start().await;
    let body: String = (1..=3).map(|number| event(number) + "\n").collect();
    collector.post("/v1/events", NDJSON, body).await;
    collector.post("/v1/events", JSON, event(4)).await;

    let collector = collector.restart().await;
    assert_eq!(numbers(&collector.get("/v1/events?limit=3").await.json()), [4, 3, 2]);
    assert_eq!(numbers(&collector.get("/v1/events").await.json()), [4, 3, 2, 1]);
}

#[tokio::test]
async fn concurrent_writers_lose_nothing() {
    let collector = Collector::start().await;
    let (left, right) = tokio::join!(
        collector.post(
            "/v1/events",
            NDJSON,
            (0..50).map(|n| event(n) + "\n").collect::<String>()
        ),
        collector.post(
            "/v1/events",
            NDJSON,
            (50..100).map(|n| event(n) + "\n").collect::<String>()
        ),
    );
    assert_eq!((left.status, right.status), (StatusCode::OK, StatusCode::OK));
    let mut stored = numbers(&collector.get("/v1/events?limit=1000").await.json());
    stored.sort_unstable();
    assert_eq!(stored, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_client_does_wrong_is_a_problem_document() {
    let collector = Collector::start_with(Limits {
        body_bytes: 1000,
        ..Limits::default()
    })
    .await;
    let answers = [
        (collector.get("/nowhere").await, 404, "not_found"),
        (collector.get("/events").await, 405, "method_not_allowed"),
        (collector.post("/v1/events", JSON, "").await, 400, "empty_body"),
        (
            collector.post("/v1/events", JSON, "x".repeat(1001)).await,
            413,
            "body_too_large",
        ),
        (
            collector.post("/v1/events", "text/plain", event(1)).await,
            415,
            "unsupported_media_type",
        ),
        (collector.get("/v1/events?limit=0").await, 400, "invalid_query"),
        (collector.get("/v1/events?limit=1001").await, 400, "invalid_query"),
        (collector.get("/v1/events?limit=many").await, 400, "invalid_query"),
        (collector.get("/v1/events?limt=1").await, 400, "invalid_query"),
    ];
    for (answer, status, code) in answers {
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(
            (&answer.json()["status"], &answer.json()["code"]),
            (&json!(status), &json!(code))
        );
    }
    assert_eq!(numbers(&collector.get("/v1/events").await.json()), [0; 0]);
}

#[tokio::test]
async fn without_its_table_the_service_is_not_ready_and_hides_why() {
    let collector = Collector::start().await;
    let other = Connection::open(&collector.database).unwrap();
    other.execute_batch("DROP TABLE events").unwrap();

    assert_eq!(collector.get("/healthz").await.status, StatusCode::OK);
    for answer in [
        collector.get("/readyz").await,
        collector.get("/v1/events").await,
        collector.post("/v1/events", JSON, event(1)).await,
    ] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!answer.text.contains("table"), "{}", answer.text);
    }
    let error = health::check(collector.api).await.unwrap_err();
    assert!(
        matches!(error, Error::NotReady { .. }) && error.to_string().contains("503"),
        "{error}"
    );
}

#[tokio::test]
async fn the_metrics_count_what_was_taken_and_what_was_not() {
    let collector = Collector::start().await;
    let before = collector.scrape().await;
    assert!(before
        .header("content-type")
        .starts_with("application/openmetrics-text"));
    assert!(
        before
            .text
            .contains("agent_collector_events_accepted_total{source=\"none\"} 0\n"),
        "{}",
        before.text
    );

    collector
        .post("/v1/events", NDJSON, format!("{}\n{}\nx\n", event(1), event(2)))
        .await;
    let text = collector.scrape().await.text;
    for line in [
        "agent_collector_events_accepted_total{source=\"none\"} 2\n",
        "agent_collector_events_rejected_total{code=\"invalid_json\"} 1\n",
        "agent_collector_events_rejected_total{code=\"invalid_event\"} 0\n",
        concat!(
            "agent_collector_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\",sqlite=\"3.54.1\"} 1\n"
        ),
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn headers_that_do_not_end_close_the_connection() {
    let collector = Collector::start_with(Limits {
        headers: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let mut stream = TcpStream::connect(collector.api).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(
        !answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_body_that_does_not_end_is_answered_with_408() {
    let collector = Collector::start_with(Limits {
        body: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let mut stream = TcpStream::connect(collector.api).await.unwrap();
    let head = "POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_that_names_it() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path().join("other.db"));
    settings.listen = collector.api;
    let error = refusal(settings).await;
    assert!(error.to_string().contains(&collector.api.to_string()), "{error}");
}
