//! A session: its events in the order in which they happened.

use axum::extract::State;
use axum::Json;

use super::asked::{Asked, Name};
use super::list::{List, Order, PageQuery};
use super::{App, Problem};
use crate::store::filter::Filter;
use crate::store::page::From;

/// A session's timeline
///
/// Page by page in the order of arrival; within a page in the order of the senders' clocks.
#[utoipa::path(get, path = "/v1/sessions/{id}/timeline", tag = "agents",
    params(("id" = String, Path, description = "`session_id`"), PageQuery),
    responses(
        (status = 200, body = List),
        (status = 404, body = super::problem::Document, content_type = "application/problem+json"),
        super::problem::Refusals,
    ))]
pub(super) async fn timeline(
    State(app): State<App>,
    Name(id): Name,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<List>, Problem> {
    let (from, limit) = query.page(Order::Asc)?;
    let filter = Filter {
        session: Some(id),
        ..Filter::default()
    };
    let list = in_order(&app, filter, from, limit).await?;
    if list.events.is_empty() && from == From::After(0) {
        return Err(Problem::unknown("session"));
    }
    Ok(Json(list))
}

/// A page of events in the order of the senders' clocks.
pub(super) async fn in_order(app: &App, filter: Filter, from: From, limit: usize) -> Result<List, Problem> {
    let mut page = app.store().page(filter, from, limit).await?;
    page.events.sort_by_key(|event| (event.timestamp_us, event.seq));
    if matches!(from, From::Before(_)) {
        page.events.reverse();
    }
    List::try_from(page)
}
