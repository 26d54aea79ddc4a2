//! Streams of events: no gap, no repeat, and an end.

mod support;

use std::time::Duration;

use axum::http::Method;
use serde_json::json;
use support::{event, send_with, Collector};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const NDJSON: &str = "application/x-ndjson";

/// Reads the ids of a stream, in another task, until there are enough.
async fn stream_ids(collector: &Collector, query: &str, last: Option<&str>, wanted: usize) -> Vec<i64> {
    let mut stream = TcpStream::connect(collector.api).await.unwrap();
    let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
    let head = format!("GET /v1/events/stream{query} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut ids = Vec::new();
    while ids.len() < wanted {
        let line = timeout(Duration::from_secs(20), lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        if let Some(id) = line.strip_prefix("id: ") {
            ids.push(id.parse().unwrap());
        }
    }
    ids
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke_off_without_gap_or_repeat_while_events_come() {
    let collector = Collector::start().await;
    let api = collector.api;
    let writer = tokio::spawn(async move {
        for batch in 0..40 {
            let body: String = (0..25).map(|n| event(batch * 25 + n) + "\n").collect();
            send_with(api, Method::POST, "/events", &[("content-type", NDJSON)], body.into())
                .await
                .unwrap();
        }
    });
    let mut ids: Vec<i64> = Vec::new();
    while ids.len() < 1000 {
        let last = ids.last().copied().unwrap_or(0).to_string();
        let wanted = 170.min(1000 - ids.len());
        ids.extend(stream_ids(&collector, "", Some(&last), wanted).await);
    }
    writer.await.unwrap();
    assert_eq!(ids, (1..=1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_has_its_filter_and_begins_with_what_comes_next() {
    let collector = Collector::start().await;
    for (id, event_type) in ["git.merged", "activity.progress", "git.commit", "git.merged"]
        .iter()
        .enumerate()
    {
        let sent = json!({"version": "1.1.0", "event_type": event_type, "timestamp": "2026-01-02T03:04:05Z",
            "agent_id": "a", "event_id": id.to_string()});
        collector.post("/v1/events", "application/json", sent.to_string()).await;
    }
    assert_eq!(stream_ids(&collector, "?after=0&type=git.*", None, 3).await, [1, 3, 4]);
    let (ids, ()) = tokio::join!(stream_ids(&collector, "", None, 1), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        collector.post("/v1/events", "application/json", event(1)).await;
    });
    assert_eq!(ids, [5]);
    assert_eq!(collector.get("/v1/events/stream?after=x").await.status, 400);
}

#[tokio::test]
async fn more_streams_than_may_be_are_refused_and_a_stop_ends_them() {
    let collector = Collector::start_as(|mut settings| {
        settings.limits.streams = 1;
        settings
    })
    .await;
    let mut stream = TcpStream::connect(collector.api).await.unwrap();
    stream
        .write_all(b"GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next_line().await.unwrap().unwrap().contains("200"));
    let refused = collector.get("/v1/events/stream").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (503, &json!("too_many_streams"))
    );
    timeout(Duration::from_secs(3), collector.stop()).await.unwrap();
}
