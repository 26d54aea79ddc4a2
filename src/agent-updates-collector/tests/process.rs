//! The program itself: its exit codes, its messages, and SIGTERM.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use axum::http::{Method, StatusCode};
use serde_json::Value;
use support::{event, send};

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agent-updates-collector"));
    command.env_clear().current_dir(folder);
    command
}

/// A serving process; killed when a test fails half-way.
struct Serving {
    child: Child,
    log: BufReader<ChildStderr>,
    api: SocketAddr,
}

impl Serving {
    /// Starts on free ports and waits for the log line that tells them.
    fn start(folder: &Path) -> Self {
        let mut child = program(folder)
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .env(
                "DATABASE_URL",
                format!("sqlite://{}", folder.join("events.db").display()),
            )
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let record: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(record["message"], "listening");
        let api = record["api"].as_str().unwrap().parse().unwrap();
        Self { child, log, api }
    }

    /// Sends SIGTERM and returns the exit code and the last log line.
    fn terminate(mut self) -> (Option<i32>, String) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let last = self.log.by_ref().lines().map(Result::unwrap).last().unwrap_or_default();
        (self.child.wait().unwrap().code(), last)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Fails where the process has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn health(folder: &Path, listen: SocketAddr) -> Output {
    program(folder)
        .arg("health")
        .env("LISTEN", listen.to_string())
        .output()
        .unwrap()
}

#[tokio::test]
async fn serve_takes_events_until_sigterm_and_has_them_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path());
    let answer = send(
        serving.api,
        Method::POST,
        "/v1/events",
        Some("application/json"),
        event(7).into(),
    )
    .await;
    assert_eq!(answer.unwrap().status, StatusCode::OK);

    let (code, last) = serving.terminate();
    assert_eq!(code, Some(0));
    assert!(last.contains("stopped"), "{last}");
    assert!(
        !folder.path().join("events.db-wal").exists(),
        "the log of the database was not written back"
    );

    let serving = Serving::start(folder.path());
    let answer = send(serving.api, Method::GET, "/v1/events", None, "".into())
        .await
        .unwrap();
    assert_eq!(answer.json()["events"][0]["event"]["n"], 7);
}

#[test]
fn health_is_0_for_a_ready_service_and_1_with_a_reason_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path());
    let ready = health(folder.path(), serving.api);
    assert_eq!(
        (ready.status.code(), ready.stdout.as_slice()),
        (Some(0), b"ready\n".as_slice())
    );

    // Bound and released: nothing listens there.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let none = health(folder.path(), free);
    let message = String::from_utf8(none.stderr).unwrap();
    assert_eq!((none.status.code(), message.lines().count()), (Some(1), 1), "{message}");
    assert!(message.contains(&free.to_string()), "{message}");
}

#[test]
fn a_start_that_fails_is_1_with_one_line_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, value) in [
        ("CONFIG_FILE", "missing.toml"),
        ("DATABASE_URL", "sqlite:///nonexistent/x.db"),
    ] {
        let output = program(folder.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .env(variable, value)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), message.lines().count()),
            (Some(1), 1),
            "{message}"
        );
        assert!(message.contains(value.trim_start_matches("sqlite://")), "{message}");
    }
}

#[test]
fn a_wrong_command_line_is_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        vec![],
        vec!["serve", "--log-level", "loud"],
        vec!["serve", "--database-url", "mysql://x"],
    ] {
        assert_eq!(
            program(folder.path()).args(arguments).output().unwrap().status.code(),
            Some(2)
        );
    }
}
