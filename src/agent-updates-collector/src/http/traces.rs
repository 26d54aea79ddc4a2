//! A distributed trace: its spans as a tree.
//!
//! Senders lose events, send them late, and name parents that do not exist or that are their own children. The tree takes what
//! there is: a parent that is missing makes a root, and a circle is cut where it was first met.

use std::collections::{BTreeMap, HashMap, HashSet};

use axum::extract::State;
use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asked::Name;
use super::item::Item;
use super::{App, Problem};
use crate::event::lenient::{Field, Nested};
use crate::event::Status;
use crate::store::filter::Filter;
use crate::store::page::From;
use crate::store::rows::Stored;

/// A trace's events in one answer.
const MOST_EVENTS: usize = 1000;

/// A trace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trace {
    trace_id: String,
    /// The tree in the order of its lines: each span comes after its parent, one level deeper. A flat list, because a tree of a
    /// thousand levels is more than JSON readers take.
    spans: Vec<Span>,
    /// The events, in the order of the senders' clocks.
    events: Vec<Item>,
    /// Whether the trace has more events than the answer.
    truncated: bool,
}

/// A span.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Span {
    /// Its id; none for the events that have no span.
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    /// How many spans are above it.
    depth: usize,
    /// Whether its parent is not among the events, or is its own child.
    orphan: bool,
    /// What its last event with a status says.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// The places of its events.
    events: Vec<i64>,
}

/// A trace's tree
#[utoipa::path(get, path = "/v1/traces/{id}", tag = "agents",
    params(("id" = String, Path, description = "`trace_id`")),
    responses(
        (status = 200, body = Trace),
        (status = 404, body = super::problem::Document, content_type = "application/problem+json"),
        super::problem::Refusals,
    ))]
