//! The commands that work on a database's file, without a service.

pub mod import;

use std::path::Path;
use std::sync::Arc;

use crate::config::Settings;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::verify::Report;
use crate::store::{backup, sqlite, sqlite_version, verify, Options, Store};

/// Copies the database, which may be in use.
///
/// # Errors
///
/// When the copy cannot be made, or is damaged.
pub fn back_up(settings: &Settings, copy: &Path) -> Result<String, Error> {
    let report = backup::back_up(settings.database.path(), copy)?;
    Ok(format!("{}: {}", copy.display(), in_words(report)))
}

/// Checks a database from its first page to its last.
///
/// # Errors
///
/// When there is damage.
pub fn verify(settings: &Settings, file: Option<&Path>) -> Result<String, Error> {
    let path = file.unwrap_or(settings.database.path());
    Ok(format!("{}: {}", path.display(), in_words(verify::verify(path)?)))
}

fn in_words(report: Report) -> String {
    format!(
        "ok, {} events up to {}, schema {}",
        report.events, report.newest, report.schema
    )
}

/// Brings the database's schema up to date, and computes the models again if asked to.
///
/// # Errors
///
/// When the database is in use, damaged or newer.
pub async fn migrate(settings: &Settings, rebuild: bool) -> Result<String, Error> {
    let store = open(settings)?;
    if rebuild {
        store.rebuild_models().await?;
    }
    store.close().await;
    Ok(format!(
        "{}: schema {}",
        settings.database.path().display(),
        sqlite::SCHEMA
    ))
}

fn open(settings: &Settings) -> Result<Store, Error> {
    let metrics = Arc::new(Metrics::new(crate::VERSION, sqlite_version()));
    Store::open(settings.database.path(), &Options::default(), &metrics)
}
