//! Events as they come (server-sent events).
//!
//! Every client reads from the store, from the place where it is: after a break, when it is slow, and when it is up to date.
//! So there is no seam between stored and live events at which one could be lost or sent twice.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{unfold, Stream};
use prometheus_client::metrics::gauge::Gauge;
use serde::Deserialize;
use tokio::sync::{watch, OwnedSemaphorePermit};
use tracing::warn;
use utoipa::IntoParams;

use super::events::{part, parts, FILTER_KEYS};
use super::item::Item;
use super::list::FilterQuery;
use super::{App, Problem};
use crate::store::filter::Filter;
use crate::store::page::From;
use crate::store::rows::Stored;

/// Events that one read of the store brings.
const READ: usize = 200;

/// A line that only keeps the connection open.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// After a failed read.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the stream begins.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// The place after which to begin. `Last-Event-ID` goes over it; without both, the stream begins with what comes next.
    after: Option<i64>,
}

/// Streams events
///
/// Server-sent events: `id` is the place, `data` the event as in the lists. Send the last `id` as `Last-Event-ID` to go on after
/// a break; browsers do. A comment comes every 15 seconds when nothing else does.
#[utoipa::path(get, path = "/v1/events/stream", tag = "events", params(FilterQuery, StreamQuery),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        super::problem::Refusals,
    ))]
pub(super) async fn stream(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let [filter, after] = parts(uri.query(), [FILTER_KEYS, &["after"]])?;
    let filter = part::<FilterQuery>(&filter)?.filter()?;
    let after = match headers.get("last-event-id") {
        Some(id) => {
            let place = id.to_str().ok().and_then(|id| id.parse().ok());
            Some(place.ok_or_else(|| Problem::query("Last-Event-ID is no place of ours"))?)
        }
        None => part::<StreamQuery>(&after)?.after,
    };
    let Ok(permit) = Arc::clone(&app.inner.streams).try_acquire_owned() else {
        let detail = format!("at most {} streams are served at a time", app.settings().limits.streams);
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_streams",
            detail,
        ));
    };
    let committed = app.store().committed();
    let newest = *committed.borrow();
    let follower = Follower {
        // A place that is not yet given comes from another database.
        place: after.unwrap_or(newest).clamp(0, newest),
        ready: VecDeque::new(),
        stopping: app.inner.stopping.clone(),
        _counted: Counted::new(app.inner.metrics.streams().clone(), permit),
        app,
        filter,
        committed,
    };
    let events = unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

struct Follower {
    app: App,
    filter: Filter,
    place: i64,
    ready: VecDeque<Stored>,
    committed: watch::Receiver<i64>,
    stopping: watch::Receiver<bool>,
    _counted: Counted,
}

impl Follower {
    /// The next event, sooner or later; `None` when the service stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            if let Some(stored) = self.ready.pop_front() {
                match to_event(stored) {
                    Ok(event) => return Some(event),
                    Err(problem) => warn!(?problem, "an event cannot be streamed"),
                }
                continue;
            }
            // Marked as seen before the read: what is committed during it wakes the next wait.
            self.committed.borrow_and_update();
            match self
                .app
                .store()
                .page(self.filter.clone(), From::After(self.place), READ)
                .await
            {
                Ok(page) => {
                    self.place = page.seen.max(self.place);
                    self.ready = page.events.into();
                    if self.ready.is_empty() && page.next.is_none() {
                        self.wait().await;
                    }
                }
                Err(error) => {
                    warn!(%error, "a stream cannot read");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            // An error means that the store or the service is gone, which the loop finds out.
            _ = self.committed.changed() => {}
            _ = self.stopping.changed() => {}
        }
    }
}

fn to_event(stored: Stored) -> Result<Event, Problem> {
    let seq = stored.seq;
    let json = serde_json::to_string(&Item::try_from(stored)?).map_err(|error| Problem::internal(&error))?;
    // A body may have line ends between its values; a space says the same.
    Ok(Event::default()
        .id(seq.to_string())
        .data(json.replace(['\r', '\n'], " ")))
}

/// Counts a stream for as long as it is open.
struct Counted {
    gauge: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Counted {
    fn new(gauge: Gauge, permit: OwnedSemaphorePermit) -> Self {
        gauge.inc();
        Self { gauge, _permit: permit }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
