//! The one error type. What a client did wrong is not an error here but a [`crate::http::problem::Problem`].

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the collector could not do what it was started for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration file could not be read.
    #[error("configuration file {}: {source}", path.display())]
    ConfigRead {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The configuration file is not what it should be.
    #[error("configuration file {}: {source}", path.display())]
    ConfigParse {
        /// The file.
        path: PathBuf,
        /// Where in the file, and why. Boxed: it is far larger than the other variants.
        source: Box<toml::de::Error>,
    },

    /// An address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },

    /// The asynchronous runtime or its signal handlers could not be set up.
    #[error("cannot start: {0}")]
    Runtime(io::Error),

    /// SQLite refused.
    #[error("database {}: {source}", path.display())]
    Database {
        /// The database's file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },

    /// The database was made by a newer collector; going on could damage it.
    #[error(
        "database {}: its schema is {found}, this collector knows up to {known}; start a collector that is at least as new",
        path.display()
    )]
    SchemaTooNew {
        /// The database's file.
        path: PathBuf,
        /// The schema in the file.
        found: usize,
        /// The newest schema that this program knows.
        known: usize,
    },

    /// Another SQLite than the reviewed one was linked in.
    #[error("linked with SQLite \"{found}\", but reviewed with \"{expected}\"; build with --locked, without a system SQLite")]
    ForeignSqlite {
        /// What the linked library says of itself.
        found: String,
        /// What it should be.
        expected: &'static str,
    },

    /// A database operation ended without a result, by a bug.
    #[error("a database operation broke off: {0}")]
    Interrupted(tokio::task::JoinError),

    /// The service does not answer, or answers that it is not ready.
    #[error("not ready: {address}: {reason}")]
    NotReady {
        /// The address that was asked.
        address: SocketAddr,
        /// What happened, or what the service said.
        reason: String,
    },
}
