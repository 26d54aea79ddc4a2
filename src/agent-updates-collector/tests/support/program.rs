//! The program itself, in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A service in a process of its own; it is killed when this is dropped.
pub struct Serving {
    pub child: Child,
    pub api: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Serving {
    /// The program with this database.
    pub fn program(database: &Path) -> Self {
        Self::program_after("", database)
    }

    /// The program in a shell that does something first.
    pub fn program_after(shell: &str, database: &Path) -> Self {
        let script = format!("{shell}\nexec \"$0\" serve --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0");
        let mut command = Command::new("sh");
        command
            .args(["-ec", &script, env!("CARGO_BIN_EXE_agent-updates-collector")])
            .env("DATABASE_URL", format!("sqlite://{}", database.display()));
        Self::start(command)
    }

    /// What a command starts, as soon as it says where it listens.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let api = loop {
            let mut line = String::new();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it did not start");
            let record: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(api) = record["api"].as_str() {
                break api.parse().unwrap();
            }
        };
        let log = Arc::new(Mutex::new(String::new()));
        let copy = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                copy.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        Self { child, api, log }
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it has written since it began to listen.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its memory: now (`VmRSS`) or at most so far (`VmHWM`), in KiB.
    pub fn kilobytes(&self, of: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(of)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}
