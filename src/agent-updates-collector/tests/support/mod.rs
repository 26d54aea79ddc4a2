//! A real server on free ports with a fresh database, and an HTTP client for it.

// Each test program compiles its own copy and uses a part of it.
#![allow(dead_code)]

pub mod program;
pub mod random;
pub mod schema;
pub mod stores;

use std::net::SocketAddr;
use std::path::PathBuf;

use agent_updates_collector::config::{Layer, Limits, Settings, Token};
use agent_updates_collector::error::Error;
use agent_updates_collector::server::Server;
use axum::body::{to_bytes, Body, Bytes};
use axum::http::{header, HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running collector; its folder goes with it.
pub struct Collector {
    pub api: SocketAddr,
    pub metrics: SocketAddr,
    pub database: PathBuf,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

impl Collector {
    pub async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub async fn start_with(limits: Limits) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), limits).await
    }

    /// With other settings than the tests' usual ones.
    pub async fn start_as(change: impl FnOnce(Settings) -> Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = change(settings(folder.path().join("events.db")));
        Self::run(folder, settings).await
    }

    async fn start_in(folder: TempDir, limits: Limits) -> Self {
        let settings = Settings {
            limits,
            ..settings(folder.path().join("events.db"))
        };
        Self::run(folder, settings).await
    }

    async fn run(folder: TempDir, settings: Settings) -> Self {
        let database = settings.database.path().to_owned();
        let server = Server::bind(settings).await.unwrap();
        let (api, metrics) = (server.api_address(), server.metrics_address());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self {
            api,
            metrics,
            database,
            folder,
            stop,
            running,
        }
    }

    /// Stops the server and starts another on the same database.
    pub async fn restart(self) -> Self {
        Self::start_in(self.stop().await, Limits::default()).await
    }

    /// Stops the server; its database stays with the folder.
    pub async fn stop(self) -> TempDir {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
        self.folder
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.api, Method::GET, path, None, Bytes::new()).await.unwrap()
    }

    pub async fn post(&self, path: &str, media_type: &str, body: impl Into<Bytes>) -> Answer {
        send(self.api, Method::POST, path, Some(media_type), body.into())
            .await
            .unwrap()
    }

    /// The metrics' text.
    pub async fn scrape(&self) -> Answer {
        send(self.metrics, Method::GET, "/metrics", None, Bytes::new())
            .await
            .unwrap()
    }
}

/// Free ports on loopback, and this database.
pub fn settings(database: PathBuf) -> Settings {
    Layer {
        database_url: Some(database.into()),
        listen: Some(([127, 0, 0, 1], 0).into()),
        metrics_listen: Some(([127, 0, 0, 1], 0).into()),
        ..Layer::default()
    }
    .into()
}

/// Why no server could be had.
pub async fn refusal(settings: Settings) -> Error {
    Server::bind(settings).await.unwrap_err()
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One request on a connection of its own.
pub async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    media_type: Option<&str>,
    body: Bytes,
) -> Result<Answer, Failure> {
    let mut headers = Vec::new();
    if let Some(media_type) = media_type {
        headers.push(("content-type", media_type));
    }
    send_with(address, method, path, &headers, body).await
}

/// The same with any headers; `host` goes over the address.
pub async fn send_with(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Answer, Failure> {
    let (parts, body) = begin(address, method, path, headers, body).await?.into_parts();
    let bytes = to_bytes(Body::new(body), usize::MAX).await?;
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec())?,
    })
}

/// The same up to the beginning of the answer: a stream's body does not end.
pub async fn begin(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Response<Incoming>, Failure> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header(header::HOST, address.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(sender.send_request(request.body(Body::from(body))?).await?)
}

/// A valid event that can be told from others.
pub fn event(number: u32) -> String {
    format!(
        r#"{{"version":"1.0.0","event_type":"activity.progress","timestamp":"2026-01-02T03:04:05Z","agent_id":"@a@b","n":{number}}}"#
    )
}

/// A token, its own secret.
pub fn token(name: &str, scopes: &str) -> Token {
    use sha2::{Digest, Sha256};
    let hash = format!("{:x}", Sha256::digest(name));
    format!("{name}:{scopes}:{hash}").parse().unwrap()
}
