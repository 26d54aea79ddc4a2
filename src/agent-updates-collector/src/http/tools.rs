//! The tools: how often, how long, how often in vain.

use axum::extract::State;
use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asked::Asked;
use super::{time, App, Problem};
use crate::store::views::ToolRow;

pub(super) const HOUR_US: i64 = 3_600_000_000;

/// A span of time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SpanQuery {
    /// From this time on (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// Until this time (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
}

impl SpanQuery {
    /// The units of time that the span touches: from one to before another.
    pub(super) fn units(&self, unit_us: i64) -> Result<(i64, i64), Problem> {
        let from = self.from.as_deref().map(|text| time::parse("from", text)).transpose()?;
        let to = self.to.as_deref().map(|text| time::parse("to", text)).transpose()?;
        Ok((
            from.map_or(i64::MIN, |from| from.div_euclid(unit_us)),
            to.map_or(i64::MAX, |to| (to - 1).div_euclid(unit_us) + 1),
        ))
    }
}

/// The tools' calls.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tools {
    /// By name.
    tools: Vec<Tool>,
}

/// A tool's calls.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct Tool {
    tool: String,
    calls: i64,
    errors: i64,
    /// Milliseconds of the calls of which the length is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_ms: Option<f64>,
    /// Half of the calls were shorter than this, within a factor of two.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<i64>,
    /// 95 of a hundred were.
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_ms: Option<i64>,
}

impl From<ToolRow> for Tool {
    #[allow(clippy::cast_precision_loss)] // 2^53 milliseconds
    fn from(row: ToolRow) -> Self {
        Self {
            mean_ms: (row.timed > 0).then(|| row.total_ms as f64 / row.timed as f64),
            p50_ms: percentile(&row, 50),
            p95_ms: percentile(&row, 95),
            tool: row.tool,
            calls: row.calls,
            errors: row.errors,
        }
    }
}

/// The end of the bucket that so many of a hundred calls are below.
fn percentile(row: &ToolRow, percent: i64) -> Option<i64> {
    let mut below = 0;
    row.buckets.iter().find_map(|(end_ms, calls)| {
        below += calls;
        (below * 100 >= row.timed * percent).then_some(*end_ms)
    })
}

/// Counts tools' calls
///
/// By the hour: the hours that the span touches count as a whole.
#[utoipa::path(get, path = "/v1/tools/stats", tag = "statistics", params(SpanQuery),
    responses(
        (status = 200, body = Tools),
        super::problem::Refusals,
    ))]
pub(super) async fn stats(State(app): State<App>, Asked(query): Asked<SpanQuery>) -> Result<Json<Tools>, Problem> {
    let (from, to) = query.units(HOUR_US)?;
    let rows = app.store().tools(from, to).await?;
    Ok(Json(Tools {
        tools: rows.into_iter().map(Tool::from).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_end_of_its_bucket() {
        let row = ToolRow {
            tool: "Bash".to_owned(),
            calls: 101,
            errors: 1,
            timed: 100,
            total_ms: 1000,
            buckets: vec![(1, 49), (2, 1), (1024, 44), (2048, 6)],
        };
        let tool = Tool::from(row);
        assert_eq!(
            (tool.p50_ms, tool.p95_ms, tool.mean_ms),
            (Some(2), Some(2048), Some(10.0))
        );
    }

    #[test]
    fn a_span_touches_whole_units() {
        let span = SpanQuery {
            from: Some("1970-01-01T01:30:00Z".to_owned()),
            to: Some("1970-01-01T02:00:00Z".to_owned()),
        };
        assert_eq!(span.units(HOUR_US).unwrap(), (1, 2));
        assert_eq!(SpanQuery::default().units(HOUR_US).unwrap(), (i64::MIN, i64::MAX));
    }
}
