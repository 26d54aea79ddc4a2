//! The description of the API is that of the routes: each is asked, and answers with what it says.

mod support;

use axum::http::Method;
use serde_json::Value;
use support::{send, Collector};

#[tokio::test]
async fn every_route_answers_with_a_status_and_a_type_that_it_describes() {
    let collector = Collector::start().await;
    collector
        .post(
            "/v1/events",
            "application/json",
            include_str!("fixtures/event-v1.1.json"),
        )
        .await;
    let document = collector.get("/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 17, "{:?}", paths.keys());
    for (path, operations) in paths {
        if path == "/v1/events/stream" {
            continue; // does not end
        }
        for (method, operation) in operations.as_object().unwrap() {
            assert!(
                operation["summary"].is_string() && operation["tags"].is_array(),
                "{method} {path}"
            );
            for id in [
                "1.1",
                "task-12",
                "trace-1",
                "@backend-engineer@galway",
                "session-abc12345",
                "x",
            ] {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let asked = path.replace("{id}", &id.replace('@', "%40")).replace("{version}", id);
                let media_type = (method == Method::POST).then_some("application/json");
                let answer = send(collector.api, method, &asked, media_type, "{}".into())
                    .await
                    .unwrap();
                let described = &operation["responses"][answer.status.as_str()];
                assert!(described.is_object(), "{asked}: {} is not described", answer.status);
                check_type(described, answer.header("content-type"), &asked);
            }
        }
    }
}

fn check_type(described: &Value, media_type: &str, asked: &str) {
    let essence = media_type.split(';').next().unwrap();
    match described["content"].as_object() {
        Some(content) => assert!(content.contains_key(essence), "{asked}: {media_type}"),
        None => assert_eq!(essence, "", "{asked}"),
    }
}
