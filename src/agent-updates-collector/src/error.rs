//! The one error type. What a client did wrong is not an error here but a [`crate::http::Problem`].

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

    /// The configuration file has a key that no setting has.
    #[error("configuration file {}: unknown key {key}; the nearest is {nearest}", path.display())]
    ConfigKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The setting with the most similar name.
        nearest: &'static str,
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

    /// The database is damaged. It is left as it is.
    #[error(
        "database {} is damaged: {found}; restore a backup, or move the file away to begin a new one",
        path.display()
    )]
    Corrupt {
        /// The database's file.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },

    /// Another process writes to the database.
    #[error("database {} is in use by another collector; stop it first, or send events to it", path.display())]
    InUse {
        /// The database's file.
        path: PathBuf,
    },

    /// The lock beside the database could not be taken.
    #[error("lock {}: {source}", path.display())]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// There is no database to read.
    #[error("there is no database {}; check --database-url", path.display())]
    NoDatabase {
        /// Where it should be.
        path: PathBuf,
    },

    /// A file is in the way.
    #[error("{} exists; name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },

    /// A copy could not be written.
    #[error("copy {}: {source}", path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Old events could not be archived, and so were not deleted.
    #[error("archive {}: {source}; nothing was deleted", path.display())]
    Archive {
        /// The archive's folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file could not be imported.
    #[error("import {}: {reason}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },

    /// Without tokens, other machines could read and write everything.
    #[error(
        "listening on {listen} without tokens lets everybody in the network read and write; set tokens, listen on 127.0.0.1, \
         or set unauthenticated_network = true"
    )]
    OpenToNetwork {
        /// The address.
        listen: SocketAddr,
    },

    /// A setting has a value that it may not have.
    #[error("{setting}: {reason}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong.
        reason: String,
    },

    /// Nothing of a request was stored.
    #[error(transparent)]
    Store(#[from] crate::store::Failure),

    /// The service cannot go on.
    #[error("stopped: {0}")]
    Fatal(String),

    /// The store is closed.
    #[error("the store is closed")]
    Closed,

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
