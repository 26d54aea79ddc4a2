//! Errors as clients see them: RFC 9457 problem documents. 4xx explains; 5xx hides the cause and logs it.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde::Serialize;
use tracing::error;
use utoipa::openapi::{Content, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::error::Error;
use crate::store::Failure;

/// Why a request was not served.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document {
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// A stable code for programs.
    code: &'static str,
    /// A sentence for people.
    detail: String,
}

/// The problems that every question may be answered with, for the description of the API.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let document = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new()
            .content("application/problem+json", document)
            .build();
        let statuses = ["400", "401", "403", "503"];
        BTreeMap::from(statuses.map(|status| (status.to_owned(), response.clone().into())))
    }
}

impl Problem {
    /// A problem with its status, a stable code for programs, and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
        }
    }

    /// A parameter that cannot be understood.
    pub fn query(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", detail)
    }

    /// Nothing is known by this name.
    #[must_use]
    pub fn unknown(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown",
            format!("no event of this {what} is stored"),
        )
    }

    /// A bug; the client learns nothing but that.
    pub fn internal(cause: &dyn fmt::Display) -> Self {
        error!(error = %cause, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the collector failed; its log says why",
        )
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Error> for Problem {
    /// The store fails for reasons that pass (a full disk, a lock): the client shall keep the events and try again.
    fn from(cause: Error) -> Self {
        error!(error = %cause, "the store failed");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "the database does not answer; try again",
        )
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let unavailable = |code, detail: &str| Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        match failure {
            Failure::QueueFull => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "queue_full",
                "more events wait than can be stored; send them again later",
            ),
            Failure::DiskFull => unavailable(
                "disk_full",
                "the collector's disk is full; keep the events and try again",
            ),
            Failure::LogFull => unavailable("log_full", "the database's log is full; keep the events and try again"),
            Failure::Refused(_) => unavailable("store_unavailable", "the database does not answer; try again"),
            Failure::Stopping => unavailable("stopping", "the collector stops; try again"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Json(Document {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
        });
        let mut response = (self.status, document).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(
            self.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
