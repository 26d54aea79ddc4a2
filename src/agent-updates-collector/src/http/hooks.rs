//! The hooks of coding agents, posted as they are. The agent waits for the answer, so it comes soon and says nothing: a body
//! would be read as a decision.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use utoipa::ToSchema;

use super::{body, App, Problem};
use crate::adapters::claude;
use crate::event::{Code, Rejection, Tags};
use crate::ingest::batch::{read_event, Reading};
use crate::ingest::Validation;
use crate::store::Outcome;

/// A hook's payload; what else it has is kept.
#[derive(ToSchema)]
#[allow(dead_code)] // for the description only
pub(super) struct HookPayload {
    /// The hook.
    #[schema(pattern = "^[A-Z][A-Za-z]{1,40}$", example = "PreToolUse")]
    hook_event_name: String,
}

/// Stores a hook of Claude Code
///
/// Takes a hook's payload as Claude Code posts it. The answer never has a body: 204 after the commit, 503 when it could not be
/// stored, which does not stop the agent.
#[utoipa::path(post, path = "/v1/hooks/claude", tag = "events",
    request_body(content = HookPayload, content_type = "application/json"),
    responses(
        (status = 204, description = "Stored"),
        (status = 400, description = "Not a hook's payload"),
        (status = 401, description = "No known token"),
        (status = 403, description = "Not allowed"),
        (status = 408, description = "The body did not arrive"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
        (status = 429, description = "Too much waits to be stored"),
        (status = 503, description = "Not stored"),
    ))]
pub(super) async fn claude(State(app): State<App>, request: Request) -> Result<StatusCode, Problem> {
    let body = body::read(&app, request).await?;
    let invalid = |rejection: Rejection| {
        app.inner.metrics.rejected(rejection.code);
        Problem::new(StatusCode::BAD_REQUEST, rejection.code.as_str(), rejection.message)
    };
    let text = std::str::from_utf8(&body.bytes).map_err(|error| invalid(Rejection::new(Code::InvalidUtf8, error)))?;
    let reading = Reading {
        caps: app.settings().limits.caps,
        validation: Validation::Lenient,
        redactor: app.inner.redactor.as_ref(),
        received_us: jiff::Timestamp::now().as_microsecond(),
    };
    // The size, the depth and the secrets are looked at as for any event; the shape must be this one.
    let record = read_event(text, reading).map_err(invalid)?;
    if !record.tags.contains(Tags::ADAPTED) || !record.event_type.starts_with("hook.") {
        return Err(invalid(Rejection::new(
            Code::MissingField,
            "hook_event_name is missing",
        )));
    }
    if record.event_type == claude::MESSAGE_DISPLAY && !app.settings().store_message_display {
        return Ok(StatusCode::NO_CONTENT);
    }
    let source = record.source;
    let outcomes = app.store().append(vec![record], false).await.map_err(|failure| {
        app.inner.metrics.refused();
        Problem::from(failure)
    })?;
    match outcomes.into_iter().next() {
        Some(Outcome::Stored(_)) => app.inner.metrics.accepted(source),
        Some(Outcome::Duplicate(_)) => app.inner.metrics.duplicate(source),
        Some(Outcome::Conflict(_)) => app.inner.metrics.rejected(Code::Conflict),
        Some(Outcome::Unstorable(_) | Outcome::RolledBack) | None => {
            app.inner.metrics.rejected(Code::Unstorable);
            return Ok(StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The answer without its body.
pub(super) async fn without_body(mut response: Response) -> Response {
    *response.body_mut() = Body::empty();
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.remove(CONTENT_LENGTH);
    if response.status() != StatusCode::NO_CONTENT {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    response
}
