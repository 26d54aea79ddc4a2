//! The kinds of values that settings have.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use tracing::level_filters::LevelFilter;

/// A database's address. `sqlite:///app/data/x` is the file `/app/data/x`; `sqlite://x` is `x` in the working folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(PathBuf);

impl DatabaseUrl {
    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self(PathBuf::from("agent-updates.db"))
    }
}

impl From<PathBuf> for DatabaseUrl {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let path = url
            .strip_prefix("sqlite://")
            .ok_or("a database URL starts with sqlite:// (an absolute path has a third slash)")?;
        match path {
            "" => Err("the database URL names no file".into()),
            // SQLite would take these for a database in memory; events would be lost at the next start.
            _ if path.starts_with(':') => Err("events are kept in a file, not in memory".into()),
            _ if path.contains('?') => Err("a database URL takes no parameters".into()),
            _ => Ok(Self(path.into())),
        }
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, String> {
        url.parse()
    }
}

/// The least important message that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogLevel(LevelFilter);

impl LogLevel {
    /// The level in tracing's own terms.
    #[must_use]
    pub fn filter(self) -> LevelFilter {
        self.0
    }
}

impl Default for LogLevel {
    fn default() -> Self {
        Self(LevelFilter::INFO)
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        name.parse()
            .map(Self)
            .map_err(|_| "the log levels are error, warn, info, debug, trace and off".into())
    }
}

impl TryFrom<String> for LogLevel {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_slashes_name_an_absolute_path_and_two_a_relative_one() {
        let path = |url: &str| url.parse::<DatabaseUrl>().unwrap().0;
        assert_eq!(
            path("sqlite:///app/data/agent-updates.db"),
            Path::new("/app/data/agent-updates.db")
        );
        assert_eq!(path("sqlite://data/events.db"), Path::new("data/events.db"));
    }

    #[test]
    fn urls_that_would_lose_events_are_refused() {
        for url in [
            "sqlite://",
            "sqlite://:memory:",
            "sqlite:///x?mode=memory",
            "postgres://db/x",
            "/x.db",
            "",
        ] {
            assert!(url.parse::<DatabaseUrl>().is_err(), "{url}");
        }
    }
}
