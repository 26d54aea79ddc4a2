//! Events in and out.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::Json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::timeout;
use tracing::debug;

use super::problem::Problem;
use super::App;
use crate::batch::Batch;
use crate::event::Rejection;
use crate::store::Stored;

/// The media types that events come in. A page of another site can send none of these without the browser asking first.
const MEDIA_TYPES: [&str; 3] = ["application/json", "application/x-ndjson", "application/ndjson"];

/// A body of nothing but bad lines must not be answered with a larger one.
const REPORTED_ERRORS: usize = 100;

/// How many events one answer holds at most.
const LIST_MAXIMUM: u32 = 1000;

/// What became of a request's events.
#[derive(Debug, Serialize)]
pub(super) struct Receipt {
    accepted: usize,
    rejected: usize,
    /// The first hundred that were rejected.
    errors: Vec<LineError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seq: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seq: Option<i64>,
}

#[derive(Debug, Serialize)]
struct LineError {
    line: usize,
    code: &'static str,
    message: String,
}

impl From<(usize, Rejection)> for LineError {
    fn from((line, rejection): (usize, Rejection)) -> Self {
        Self {
            line,
            code: rejection.code.as_str(),
            message: rejection.message,
        }
    }
}

/// Stores what can be stored and answers after the commit: 200 if anything was taken, 422 if nothing.
pub(super) async fn ingest(State(app): State<App>, request: Request) -> Result<(StatusCode, Json<Receipt>), Problem> {
    check_media_type(request.headers())?;
    let batch = Batch::parse(&read_body(&app, request).await?);
    if batch.is_empty() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "empty_body",
            "the body holds no event",
        ));
    }
    let accepted = batch.events.len();
    let stored = match accepted {
        0 => None,
        _ => Some(app.store.append(batch.events).await?),
    };
    app.metrics.accepted(accepted);
    for (_, rejection) in &batch.rejections {
        app.metrics.rejected(rejection.code);
    }
    let rejected = batch.rejections.len();
    debug!(accepted, rejected, "events received");
    let status = stored
        .as_ref()
        .map_or(StatusCode::UNPROCESSABLE_ENTITY, |_| StatusCode::OK);
    let receipt = Receipt {
        accepted,
        rejected,
        errors: batch
            .rejections
            .into_iter()
            .take(REPORTED_ERRORS)
            .map(LineError::from)
            .collect(),
        first_seq: stored.as_ref().map(|places| *places.start()),
        last_seq: stored.as_ref().map(|places| *places.end()),
    };
    Ok((status, Json(receipt)))
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(essence)) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        format!("the Content-Type must be one of {}", MEDIA_TYPES.join(", ")),
    ))
}

async fn read_body(app: &App, request: Request) -> Result<Bytes, Problem> {
    match timeout(app.limits.body, Bytes::from_request(request, app)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!(
                "a body has at most {} bytes; send the events in several requests",
                app.limits.body_bytes
            ),
        )),
        Ok(Err(rejection)) => Err(Problem::new(
            rejection.status(),
            "unreadable_body",
            rejection.body_text(),
        )),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            format!("the body did not arrive in {:?}", app.limits.body),
        )),
    }
}

/// The parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default = "ListQuery::default_limit")]
    limit: u32,
}

impl ListQuery {
    fn default_limit() -> u32 {
        100
    }
}

/// What the list answers.
#[derive(Debug, Serialize)]
pub(super) struct List {
    events: Vec<Item>,
}

#[derive(Debug, Serialize)]
struct Item {
    seq: i64,
    received_at: Timestamp,
    event: Box<RawValue>,
}

/// The newest events, newest first.
pub(super) async fn list(
    State(app): State<App>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<List>, Problem> {
    let invalid = |detail| Problem::new(StatusCode::BAD_REQUEST, "invalid_query", detail);
    let Query(ListQuery { limit }) = query.map_err(|rejection| invalid(rejection.body_text()))?;
    if !(1..=LIST_MAXIMUM).contains(&limit) {
        return Err(invalid(format!("limit must be from 1 to {LIST_MAXIMUM}")));
    }
    let stored = app.store.newest(limit).await?;
    let events = stored.into_iter().map(Item::try_from).collect::<Result<_, _>>()?;
    Ok(Json(List { events }))
}

impl TryFrom<Stored> for Item {
    type Error = Problem;

    fn try_from(stored: Stored) -> Result<Self, Problem> {
        Ok(Self {
            seq: stored.seq,
            received_at: Timestamp::from_microsecond(stored.received_us).map_err(|error| Problem::internal(&error))?,
            event: RawValue::from_string(stored.body).map_err(|error| Problem::internal(&error))?,
        })
    }
}
