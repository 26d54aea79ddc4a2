//! The vocabulary: namespaces of event types, and the ways by which events come.

/// The namespaces that schema 1.1 has. Others are kept and tagged; people plan types outside this list.
pub const NAMESPACES: [&str; 11] = [
    "lifecycle",
    "activity",
    "coordination",
    "hook",
    "git",
    "task",
    "container",
    "decision",
    "system",
    "action",
    "security",
];

/// The part of a type before its first dot.
#[must_use]
pub fn namespace(event_type: &str) -> &str {
    event_type.split_once('.').map_or(event_type, |(name, _)| name)
}

/// Whether the schema has the type's namespace.
#[must_use]
pub fn is_known(event_type: &str) -> bool {
    NAMESPACES.contains(&namespace(event_type))
}

/// The way by which an event came, as its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A tool of the Model Context Protocol.
    Mcp,
    /// A hook.
    Hook,
    /// A command line.
    Cli,
    /// The system itself.
    System,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Mcp, Self::Hook, Self::Cli, Self::System];

    /// The source as events name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::Hook => "hook",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }

    /// The source of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }

    /// The number that stands for it in the database, from 1.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64 + 1
    }

    /// The source of this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.number() == number)
    }
}
