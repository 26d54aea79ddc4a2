//! Stores the events of files: JSON, NDJSON, and what `/v1/export` and the archive wrote; plain, gzip or zstd.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::config::Settings;
use crate::error::Error;
use crate::event::{EventKey, Record, Rejection};
use crate::ingest::batch::{read_event, Reading};
use crate::ingest::redact::Redactor;
use crate::store::{Outcome, Store};

/// Events in one transaction.
const BATCH: usize = 1000;

/// What became of the files' events.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    duplicates: usize,
    rejected: usize,
}

/// A line of an export or an archive.
#[derive(Deserialize)]
struct Wrapped<'a> {
    seq: i64,
    #[serde(borrow)]
    received_at: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// Stores what the files hold. Bad lines are named on standard error and cost nothing else. To import twice does no harm.
///
/// # Errors
///
/// When a file cannot be read, or the database not written. What was imported before stays.
pub async fn import(settings: &Settings, files: &[PathBuf]) -> Result<String, Error> {
    let store = super::open(settings)?;
    let redactor = settings
        .redact
        .then(Redactor::new)
        .transpose()
        .map_err(|error| Error::Setting {
            setting: "redact",
            reason: error.to_string(),
        })?;
    let mut tally = Tally::default();
    for path in files {
        let importer = Importer {
            store: &store,
            settings,
            redactor: redactor.as_ref(),
            path,
        };
        importer.run(&mut tally).await?;
    }
    store.close().await;
    Ok(format!(
        "{} imported, {} known, {} rejected",
        tally.accepted, tally.duplicates, tally.rejected
    ))
}

struct Importer<'a> {
    store: &'a Store,
    settings: &'a Settings,
    redactor: Option<&'a Redactor>,
    path: &'a Path,
}

impl Importer<'_> {
    async fn run(&self, tally: &mut Tally) -> Result<(), Error> {
        let mut lines = open(self.path).map_err(|error| self.failed(&error))?;
        let (mut batch, mut number) = (Vec::new(), 0);
        loop {
            let mut line = Vec::new();
            // A line that never ends must not fill the memory.
            let most = self.settings.limits.caps.event_bytes as u64 * 2;
            let length = lines
                .by_ref()
                .take(most)
                .read_until(b'\n', &mut line)
                .map_err(|error| self.failed(&error))?;
            if length as u64 == most {
                return Err(self.failed(&format!("line {} is longer than {most} bytes", number + 1)));
            }
            number += 1;
            if length > 0 && !line.iter().all(u8::is_ascii_whitespace) {
                match self.read(&line, number == 1) {
                    Ok(record) => batch.push(record),
                    Err(rejection) => {
                        tally.rejected += 1;
                        eprintln!(
                            "{}:{number}: {}: {}",
                            self.path.display(),
                            rejection.code.as_str(),
                            rejection.message
                        );
                    }
                }
            }
            if batch.len() == BATCH || length == 0 && !batch.is_empty() {
                self.store(std::mem::take(&mut batch), tally).await?;
            }
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn failed(&self, reason: &dyn std::fmt::Display) -> Error {
        Error::Import {
            path: self.path.to_owned(),
            reason: reason.to_string(),
        }
    }

    fn read(&self, line: &[u8], first: bool) -> Result<Record, Rejection> {
        let line = if first {
            line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
        } else {
            line
        };
        let text = std::str::from_utf8(line).map_err(|error| Rejection::new(crate::event::Code::InvalidUtf8, error))?;
        let wrapped = serde_json::from_str::<Wrapped<'_>>(text).ok();
        let received = wrapped
            .as_ref()
            .and_then(|wrapped| wrapped.received_at.parse::<Timestamp>().ok());
        let reading = Reading {
            caps: self.settings.limits.caps,
            validation: self.settings.validation,
            redactor: self.redactor,
            received_us: received.unwrap_or_else(Timestamp::now).as_microsecond(),
        };
        let mut record = read_event(wrapped.as_ref().map_or(text, |wrapped| wrapped.event.get()), reading)?;
        if let (None, Some(wrapped)) = (&record.key, &wrapped) {
            // Its place makes it one of a kind, so that a second import knows it.
            let place = wrapped.seq.to_string();
            record.key = Some(EventKey::of_content(&[
                "import",
                &place,
                &wrapped.received_at,
                &record.body,
            ]));
        }
        Ok(record)
    }

    async fn store(&self, batch: Vec<Record>, tally: &mut Tally) -> Result<(), Error> {
        for outcome in self.store.append(batch, false).await? {
            match outcome {
                Outcome::Stored(_) => tally.accepted += 1,
                Outcome::Duplicate(_) => tally.duplicates += 1,
                Outcome::Conflict(_) | Outcome::Unstorable(_) | Outcome::RolledBack => tally.rejected += 1,
            }
        }
        Ok(())
    }
}

/// Opens a file by its first bytes: packed or not.
fn open(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let mut file = BufReader::new(File::open(path)?);
    let first = file.fill_buf()?;
    Ok(if first.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else if first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::new(zstd::Decoder::with_buffer(file)?))
    } else {
        Box::new(file)
    })
}
