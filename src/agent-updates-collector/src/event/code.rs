//! Why an event was not taken.

use std::fmt;

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: String,
    /// The place in the event (RFC 6901), where there is one.
    pub pointer: Option<String>,
    /// The event's own id, where it could be read.
    pub event_id: Option<String>,
}

impl Rejection {
    /// A rejection with its reason.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            pointer: None,
            event_id: None,
        }
    }

    /// The same, with the place in the event.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// The same, with the event's id.
    #[must_use]
    pub fn of(mut self, event_id: Option<&str>) -> Self {
        self.event_id = event_id.map(str::to_owned);
        self
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The kinds of rejection: part of the API's contract and a label of the metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as clients and dashboards see it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// Not UTF-8.
    InvalidUtf8 = "invalid_utf8",
    /// Not JSON.
    InvalidJson = "invalid_json",
    /// JSON, but not an object, or of no shape that the collector knows.
    InvalidEvent = "invalid_event",
    /// A required field is missing.
    MissingField = "missing_field",
    /// A field has a value that it may not have.
    InvalidField = "invalid_field",
    /// Strict only: a field that the schema does not have.
    UnknownField = "unknown_field",
    /// Strict only: a namespace that the schema does not have.
    UnknownNamespace = "unknown_namespace",
    /// One event is larger than an event may be.
    EventTooLarge = "event_too_large",
    /// Objects and arrays are nested too deeply.
    TooDeep = "too_deep",
    /// The same id came before with other content; the first one is kept.
    Conflict = "conflict",
    /// The database refused this one row.
    Unstorable = "unstorable",
    /// `?atomic=true`, and another event of the request was not taken.
    Atomic = "atomic",
}
