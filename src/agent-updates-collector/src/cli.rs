//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Options;

/// Collects the events of coding agents: HTTP in front of one durable SQLite store.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands. All take the same options, so that each finds the database and the service that `serve` has.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the HTTP API and the metrics until SIGTERM or Ctrl-C
    Serve(Options),
    /// Ask a running service over loopback whether it is ready; exits with 0 or 1
    Health(Options),
    /// Store the events of files: JSON lines, exports, archives; plain, gzip or zstd. The service must not run
    Import {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The options.
        #[command(flatten)]
        options: Options,
    },
    /// Copy the database to a new file and check the copy; the service may run
    Backup {
        /// The copy
        #[arg(value_name = "FILE")]
        copy: PathBuf,
        /// The options.
        #[command(flatten)]
        options: Options,
    },
    /// Check a database from its first page to its last; the service may run
    Verify {
        /// The file, if it is not the database of the settings
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// The options.
        #[command(flatten)]
        options: Options,
    },
    /// Bring the database's schema up to date, as `serve` does when it starts. The service must not run
    Migrate {
        /// Compute the agents' states, the tools' and the days' counts from the events again
        #[arg(long)]
        rebuild: bool,
        /// The options.
        #[command(flatten)]
        options: Options,
    },
}
