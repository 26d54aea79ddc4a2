//! The `agent-updates-collector` program: parse, run one command, exit with 0 or 1 (2 for a wrong command line).
#![forbid(unsafe_code)]

use std::process::ExitCode;

use agent_updates_collector::cli::{Cli, Command};
use agent_updates_collector::config::Settings;
use agent_updates_collector::error::Error;
use agent_updates_collector::server::{self, Server};
use agent_updates_collector::{commands, health, logging};
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

/// Threads for the store's reads and for large bodies. Each has a stack and an arena of its own.
const BLOCKING_THREADS: usize = 8;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(line) => {
            if let Some(line) = line {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("agent-updates-collector: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<Option<String>, Error> {
    match cli.command {
        Command::Serve(options) => {
            let settings = Settings::load(options)?;
            logging::start(settings.log_level);
            if let Err(error) = server::raise_file_limit() {
                tracing::warn!(%error, "the limit of open files stays; it may be less than max_connections needs");
            }
            runtime()?.block_on(async {
                let stop = server::stop_signal().map_err(Error::Runtime)?;
                Server::bind(settings).await?.run(stop).await
            })?;
            Ok(None)
        }
        Command::Health(options) => {
            let settings = Settings::load(options)?;
            runtime()?.block_on(health::check(settings.listen))?;
            Ok(Some("ready".to_owned()))
        }
        Command::Import { files, options } => {
            let settings = Settings::load(options)?;
            runtime()?
                .block_on(commands::import::import(&settings, &files))
                .map(Some)
        }
        Command::Backup { copy, options } => commands::back_up(&Settings::load(options)?, &copy).map(Some),
        Command::Verify { file, options } => commands::verify(&Settings::load(options)?, file.as_deref()).map(Some),
        Command::Migrate { rebuild, options } => {
            let settings = Settings::load(options)?;
            runtime()?.block_on(commands::migrate(&settings, rebuild)).map(Some)
        }
    }
}

fn runtime() -> Result<Runtime, Error> {
    Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(Error::Runtime)
}
