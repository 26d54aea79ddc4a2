//! Takes old events out, after they are safe in an archive.
//!
//! In chunks: each is written to a file of its own, synced, and only then deleted. What is interrupted in between is in both
//! places, and the next attempt writes the same file again.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use flate2::Compression;
use rusqlite::Connection;
use serde_json::value::RawValue;
use tracing::info;

use super::models::ZONE_BITS;
use super::Store;
use crate::error::Error;

/// Events in one file and one deletion.
const CHUNK: i64 = 50_000;

/// Events in one transaction of the deletion: the writer's other work waits no longer than for one of them.
const DELETED_AT_ONCE: i64 = 2_000;

/// One line of an archive: what `import` and people need.
#[derive(serde::Serialize)]
struct Line<'a> {
    seq: i64,
    received_at: String,
    event: &'a RawValue,
}

/// What was taken out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Events.
    pub events: i64,
    /// Files of the archive.
    pub files: Vec<PathBuf>,
}

impl Store {
    /// Archives and deletes what was received before a time. The newest event always stays: places are never given again.
    ///
    /// # Errors
    ///
    /// When the archive cannot be written (nothing is deleted then) or SQLite refuses.
    pub async fn remove_before(&self, cutoff_us: i64, archive: &Path) -> Result<Removed, Error> {
        let mut removed = Removed::default();
        loop {
            let folder = archive.to_owned();
            let read = move |connection: &Connection, _| write_chunk(connection, cutoff_us, &folder);
            let Some(chunk) = self.inner.readers.read(read).await? else {
                break;
            };
            let (file, first, last) = chunk.map_err(|source| Error::Archive {
                path: archive.to_owned(),
                source,
            })?;
            info!(file = %file.display(), first, last, "archived");
            let mut from = first;
            while from <= last {
                let to = last.min(from + DELETED_AT_ONCE - 1);
                let deleted = self
                    .inner
                    .writer
                    .run(move |connection| delete(connection, from, to))
                    .await?;
                deleted.map_err(super::sqlite::failed(self.path()))?;
                from = to + 1;
            }
            removed.events += last - first + 1;
            removed.files.push(file);
        }
        if removed.events > 0 {
            let tidied = self
                .inner
                .writer
                .run(move |connection| tidy(connection, cutoff_us))
                .await?;
            tidied.map_err(super::sqlite::failed(self.path()))?;
        }
        Ok(removed)
    }
}

type Chunk = (PathBuf, i64, i64);

/// Writes the oldest chunk to its file, synced. `None`: nothing is old enough.
fn write_chunk(connection: &Connection, cutoff_us: i64, folder: &Path) -> rusqlite::Result<Option<io::Result<Chunk>>> {
    let range: (Option<i64>, Option<i64>) = connection
        .prepare_cached(
            "SELECT min(seq), max(seq) FROM (SELECT seq, received_us FROM events
             WHERE seq < (SELECT max(seq) FROM events) ORDER BY seq LIMIT ?1) WHERE received_us < ?2",
        )?
        .query_row((CHUNK, cutoff_us), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = range else {
        return Ok(None);
    };
    let mut statement = connection
        .prepare_cached("SELECT seq, received_us, body FROM events WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq")?;
    let mut rows = statement.query((first, last))?;
    let path = folder.join(format!("events-{first:012}-{last:012}.ndjson.gz"));
    let mut write = || -> rusqlite::Result<io::Result<()>> {
        let mut archive = match Archive::create(&path) {
            Ok(archive) => archive,
            Err(error) => return Ok(Err(error)),
        };
        while let Some(row) = rows.next()? {
            let (seq, received_us, body): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if let Err(error) = archive.line(seq, received_us, &body) {
                return Ok(Err(error));
            }
        }
        Ok(archive.finish())
    };
    Ok(Some(write()?.map(|()| (path, first, last))))
}

struct Archive {
    path: PathBuf,
    draft: PathBuf,
    lines: GzEncoder<BufWriter<File>>,
}

impl Archive {
    fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let draft = path.with_extension("gz.part");
        let file = BufWriter::new(File::create(&draft)?);
        Ok(Self {
            path: path.to_owned(),
            draft,
            lines: GzEncoder::new(file, Compression::default()),
        })
    }

    fn line(&mut self, seq: i64, received_us: i64, body: &str) -> io::Result<()> {
        let line = Line {
            seq,
            received_at: jiff::Timestamp::from_microsecond(received_us)
                .map_err(io::Error::other)?
                .to_string(),
            event: serde_json::from_str(body)?,
        };
        serde_json::to_writer(&mut self.lines, &line)?;
        self.lines.write_all(b"\n")
    }

    fn finish(self) -> io::Result<()> {
        let file = self
            .lines
            .finish()?
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&self.draft, &self.path)?;
        // The name is on the disk when its folder is.
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn delete(connection: &mut Connection, from: i64, to: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM events WHERE seq BETWEEN ?1 AND ?2")?
        .execute((from, to))?;
    Ok(())
}

/// Lets the models forget what is gone, and gives the file's free pages back.
fn tidy(connection: &mut Connection, cutoff_us: i64) -> rusqlite::Result<()> {
    const HOUR_US: i64 = 3_600_000_000;
    let transaction = connection.transaction()?;
    let first: i64 = transaction.query_row("SELECT coalesce(min(seq), 0) FROM events", [], |row| row.get(0))?;
    transaction.execute("DELETE FROM zones WHERE zone < ?1", [first >> ZONE_BITS])?;
    transaction.execute(
        "DELETE FROM agents WHERE last_us < ?1 AND NOT EXISTS (SELECT 1 FROM events WHERE events.agent = agents.agent)",
        [cutoff_us],
    )?;
    transaction.execute(
        "DELETE FROM tool_hours WHERE hour < ?1",
        [cutoff_us.div_euclid(HOUR_US)],
    )?;
    transaction.execute(
        "DELETE FROM day_counts WHERE day < ?1",
        [cutoff_us.div_euclid(24 * HOUR_US)],
    )?;
    transaction.commit()?;
    connection
        .prepare("PRAGMA incremental_vacuum(20000)")?
        .query([])?
        .next()?;
    Ok(())
}
