//! Collects the events of coding agents: HTTP in front of one durable SQLite store.
//!
//! A request's way through the modules: [`server`] accepts the connection, [`http`] routes it, [`ingest`] unpacks and splits its
//! body, [`event`] (with [`adapters`] for the other shapes) checks each event, [`store`] commits them, and the answer goes out
//! after the commit.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod adapters;
pub mod cli;
pub mod commands;
pub mod config;
pub mod error;
pub mod event;
pub mod health;
pub mod http;
pub mod ingest;
pub mod logging;
pub mod metrics;
pub mod server;
pub mod store;

/// The crate's version, as `/version` and the build information show it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
