//! Reads a request's body: in time, within its size, unpacked, and only as many at once as there is room for.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::{App, Problem};
use crate::ingest::encoding::{Encoding, UnpackError};

/// The media types that events come in. A page of another site can send none of these without the browser asking first.
const MEDIA_TYPES: [&str; 3] = ["application/json", "application/x-ndjson", "application/ndjson"];

/// A body, and the room that it takes until it is dropped.
pub(super) struct Body<'a> {
    /// The bytes.
    pub bytes: Bytes,
    _room: Room<'a>,
}

/// How long a request waits for room, whether or not its body has come: nobody who sends slowly or not at all keeps others out
/// for longer.
const ROOM_PATIENCE: Duration = Duration::from_secs(2);

/// Reads and unpacks a body of one of the media types.
pub(super) async fn read(app: &App, request: Request) -> Result<Body<'_>, Problem> {
    let limits = &app.settings().limits;
    check_media_type(request.headers())?;
    let encoding = encoding(request.headers())?;
    let mut room = Room::new(&app.inner.bodies, limits.bodies_bytes);
    let received = timeout(limits.body, receive(request, &mut room, limits.body_bytes));
    let bytes = received.await.map_err(|_| {
        let detail = format!("the body did not arrive in {:?}", limits.body);
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
    })??;
    let bytes = match encoding {
        Encoding::Identity => bytes,
        packed => {
            room.grow(bytes.len() + limits.caps.unpacked_bytes).await?;
            unpack(packed, bytes, limits.caps.unpacked_bytes).await?
        }
    };
    Ok(Body { bytes, _room: room })
}

/// Of a body that is too large as much again is read and dropped: a client that is still sending when the connection ends
/// does not see the answer.
async fn receive(request: Request, room: &mut Room<'_>, most: usize) -> Result<Bytes, Problem> {
    let mut chunks = request.into_body().into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "unreadable_body", error.to_string()))?;
        length += chunk.len();
        if length > 2 * most {
            break;
        }
        if length > most {
            bytes = Vec::new();
            continue;
        }
        room.grow(length).await?;
        bytes.extend_from_slice(&chunk);
    }
    if length > most {
        return Err(too_large(most));
    }
    Ok(bytes.into())
}

/// What a body takes of the memory for all bodies; given back when it is dropped. It grows with what has arrived, not with what
/// was announced: a few clients that announce much and send nothing would have all of it.
struct Room<'a> {
    all: &'a Semaphore,
    most: usize,
    taken: Option<SemaphorePermit<'a>>,
}

impl<'a> Room<'a> {
    fn new(all: &'a Semaphore, most: usize) -> Self {
        Self { all, most, taken: None }
    }

    /// Takes as much as a body of so many bytes needs.
    async fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        // Never more than there is, or it would wait for ever; at least one, so that none is free of it.
        let needed = (bytes.min(self.most) >> 10).max(1);
        let missing = needed.saturating_sub(self.taken.as_ref().map_or(0, SemaphorePermit::num_permits));
        if missing == 0 {
            return Ok(());
        }
        let more = self.all.acquire_many(u32::try_from(missing).unwrap_or(u32::MAX));
        let more = match timeout(ROOM_PATIENCE, more).await {
            Ok(more) => more.map_err(|error| Problem::internal(&error))?,
            Err(_) => return Err(crate::store::Failure::QueueFull.into()),
        };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
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