pub(super) async fn trace(State(app): State<App>, Name(trace_id): Name) -> Result<Json<Trace>, Problem> {
    let filter = Filter {
        trace: Some(trace_id.clone()),
        ..Filter::default()
    };
    let mut page = app.store().page(filter, From::After(0), MOST_EVENTS).await?;
    if page.events.is_empty() {
        return Err(Problem::unknown("trace"));
    }
    page.events.sort_by_key(|event| (event.timestamp_us, event.seq));
    Ok(Json(Trace {
        trace_id,
        spans: spans(&page.events),
        truncated: page.next.is_some(),
        events: page.events.into_iter().map(Item::try_from).collect::<Result<_, _>>()?,
    }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    correlation: Nested<Correlation<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Correlation<'a> {
    #[serde(borrow)]
    span_id: Field<'a>,
    #[serde(borrow)]
    parent_span_id: Field<'a>,
}

fn correlation(body: &str) -> (Option<String>, Option<String>) {
    let body: Body<'_> = serde_json::from_str(body).unwrap_or_default();
    let Nested::Object(correlation) = body.correlation else {
        return (None, None);
    };
    let text = |field| crate::event::parse::text(field).map(std::borrow::Cow::into_owned);
    (text(correlation.span_id), text(correlation.parent_span_id))
}

fn spans(events: &[Stored]) -> Vec<Span> {
    // In the order of first events.
    let mut order: Vec<Option<String>> = Vec::new();
    let mut known: HashMap<Option<String>, Span> = HashMap::new();
    for event in events {
        let (span_id, parent_span_id) = correlation(&event.body);
        let span = known.entry(span_id.clone()).or_insert_with(|| {
            order.push(span_id.clone());
            Span {
                span_id,
                parent_span_id: None,
                depth: 0,
                orphan: false,
                status: None,
                events: Vec::new(),
            }
        });
        span.events.push(event.seq);
        span.status = event.status.map(Status::as_str).or(span.status);
        if span.span_id.is_some() {
            span.parent_span_id = span.parent_span_id.take().or(parent_span_id);
        }
    }
    let mut children: BTreeMap<Option<String>, Vec<Option<String>>> = BTreeMap::new();
    let ids: HashSet<Option<String>> = order.iter().cloned().collect();
    for id in &order {
        let Some(span) = known.get_mut(id) else { continue };
        let parent = span.parent_span_id.clone();
        span.orphan = parent.is_some() && !ids.contains(&parent);
        let parent = parent.filter(|_| !span.orphan);
        children.entry(parent).or_default().push(id.clone());
    }
    let mut tree = Tree {
        children,
        known,
        met: HashSet::new(),
        lines: Vec::new(),
    };
    let roots = tree.children.remove(&None).unwrap_or_default();
    for root in roots {
        tree.walk(root, 0);
    }
    // What is left hangs together in circles.
    for id in order {
        if !tree.met.contains(&id) {
            if let Some(span) = tree.known.get_mut(&id) {
                span.orphan = true;
            }
            tree.walk(id, 0);
        }
    }
    tree.lines
}

struct Tree {
    children: BTreeMap<Option<String>, Vec<Option<String>>>,
    known: HashMap<Option<String>, Span>,
    met: HashSet<Option<String>>,
    lines: Vec<Span>,
}

impl Tree {
    /// Depth first, without recursion: a trace may be as deep as it has events.
    fn walk(&mut self, root: Option<String>, depth: usize) {
        let mut stack = vec![(root, depth)];
        while let Some((id, depth)) = stack.pop() {
            if !self.met.insert(id.clone()) {
                continue;
            }
            // The span without an id has no children: they would be roots.
            let children = if id.is_some() {
                self.children.remove(&id).unwrap_or_default()
            } else {
                Vec::new()
            };
            stack.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
            if let Some(mut span) = self.known.remove(&id) {
                span.depth = depth;
                self.lines.push(span);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Tags;

    fn event(seq: i64, span: &str, parent: &str) -> Stored {
        let text = |id: &str| {
            if id.is_empty() {
                "null".to_owned()
            } else {
                format!("\"{id}\"")
            }
        };
        Stored {
            seq,
            received_us: seq,
            timestamp_us: seq,
            agent: "a".to_owned(),
            event_type: "a.b".to_owned(),
            session: None,
            tool: None,
            status: None,
            source: None,
            tags: Tags::default(),
            duration_ms: None,
            task: None,
            branch: None,
            trace: Some("t".to_owned()),
            body: format!(
                r#"{{"correlation":{{"span_id":{},"parent_span_id":{}}}}}"#,
                text(span),
                text(parent)
            ),
        }
    }

    fn lines(events: &[Stored]) -> Vec<(String, usize, bool)> {
        let spans = spans(events);
        let line = |span: Span| (span.span_id.unwrap_or_default(), span.depth, span.orphan);
        spans.into_iter().map(line).collect()
    }

    #[test]
    fn children_come_after_their_parents_in_whatever_order_they_came() {
        let events = [
            event(1, "c", "b"),
            event(2, "b", "a"),
            event(3, "a", ""),
            event(4, "d", "a"),
            event(5, "", ""),
        ];
        let tree = [
            ("a", 0, false),
            ("b", 1, false),
            ("c", 2, false),
            ("d", 1, false),
            ("", 0, false),
        ];
        assert_eq!(
            lines(&events),
            tree.map(|(id, depth, orphan)| (id.to_owned(), depth, orphan))
        );
    }

    #[test]
    fn missing_parents_and_circles_are_roots_that_say_so() {
        let events = [
            event(1, "a", "gone"),
            event(2, "b", "c"),
            event(3, "c", "b"),
            event(4, "d", "d"),
        ];
        let tree = [("a", 0, true), ("b", 0, true), ("c", 1, false), ("d", 0, true)];
        assert_eq!(
            lines(&events),
            tree.map(|(id, depth, orphan)| (id.to_owned(), depth, orphan))
        );
    }

    #[test]
    fn a_deep_trace_needs_no_stack() {
        let events: Vec<_> = (1..=5000)
            .map(|n| event(n, &n.to_string(), &(n - 1).to_string()))
            .collect();
        assert_eq!(lines(&events).last().unwrap().1, 4999);
    }
}
