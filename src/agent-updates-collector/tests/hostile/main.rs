//! The program itself under what no honest client does: a thousand connections that do not go on, and damaged bodies.

mod damage;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use agent_updates_collector::server::raise_file_limit;
use agent_updates_collector::store::verify::verify;
use axum::body::Bytes;
use axum::http::Method;
use damage::Damage;
use serde::de::IgnoredAny;
use support::program::Serving;
use support::random::number;
use support::{event, send, send_with, Answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{timeout, Instant};

const JSON: &str = "application/json";

/// How long the slowest machine may take for a small answer.
const SOON: Duration = Duration::from_secs(10);

/// The header and body timeouts that the README names.
const CUT_OFF: Duration = Duration::from_secs(30);

/// What so many connections may cost; a connection needs some 10 KiB.
const IDLE_KILOBYTES: u64 = 48 << 10;

/// What is read of a body, twice the limit of one; who sends more may lose the connection before the answer.
const READ_AT_MOST: usize = 8 << 20;

/// The service's memory at its highest: 16 MiB of an unpacked body, what is made of it, and the database's caches.
const HOSTILE_KILOBYTES: u64 = 200 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_do_not_go_on_cost_little_and_are_cut_off_in_time() {
    raise_file_limit().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // As a system starts it that allows few files at first.
    let serving = Serving::program_after("ulimit -S -n 256", &folder.path().join("x.db"));
    let post = |number| {
        send(
            serving.api,
            Method::POST,
            "/v1/events",
            Some(JSON),
            event(number).into(),
        )
    };
    assert_eq!(post(1).await.unwrap().status, 200);
    let before = serving.kilobytes("VmRSS");

    let mut open = Vec::new();
    for beginning in [
        "",
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Ty",
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n{",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    .into_iter()
    .cycle()
    .take(1000)
    {
        let mut stream = TcpStream::connect(serving.api).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        open.push(stream);
    }
    let last = Instant::now();

    let stored = timeout(SOON, post(2))
        .await
        .expect("events wait behind those that send nothing");
    assert_eq!(stored.unwrap().status, 200);
    let ready = timeout(SOON, send(serving.api, Method::GET, "/readyz", None, Bytes::new()));
    assert_eq!(ready.await.expect("it does not answer").unwrap().status, 200);
    let grown = serving.kilobytes("VmHWM").saturating_sub(before);
    println!("1000 connections: {grown} KiB");
    assert!(grown < IDLE_KILOBYTES, "{grown} KiB for a thousand connections");

    for stream in &mut open {
        let mut answer = String::new();
        let _ = timeout(
            last + CUT_OFF + SOON - Instant::now(),
            stream.read_to_string(&mut answer),
        )
        .await
        .expect("a connection is still open");
        let expected = ["", "HTTP/1.1 408", "HTTP/1.1 200"].map(|start| answer.starts_with(start));
        assert!(answer.is_empty() || expected[1] || expected[2], "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_bodies_are_answered_and_cost_neither_the_service_nor_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("x.db");
    let serving = Serving::program(&database);
    let mut damage = Damage::new();
    for case in 0..number("CASES").unwrap_or(500) {
        let (path, encoding, body) = damage.next(case);
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        let headers = [("content-type", JSON), ("content-encoding", encoding)];
        let size = body.len();
        let answer = match send_with(serving.api, Method::POST, path, &headers, body.into()).await {
            Ok(answer) => answer,
            Err(_) if size > READ_AT_MOST => continue,
            Err(error) => panic!("case {case}, {path}: {error}\n{}\n{shown}", serving.log()),
        };
        check(
            path,
            &answer,
            &format!("case {case}, {path}, {encoding}: {answer:?}\n{shown}"),
        );
    }
    assert!(!serving.log().contains("panicked"), "{}", serving.log());
    let ready = send(serving.api, Method::GET, "/readyz", None, Bytes::new()).await;
    assert_eq!(ready.unwrap().status, 200);
    let export = send(serving.api, Method::GET, "/v1/export", None, Bytes::new())
        .await
        .unwrap();
    assert!(
        export.text.lines().count() > 10,
        "too little was taken for this to show anything"
    );
    for line in export.text.lines() {
        // No values are made: half a surrogate pair is JSON, and is kept as it was sent.
        serde_json::from_str::<IgnoredAny>(line).unwrap_or_else(|error| panic!("stored, and no JSON: {error}: {line}"));
    }
    let most = serving.kilobytes("VmHWM");
    println!("at most {most} KiB");
    assert!(most < HOSTILE_KILOBYTES, "{most} KiB");
    drop(serving);
    verify(&database).unwrap();
}

/// An answer says what became of the body, and never that the service failed.
fn check(path: &str, answer: &Answer, context: &str) {
    match (path, answer.status.as_u16()) {
        ("/v1/hooks/claude", 204 | 400 | 413) => assert_eq!(answer.text, "", "{context}"),
        (_, 200 | 422) => {
            let receipt = answer.json();
            let counts = ["accepted", "duplicates", "rejected"].map(|name| receipt[name].as_u64().unwrap());
            assert!(counts.iter().sum::<u64>() > 0, "{context}");
            assert_eq!(answer.status == 200, counts[0] + counts[1] > 0, "{context}");
        }
        (_, 400 | 413) => assert!(answer.json()["code"].is_string(), "{context}"),
        _ => panic!("{context}"),
    }
}
