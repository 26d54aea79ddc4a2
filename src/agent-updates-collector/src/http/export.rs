//! Everything, as a file: read page by page, so that no reader holds an old state of the database open.

use std::fmt::Write;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::events::{part, parts, FILTER_KEYS};
use super::item::Item;
use super::list::FilterQuery;
use super::{App, Problem};
use crate::store::filter::Filter;
use crate::store::page::{From, Page};

/// Events in one page.
const PAGE: usize = 500;

/// How to write the events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// One JSON object a line, as in the lists.
    #[default]
    Ndjson,
    /// A table with a header.
    Csv,
}

/// The form of the export.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// The form.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// Exports events
///
/// The oldest first, all of a filter's events up to the one that is the newest when the export begins. `import` reads the NDJSON.
#[utoipa::path(get, path = "/v1/export", tag = "events", params(FilterQuery, ExportQuery),
    responses(
        (status = 200, content((String = "application/x-ndjson"), (String = "text/csv"))),
        super::problem::Refusals,
    ))]
pub(super) async fn export(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let [filter, form] = parts(uri.query(), [FILTER_KEYS, &["format"]])?;
    let filter = part::<FilterQuery>(&filter)?.filter()?;
    let format = part::<ExportQuery>(&form)?.format;
    let end = *app.store().committed().borrow();
    // The first page now, so that a failure is an answer and not a broken file.
    let first = app.store().page(filter.clone(), From::After(0), PAGE).await?;
    let media_type = match format {
        Format::Ndjson => "application/x-ndjson",
        Format::Csv => "text/csv; charset=utf-8",
    };
    let exporter = Exporter {
        app,
        filter,
        format,
        end,
        header: format == Format::Csv,
        next: Next::Page(first),
    };
    let chunks = unfold(exporter, |mut exporter| async move {
        let chunk = exporter.chunk().await?;
        Some((chunk, exporter))
    });
    Ok(([(CONTENT_TYPE, media_type)], Body::from_stream(chunks)).into_response())
}

enum Next {
    Page(Page),
    From(From),
    End,
}

struct Exporter {
    app: App,
    filter: Filter,
    format: Format,
    end: i64,
    header: bool,
    next: Next,
}

impl Exporter {
    async fn chunk(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let page = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return None,
            Next::Page(page) => page,
            Next::From(from) => match self.app.store().page(self.filter.clone(), from, PAGE).await {
                Ok(page) => page,
                // Breaks the connection off, so that nobody takes half an export for a whole one.
                Err(error) => return Some(Err(std::io::Error::other(error))),
            },
        };
        if let Some(next) = page.next.filter(|_| page.seen < self.end) {
            self.next = Next::From(next);
        }
        let mut text = String::new();
        if std::mem::take(&mut self.header) {
            text.push_str(HEADER);
        }
        for stored in page.events.into_iter().filter(|event| event.seq <= self.end) {
            match Item::try_from(stored) {
                Ok(item) => self.write(&mut text, &item),
                Err(problem) => return Some(Err(std::io::Error::other(format!("{problem:?}")))),
            }
        }
        Some(Ok(text.into()))
    }

    fn write(&self, text: &mut String, item: &Item) {
        match self.format {
            // The line ends that a body may have between its values are spaces here.
            Format::Ndjson => {
                let line = serde_json::to_string(item).unwrap_or_default();
                text.push_str(&line.replace(['\r', '\n'], " "));
            }
            Format::Csv => write_csv(text, item),
        }
        text.push('\n');
    }
}

const HEADER: &str =
    "seq,received_at,timestamp,event_type,agent_id,session_id,status,source,task_id,branch,trace_id,tool,\
                      duration_ms,event\n";

fn write_csv(text: &mut String, item: &Item) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{},{},{}", item.seq, item.received_at, item.timestamp);
    let duration = item.duration_ms.map(|milliseconds| milliseconds.to_string());
    for field in [
        Some(item.event_type.as_str()),
        Some(item.agent_id.as_str()),
        item.session_id.as_deref(),
        item.status,
        item.source,
        item.task_id.as_deref(),
        item.branch.as_deref(),
        item.trace_id.as_deref(),
        item.tool.as_deref(),
        duration.as_deref(),
        Some(item.event.get()),
    ] {
        text.push(',');
        let field = field.unwrap_or_default();
        if field.contains([',', '"', '\n', '\r']) {
            let _ = write!(text, "\"{}\"", field.replace('"', "\"\""));
        } else {
            text.push_str(field);
        }
    }
}
