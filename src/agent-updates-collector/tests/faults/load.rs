//! The load on the service under fault, and what is left of it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::http::Method;
use rusqlite::Connection;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::support::random::number;
use super::support::send;

pub fn times() -> u64 {
    number("KILLS").unwrap_or(20)
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
