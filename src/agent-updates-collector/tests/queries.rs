//! Every question that can be asked.

mod support;

use std::time::Duration;

use agent_updates_collector::config::Settings;
use serde_json::{json, Value};
use support::{event, Collector};

const NDJSON: &str = "application/x-ndjson";

fn seqs(list: &Value) -> Vec<i64> {
    list["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["seq"].as_i64().unwrap())
        .collect()
}

/// Twelve events that differ in everything.
async fn filled() -> Collector {
    let collector = Collector::start().await;
    let kinds = ["git.merged", "git.commit", "activity.progress"];
    let mut lines = String::new();
    for n in 1..=12 {
        let (odd, three) = (n % 2, n % 3);
        let event = json!({
            "version": "1.1.0",
            "event_type": kinds[three],
            "timestamp": format!("2026-01-{n:02}T00:00:00Z"),
            "agent_id": format!("@agent-{odd}@x"),
            "session_id": format!("session-{three}"),
            "source": if odd == 1 { "mcp" } else { "cli" },
            "tool": if three == 2 { json!({"tool_name": "Bash", "duration_ms": n * 10}) } else { json!(null) },
            "context": if n > 9 { json!({"task_id": "task-1", "branch_name": "b"}) } else { json!(null) },
            "correlation": if n < 4 { json!({"trace_id": "t/1", "span_id": n.to_string(), "parent_span_id": (n - 1).to_string()}) } else { json!(null) },
            "message": format!("Number_{n}"),
        });
        lines.push_str(&event.to_string());
        lines.push('\n');
    }
    let answer = collector.post("/v1/events", NDJSON, lines).await;
    assert_eq!(answer.json()["accepted"], 12, "{}", answer.text);
    collector
}

#[tokio::test]
async fn each_filter_finds_its_events_and_filters_combine() {
    let collector = filled().await;
    for (query, expected) in [
        ("agent=%40agent-1%40x", vec![11, 9, 7, 5, 3, 1]),
        ("session=session-2", vec![11, 8, 5, 2]),
        ("type=git.merged", vec![12, 9, 6, 3]),
        ("type=git.*", vec![12, 10, 9, 7, 6, 4, 3, 1]),
        ("type=git.merged,activity.progress", vec![12, 11, 9, 8, 6, 5, 3, 2]),
        ("status=completed", vec![12, 9, 6, 3]),
        ("task=task-1", vec![12, 11, 10]),
        ("branch=b", vec![12, 11, 10]),
        ("trace=t%2F1", vec![3, 2, 1]),
        ("source=mcp", vec![11, 9, 7, 5, 3, 1]),
        ("tool=Bash", vec![11, 8, 5, 2]),
        ("from=2026-01-11T00:00:00Z", vec![12, 11]),
        ("to=2026-01-03T00:00:00Z", vec![2, 1]),
        ("from=2026-01-03T00:00:00Z&to=2026-01-05T00:00:00Z", vec![4, 3]),
        ("q=number_1", vec![12, 11, 10, 1]),
        ("q=number%251", vec![]),
        ("agent=%40agent-1%40x&tool=Bash&status=progress", vec![11, 5]),
        ("task=task-1&type=git.*&source=cli", vec![12, 10]),
        ("agent=nobody", vec![]),
        ("type=nothing.*", vec![]),
        ("session=session-2&order=asc&limit=2", vec![2, 5]),
    ] {
        let answer = collector.get(&format!("/v1/events?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(seqs(&answer.json()), expected, "{query}");
    }
    for query in [
        "status=happy",
        "source=web",
        "from=yesterday",
        "type=*.x",
        "type=",
        "limit=0",
        "cursor=x",
        "colour=red",
    ] {
        assert_eq!(
            collector.get(&format!("/v1/events?{query}")).await.status,
            400,
            "{query}"
        );
    }
}

#[tokio::test]
async fn pages_follow_each_other_in_both_orders_without_gap_or_repeat() {
    let collector = filled().await;
    for (query, whole) in [
        ("order=desc", (1..=12).rev().collect::<Vec<_>>()),
        ("order=asc", (1..=12).collect()),
        ("order=asc&type=git.*", vec![1, 3, 4, 6, 7, 9, 10, 12]),
        ("order=desc&source=cli", vec![12, 10, 8, 6, 4, 2]),
    ] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = collector
                .get(&format!("/v1/events?{query}&limit=5{cursor}"))
                .await
                .json();
            found.extend(seqs(&page));
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, whole, "{query}");
    }
    let counted = collector.get("/v1/events?type=git.*&limit=1&total=true").await.json();
    assert_eq!(counted["total"], json!({"events": 8, "complete": true}));
}

#[tokio::test]
async fn one_event_is_found_by_its_id_and_by_its_place() {
    let collector = Collector::start().await;
    let v1 = include_str!("fixtures/event-v1.0.json");
    collector.post("/v1/events", "application/json", v1).await;
    let by_id = collector
        .get("/v1/events/7F9C24E8-3B12-4f6f-9d65-1c1f0a7e9b11")
        .await
        .json();
    assert_eq!(by_id, collector.get("/v1/events/1").await.json());
    assert_eq!(by_id["timestamp"], "2026-01-02T02:04:05.678Z");
    for path in ["/v1/events/2", "/v1/events/x", "/v1/events/-1", "/v1/events/%00"] {
        assert_eq!(collector.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_read_models_answer() {
    let collector = filled().await;
    let agents = collector.get("/v1/agents").await.json();
    assert_eq!(agents["agents"].as_array().unwrap().len(), 2);
    let agent = collector.get("/v1/agents/%40agent-1%40x").await.json();
    assert_eq!((&agent["events"], &agent["state"]), (&json!(6), &json!("active")));
    assert_eq!(agent["last_status_event"]["seq"], 11);
    assert_eq!(collector.get("/v1/agents/%40agent-0%40x").await.json()["state"], "idle");

    let timeline = collector.get("/v1/sessions/session-2/timeline").await.json();
    assert_eq!(seqs(&timeline), [2, 5, 8, 11]);
    let task = collector.get("/v1/tasks/task-1").await.json();
    assert_eq!((seqs(&task), &task["status"]), (vec![10, 11, 12], &json!("completed")));

    let trace = collector.get("/v1/traces/t%2F1").await.json();
    let spans: Vec<_> = trace["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| (&span["span_id"], &span["depth"]))
        .collect();
    assert_eq!(
        spans,
        [
            (&json!("1"), &json!(0)),
            (&json!("2"), &json!(1)),
            (&json!("3"), &json!(2))
        ]
    );
    assert_eq!(trace["spans"][0]["orphan"], true);

    let tools = collector.get("/v1/tools/stats").await.json();
    assert_eq!(
        tools["tools"],
        json!([{"tool": "Bash", "calls": 4, "errors": 0, "mean_ms": 65.0, "p50_ms": 64, "p95_ms": 128}])
    );
    let early = collector.get("/v1/tools/stats?to=2026-01-05T00:00:00Z").await.json();
    assert_eq!(early["tools"][0]["calls"], 1);

    let stats = collector.get("/v1/stats").await.json();
    assert_eq!(
        (&stats["events"], &stats["agents"], &stats["last_seq"]),
        (&json!(12), &json!(2), &json!(12))
    );
    assert_eq!(
        stats["kinds"][0],
        json!({"event_type": "activity.progress", "status": "progress", "events": 4})
    );

    for path in ["/v1/agents/x", "/v1/sessions/x/timeline", "/v1/tasks/x", "/v1/traces/x"] {
        assert_eq!(collector.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn decisions_of_both_shapes_are_listed() {
    let collector = filled().await;
    assert_eq!(seqs(&collector.get("/v1/decisions").await.json()), [0; 0]);
    collector
        .post("/v1/events", "application/json", include_str!("fixtures/decision.json"))
        .await;
    let native = event(1).replace("activity.progress", "decision.logged");
    collector.post("/v1/events", "application/json", native).await;
    assert_eq!(seqs(&collector.get("/v1/decisions").await.json()), [14, 13]);
    assert_eq!(seqs(&collector.get("/v1/decisions?task=task-12").await.json()), [13]);
    let listed = collector
        .get("/v1/decisions?type=git.merged,decision.made")
        .await
        .json();
    assert_eq!(seqs(&listed), [13]);
    assert_eq!(
        seqs(&collector.get("/v1/decisions?type=git.merged").await.json()),
        [0; 0]
    );
}

#[tokio::test]
async fn an_agent_is_idle_after_its_stop_and_gone_after_its_end_or_a_silence() {
    let collector = Collector::start_as(|settings| Settings {
        heartbeat: Duration::from_millis(300),
        ..settings
    })
    .await;
    let hook = |name: &str| json!({"session_id": "abc12345", "hook_event_name": name}).to_string();
    for (name, state) in [
        ("SessionStart", "active"),
        ("UserPromptSubmit", "active"),
        ("PermissionRequest", "waiting"),
        ("PermissionDenied", "blocked"),
        ("StopFailure", "error"),
        ("Stop", "idle"),
        ("WorktreeCreate", "idle"),
        ("UserPromptSubmit", "active"),
        ("SessionEnd", "gone"),
        ("UserPromptSubmit", "active"),
    ] {
        collector.post("/v1/hooks/claude", "application/json", hook(name)).await;
        assert_eq!(
            collector.get("/v1/agents/session-abc12345").await.json()["state"],
            state,
            "{name}"
        );
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(
        collector.get("/v1/agents/session-abc12345").await.json()["state"],
        "gone"
    );
}

#[tokio::test]
async fn a_clock_that_is_years_ahead_or_behind_does_not_freeze_an_agent() {
    let collector = Collector::start().await;
    let at = |time: &str, kind: &str| {
        event(1)
            .replace("2026-01-02T03:04:05Z", time)
            .replace("activity.progress", kind)
    };
    for (time, kind, state) in [
        ("2016-01-01T00:00:00Z", "activity.progress", "active"),
        ("2999-01-01T00:00:00Z", "coordination.waiting", "waiting"),
        ("2999-01-01T00:00:00Z", "coordination.blocked", "blocked"),
    ] {
        collector.post("/v1/events", "application/json", at(time, kind)).await;
        assert_eq!(
            collector.get("/v1/agents/%40a%40b").await.json()["state"],
            state,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn the_export_has_everything_in_both_forms() {
    let collector = filled().await;
    let ndjson = collector.get("/v1/export").await;
    let lines: Vec<Value> = ndjson
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines
            .iter()
            .map(|line| line["seq"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        (1..=12).collect::<Vec<_>>()
    );
    let csv = collector.get("/v1/export?format=csv&type=git.*").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert_eq!(csv.text.lines().count(), 9);
    assert!(csv.text.starts_with("seq,received_at,"));
    assert_eq!(collector.get("/v1/export?format=xml").await.status, 400);
}
