//! Pages of events by place, never by offset, and never longer at it than a second.

use rusqlite::types::Value;
use rusqlite::{params_from_iter, Connection};

use super::filter::{Condition, Filter};
use super::pool::Deadline;
use super::rows::{Stored, COLUMNS};
use super::Store;
use crate::error::Error;

/// An answer's bodies have at most so many bytes, but for one event.
const PAGE_BYTES: usize = 8 << 20;

/// The places that the first search looks at when no index leads to the events alone; each next one looks at four times more.
const FIRST_WINDOW: i64 = 10_000;

/// The most that one search looks at, so that the time is looked at now and then.
const LARGEST_WINDOW: i64 = 160_000;

/// Where a page begins, and which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The newest events before a place (not including it), newest first.
    Before(i64),
    /// The oldest events after a place (not including it), oldest first.
    After(i64),
}

/// Some events, and how to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events.
    pub events: Vec<Stored>,
    /// Where the next page begins; `None` when there is nothing more for now.
    pub next: Option<From>,
    /// The last place that was looked at; a reader that follows the log goes on from there.
    pub seen: i64,
}

/// How many events there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// So many were found.
    pub events: i64,
    /// Whether that is all, or the time was over.
    pub complete: bool,
}

impl Store {
    /// The events of a filter.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn page(&self, filter: Filter, from: From, limit: usize) -> Result<Page, Error> {
        let read = move |connection: &Connection, deadline| page(connection, &filter, from, limit, deadline);
        self.inner.readers.read(read).await
    }

    /// The number of a filter's events, as far as they can be counted in a second.
    ///
    /// # Errors
    ///
    /// When SQLite refuses.
    pub async fn count(&self, filter: Filter) -> Result<Count, Error> {
        self.inner
            .readers
            .read(move |connection, deadline| count(connection, &filter, deadline))
            .await
    }
}

/// Runs of places, in the order of the search.
struct Windows {
    from: From,
    least: i64,
    most: i64,
    size: i64,
    largest: i64,
}

impl Windows {
    fn new(condition: &Condition, from: From, bounds: (i64, i64)) -> Self {
        let (mut least, mut most) = (bounds.0.max(condition.least), bounds.1.min(condition.most));
        match from {
            From::Before(place) => most = most.min(place.saturating_sub(1)),
            From::After(place) => least = least.max(place.saturating_add(1)),
        }
        let whole = condition.exact;
        Self {
            from,
            least,
            most,
            size: if whole { i64::MAX } else { FIRST_WINDOW },
            largest: match (whole, condition.index) {
                (true, _) => i64::MAX,
                // An index skips what is not wanted.
                (false, Some(_)) => LARGEST_WINDOW * 64,
                (false, None) => LARGEST_WINDOW,
            },
        }
    }
}

impl Iterator for Windows {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        if self.least > self.most {
            return None;
        }
        let window = match self.from {
            From::Before(_) => (
                self.least.max(self.most.saturating_sub(self.size).saturating_add(1)),
                self.most,
            ),
            From::After(_) => (
                self.least,
                self.most.min(self.least.saturating_add(self.size).saturating_sub(1)),
            ),
        };
        match self.from {
            From::Before(_) => self.most = window.0.saturating_sub(1),
            From::After(_) => self.least = window.1.saturating_add(1),
        }
        self.size = self.size.saturating_mul(4).min(self.largest);
        Some(window)
    }
}

/// The oldest and the newest place. Between them there are no gaps.
pub(super) fn bounds(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection
        .prepare_cached(
            "SELECT coalesce((SELECT min(seq) FROM events), 1), coalesce((SELECT max(seq) FROM events), 0)",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn page(
    connection: &Connection,
    filter: &Filter,
    from: From,
    limit: usize,
    deadline: Deadline,
) -> rusqlite::Result<Page> {
    let bounds = bounds(connection)?;
    let mut page = Page {
        events: Vec::new(),
        next: None,
        seen: bounds.1,
    };
    let Some(condition) = filter.condition(connection)? else {
        return Ok(page);
    };
    let order = match from {
        From::Before(_) => "DESC",
        From::After(_) => "ASC",
    };
    let by = condition
        .index
        .map_or_else(String::new, |index| format!("INDEXED BY {index}"));
    let sql = format!(
        "SELECT {COLUMNS} FROM events e {by} WHERE true{} AND e.seq BETWEEN ? AND ? ORDER BY e.seq {order} LIMIT ?",
        condition.sql
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut bytes = 0;
    for (least, most) in Windows::new(&condition, from, bounds) {
        // One more than wanted tells whether there is a next page.
        let wanted = i64::try_from(limit + 1 - page.events.len()).unwrap_or(i64::MAX);
        let values = condition.values.iter().cloned();
        let values = values.chain([Value::from(least), Value::from(most), Value::from(wanted)]);
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if page.events.len() == limit || bytes > PAGE_BYTES {
                return Ok(page.ends_after_last(from));
            }
            let event = Stored::from_row(row)?;
            bytes += event.body.len();
            page.events.push(event);
        }
        let (edge, more) = match from {
            From::Before(_) => (least, least > bounds.0.max(condition.least)),
            From::After(_) => (most, most < bounds.1.min(condition.most)),
        };
        if more && deadline.has_passed() {
            page.next = Some(from.at(edge));
            page.seen = edge;
            return Ok(page);
        }
    }
    Ok(page)
}

fn count(connection: &Connection, filter: &Filter, deadline: Deadline) -> rusqlite::Result<Count> {
    let bounds = bounds(connection)?;
    let mut count = Count {
        events: 0,
        complete: true,
    };
    if *filter == Filter::default() {
        count.events = bounds.1 - bounds.0 + 1;
        return Ok(count);
    }
    let Some(mut condition) = filter.condition(connection)? else {
        return Ok(count);
    };
    // In windows always: an index leads to the events, but a count reads them all.
    condition.exact = false;
    let by = condition
        .index
        .map_or_else(String::new, |index| format!("INDEXED BY {index}"));
    let sql = format!(
        "SELECT count(*) FROM events e {by} WHERE true{} AND e.seq BETWEEN ? AND ?",
        condition.sql
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for (least, most) in Windows::new(&condition, From::Before(i64::MAX), bounds) {
        if deadline.has_passed() {
            count.complete = false;
            break;
        }
        let values = condition
            .values
            .iter()
            .cloned()
            .chain([Value::from(least), Value::from(most)]);
        count.events += statement.query_row(params_from_iter(values), |row| row.get::<_, i64>(0))?;
    }
    Ok(count)
}

impl From {
    fn at(self, place: i64) -> Self {
        match self {
            Self::Before(_) => Self::Before(place),
            Self::After(_) => Self::After(place),
        }
    }
}

impl Page {
    fn ends_after_last(mut self, from: From) -> Self {
        if let Some(last) = self.events.last() {
            self.seen = last.seq;
            self.next = Some(from.at(last.seq));
        }
        self
    }
}
