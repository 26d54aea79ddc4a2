//! Events in, in every form, and what becomes of them.

mod support;

use std::io::Write;

use agent_updates_collector::config::Limits;
use agent_updates_collector::ingest::Caps;
use axum::http::Method;
use flate2::write::GzEncoder;
use flate2::Compression;
use serde_json::{json, Value};
use support::{event, send_with, Answer, Collector};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

fn with_id(id: &str, number: u32) -> String {
    event(number).replacen('{', &format!("{{\"event_id\":\"{id}\","), 1)
}

fn tally(answer: &Answer) -> (u64, u64, u64) {
    let receipt = answer.json();
    let number = |name: &str| receipt[name].as_u64().unwrap();
    (number("accepted"), number("duplicates"), number("rejected"))
}

async fn packed(collector: &Collector, encoding: &str, body: Vec<u8>) -> Answer {
    let headers = [("content-type", NDJSON), ("content-encoding", encoding)];
    send_with(collector.api, Method::POST, "/v1/events", &headers, body.into())
        .await
        .unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_event_that_comes_again_is_stored_once_and_another_with_its_id_is_a_conflict() {
    let collector = Collector::start().await;
    let body = format!("{}\n{}\n{}\n", with_id("a", 1), with_id("a", 1), with_id("a", 2));
    let answer = collector.post("/v1/events", NDJSON, body).await;
    assert_eq!(tally(&answer), (1, 1, 1));
    let error = &answer.json()["errors"][0];
    assert_eq!((&error["line"], &error["code"]), (&json!(3), &json!("conflict")));

    let spaced = with_id("a", 1).replace(':', " : ").replace("03 : 04 : 05", "03:04:05");
    assert_eq!(tally(&collector.post("/v1/events", JSON, spaced).await), (0, 1, 0));
    assert_eq!(collector.post("/v1/events", JSON, with_id("a", 3)).await.status, 422);
    assert_eq!(collector.get("/v1/events/a").await.json()["event"]["n"], 1);
}

#[tokio::test]
async fn without_an_id_the_same_content_is_the_same_event() {
    let collector = Collector::start().await;
    assert_eq!(tally(&collector.post("/v1/events", JSON, event(1)).await), (1, 0, 0));
    assert_eq!(tally(&collector.post("/v1/events", JSON, event(1)).await), (0, 1, 0));
}

#[tokio::test]
async fn an_array_is_taken_and_its_elements_are_counted() {
    let collector = Collector::start().await;
    let answer = collector
        .post("/v1/events", JSON, format!("[{}, 7, {}]", event(1), event(2)))
        .await;
    assert_eq!(tally(&answer), (2, 0, 1));
    assert_eq!(answer.json()["errors"][0]["line"], 2);
}

#[tokio::test]
async fn an_atomic_request_is_taken_whole_or_not_at_all() {
    let collector = Collector::start().await;
    collector.post("/v1/events", JSON, with_id("a", 1)).await;
    for bad in ["not json".to_owned(), with_id("a", 2)] {
        let body = format!("{}\n{bad}\n{}", event(8), event(9));
        let answer = collector.post("/v1/events?atomic=true", NDJSON, body).await;
        assert_eq!((answer.status.as_u16(), tally(&answer)), (422, (0, 0, 3)), "{bad}");
        assert_eq!(answer.json()["errors"][0]["code"], "atomic");
    }
    assert_eq!(collector.get("/v1/stats").await.json()["events"], 1);
    let body = format!("{}\n{}\n{}", with_id("a", 1), event(8), event(9));
    assert_eq!(
        tally(&collector.post("/v1/events?atomic=true", NDJSON, body).await),
        (2, 1, 0)
    );
    assert_eq!(collector.get("/v1/stats").await.json()["events"], 3);
}

#[tokio::test]
async fn strict_checking_is_asked_for() {
    let collector = Collector::start().await;
    // The tests' event has a field that no schema has.
    let answer = collector.post("/v1/events?validate=strict", JSON, event(1)).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["errors"][0]["pointer"]),
        (422, &json!("/n"))
    );
    let good = include_str!("fixtures/event-v1.1.json");
    assert_eq!(
        tally(&collector.post("/v1/events?validate=strict", JSON, good).await),
        (1, 0, 0)
    );
    assert_eq!(
        collector.post("/v1/events?validate=sloppy", JSON, good).await.status,
        400
    );
}

#[tokio::test]
async fn packed_bodies_are_unpacked_and_bombs_are_413() {
    let collector = Collector::start().await;
    let lines = |from: u32| {
        (from..from + 50)
            .map(|n| event(n) + "\n")
            .collect::<String>()
            .into_bytes()
    };
    assert_eq!(tally(&packed(&collector, "gzip", gzip(&lines(0))).await), (50, 0, 0));
    let zstd = zstd::encode_all(&lines(50)[..], 3).unwrap();
    assert_eq!(tally(&packed(&collector, "zstd", zstd).await), (50, 0, 0));

    let bomb = vec![b' '; 64 << 20];
    assert_eq!(packed(&collector, "gzip", gzip(&bomb)).await.status, 413);
    assert_eq!(
        packed(&collector, "zstd", zstd::encode_all(&bomb[..], 3).unwrap())
            .await
            .status,
        413
    );
    assert_eq!(packed(&collector, "gzip", b"not gzip".to_vec()).await.status, 400);
    assert_eq!(packed(&collector, "br", b"x".to_vec()).await.status, 415);
}

