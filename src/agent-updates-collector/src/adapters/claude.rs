//! The payloads of Claude Code's hooks.

use serde::Deserialize;

use super::{agent, is_text, Adapter};
use crate::event::lenient::Field;
use crate::event::parse::{read as read_object, text, Notes};
use crate::event::{Code, EventKey, Record, Rejection, Source, Status, Tags};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "Claude Code hook",
    recognises: |keys| is_text(&keys.hook_event_name),
    read,
};

/// The hook that comes with every piece of output; see `store_message_display` in the settings.
pub const MESSAGE_DISPLAY: &str = "hook.message_display";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload<'a> {
    #[serde(borrow)]
    hook_event_name: Field<'a>,
    #[serde(borrow)]
    session_id: Field<'a>,
    #[serde(borrow)]
    agent_id: Field<'a>,
    #[serde(borrow)]
    tool_name: Field<'a>,
    #[serde(borrow)]
    tool_use_id: Field<'a>,
    duration_ms: Field<'a>,
    #[serde(borrow)]
    notification_type: Field<'a>,
    #[serde(borrow)]
    message: Field<'a>,
}

/// Reads a payload. It has no time of its own, so it gets the collector's.
///
/// # Errors
///
/// When the text is no JSON object with a `hook_event_name`.
pub fn read(json: &str, received_us: i64) -> Result<Record, Rejection> {
    let payload: Payload<'_> = read_object(json.trim())?;
    let Some(hook) = text(payload.hook_event_name).filter(|hook| hook.len() <= 64) else {
        return Err(Rejection::new(Code::MissingField, "hook_event_name is missing").at("/hook_event_name"));
    };
    let mut notes = Notes::default();
    let session = notes.name(payload.session_id);
    // In subagents the payload names the subagent; otherwise the session is the agent.
    let named = notes.name(payload.agent_id);
    let named = named.or_else(|| session.as_deref().map(agent_of_session));
    let agent = agent(named, || "claude-code".to_owned(), &mut notes);
    let event_type = format!("hook.{}", snake_case(&hook));

    let mut record = Record::new(agent, event_type, received_us, json.trim().to_owned());
    record.source = Some(Source::Hook);
    record.status = status(&hook, &payload.notification_type, &payload.message);
    record.tool = notes.name(payload.tool_name);
    record.duration_ms = notes.milliseconds(&payload.duration_ms);
    if hook == "PostToolUseFailure" {
        notes.tags.insert(Tags::TOOL_ERROR);
    }
    // A hook that runs twice for one call (in the user's and in the project's settings, say) is one event. Others have
    // nothing that tells a repetition from the next one.
    record.key = text(payload.tool_use_id).map(|call| {
        EventKey::of_content(&[
            "claude-hook",
            session.as_deref().unwrap_or_default(),
            &record.agent,
            &hook,
            &call,
        ])
    });
    record.session = session;
    record.tags.insert(notes.tags);
    record.tags.insert(Tags::ADAPTED);
    record.tags.insert(Tags::TIMESTAMP_ASSIGNED);
    Ok(record)
}

/// The name of the agent that a session is.
fn agent_of_session(session: &str) -> String {
    let short: String = session.chars().take(8).collect();
    format!("session-{short}")
}

fn status(hook: &str, notification: &Field<'_>, message: &Field<'_>) -> Option<Status> {
    Some(match hook {
        "SessionStart" | "SubagentStart" => Status::Started,
        "SessionEnd" | "SubagentStop" | "Stop" => Status::Completed,
        "UserPromptSubmit" => Status::Thinking,
        "PreToolUse" => Status::ToolUse,
        "PermissionRequest" | "Elicitation" => Status::Waiting,
        "PermissionDenied" => Status::Blocked,
        "Notification" if asks(notification, message) => Status::Waiting,
        "Notification" | "PostToolUse" | "PostToolUseFailure" | "PreCompact" | "PostCompact" => Status::Progress,
        "StopFailure" => Status::Error,
        _ => return None,
    })
}

/// Whether a notification asks its reader for something. Older versions of Claude Code send the sentence only.
fn asks(notification: &Field<'_>, message: &Field<'_>) -> bool {
    if let Field::Text(kind) = notification {
        return ["permission_prompt", "idle_prompt", "elicitation_dialog"].contains(&&**kind);
    }
    let Field::Text(message) = message else { return false };
    let message = message.to_ascii_lowercase();
    ["permission", "waiting for", "your input", "approv", "?"]
        .iter()
        .any(|word| message.contains(word))
}

