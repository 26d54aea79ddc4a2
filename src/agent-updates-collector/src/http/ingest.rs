//! Events in.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde::{Deserialize, Serialize};
use tracing::debug;
use utoipa::{IntoParams, ToSchema};

use super::asked::Asked;
use super::{body, App, Problem};
use crate::event::{Code, Record, Rejection};
use crate::ingest::batch::{Batch, Reading};
use crate::ingest::Validation;
use crate::store::Outcome;

/// A body of nothing but bad lines must not be answered with a larger one.
const REPORTED_ERRORS: usize = 100;

/// How the events are taken.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct IngestQuery {
    /// Take all events of the request or none.
    #[serde(default)]
    atomic: bool,
    /// How strictly to check; the service's setting otherwise.
    #[param(inline)]
    validate: Option<Validation>,
}

/// An event in its usual shape; `/v1/schema/1.1` says more. An array of them, and the shapes that the adapters know, are taken too.
#[derive(ToSchema)]
#[allow(dead_code)] // for the description only
pub(super) struct SentEvent {
    /// The version of the schema.
    #[schema(pattern = "^1[.](0|[1-9][0-9]{0,3})[.](0|[1-9][0-9]{0,3})$", example = "1.1.0")]
    version: String,
    /// `namespace.action`.
    #[schema(pattern = "^[a-z_]{1,60}[.][a-z_]{1,60}$", example = "activity.progress")]
    event_type: String,
    /// When it happened, with a zone.
    #[schema(format = DateTime)]
    timestamp: String,
    /// Who did it.
    #[schema(pattern = "^[A-Za-z0-9@._-]{1,100}$", example = "@backend-engineer@galway")]
    agent_id: String,
}

/// What became of a request's events.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Receipt {
    /// Stored now.
    accepted: usize,
    /// Stored before.
    duplicates: usize,
    /// Not stored.
    rejected: usize,
    /// The first hundred that were rejected.
    errors: Vec<LineError>,
    /// The lowest place of what was stored now.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seq: Option<i64>,
    /// The highest.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seq: Option<i64>,
}

/// Why one event was not stored.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LineError {
    /// The line, or the place in the array, from 1.
    line: usize,
    /// The event's id, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    /// A stable code for programs.
    code: &'static str,
    /// A sentence for people.
    message: String,
    /// The place in the event (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
}

/// Stores events
///
/// One JSON object, an array of them, or NDJSON; plain, gzip or zstd. What can be stored is stored; the answer comes after the
/// commit: 200 if anything was taken or is there already, 422 if nothing.
#[utoipa::path(post, path = "/v1/events", tag = "events", params(IngestQuery),
    request_body(content((SentEvent = "application/json"), (String = "application/x-ndjson"))),
    responses(
        (status = 200, body = Receipt, description = "Something was taken"),
        (status = 408, body = super::problem::Document, content_type = "application/problem+json"),
        (status = 413, body = super::problem::Document, content_type = "application/problem+json"),
        (status = 415, body = super::problem::Document, content_type = "application/problem+json"),
        (status = 422, body = Receipt, description = "Nothing was taken"),
        (status = 429, body = super::problem::Document, content_type = "application/problem+json"),
        super::problem::Refusals,
    ))]
pub(super) async fn ingest(
    State(app): State<App>,
    Asked(query): Asked<IngestQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let body = body::read(&app, request).await?;
    let batch = read(&app, &body.bytes, query.validate.unwrap_or(app.settings().validation)).await?;
    if batch.is_empty() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "empty_body",
            "the body holds no event",
        ));
    }
    let receipt = store(&app, batch, query.atomic).await?;
    debug!(
        accepted = receipt.accepted,
        rejected = receipt.rejected,
        "events received"
    );
    let status = if receipt.accepted + receipt.duplicates > 0 {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Ok((status, Json(receipt)).into_response())
}

async fn read(app: &App, bytes: &[u8], validation: Validation) -> Result<Batch, Problem> {
    let caps = app.settings().limits.caps;
    let reading = Reading {
        caps,
        validation,
        redactor: app.inner.redactor.as_ref(),
        received_us: jiff::Timestamp::now().as_microsecond(),
    };
    Batch::read(bytes, reading).await.map_err(|_| {
        let detail = format!("a request has at most {} events", caps.events);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_events", detail)
    })
}

async fn store(app: &App, batch: Batch, atomic: bool) -> Result<Receipt, Problem> {
    let Batch { events, rejections } = batch;
    let (lines, records): (Vec<usize>, Vec<Record>) = events.into_iter().unzip();
    let sources: Vec<_> = records.iter().map(|record| record.source).collect();
    let mut tally = Tally {
        receipt: Receipt::default(),
        rejections,
    };
    let outcomes = if records.is_empty() {
        Vec::new()
    } else if atomic && !tally.rejections.is_empty() {
        vec![Outcome::RolledBack; records.len()]
    } else {
        app.store().append(records, atomic).await.map_err(|failure| {
            app.inner.metrics.refused();
            Problem::from(failure)
        })?
    };
    for ((line, source), outcome) in lines.into_iter().zip(sources).zip(outcomes) {
        match outcome {
            Outcome::Stored(_) => app.inner.metrics.accepted(source),
            Outcome::Duplicate(_) => app.inner.metrics.duplicate(source),
            _ => {}
        }
        tally.count(line, outcome);
    }
    for (_, rejection) in &tally.rejections {
        app.inner.metrics.rejected(rejection.code);
    }
    Ok(tally.finish())
}

struct Tally {
    receipt: Receipt,
    rejections: Vec<(usize, Rejection)>,
}

impl Tally {
    fn count(&mut self, line: usize, outcome: Outcome) {
        let receipt = &mut self.receipt;
        let rejection = match outcome {
            Outcome::Stored(seq) => {
                receipt.accepted += 1;
                receipt.first_seq = Some(receipt.first_seq.map_or(seq, |first| first.min(seq)));
                receipt.last_seq = receipt.last_seq.max(Some(seq));
                return;
            }
            Outcome::Duplicate(_) => {
                receipt.duplicates += 1;
                return;
            }
            Outcome::Conflict(seq) => Rejection::new(
                Code::Conflict,
                format!("another event with this id is stored at {seq} and is kept"),
            ),
            Outcome::Unstorable(reason) => Rejection::new(Code::Unstorable, reason),
            Outcome::RolledBack => Rejection::new(Code::Atomic, "another event of the request was not taken"),
        };
        self.rejections.push((line, rejection));
    }

    fn finish(mut self) -> Receipt {
        self.receipt.rejected = self.rejections.len();
        self.rejections.sort_by_key(|(line, _)| *line);
        let first = self.rejections.into_iter().take(REPORTED_ERRORS);
        self.receipt.errors = first
            .map(|(line, rejection)| LineError {
                line,
                event_id: rejection.event_id,
                code: rejection.code.as_str(),
                message: rejection.message,
                pointer: rejection.pointer,
            })
            .collect();
        self.receipt
    }
}
