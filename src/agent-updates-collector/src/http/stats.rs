//! What there is.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::tools::{SpanQuery, HOUR_US};
use super::{App, Problem};
use crate::event::Status;

/// What there is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stats {
    /// All events in the database.
    events: i64,
    /// All agents.
    agents: i64,
    /// The oldest place.
    first_seq: i64,
    /// The newest.
    last_seq: i64,
    /// The events of the span, by type and status.
    kinds: Vec<Kind>,
}

/// The events of one type and status.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Kind {
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    events: i64,
}

/// Counts events
///
/// By the day (UTC): the days that the span touches count as a whole.
#[utoipa::path(get, path = "/v1/stats", tag = "statistics", params(SpanQuery),
    responses(
        (status = 200, body = Stats),
        (status = 400, body = super::problem::Document, content_type = "application/problem+json"),
        (status = 401, body = super::problem::Document, content_type = "application/problem+json"),
        (status = 403, body = super::problem::Document, content_type = "application/problem+json"),
        (status = 503, body = super::problem::Document, content_type = "application/problem+json"),
    ))]
pub(super) async fn stats(
    State(app): State<App>,
    query: Result<Query<SpanQuery>, QueryRejection>,
) -> Result<Json<Stats>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::query(rejection.body_text()))?;
    let (from, to) = query.units(24 * HOUR_US)?;
    let row = app.store().stats(from, to).await?;
    let (first_seq, last_seq) = row.bounds;
    let kinds = row.kinds.into_iter().map(|(event_type, status, events)| Kind {
        event_type,
        status: status.map(Status::as_str),
        events,
    });
    Ok(Json(Stats {
        events: last_seq - first_seq + 1,
        agents: row.agents,
        first_seq,
        last_seq,
        kinds: kinds.collect(),
    }))
}
