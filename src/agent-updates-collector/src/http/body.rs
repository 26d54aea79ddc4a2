//! Reads a request's body: in time, within its size, unpacked, and only as many at once as there is room for.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::{App, Problem};
use crate::ingest::encoding::{Encoding, UnpackError};

/// The media types that events come in. A page of another site can send none of these without the browser asking first.
const MEDIA_TYPES: [&str; 3] = ["application/json", "application/x-ndjson", "application/ndjson"];

/// A body, and the room that it takes until it is dropped.
pub(super) struct Body<'a> {
    /// The bytes.
    pub bytes: Bytes,
    _room: SemaphorePermit<'a>,
}

/// Reads and unpacks a body of one of the media types.
pub(super) async fn read(app: &App, request: Request) -> Result<Body<'_>, Problem> {
    let limits = &app.settings().limits;
    check_media_type(request.headers())?;
    let encoding = encoding(request.headers())?;
    let length = content_length(request.headers())
        .unwrap_or(limits.body_bytes)
        .min(limits.body_bytes);
    let needed = match encoding {
        Encoding::Identity => length,
        Encoding::Gzip | Encoding::Zstd => length + limits.caps.unpacked_bytes,
    };
    // Never more than there is, or it would wait for ever; at least one, so that none is free of it.
    let room = (needed.min(limits.bodies_bytes) >> 10).max(1);
    let room = app.inner.bodies.acquire_many(u32::try_from(room).unwrap_or(u32::MAX));
    let late = || {
        let detail = format!("the body did not arrive in {:?}", limits.body);
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
    };
    let room = match timeout(limits.body, room).await {
        Ok(room) => room.map_err(|error| Problem::internal(&error))?,
        Err(_) => return Err(crate::store::Failure::QueueFull.into()),
    };
    let bytes = match timeout(limits.body, Bytes::from_request(request, app)).await {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(too_large(limits.body_bytes));
        }
        Ok(Err(rejection)) => {
            return Err(Problem::new(
                rejection.status(),
                "unreadable_body",
                rejection.body_text(),
            ));
        }
        Err(_) => return Err(late()),
    };
    let bytes = match encoding {
        Encoding::Identity => bytes,
        packed => unpack(packed, bytes, limits.caps.unpacked_bytes).await?,
    };
    Ok(Body { bytes, _room: room })
}

async fn unpack(encoding: Encoding, packed: Bytes, most: usize) -> Result<Bytes, Problem> {
    let work = move || encoding.unpack(&packed, most);
    match tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Problem::internal(&error))?
    {
        Ok(bytes) => Ok(bytes.into()),
        Err(UnpackError::TooLarge(most)) => Err(too_large(most)),
        Err(error @ UnpackError::Damaged(_)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "unreadable_body",
            error.to_string(),
        )),
    }
}

pub(super) fn too_large(most: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("a body has at most {most} bytes; send the events in several requests"),
    )
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let value = headers
        .get(CONTENT_ENCODING)
        .map_or(Some(""), |value| value.to_str().ok());
    value.and_then(Encoding::from_header).ok_or_else(|| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_encoding",
            "the Content-Encoding must be gzip, zstd or none",
        )
    })
}
