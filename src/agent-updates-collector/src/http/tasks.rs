//! A task: what was done for it.

use axum::extract::State;
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{Asked, Name};
use super::item::Item;
use super::list::{Order, PageQuery};
use super::sessions::in_order;
use super::{App, Problem};
use crate::event::Status;
use crate::store::filter::Filter;
use crate::store::page::From;

/// How many of the newest events are searched for one with a status.
const STATUS_SEARCH: usize = 50;

/// A task.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Task {
    task_id: String,
    /// What its newest event with a status says, if that is not long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// A page of its events, in the order of the senders' clocks.
    events: Vec<Item>,
    /// Ask with this for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A task's timeline
#[utoipa::path(get, path = "/v1/tasks/{id}", tag = "agents",
    params(("id" = String, Path, description = "`task_id`"), PageQuery),
    responses(
        (status = 200, body = Task),
        (status = 404, body = super::problem::Document, content_type = "application/problem+json"),
        super::problem::Refusals,
    ))]
pub(super) async fn task(
    State(app): State<App>,
    Name(task_id): Name,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Task>, Problem> {
    let (from, limit) = query.page(Order::Asc)?;
    let filter = Filter {
        task: Some(task_id.clone()),
        ..Filter::default()
    };
    let newest = app
        .store()
        .page(filter.clone(), From::Before(i64::MAX), STATUS_SEARCH)
        .await?;
    if newest.events.is_empty() {
        return Err(Problem::unknown("task"));
    }
    let with_status = newest.events.iter().filter(|event| event.status.is_some());
    let status = with_status.max_by_key(|event| (event.timestamp_us.min(event.received_us), event.seq));
    let status = status.and_then(|event| event.status).map(Status::as_str);
    let list = in_order(&app, filter, from, limit).await?;
    Ok(Json(Task {
        task_id,
        status,
        events: list.events,
        next_cursor: list.next_cursor,
    }))
}
