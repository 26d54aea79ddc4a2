//! Whether the service is alive, whether it is ready, and what it is.

use std::path::Path;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::Json;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{App, Problem};
use crate::store::sqlite::SCHEMA;
use crate::store::sqlite_version;

/// How long the database may take to answer a probe.
const PROBE: Duration = Duration::from_secs(2);

/// How long the writer may be silent: it says that it lives twice a second, but for one long transaction.
const SILENCE: Duration = Duration::from_secs(15);

/// The process answers
#[utoipa::path(get, path = "/healthz", tag = "service", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The service can take events and answer
///
/// The writer lives, the disk has room, and the database can be read.
#[utoipa::path(get, path = "/readyz", tag = "service", responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 503, body = super::problem::Document, content_type = "application/problem+json"),
))]
pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    let unready = |code, detail: String| Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail));
    let (silence, _) = app.store().writer_state();
    if silence > SILENCE {
        return unready("writer_silent", format!("the writer has been silent for {silence:?}"));
    }
    let needed = app.settings().min_free_bytes;
    match free_bytes(app.store().path()) {
        Some(free) if free < needed => {
            return unready(
                "disk_low",
                format!("the disk has {free} bytes left, {needed} are wanted"),
            );
        }
        _ => {}
    }
    match timeout(PROBE, app.store().probe()).await {
        Ok(answer) => answer.map(|()| "ready\n").map_err(Problem::from),
        Err(_) => unready("store_slow", format!("the database did not answer in {PROBE:?}")),
    }
}

/// What is free on a file's disk.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What `/version` answers.
#[derive(Serialize, ToSchema)]
pub(super) struct About {
    name: &'static str,
    version: &'static str,
    sqlite: &'static str,
    /// The database's schema.
    schema: usize,
}

/// What is running
#[utoipa::path(get, path = "/version", tag = "service", responses((status = 200, body = About)))]
pub(super) async fn version() -> Json<About> {
    Json(About {
        name: env!("CARGO_PKG_NAME"),
        version: crate::VERSION,
        sqlite: sqlite_version(),
        schema: SCHEMA,
    })
}
