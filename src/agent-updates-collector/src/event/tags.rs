//! What the collector noticed about an event.

/// A set of notes, kept in one integer column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tags(u16);

impl Tags {
    /// The namespace is none of those that the schema has.
    pub const UNKNOWN_NAMESPACE: Self = Self(1);
    /// An optional field was of the wrong kind, and was not looked at.
    pub const INVALID_FIELD: Self = Self(2);
    /// A secret was taken out of the body.
    pub const REDACTED: Self = Self(4);
    /// The status comes from the type.
    pub const STATUS_INFERRED: Self = Self(8);
    /// The sender gave no time; it is the collector's.
    pub const TIMESTAMP_ASSIGNED: Self = Self(16);
    /// The sender did not say who it is; the collector made a name up.
    pub const AGENT_ASSIGNED: Self = Self(32);
    /// The event came in another shape, which an adapter read.
    pub const ADAPTED: Self = Self(64);
    /// A tool's call failed.
    pub const TOOL_ERROR: Self = Self(128);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::UNKNOWN_NAMESPACE, "unknown_namespace"),
        (Self::INVALID_FIELD, "invalid_field"),
        (Self::REDACTED, "redacted"),
        (Self::STATUS_INFERRED, "status_inferred"),
        (Self::TIMESTAMP_ASSIGNED, "timestamp_assigned"),
        (Self::AGENT_ASSIGNED, "agent_assigned"),
        (Self::ADAPTED, "adapted"),
        (Self::TOOL_ERROR, "tool_error"),
    ];

    /// The set from its column; bits of newer collectors are dropped.
    #[must_use]
    pub fn from_bits(bits: i64) -> Self {
        let known = Self::NAMES.iter().fold(0, |all, (tag, _)| all | tag.0);
        Self(u16::try_from(bits & i64::from(known)).unwrap_or_default())
    }

    /// The set as its column.
    #[must_use]
    pub fn bits(self) -> i64 {
        i64::from(self.0)
    }

    /// Adds what another set has.
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether it has all of another set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names, as the API shows them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let held = Self::NAMES.iter().filter(|(tag, _)| self.contains(*tag));
        held.map(|(_, name)| *name).collect()
    }
}
