//! The hooks of Claude Code.

mod support;

use agent_updates_collector::config::Settings;
use serde_json::json;
use support::Collector;

const JSON: &str = "application/json";

#[tokio::test]
async fn each_hook_is_taken_with_an_empty_answer_and_comes_back_out() {
    let collector = Collector::start().await;
    let hooks = [
        "SessionStart",
        "UserPromptSubmit",
        "PreToolUse",
        "PostToolUse",
        "PostToolUseFailure",
        "PermissionRequest",
        "PermissionDenied",
        "Notification",
        "SubagentStart",
        "SubagentStop",
        "Stop",
        "StopFailure",
        "PreCompact",
        "PostCompact",
        "Elicitation",
        "SessionEnd",
        "WorktreeCreate",
    ];
    for hook in hooks {
        let payload = json!({"session_id": "abc12345-1", "transcript_path": "/t", "cwd": "/w", "hook_event_name": hook,
            "permission_mode": "default", "tool_name": "Bash", "tool_use_id": format!("toolu_{hook}")});
        let answer = collector.post("/v1/hooks/claude", JSON, payload.to_string()).await;
        assert_eq!(
            (
                answer.status.as_u16(),
                answer.text.as_str(),
                answer.header("content-type")
            ),
            (204, "", "")
        );
    }
    let dropped = json!({"session_id": "abc12345-1", "hook_event_name": "MessageDisplay"});
    assert_eq!(
        collector
            .post("/v1/hooks/claude", JSON, dropped.to_string())
            .await
            .status,
        204
    );
    let list = collector.get("/v1/sessions/abc12345-1/timeline").await.json();
    let names: Vec<_> = list["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["event"]["hook_event_name"])
        .collect();
    assert_eq!(names, hooks.iter().collect::<Vec<_>>());
    assert_eq!(
        collector.get("/v1/agents/session-abc12345").await.json()["state"],
        "gone"
    );

    for (media_type, body, status) in [(JSON, "{", 400), (JSON, "{\"a\":1}", 400), ("text/plain", "{}", 415)] {
        let answer = collector.post("/v1/hooks/claude", media_type, body).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (status, ""));
    }
}

#[tokio::test]
async fn message_display_is_stored_when_it_is_asked_for() {
    let collector = Collector::start_as(|settings| Settings {
        store_message_display: true,
        ..settings
    })
    .await;
    let payload = json!({"session_id": "abc12345-1", "hook_event_name": "MessageDisplay"});
    collector.post("/v1/hooks/claude", JSON, payload.to_string()).await;
    assert_eq!(collector.get("/v1/stats").await.json()["events"], 1);
}
