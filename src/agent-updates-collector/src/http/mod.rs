//! The HTTP interface: one router for the API, one for the metrics, a module per noun.
//!
//! Every route is declared where its handler is, and the OpenAPI document is made of the same declarations.

mod agents;
mod asked;
mod body;
mod decisions;
mod events;
mod export;
mod guard;
mod hooks;
mod ingest;
mod item;
mod list;
mod openapi;
mod problem;
mod sessions;
mod stats;
mod status;
mod stream;
mod tasks;
mod time;
mod tools;
mod traces;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::Router;
use tokio::sync::{watch, Semaphore};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::{Scope, Settings};
use crate::error::Error;
use crate::ingest::redact::Redactor;
use crate::metrics::{self, Gauges, Metrics};
use crate::store::Store;

pub use problem::Problem;

/// What every handler shares.
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    metrics: Arc<Metrics>,
    settings: Settings,
    redactor: Option<Redactor>,
    /// Room for bodies in memory, in KiB.
    bodies: Semaphore,
    streams: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl App {
    /// An application over an open store. Streams end when `stopping` becomes true.
    ///
    /// # Errors
    ///
    /// Never, as the patterns of secrets are constants.
    pub fn new(
        store: Store,
        metrics: Arc<Metrics>,
        settings: Settings,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, Error> {
        let redactor = settings
            .redact
            .then(Redactor::new)
            .transpose()
            .map_err(|error| Error::Setting {
                setting: "redact",
                reason: error.to_string(),
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                bodies: Semaphore::new(settings.limits.bodies_bytes >> 10),
                streams: Arc::new(Semaphore::new(settings.limits.streams)),
                store,
                metrics,
                settings,
                redactor,
                stopping,
            }),
        })
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}

/// The API's routes with their description.
fn described(app: &App) -> (Router<App>, OpenApi) {
    let scope = |scope| from_fn_with_state((app.clone(), scope), guard::authorise);
    let hooks = OpenApiRouter::new()
        .routes(routes!(hooks::claude))
        .route_layer(scope(Scope::Ingest));
    let ingest = OpenApiRouter::new()
        .routes(routes!(ingest::ingest))
        .route("/events", post(ingest::ingest))
        .route_layer(scope(Scope::Ingest));
    let read = OpenApiRouter::new()
        .routes(routes!(events::list))
        .routes(routes!(events::one))
        .routes(routes!(stream::stream))
        .routes(routes!(export::export))
        .routes(routes!(agents::list))
        .routes(routes!(agents::one))
        .routes(routes!(sessions::timeline))
        .routes(routes!(traces::trace))
        .routes(routes!(tasks::task))
        .routes(routes!(tools::stats))
        .routes(routes!(decisions::list))
        .routes(routes!(stats::stats))
        .route_layer(scope(Scope::Read));
    let open = OpenApiRouter::new()
        .routes(routes!(status::alive))
        .routes(routes!(status::ready))
        .routes(routes!(status::version))
        .routes(routes!(openapi::schema));
    // The hooks' answers are emptied last, also those that the guard gave.
    let hooks = hooks
        .layer(from_fn_with_state(app.clone(), guard::check_names))
        .layer(map_response(hooks::without_body));
    OpenApiRouter::with_openapi(openapi::document())
        .merge(ingest)
        .merge(read)
        .merge(open)
        .layer(from_fn_with_state(app.clone(), guard::check_names))
        .merge(hooks)
        .split_for_parts()
}

/// The API's routes.
pub fn api(app: App) -> Router {
    let (router, document) = described(&app);
    let document = Arc::new(openapi::json(&document));
    router
        .route(
            "/openapi.json",
            get(move || std::future::ready(openapi::serve(&document))),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
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
    let (_, (queue_events, queue_bytes)) = app.store().writer_state();
    let path = app.store().path();
    let gauges = Gauges {
        queue_events,
        queue_bytes,
        database_bytes: std::fs::metadata(path).map_or(0, |file| file.len()),
        free_bytes: status::free_bytes(path).unwrap_or(0),
    };
    let text = app
        .inner
        .metrics
        .encode(gauges)
        .map_err(|error| Problem::internal(&error))?;
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
