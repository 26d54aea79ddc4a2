//! What there is.

use axum::extract::State;
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::Asked;
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
        super::problem::Refusals,
    ))]
pub(super) async fn stats(State(app): State<App>, Asked(query): Asked<SpanQuery>) -> Result<Json<Stats>, Problem> {
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