/// `PreToolUse` as `pre_tool_use`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            if !snake.is_empty() {
                snake.push('_');
            }
            snake.push(character.to_ascii_lowercase());
        } else if character.is_ascii_alphanumeric() || character == '_' {
            snake.push(character);
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_322_800_000_000;

    fn hook(name: &str, more: &str) -> Record {
        let json = format!(
            r#"{{"session_id":"abc12345-6789","transcript_path":"/t","cwd":"/w","hook_event_name":"{name}"{more}}}"#
        );
        read(&json, NOW).unwrap()
    }

    #[test]
    fn each_hook_has_the_status_of_the_table() {
        for (name, event_type, status) in [
            ("SessionStart", "hook.session_start", Some(Status::Started)),
            ("SessionEnd", "hook.session_end", Some(Status::Completed)),
            ("UserPromptSubmit", "hook.user_prompt_submit", Some(Status::Thinking)),
            ("PreToolUse", "hook.pre_tool_use", Some(Status::ToolUse)),
            ("PostToolUse", "hook.post_tool_use", Some(Status::Progress)),
            (
                "PostToolUseFailure",
                "hook.post_tool_use_failure",
                Some(Status::Progress),
            ),
            ("PermissionRequest", "hook.permission_request", Some(Status::Waiting)),
            ("PermissionDenied", "hook.permission_denied", Some(Status::Blocked)),
            ("SubagentStart", "hook.subagent_start", Some(Status::Started)),
            ("SubagentStop", "hook.subagent_stop", Some(Status::Completed)),
            ("Stop", "hook.stop", Some(Status::Completed)),
            ("StopFailure", "hook.stop_failure", Some(Status::Error)),
            ("PreCompact", "hook.pre_compact", Some(Status::Progress)),
            ("PostCompact", "hook.post_compact", Some(Status::Progress)),
            ("Elicitation", "hook.elicitation", Some(Status::Waiting)),
            ("WorktreeCreate", "hook.worktree_create", None),
            ("MessageDisplay", MESSAGE_DISPLAY, None),
        ] {
            let record = hook(name, "");
            assert_eq!((record.event_type.as_str(), record.status), (event_type, status));
            assert_eq!((record.agent.as_str(), record.timestamp_us), ("session-abc12345", NOW));
            assert_eq!(record.key, None);
        }
    }

    #[test]
    fn a_notification_waits_only_when_it_asks() {
        for (more, status) in [
            (r#","notification_type":"permission_prompt""#, Status::Waiting),
            (
                r#","notification_type":"auth_success","message":"ok?""#,
                Status::Progress,
            ),
            (
                r#","message":"Claude needs your permission to use Bash""#,
                Status::Waiting,
            ),
            (r#","message":"Claude is waiting for your input""#, Status::Waiting),
            (r#","message":"Build finished""#, Status::Progress),
            ("", Status::Progress),
        ] {
            assert_eq!(hook("Notification", more).status, Some(status), "{more}");
        }
    }

    #[test]
    fn a_tool_call_is_one_event_for_each_hook_and_a_failure_is_an_error_of_the_tool() {
        let call = r#","tool_name":"Bash","tool_use_id":"toolu_1","tool_input":{"command":"ls"}"#;
        let (before, again) = (hook("PreToolUse", call), hook("PreToolUse", call));
        let failed = hook("PostToolUseFailure", call);
        assert_eq!(before.key, again.key);
        assert_ne!(before.key, failed.key);
        assert_eq!(failed.tool.as_deref(), Some("Bash"));
        assert!(failed.tags.contains(Tags::TOOL_ERROR) && !before.tags.contains(Tags::TOOL_ERROR));
        assert!(failed.ends_tool_call() && !before.ends_tool_call());
    }

    #[test]
    fn a_subagent_goes_by_its_own_name() {
        let record = hook("PreToolUse", r#","agent_id":"agent-7","agent_type":"Explore""#);
        assert_eq!(
            (record.agent.as_str(), record.session.as_deref()),
            ("agent-7", Some("abc12345-6789"))
        );
    }
}
