//! Lists of events: which, how many, and where to go on.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::item::Item;
use super::{time, Problem};
use crate::event::{Source, Status};
use crate::store::filter::Filter;
use crate::store::page::{From, Page};

/// How many events one answer holds at most.
pub(super) const LIST_MAXIMUM: usize = 1000;

/// Which events; all conditions must hold.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterQuery {
    /// Of this agent.
    agent: Option<String>,
    /// Of this session.
    session: Option<String>,
    /// Of one of these types, with commas between; `git.*` is every type in the namespace.
    #[serde(rename = "type")]
    #[param(pattern = r"^[a-z_]+\.([a-z_.]+|\*)(,[a-z_]+\.([a-z_.]+|\*)){0,31}$")]
    event_type: Option<String>,
    /// With this status.
    #[param(pattern = "^(started|thinking|tool_use|progress|waiting|blocked|completed|error)$")]
    status: Option<String>,
    /// Of this task.
    task: Option<String>,
    /// On this git branch.
    branch: Option<String>,
    /// Of this trace.
    trace: Option<String>,
    /// That came by this way: mcp, hook, cli or system.
    #[param(pattern = "^(mcp|hook|cli|system)$")]
    source: Option<String>,
    /// Of this tool.
    tool: Option<String>,
    /// That happened at this time (RFC 3339) or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// That happened before this time (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
    /// With this text anywhere in the JSON.
    q: Option<String>,
}

/// The types in one request.
const MOST_TYPES: usize = 32;

impl FilterQuery {
    /// The filter.
    pub(super) fn filter(self) -> Result<Filter, Problem> {
        let types: Vec<String> = self
            .event_type
            .iter()
            .flat_map(|types| types.split(','))
            .map(str::to_owned)
            .collect();
        if types.len() > MOST_TYPES {
            return Err(Problem::query(format!("type has at most {MOST_TYPES} types")));
        }
        let is_type = |name: &String| match name.split_once('.') {
            Some((namespace, action)) => {
                !namespace.is_empty() && !namespace.contains('*') && (action == "*" || !action.contains('*'))
            }
            None => false,
        };
        if !types.iter().all(is_type) {
            return Err(Problem::query("a type is namespace.action or namespace.*"));
        }
        let known = |name: &str, word: Option<String>, words: &[&str]| match word {
            Some(word) if !words.contains(&word.as_str()) => {
                Err(Problem::query(format!("{name} must be one of {}", words.join(", "))))
            }
            word => Ok(word),
        };
        let status = known("status", self.status, &Status::ALL.map(Status::as_str))?;
        let source = known("source", self.source, &Source::ALL.map(Source::as_str))?;
        Ok(Filter {
            agent: self.agent,
            session: self.session,
            types,
            status: status.as_deref().and_then(Status::from_name),
            task: self.task,
            branch: self.branch,
            trace: self.trace,
            source: source.as_deref().and_then(Source::from_name),
            tool: self.tool,
            from_us: self.from.map(|text| time::parse("from", &text)).transpose()?,
            to_us: self.to.map(|text| time::parse("to", &text)).transpose()?,
            text: self.q.filter(|text| !text.is_empty()),
        })
    }
}

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// How many events at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[ab][0-9]{1,18}$")]
    cursor: Option<String>,
    /// The order of the places: `desc` begins with the newest.
    #[param(inline)]
    order: Option<Order>,
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    Asc,
    Desc,
}

impl PageQuery {
    /// Where the page begins, and how long it is.
    pub(super) fn page(&self, default: Order) -> Result<(From, usize), Problem> {
        let limit = limit(self.limit)?;
        let from = match (&self.cursor, self.order.unwrap_or(default)) {
            (Some(cursor), _) => parse_cursor(cursor)?,
            (None, Order::Desc) => From::Before(i64::MAX),
            (None, Order::Asc) => From::After(0),
        };
        Ok((from, limit))
    }
}

/// The number of entries in an answer.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(100);
    if (1..=LIST_MAXIMUM).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::query(format!("limit must be from 1 to {LIST_MAXIMUM}")))
}

/// The page of a cursor: a letter for the way, and a place.
fn parse_cursor(cursor: &str) -> Result<From, Problem> {
    let invalid = || {
        Problem::new(
            axum::http::StatusCode::BAD_REQUEST,
            "invalid_cursor",
            "this is no cursor of ours",
        )
    };
    let place = |text: &str| text.parse::<i64>().ok().filter(|place| *place >= 0 && text != "-0");
    match (cursor.strip_prefix('b'), cursor.strip_prefix('a')) {
        (Some(text), _) => place(text).map(From::Before),
        (_, Some(text)) => place(text).map(From::After),
        _ => None,
    }
    .ok_or_else(invalid)
}

fn format_cursor(from: From) -> String {
    match from {
        From::Before(place) => format!("b{place}"),
        From::After(place) => format!("a{place}"),
    }
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventList)]
pub(super) struct List {
    /// The events.
    pub events: Vec<Item>,
    /// Ask with this for the next page. It is there as long as there may be more, also after an empty page of a long search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// With `total=true`: how many events the filter has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Total>,
}

/// How many events a filter has.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Total {
    /// So many were found.
    pub events: i64,
    /// Whether these are all; a long count ends before.
    pub complete: bool,
}

impl List {
    /// No events.
    pub(super) fn empty() -> Self {
        Self {
            events: Vec::new(),
            next_cursor: None,
            total: None,
        }
    }
}

impl TryFrom<Page> for List {
    type Error = Problem;

    fn try_from(page: Page) -> Result<Self, Problem> {
        Ok(Self {
            events: page.events.into_iter().map(Item::try_from).collect::<Result<_, _>>()?,
            next_cursor: page.next.map(format_cursor),
            total: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_leads_back_and_others_are_refused() {
        for from in [From::Before(7), From::After(0), From::Before(i64::MAX)] {
            assert_eq!(parse_cursor(&format_cursor(from)).unwrap(), from);
        }
        for cursor in ["", "b", "7", "b-1", "b1.5", "c7", "b9223372036854775808", "a b", "-0"] {
            assert!(parse_cursor(cursor).is_err(), "{cursor}");
        }
    }

    proptest! {
        #[test]
        fn no_cursor_panics(text in any::<String>()) {
            let _ = parse_cursor(&text);
        }
    }
}
