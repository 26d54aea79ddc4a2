//! What the service survives: kills, losses of power, full disks, a stop under load. Slow, so only on demand:
//!
//! `cargo test --test faults -- --ignored --nocapture`. `KILLS` (default 20) is how often the service is killed, `SEED` what the
//! moments come from; the seed is printed.

mod load;
#[path = "../support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use agent_updates_collector::config::Settings;
use agent_updates_collector::server::Server;
use agent_updates_collector::store::verify::verify;
use axum::http::Method;
use load::{batch, load, lost, times};
use rusqlite::Connection;
use support::program::Serving;
use support::random::Random;
use support::{send, settings};
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: kills the service again and again"]
async fn a_killed_service_has_every_acknowledged_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("x.db");
    let (mut random, mut acked) = (Random::new(), HashSet::new());
    for round in 0..times() {
        let mut serving = Serving::program(&database);
        let clients = tokio::spawn(load(serving.api, round, Duration::from_secs(60)));
        sleep(Duration::from_millis(20 + random.below(400))).await;
        serving.kill();
        acked.extend(clients.await.unwrap());
        // What is lost stays lost, so it is looked for now and then: the search takes longer with each round.
        if round % 10 == 9 || round + 1 == times() {
            verify(&database).unwrap();
            assert_eq!(lost(&database, &acked), 0, "round {round}");
        }
    }
    println!("{} kills, {} acknowledged events, none lost", times(), acked.len());
    assert!(!acked.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: stops the service under load"]
async fn a_stop_under_load_loses_nothing_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("x.db");
    let mut acked = HashSet::new();
    for round in 0..5 {
        let mut serving = Serving::program(&database);
        let clients = tokio::spawn(load(serving.api, round, Duration::from_secs(60)));
        sleep(Duration::from_millis(500)).await;
        let kill = format!("kill -TERM {}", serving.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        acked.extend(clients.await.unwrap());
        assert_eq!(serving.child.wait().unwrap().code(), Some(0));
        assert!(!folder.path().join("x.db-wal").exists(), "the log was not written back");
        assert_eq!(lost(&database, &acked), 0, "round {round}");
    }
}

/// Not a test of its own: the service of the power-loss test, in this program, with the `synchronous` that the test wants.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "part of the power-loss test"]
async fn power_loss_service() {
    let Ok(database) = env::var("POWER_LOSS_DATABASE") else {
        return;
    };
    agent_updates_collector::logging::start("info".parse().unwrap());
    let mut settings: Settings = settings(database.into());
    if env::var("POWER_LOSS_SYNCHRONOUS").as_deref() == Ok("off") {
        settings.store.synchronous = "off";
    }
    settings.store.checkpoint_pages = 100;
    let server = Server::bind(settings).await.unwrap();
    server.run(std::future::pending()).await.unwrap();
}

/// Makes of a folder what a loss of power leaves of it.
fn put_back(durable: &Path, folder: &Path) {
    for name in ["x.db", "x.db-wal", "x.db-shm"] {
        let _ = fs::remove_file(folder.join(name));
        let _ = fs::copy(durable.join(name), folder.join(name));
    }
}

/// Kills the service, puts back what was synced, and counts what is lost of what was acknowledged.
async fn lose_power(shim: &Path, synchronous: &str, rounds: u64) -> (usize, usize) {
    let (folder, durable) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = folder.path().join("x.db");
    let (mut random, mut acked, mut missing) = (Random::new(), HashSet::new(), 0);
    for round in 0..rounds {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "power_loss_service", "--ignored", "--nocapture"])
            .env("LD_PRELOAD", shim)
            .env("POWER_LOSS_FOLDER", folder.path())
            .env("POWER_LOSS_DURABLE", durable.path())
            .env("POWER_LOSS_DATABASE", &database)
            .env("POWER_LOSS_SYNCHRONOUS", synchronous);
        let mut serving = Serving::start(command);
        let clients = tokio::spawn(load(serving.api, round, Duration::from_secs(60)));
        sleep(Duration::from_millis(100 + random.below(500))).await;
        serving.kill();
        acked.extend(clients.await.unwrap());
        put_back(durable.path(), folder.path());
        // Looked at in a copy: whoever opens a database writes its log back, and the shim would not have seen that.
        let copy = tempfile::tempdir().unwrap();
        put_back(durable.path(), copy.path());
        let copied = copy.path().join("x.db");
        let schema = Connection::open(&copied)
            .and_then(|database| database.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0)));
        match schema {
            Ok(_) => {
                verify(&copied).unwrap();
                missing = lost(&copied, &acked);
            }
            Err(_) => missing = acked.len(),
        }
        if missing > 0 {
            break;
        }
    }
    (acked.len(), missing)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: loses power again and again; compiles a shim with cc"]
