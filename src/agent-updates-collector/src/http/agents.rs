//! The agents: what each is doing now.

use axum::extract::State;
use axum::http::StatusCode;
use axum::Json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asked::{Asked, Name};
use super::item::Item;
use super::list::limit;
use super::{time, App, Problem};
use crate::event::Status;
use crate::store::rows::Stored;
use crate::store::views::AgentRow;

/// What an agent is doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Live {
    /// It works.
    Active,
    /// It waits for somebody.
    Waiting,
    /// It cannot go on.
    Blocked,
    /// It has answered and does nothing.
    Idle,
    /// Its last work failed.
    Error,
    /// Its session ended, or it has been silent for too long.
    Gone,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Agent {
    agent_id: String,
    #[schema(inline)]
    state: Live,
    /// How many events it sent.
    events: i64,
    /// When the collector first heard of it.
    #[schema(value_type = String, format = DateTime)]
    first_seen: Timestamp,
    /// When it last did.
    #[schema(value_type = String, format = DateTime)]
    last_seen: Timestamp,
    /// The event that made its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status_event: Option<Item>,
}

impl Agent {
    fn new(row: AgentRow, now_us: i64, heartbeat_us: i64) -> Result<Self, Problem> {
        Ok(Self {
            agent_id: row.agent,
            state: state(row.state.as_ref(), now_us - row.last_us > heartbeat_us),
            events: row.events,
            first_seen: time::format(row.first_us)?,
            last_seen: time::format(row.last_us)?,
            last_status_event: row.state.map(Item::try_from).transpose()?,
        })
    }
}

/// What the newest event with a status says.
fn state(event: Option<&Stored>, silent: bool) -> Live {
    let Some(event) = event else {
        return if silent { Live::Gone } else { Live::Active };
    };
    let ended = matches!(
        event.event_type.as_str(),
        "hook.session_end" | "hook.subagent_stop" | "lifecycle.completed" | "agent.completed" | "session.end"
    );
    match event.status {
        _ if silent || ended => Live::Gone,
        Some(Status::Completed) => Live::Idle,
        Some(Status::Waiting) => Live::Waiting,
        Some(Status::Blocked) => Live::Blocked,
        Some(Status::Error) => Live::Error,
        _ => Live::Active,
    }
}

/// Which agents.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AgentsQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[0-9]{1,18}[.][0-9]{1,18}$")]
    cursor: Option<String>,
}

/// Agents.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentList {
    /// The one that was heard last comes first.
    agents: Vec<Agent>,
    /// Ask with this for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

fn parse_cursor(cursor: &str) -> Result<(i64, i64), Problem> {
    let invalid = || Problem::new(StatusCode::BAD_REQUEST, "invalid_cursor", "this is no cursor of ours");
    let (time, number) = cursor.split_once('.').ok_or_else(invalid)?;
    Ok((
        time.parse().map_err(|_| invalid())?,
        number.parse().map_err(|_| invalid())?,
    ))
}

/// Lists agents
///
/// With what each is doing now: idle after it stopped, gone after its session's end or a long silence.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", params(AgentsQuery),
    responses(
        (status = 200, body = AgentList),
        super::problem::Refusals,
    ))]
pub(super) async fn list(State(app): State<App>, Asked(query): Asked<AgentsQuery>) -> Result<Json<AgentList>, Problem> {
    let limit = limit(query.limit)?;
    let before = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let rows = app
        .store()
        .agents(before, i64::try_from(limit).unwrap_or(i64::MAX))
        .await?;
    let next_cursor = match rows.last() {
        Some(last) if rows.len() == limit => Some(format!("{}.{}", last.last_us, last.number)),
        _ => None,
    };
    let (now_us, heartbeat_us) = clock(&app);
    let agents = rows
        .into_iter()
        .map(|row| Agent::new(row, now_us, heartbeat_us))
        .collect::<Result<_, _>>()?;
    Ok(Json(AgentList { agents, next_cursor }))
}

/// One agent
#[utoipa::path(get, path = "/v1/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "`agent_id`")),
    responses(
        (status = 200, body = Agent),
        (status = 404, body = super::problem::Document, content_type = "application/problem+json"),
        super::problem::Refusals,
    ))]
pub(super) async fn one(State(app): State<App>, Name(id): Name) -> Result<Json<Agent>, Problem> {
    let row = app.store().agent(id).await?.ok_or_else(|| Problem::unknown("agent"))?;
    let (now_us, heartbeat_us) = clock(&app);
    Ok(Json(Agent::new(row, now_us, heartbeat_us)?))
}

fn clock(app: &App) -> (i64, i64) {
    let heartbeat = app.settings().heartbeat.as_micros();
    (
        Timestamp::now().as_microsecond(),
        i64::try_from(heartbeat).unwrap_or(i64::MAX),
    )
}
