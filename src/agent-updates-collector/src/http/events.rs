//! Events out: lists and single ones.

use axum::extract::State;
use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

use super::asked::{Asked, Name};
use super::item::Item;
use super::list::{FilterQuery, List, Order, PageQuery, Total};
use super::{App, Problem};

/// Whether to count.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TotalQuery {
    /// Count the filter's events too; it costs a search through all of them.
    #[serde(default)]
    total: bool,
}

/// Splits a query into the parts that several handlers share. (`serde(flatten)` would take every value for a string.)
pub(super) fn parts<const N: usize>(query: Option<&str>, keys: [&[&str]; N]) -> Result<[String; N], Problem> {
    let mut parts = [(); N].map(|()| String::new());
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let key = pair.split('=').next().unwrap_or_default();
        let Some(index) = keys.iter().position(|known| known.contains(&key)) else {
            return Err(Problem::query(format!("there is no parameter {key}")));
        };
        if !parts[index].is_empty() {
            parts[index].push('&');
        }
        parts[index].push_str(pair);
    }
    Ok(parts)
}

/// The names in [`FilterQuery`].
pub(super) const FILTER_KEYS: &[&str] = &[
    "agent", "session", "type", "status", "task", "branch", "trace", "source", "tool", "from", "to", "q",
];

/// The names in [`PageQuery`].
pub(super) const PAGE_KEYS: &[&str] = &["limit", "cursor", "order"];

/// Reads a part of a query.
pub(super) fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let uri: axum::http::Uri = format!("/?{text}")
        .parse()
        .map_err(|_| Problem::query("the query is no query"))?;
    Asked::of(&uri).map(|Asked(value)| value)
}

/// Lists events
///
/// By place, the newest first unless asked otherwise. A search that takes longer than a second ends with a cursor.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(FilterQuery, PageQuery, TotalQuery),
    responses(
        (status = 200, body = List),
        super::problem::Refusals,
    ))]
pub(super) async fn list(State(app): State<App>, uri: axum::http::Uri) -> Result<Json<List>, Problem> {
    let [filter, page, total] = parts(uri.query(), [FILTER_KEYS, PAGE_KEYS, &["total"]])?;
    let filter = part::<FilterQuery>(&filter)?.filter()?;
    let (from, limit) = part::<PageQuery>(&page)?.page(Order::Desc)?;
    let count = if part::<TotalQuery>(&total)?.total {
        Some(app.store().count(filter.clone()).await?)
    } else {
        None
    };
    let mut list = List::try_from(app.store().page(filter, from, limit).await?)?;
    list.total = count.map(|count| Total {
        events: count.events,
        complete: count.complete,
    });
    Ok(Json(list))
}

/// One event
///
/// By its own id, or by its place in the log.
#[utoipa::path(get, path = "/v1/events/{id}", tag = "events",
    params(("id" = String, Path, description = "`event_id`, or the place (`seq`)")),
    responses(
        (status = 200, body = Item),
        (status = 404, body = super::problem::Document, content_type = "application/problem+json"),
        super::problem::Refusals,
    ))]
pub(super) async fn one(State(app): State<App>, Name(id): Name) -> Result<Json<Item>, Problem> {
    let mut found = app.store().event_by_id(&id).await?;
    if found.is_none() {
        if let Ok(seq) = id.parse() {
            found = app.store().event_by_seq(seq).await?;
        }
    }
    Ok(Json(found.ok_or_else(|| Problem::unknown("id"))?.try_into()?))
}
