//! Whether the service is alive, whether it is ready, and what it is.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::Json;
use serde::Serialize;
use tokio::time::timeout;

use super::problem::Problem;
use super::App;
use crate::store::sqlite_version;

/// How long the database may take to answer a probe.
const PROBE: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers, too.
pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    match timeout(PROBE, app.store.probe()).await {
        Ok(answer) => answer.map(|()| "ready\n").map_err(Problem::from),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_slow",
            format!("the database did not answer in {PROBE:?}"),
        )),
    }
}

/// What `/version` answers.
#[derive(Serialize)]
pub(super) struct About {
    name: &'static str,
    version: &'static str,
    sqlite: &'static str,
}

/// What is running.
pub(super) async fn version() -> Json<About> {
    Json(About {
        name: env!("CARGO_PKG_NAME"),
        version: crate::VERSION,
        sqlite: sqlite_version(),
    })
}
