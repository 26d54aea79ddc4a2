//! The command line.

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

/// The subcommands. All take the same options, so that `health` finds the service that `serve` started.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the HTTP API and the metrics until SIGTERM or Ctrl-C
    Serve(Options),
    /// Ask a running service over loopback whether it is ready; exits with 0 or 1
    Health(Options),
}
