//! The program under measurement, as its own process.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::{Connection, Request};

/// A running service with a fresh database.
pub struct Service {
    child: Child,
    pub api: SocketAddr,
    pub ready_after: Duration,
    folder: PathBuf,
}

impl Service {
    pub fn start(parent: &Path) -> Self {
        let folder = parent.join("service");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_agent-updates-collector"))
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .env(
                "DATABASE_URL",
                format!("sqlite://{}", folder.join("events.db").display()),
            )
            .current_dir(&folder)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        let api = record["api"].as_str().unwrap().parse().unwrap();
        Connection::open(api).ask(&Request::get("/readyz"));
        let ready_after = begun.elapsed();
        // Read on, or the service would wait for its log's reader.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
        Self {
            child,
            api,
            ready_after,
            folder,
        }
    }

    /// What is in the database, by its own count.
    pub fn events(&self) -> usize {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = rusqlite::Connection::open_with_flags(self.folder.join("events.db"), flags).unwrap();
        database
            .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
            .unwrap()
    }

    pub fn peak_kilobytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The processor time that it took so far. Unlike rates, it hardly depends on what else the machine does.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit_once(") ").unwrap().1;
        let ticks: u64 = after_name
            .split(' ')
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().unwrap())
            .sum();
        // A hundred a second, on every Linux.
        Duration::from_millis(ticks * 10)
    }

    pub fn database_bytes(&self) -> u64 {
        fs::metadata(self.folder.join("events.db")).unwrap().len()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
        settle();
    }
}

/// Waits until the system has written what is left to write. Removing a database of gigabytes goes on for a while after the call
/// (journal, discards), and would stall the first syncs of the next measurement.
pub fn settle() {
    rustix::fs::sync();
}

/// How long the disk takes for a page.
pub fn fsync_latency(folder: &Path) -> Duration {
    let mut file = fs::File::create(folder.join("fsync")).unwrap();
    let mut times: Vec<_> = (0..50)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[0; 4096]).unwrap();
            file.sync_data().unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}
