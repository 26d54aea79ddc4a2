//! The `agent-updates-collector` program: parse, run one command, exit with 0 or 1 (2 for a wrong command line).
#![forbid(unsafe_code)]

use std::process::ExitCode;

use agent_updates_collector::cli::{Cli, Command};
use agent_updates_collector::config::Settings;
use agent_updates_collector::error::Error;
use agent_updates_collector::server::{self, Server};
use agent_updates_collector::{health, logging};
use clap::Parser;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agent-updates-collector: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Error> {
    let runtime = Runtime::new().map_err(Error::Runtime)?;
    match cli.command {
        Command::Serve(options) => {
            let settings = Settings::load(options)?;
            logging::start(settings.log_level);
            runtime.block_on(async {
                let stop = server::stop_signal().map_err(Error::Runtime)?;
                Server::bind(settings).await?.run(stop).await;
                Ok(())
            })
        }
        Command::Health(options) => {
            let settings = Settings::load(options)?;
            runtime.block_on(health::check(settings.listen))?;
            println!("ready");
            Ok(())
        }
    }
}
