//! What an agent is doing.

/// What an agent is doing, as its event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Work began.
    Started,
    /// Thinking.
    Thinking,
    /// A tool is being used.
    ToolUse,
    /// Work goes on.
    Progress,
    /// Waits for somebody.
    Waiting,
    /// Cannot go on.
    Blocked,
    /// Work ended well.
    Completed,
    /// Work failed.
    Error,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Started,
        Self::Thinking,
        Self::ToolUse,
        Self::Progress,
        Self::Waiting,
        Self::Blocked,
        Self::Completed,
        Self::Error,
    ];

    /// The status as events name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Thinking => "thinking",
            Self::ToolUse => "tool_use",
            Self::Progress => "progress",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The number that stands for it in the database, from 1.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64 + 1
    }

    /// The status of this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }

    /// The status that a type implies where the event has none.
    #[must_use]
    pub fn of_type(event_type: &str) -> Option<Self> {
        let (namespace, action) = event_type.split_once('.')?;
        let named = Self::from_name(action);
        match namespace {
            "lifecycle" => named.filter(|status| matches!(status, Self::Started | Self::Completed | Self::Error)),
            "activity" => named.filter(|status| matches!(status, Self::Thinking | Self::ToolUse | Self::Progress)),
            "coordination" => named.filter(|status| matches!(status, Self::Waiting | Self::Blocked)),
            "git" if action == "merged" => Some(Self::Completed),
            "task" => named.filter(|status| matches!(status, Self::Completed | Self::Blocked)),
            "action" if action == "failed" => Some(Self::Error),
            "system" if action == "error" => Some(Self::Error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_implies_the_status_where_the_specification_says_so_and_nowhere_else() {
        for (event_type, status) in [
            ("lifecycle.started", Some(Status::Started)),
            ("lifecycle.completed", Some(Status::Completed)),
            ("lifecycle.error", Some(Status::Error)),
            ("lifecycle.thinking", None),
            ("activity.thinking", Some(Status::Thinking)),
            ("activity.tool_use", Some(Status::ToolUse)),
            ("activity.progress", Some(Status::Progress)),
            ("coordination.waiting", Some(Status::Waiting)),
            ("coordination.blocked", Some(Status::Blocked)),
            ("coordination.handoff", None),
            ("git.merged", Some(Status::Completed)),
            ("git.commit", None),
            ("task.completed", Some(Status::Completed)),
            ("task.blocked", Some(Status::Blocked)),
            ("task.started", None),
            ("action.failed", Some(Status::Error)),
            ("system.error", Some(Status::Error)),
            ("quality_gate.completed", None),
        ] {
            assert_eq!(Status::of_type(event_type), status, "{event_type}");
        }
    }

    #[test]
    fn names_and_numbers_lead_back() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.as_str()), Some(status));
            assert_eq!(Status::from_number(status.number()), Some(status));
        }
        assert_eq!(Status::from_number(0), None);
    }
}
