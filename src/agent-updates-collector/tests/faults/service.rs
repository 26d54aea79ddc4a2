//! The service under fault, its load, and what is left of it.

use std::collections::HashSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::Method;
use rusqlite::Connection;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::support::send;

/// xorshift64: the moments of a run, again with the same seed.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        let seed = env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or(u64::try_from(now).unwrap());
        println!("SEED={seed}");
        Self(seed | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

pub fn times() -> u64 {
    env::var("KILLS")
        .ok()
        .and_then(|times| times.parse().ok())
        .unwrap_or(20)
}

/// A service in a process of its own.
pub struct Serving {
    pub child: Child,
    pub api: SocketAddr,
}

impl Serving {
    pub fn program(database: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent-updates-collector"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .env("DATABASE_URL", format!("sqlite://{}", database.display()));
        Self::start(command)
    }

    pub fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let api = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it did not start");
            let record: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(api) = record["api"].as_str() {
                break api.parse().unwrap();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, api }
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn batch(round: u64, way: u64, count: u64) -> (Vec<String>, String) {
    let ids: Vec<_> = (0..20).map(|n| format!("{round}-{way}-{count}-{n}")).collect();
    let line = |id: &String| {
        format!(
            r#"{{"version":"1.0.0","event_type":"activity.progress","timestamp":"2026-01-02T03:04:05Z","agent_id":"agent-{way}","event_id":"{id}","x":"{}"}}"#,
            "y".repeat(300)
        )
    };
    let body = ids.iter().map(line).collect::<Vec<_>>().join("\n");
    (ids, body)
}

/// Sends from several clients until the service is gone or the time is over; returns the ids that were acknowledged.
pub async fn load(api: SocketAddr, round: u64, time: Duration) -> HashSet<String> {
    let mut ways = JoinSet::new();
    for way in 0..4 {
        ways.spawn(async move {
            let (mut acked, end) = (Vec::new(), tokio::time::Instant::now() + time);
            for count in 0.. {
                let (ids, body) = batch(round, way, count);
                match send(api, Method::POST, "/events", Some("application/x-ndjson"), body.into()).await {
                    Ok(answer) if answer.status == 200 => {
                        assert_eq!(answer.json()["rejected"], 0, "{}", answer.text);
                        acked.extend(ids);
                    }
                    Ok(answer) if answer.status == 503 => sleep(Duration::from_millis(20)).await,
                    Ok(answer) => panic!("{answer:?}"),
                    Err(_) => break,
                }
                if tokio::time::Instant::now() > end {
                    break;
                }
            }
            acked
        });
    }
    ways.join_all().await.into_iter().flatten().collect()
}

/// How many of the acknowledged events are not in the database once.
pub fn lost(database: &Path, acked: &HashSet<String>) -> usize {
    let connection = Connection::open(database).unwrap();
    let mut statement = connection.prepare("SELECT body ->> 'event_id' FROM events").unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut found = HashSet::new();
    for id in rows {
        assert!(found.insert(id.unwrap()), "an event is there twice");
    }
    acked.iter().filter(|id| !found.contains(*id)).count()
}
