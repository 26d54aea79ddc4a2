//! What was decided.

use axum::extract::State;
use axum::http::Uri;
use axum::Json;

use super::events::{part, parts, FILTER_KEYS, PAGE_KEYS};
use super::list::{FilterQuery, List, Order, PageQuery};
use super::{App, Problem};

/// Lists decisions
///
/// The events of the namespace `decision`, the newest first. The filters of `/v1/events` narrow them.
#[utoipa::path(get, path = "/v1/decisions", tag = "events", params(FilterQuery, PageQuery),
    responses(
        (status = 200, body = List),
        super::problem::Refusals,
    ))]
pub(super) async fn list(State(app): State<App>, uri: Uri) -> Result<Json<List>, Problem> {
    let [filter, page] = parts(uri.query(), [FILTER_KEYS, PAGE_KEYS])?;
    let mut filter = part::<FilterQuery>(&filter)?.filter()?;
    let (from, limit) = part::<PageQuery>(&page)?.page(Order::Desc)?;
    if filter.types.is_empty() {
        filter.types = vec!["decision.*".to_owned()];
    } else {
        filter.types.retain(|name| name.starts_with("decision."));
        if filter.types.is_empty() {
            return Ok(Json(List::empty()));
        }
    }
    Ok(Json(List::try_from(app.store().page(filter, from, limit).await?)?))
}
