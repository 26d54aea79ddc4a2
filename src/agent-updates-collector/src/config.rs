//! Settings: flags over the environment over the configuration file over the defaults.

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use tracing::level_filters::LevelFilter;

use crate::error::Error;

/// What a person can set by flag or environment variable.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Configuration file (TOML)
    #[arg(long, env = "CONFIG_FILE", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The settings that a configuration file can hold too.
    #[command(flatten)]
    pub layer: Layer,
}

/// One layer of settings; what it leaves out comes from the layer below. Unknown keys in a file are errors.
#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Where events are kept: `sqlite:///absolute/path` or `sqlite://relative/path` [default: `sqlite://agent-updates.db`]
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    pub database_url: Option<DatabaseUrl>,

    /// Address of the HTTP API [default: 127.0.0.1:8080]
    #[arg(long, env = "LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Address of the Prometheus metrics [default: 127.0.0.1:9090]
    #[arg(long, env = "METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// The least important message to log: error, warn, info, debug, trace or off [default: info]
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
}

impl Layer {
    fn over(self, below: Self) -> Self {
        Self {
            database_url: self.database_url.or(below.database_url),
            listen: self.listen.or(below.listen),
            metrics_listen: self.metrics_listen.or(below.metrics_listen),
            log_level: self.log_level.or(below.log_level),
        }
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::ConfigRead {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| Error::ConfigParse {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }
}

/// The settings in force.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file that holds the events.
    pub database: DatabaseUrl,
    /// Where the HTTP API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the metrics listen; port 0 takes a free one.
    pub metrics_listen: SocketAddr,
    /// The least important message that is logged.
    pub log_level: LogLevel,
    /// What one client may take.
    pub limits: Limits,
}

impl Settings {
    /// Reads the configuration file, if one is named, and lays the options over it.
    ///
    /// # Errors
    ///
    /// When the named file is missing, is not TOML, or has an unknown key or a bad value.
    pub fn load(options: Options) -> Result<Self, Error> {
        let file = match &options.config {
            Some(path) => Layer::read(path)?,
            None => Layer::default(),
        };
        Ok(options.layer.over(file).into())
    }
}

impl From<Layer> for Settings {
    /// Fills with the defaults. Without being told otherwise the service is reachable from its own machine only.
    fn from(layer: Layer) -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            database: layer.database_url.unwrap_or_default(),
            listen: layer.listen.unwrap_or_else(|| loopback(8080)),
            metrics_listen: layer.metrics_listen.unwrap_or_else(|| loopback(9090)),
            log_level: layer.log_level.unwrap_or_default(),
            limits: Limits::default(),
        }
    }
}

/// What one client may take: time to send, and bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first byte of a request to the end of its headers, or the connection is closed.
    pub headers: Duration,
    /// From the end of the headers to the end of the body, or the answer is 408.
    pub body: Duration,
    /// The largest body, or the answer is 413.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(10),
            body: Duration::from_secs(30),
            body_bytes: 4 << 20,
        }
    }
}

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

    #[test]
    fn options_go_over_the_file_and_the_file_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("collector.toml");
        fs::write(&config, "listen = '0.0.0.0:1'\nmetrics_listen = '0.0.0.0:2'\n").unwrap();
        let layer = Layer {
            listen: Some("127.0.0.1:3".parse().unwrap()),
            ..Layer::default()
        };
        let settings = Settings::load(Options {
            config: Some(config),
            layer,
        })
        .unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:3");
        assert_eq!(settings.metrics_listen.to_string(), "0.0.0.0:2");
        assert_eq!(settings.log_level, LogLevel::default());
    }

    #[test]
    fn without_configuration_only_loopback_is_listened_on() {
        let settings = Settings::load(Options::default()).unwrap();
        assert!(settings.listen.ip().is_loopback() && settings.metrics_listen.ip().is_loopback());
    }

    #[test]
    fn the_images_configuration_is_valid() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/collector.toml");
        let settings = Settings::from(Layer::read(&path).unwrap());
        assert_eq!(settings.database.path(), Path::new("/app/data/agent-updates.db"));
        assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
        assert_eq!(settings.metrics_listen.to_string(), "0.0.0.0:9090");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = toml::from_str::<Layer>("listne = '127.0.0.1:1'").unwrap_err();
        assert!(error.to_string().contains("listne"), "{error}");
    }
}
