//! Who may do what, and what a hostile client gets.

mod support;

use std::time::Duration;

use agent_updates_collector::config::{Layer, Limits, Settings, Token, Tokens};
use axum::http::Method;
use support::{event, send_with, settings, token, Answer, Collector};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

// printf %s NAME | sha256sum
const INGEST: &str = "ci:ingest:8b09cb9cc2e88f62da5fe0fc35baeb3f4e4f3d8c5b7e4e5b3cdf0f2ffb1d8b80";

async fn ask(collector: &Collector, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
    send_with(collector.api, method, path, headers, body.into())
        .await
        .unwrap()
}

#[tokio::test]
async fn each_scope_opens_its_routes_and_no_other() {
    let tokens: Tokens = vec![token("in", "ingest"), token("out", "read"), token("all", "admin")].into();
    let collector = Collector::start_as(|settings| Settings { tokens, ..settings }).await;
    for (name, post, get) in [
        ("in", 200, 403),
        ("out", 403, 200),
        ("all", 200, 200),
        ("none", 401, 401),
        ("", 401, 401),
    ] {
        let value = format!("Bearer {name}");
        let mut headers = vec![("content-type", "application/json")];
        if !name.is_empty() {
            headers.push(("authorization", &value));
        }
        let posted = ask(&collector, Method::POST, "/v1/events", &headers, event(1)).await;
        assert_eq!(posted.status.as_u16(), post, "{name}");
        let got = ask(&collector, Method::GET, "/v1/events", &headers, String::new()).await;
        assert_eq!(got.status.as_u16(), get, "{name}");
        if get == 401 {
            assert_eq!(got.header("www-authenticate"), "Bearer");
        }
    }
    let hook = ask(
        &collector,
        Method::POST,
        "/v1/hooks/claude",
        &[("content-type", "application/json")],
        "{}".into(),
    )
    .await;
    assert_eq!((hook.status.as_u16(), hook.text.as_str()), (401, ""));
    for path in ["/healthz", "/readyz", "/version", "/openapi.json", "/v1/schema/1.1"] {
        assert_eq!(collector.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let collector = Collector::start_as(|settings| Settings {
        allowed_hosts: vec!["collector.example.org".to_owned()],
        ..settings
    })
    .await;
    let own = collector.api.to_string();
    let own_origin = format!("http://{own}");
    for (headers, status) in [
        (vec![], 200),
        (vec![("host", "localhost:1")], 200),
        (vec![("host", "agent-collector:8080")], 200),
        (vec![("host", "collector.example.org")], 200),
        (vec![("host", "evil.example.com")], 403),
        (vec![("origin", own_origin.as_str())], 200),
        (vec![("origin", "https://collector.example.org")], 200),
        (vec![("origin", "https://evil.example.com")], 403),
        (vec![("origin", "null")], 403),
    ] {
        let answer = ask(&collector, Method::GET, "/v1/events", &headers, String::new()).await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    let headers = [
        ("origin", "https://evil.example.com"),
        ("content-type", "application/json"),
    ];
    let hook = ask(&collector, Method::POST, "/v1/hooks/claude", &headers, "{}".into()).await;
    assert_eq!((hook.status.as_u16(), hook.text.as_str()), (403, ""));
}

#[tokio::test]
async fn without_tokens_only_loopback_is_served_unless_somebody_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let open = Settings {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..settings(folder.path().join("x.db"))
    };
    let error = support::refusal(open).await.to_string();
    assert!(error.contains("unauthenticated_network"), "{error}");
    assert!(INGEST.parse::<Token>().is_ok());
    let layer = Layer {
        tokens: Some(vec![token("in", "ingest")]),
        ..Layer::default()
    };
    assert!(
        !format!("{:?}", Settings::from(layer)).contains("58dd024d"),
        "a hash is shown"
    );
}

#[tokio::test]
async fn slow_and_silent_clients_do_not_keep_others_out() {
    let collector = Collector::start_with(Limits {
        headers: Duration::from_millis(300),
        body: Duration::from_millis(300),
        connections: 50,
        ..Limits::default()
    })
    .await;
    let mut idle = Vec::new();
    for n in 0..200 {
        let mut stream = TcpStream::connect(collector.api).await.unwrap();
        if n % 2 == 0 {
            let head =
                "POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{";
            stream.write_all(head.as_bytes()).await.unwrap();
        }
        idle.push(stream);
    }
    let answer = timeout(Duration::from_secs(10), collector.get("/readyz"))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_cut_off() {
    let collector = Collector::start_with(Limits {
        stalled: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let large = event(1).replace('}', &format!(",\"x\":\"{}\"}}", "y".repeat(500_000)));
    for n in 0..40 {
        let body = large.replace("\"n\":1", &format!("\"n\":{n}"));
        collector.post("/v1/events", "application/json", body).await;
    }
    let mut stream = TcpStream::connect(collector.api).await.unwrap();
    stream
        .write_all(b"GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    sleep(Duration::from_secs(2)).await;
    assert!(collector
        .scrape()
        .await
        .text
        .contains("agent_collector_stream_clients 0\n"));
    // What had been sent before is all that comes.
    let mut rest = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(rest.len() < 20_000_000, "{}", rest.len());
}

#[tokio::test]
async fn a_body_at_a_byte_a_second_is_given_up() {
    let collector = Collector::start_with(Limits {
        body: Duration::from_millis(500),
        ..Limits::default()
    })
    .await;
    let mut stream = TcpStream::connect(collector.api).await.unwrap();
    let head = "POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"{").await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    let mut answer = [0; 12];
    timeout(Duration::from_secs(3), stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}