#[tokio::test]
async fn too_many_events_are_413_and_too_large_ones_are_named() {
    let collector = Collector::start_with(Limits {
        caps: Caps {
            events: 10,
            event_bytes: 300,
            ..Caps::default()
        },
        ..Limits::default()
    })
    .await;
    let answer = collector.post("/v1/events", NDJSON, "x\n".repeat(11)).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (413, &json!("too_many_events"))
    );
    let large = event(1).replace('}', &format!(",\"x\":\"{}\"}}", "y".repeat(300)));
    let answer = collector
        .post("/v1/events", NDJSON, format!("{large}\n{}", event(2)))
        .await;
    assert_eq!(tally(&answer), (1, 0, 1));
    assert_eq!(answer.json()["errors"][0]["code"], "event_too_large");
}

#[tokio::test]
async fn every_shape_comes_back_out_of_the_queries() {
    let collector = Collector::start().await;
    for (shape, event_type, agent) in [
        (
            include_str!("fixtures/event-v1.0.json"),
            "activity.progress",
            "@backend-engineer@galway",
        ),
        (
            include_str!("fixtures/event-v1.1.json"),
            "task.completed",
            "@backend-engineer@galway",
        ),
        (
            include_str!("fixtures/hook-event.json"),
            "agent.progress",
            "claude-code@kinsale",
        ),
        (include_str!("fixtures/log-event.json"), "task.completed", "log-backlog"),
        (include_str!("fixtures/decision.json"), "decision.made", "log-agent"),
        (include_str!("fixtures/git-hook.json"), "git.commit", "git"),
    ] {
        let answer = collector.post("/events", JSON, shape).await;
        assert_eq!(tally(&answer), (1, 0, 0), "{}", answer.text);
        let seq = answer.json()["first_seq"].clone();
        let item = collector.get(&format!("/v1/events/{seq}")).await.json();
        assert_eq!(
            (item["event_type"].as_str(), item["agent_id"].as_str()),
            (Some(event_type), Some(agent))
        );
        let sent: Value = serde_json::from_str(shape).unwrap();
        assert_eq!(item["event"], sent);
    }
}

#[tokio::test]
async fn a_full_queue_is_429_and_says_when_to_come_again() {
    let collector = Collector::start_as(|mut settings| {
        settings.store.queue_events = 1;
        settings
    })
    .await;
    // Keeps the writer waiting.
    let other = rusqlite::Connection::open(&collector.database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let api = collector.api;
    let waiting = tokio::spawn(async move {
        let headers = [("content-type", JSON)];
        send_with(api, Method::POST, "/events", &headers, event(1).into())
            .await
            .unwrap()
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let refused = loop {
        let answer = collector.post("/events", JSON, event(2)).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"));
    assert_eq!(refused.json()["code"], "queue_full");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(tally(&waiting.await.unwrap()).2, 0);
    assert_eq!(collector.post("/events", JSON, event(3)).await.status, 200);
}

#[tokio::test]
async fn secrets_are_not_stored() {
    let collector = Collector::start().await;
    let sent = event(1).replace('}', ",\"message\":\"DB_PASSWORD=hunter2 ./run\"}");
    collector.post("/v1/events", JSON, sent).await;
    let item = collector.get("/v1/events/1").await;
    assert!(
        !item.text.contains("hunter2") && item.json()["tags"].to_string().contains("redacted"),
        "{}",
        item.text
    );
}

/// What breaks parsers: each is answered, none is a 5xx, and the service goes on.
#[tokio::test]
async fn hostile_bodies_are_answered_with_their_code() {
    let collector = Collector::start().await;
    let member = |value: &str| event(1).replace('}', &format!(",\"x\":{value}}}"));
    for (body, status) in [
        (member(&"[".repeat(100_000)), 422),
        (format!("[{}", "[".repeat(200_000)), 422),
        (member("\"\\ud800\""), 200),
        (member("1e999999"), 200),
        (member(&"9".repeat(5000)), 200),
        (member("\"\\u0000\""), 200),
        (member("1,\"n\":2"), 200),
        (member("1,\"agent_id\":\"b\""), 422),
        (event(1).replace("@a@b", "\\ud800"), 422),
        (event(1).replace("2026-01-02T03:04:05Z", "+999999-01-01T00:00:00Z"), 422),
        (event(1).replace("2026-01-02T03:04:05Z", "9999-12-30T00:00:00Z"), 200),
        (event(1).replace("2026-01-02T03:04:05Z", "0000-01-01T00:00:00Z"), 200),
        ("\0".repeat(1000), 422),
        ("\u{feff}".repeat(3), 422),
    ] {
        let answer = collector.post("/v1/events", NDJSON, body.clone()).await;
        let shown: String = body.chars().take(200).collect();
        assert_eq!(answer.status.as_u16(), status, "{shown}: {}", answer.text);
    }
    assert_eq!(collector.get("/readyz").await.status, 200);
    assert_eq!(collector.get("/v1/events?limit=1000").await.status, 200);
    assert_eq!(collector.get("/v1/export?format=csv").await.status, 200);
}
