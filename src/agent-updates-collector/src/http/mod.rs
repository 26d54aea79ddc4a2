//! The HTTP interface: one router for the API, one for the metrics, a module per noun.

mod events;
pub mod problem;
mod status;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::Router;

use crate::config::Limits;
use crate::http::problem::Problem;
use crate::metrics::{self, Metrics};
use crate::store::{sqlite_version, Store};

/// What every handler shares.
#[derive(Debug, Clone)]
pub struct App {
    store: Store,
    metrics: Arc<Metrics>,
    limits: Limits,
}

impl App {
    /// An application over an open store, with its counters at zero.
    #[must_use]
    pub fn new(store: Store, limits: Limits) -> Self {
        Self {
            store,
            metrics: Arc::new(Metrics::new(crate::VERSION, sqlite_version())),
            limits,
        }
    }
}

/// The API's routes.
pub fn api(app: App) -> Router {
    Router::new()
        .route("/healthz", get(status::alive))
        .route("/readyz", get(status::ready))
        .route("/version", get(status::version))
        .route("/v1/events", get(events::list).post(events::ingest))
        .route("/events", post(events::ingest))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(app.limits.body_bytes))
        .with_state(app)
}

/// The metrics' routes.
pub fn metrics(app: App) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

async fn scrape(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let text = app.metrics.encode().map_err(|error| Problem::internal(&error))?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text))
}

async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not take this method; see the Allow header",
    )
}