async fn a_loss_of_power_loses_no_acknowledged_event_unless_commits_are_not_synced() {
    let build = tempfile::tempdir().unwrap();
    let shim = build.path().join("power_loss.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim/power_loss.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&shim)
        .args([source, "-ldl"])
        .status();
    assert!(compiled.unwrap().success());
    let (acked, missing) = lose_power(&shim, "full", times().min(30)).await;
    println!("synchronous=FULL: {acked} acknowledged, {missing} lost");
    assert!(acked > 0);
    assert_eq!(missing, 0);
    let (acked, missing) = lose_power(&shim, "off", 3).await;
    println!("synchronous=OFF: {acked} acknowledged, {missing} lost");
    assert!(missing > 0, "the test would not notice a loss");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small filesystem of its own, from a user namespace"]
async fn a_full_disk_is_503_while_reads_go_on_and_passes_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_agent-updates-collector");
    let script = format!(
        "mount -t tmpfs -o size=12m none {0} && head -c 3000000 /dev/zero > {0}/ballast && (while [ ! -e {0}.free ]; do sleep 0.1; \
         done; rm {0}/ballast) & exec {program} serve --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 --min-free-bytes 1000000",
        folder.path().display()
    );
    // The mount first; the loop that makes room runs beside the service.
    let script = script.replace(" && head", "\nhead").replace(" && (while", "\n(while");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "--user", "sh", "-ec", &script])
        .env("DATABASE_URL", format!("sqlite://{}/x.db", folder.path().display()));
    let serving = Serving::start(command);
    let post = |count| {
        let (_, body) = batch(0, 0, count);
        send(
            serving.api,
            Method::POST,
            "/events",
            Some("application/x-ndjson"),
            body.into(),
        )
    };
    let mut full = None;
    let mut stored = 0;
    for count in 0..5000 {
        let answer = post(count).await.unwrap();
        if answer.status == 503 {
            full = Some(answer);
            break;
        }
        stored += answer.json()["accepted"].as_i64().unwrap();
    }
    let full = full.expect("the disk was never full");
    assert_eq!(
        (full.json()["code"].as_str(), full.header("retry-after")),
        (Some("disk_full"), "1")
    );
    let get = |path: &'static str| send(serving.api, Method::GET, path, None, "".into());
    assert_eq!(get("/v1/stats").await.unwrap().json()["events"].as_i64(), Some(stored));
    assert_eq!(get("/readyz").await.unwrap().json()["code"], "disk_low");

    fs::write(format!("{}.free", folder.path().display()), "").unwrap();
    let mut again = 0;
    for count in 5000..5100 {
        let answer = post(count).await.unwrap();
        again = answer.status.as_u16();
        if again == 200 {
            stored += 20;
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let _ = fs::remove_file(format!("{}.free", folder.path().display()));
    assert_eq!(again, 200, "it did not recover");
    assert_eq!(get("/v1/stats").await.unwrap().json()["events"].as_i64(), Some(stored));
    assert_eq!(get("/readyz").await.unwrap().status, 200);
}
