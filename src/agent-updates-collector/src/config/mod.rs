//! Settings: flags over the environment over the configuration file over the defaults.

mod limits;
mod nearest;
mod tokens;
mod values;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use limits::Limits;
pub use tokens::{Scope, Token, Tokens};
pub use values::{DatabaseUrl, LogLevel};

use crate::error::Error;
use crate::ingest::{Caps, Validation};
use crate::store;

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

macro_rules! layer {
    ($($(#[$meta:meta])* $name:ident: $kind:ty,)*) => {
        /// One layer of settings; what it leaves out comes from the layer below. Unknown keys in a file are errors.
        #[derive(Debug, Clone, Default, clap::Args, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Layer {
            $($(#[$meta])* pub $name: Option<$kind>,)*
        }

        impl Layer {
            /// The names of the settings.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($name)),*];

            fn over(self, below: Self) -> Self {
                Self { $($name: self.$name.or(below.$name),)* }
            }
        }
    };
}

layer! {
    /// Where events are kept: `sqlite:///absolute/path` or `sqlite://relative/path` [default: `sqlite://agent-updates.db`]
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    database_url: DatabaseUrl,

    /// Address of the HTTP API [default: 127.0.0.1:8080]
    #[arg(long, env = "LISTEN", value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Address of the Prometheus metrics [default: 127.0.0.1:9090]
    #[arg(long, env = "METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: SocketAddr,

    /// The least important message to log: error, warn, info, debug, trace or off [default: info]
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL")]
    log_level: LogLevel,

    /// Who may do what: `NAME:SCOPE+SCOPE:SHA256`, with the scopes ingest, read and admin, and the token's SHA-256 in
    /// hexadecimal; several with spaces between [default: none]
    #[arg(long, env = "TOKENS", value_name = "TOKEN", value_delimiter = ' ', hide_env_values = true)]
    tokens: Vec<Token>,

    /// Without tokens, serve other machines too: everybody who can connect may read and write [default: false]
    #[arg(long, env = "UNAUTHENTICATED_NETWORK", value_name = "BOOL")]
    unauthenticated_network: bool,

    /// More names by which the service may be called; addresses and names without a dot always may
    #[arg(long, env = "ALLOWED_HOSTS", value_name = "HOST", value_delimiter = ' ')]
    allowed_hosts: Vec<String>,

    /// How events are checked when the request does not say: lenient or strict [default: lenient]
    #[arg(long, env = "VALIDATION", value_name = "MODE")]
    validation: Validation,

    /// Take secrets out of events before they are stored [default: true]
    #[arg(long, env = "REDACT", value_name = "BOOL")]
    redact: bool,

    /// Store `MessageDisplay` hooks too, which come with every piece of output [default: false]
    #[arg(long, env = "STORE_MESSAGE_DISPLAY", value_name = "BOOL")]
    store_message_display: bool,

    /// Days after which events go to the archive and out of the database; 0 keeps them for ever [default: 90]
    #[arg(long, env = "RETENTION_DAYS", value_name = "DAYS")]
    retention_days: u32,

    /// Folder of the archive [default: `archive` beside the database]
    #[arg(long, env = "ARCHIVE", value_name = "FOLDER")]
    archive: PathBuf,

    /// Seconds of silence after which an agent counts as gone [default: 900]
    #[arg(long, env = "HEARTBEAT_SECONDS", value_name = "SECONDS")]
    heartbeat_seconds: u32,

    /// Bytes that must be free on the database's disk for the service to be ready [default: 67108864]
    #[arg(long, env = "MIN_FREE_BYTES", value_name = "BYTES")]
    min_free_bytes: u64,

    /// The largest body of a request, as sent [default: 4194304]
    #[arg(long, env = "MAX_BODY_BYTES", value_name = "BYTES")]
    max_body_bytes: usize,

    /// The largest body after unpacking [default: 16777216]
    #[arg(long, env = "MAX_UNPACKED_BYTES", value_name = "BYTES")]
    max_unpacked_bytes: usize,

    /// The largest event [default: 1048576]
    #[arg(long, env = "MAX_EVENT_BYTES", value_name = "BYTES")]
    max_event_bytes: usize,

    /// The most events in one request [default: 10000]
    #[arg(long, env = "MAX_EVENTS", value_name = "NUMBER")]
    max_events: usize,

    /// The most connections at a time [default: 1024]
    #[arg(long, env = "MAX_CONNECTIONS", value_name = "NUMBER")]
    max_connections: usize,

    /// The most event streams at a time [default: 64]
    #[arg(long, env = "MAX_STREAMS", value_name = "NUMBER")]
    max_streams: usize,
}

impl Layer {
    fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::ConfigRead {
            path: path.to_owned(),
            source,
        })?;
        let failed = |source| Error::ConfigParse {
            path: path.to_owned(),
            source: Box::new(source),
        };
        let keys: toml::Table = toml::from_str(&text).map_err(failed)?;
        if let Some(key) = keys.keys().find(|key| !Self::KEYS.contains(&key.as_str())) {
            return Err(Error::ConfigKey {
                path: path.to_owned(),
                key: key.clone(),
                nearest: nearest::nearest(key, Self::KEYS),
            });
        }
        toml::from_str(&text).map_err(failed)
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
    /// Who may do what. Without any, everybody may do everything.
    pub tokens: Tokens,
    /// Whether other machines are served without tokens.
    pub unauthenticated_network: bool,
    /// More names by which the service may be called.
    pub allowed_hosts: Vec<String>,
    /// How events are checked when the request does not say.
    pub validation: Validation,
    /// Whether secrets are taken out.
    pub redact: bool,
    /// Whether `MessageDisplay` hooks are stored.
    pub store_message_display: bool,
    /// After which events leave the database.
    pub retention: Option<Duration>,
    /// Where they go.
    pub archive: PathBuf,
    /// The silence after which an agent is gone.
    pub heartbeat: Duration,
    /// What must be free on the disk.
    pub min_free_bytes: u64,
    /// What one client may take.
    pub limits: Limits,
    /// How the store behaves.
    pub store: store::Options,
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

    /// Refuses what would let everybody in by oversight.
    ///
    /// # Errors
    ///
    /// When other machines can connect, no token is set, and nobody said that this is meant.
    pub fn check(&self) -> Result<(), Error> {
        if self.listen.ip().is_loopback() || !self.tokens.is_empty() || self.unauthenticated_network {
            return Ok(());
        }
        Err(Error::OpenToNetwork { listen: self.listen })
    }
}

impl From<Layer> for Settings {
    /// Fills with the defaults. Without being told otherwise the service is reachable from its own machine only.
    fn from(layer: Layer) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let database = layer.database_url.unwrap_or_default();
        let beside = database.path().parent().unwrap_or(Path::new("")).join("archive");
        let (limits, caps) = (Limits::default(), Caps::default());
        let days = layer.retention_days.unwrap_or(90);
        Self {
            listen: layer.listen.unwrap_or_else(|| loopback(8080)),
            metrics_listen: layer.metrics_listen.unwrap_or_else(|| loopback(9090)),
            log_level: layer.log_level.unwrap_or_default(),
            tokens: layer.tokens.unwrap_or_default().into(),
            unauthenticated_network: layer.unauthenticated_network.unwrap_or(false),
            allowed_hosts: layer.allowed_hosts.unwrap_or_default(),
            validation: layer.validation.unwrap_or_default(),
            redact: layer.redact.unwrap_or(true),
            store_message_display: layer.store_message_display.unwrap_or(false),
            retention: Some(DAY * days).filter(|age| !age.is_zero()),
            archive: layer.archive.unwrap_or(beside),
            heartbeat: Duration::from_secs(layer.heartbeat_seconds.unwrap_or(900).into()),
            min_free_bytes: layer.min_free_bytes.unwrap_or(64 << 20),
            limits: Limits {
                body_bytes: layer.max_body_bytes.unwrap_or(limits.body_bytes),
                connections: layer.max_connections.unwrap_or(limits.connections).max(1),
                streams: layer.max_streams.unwrap_or(limits.streams),
                caps: Caps {
                    unpacked_bytes: layer.max_unpacked_bytes.unwrap_or(caps.unpacked_bytes),
                    event_bytes: layer.max_event_bytes.unwrap_or(caps.event_bytes),
                    events: layer.max_events.unwrap_or(caps.events),
                    ..caps
                },
                ..limits
            },
            store: store::Options::default(),
            database,
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
