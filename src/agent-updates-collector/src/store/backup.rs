//! A copy of the database while it is in use.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::Connection;

use super::sqlite::{self, failed};
use super::verify;
use crate::error::Error;

/// Copies a database, which may be in use, checks the copy, and only then gives it its name.
///
/// # Errors
///
/// When the copy's file exists, either file fails, or the copy is damaged.
pub fn back_up(database: &Path, copy: &Path) -> Result<verify::Report, Error> {
    if !database.exists() {
        return Err(Error::NoDatabase {
            path: database.to_owned(),
        });
    }
    if copy.exists() {
        return Err(Error::Exists { path: copy.to_owned() });
    }
    let draft = super::lock::beside(copy, ".part");
    let result = write_copy(database, &draft).and_then(|report| {
        let file_failed = |source| Error::Copy {
            path: copy.to_owned(),
            source,
        };
        File::open(&draft)
            .and_then(|file| file.sync_all())
            .map_err(file_failed)?;
        fs::rename(&draft, copy).map_err(file_failed)?;
        let folder = copy
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(file_failed)?;
        Ok(report)
    });
    // Nothing of it after a success.
    let _ = fs::remove_file(&draft);
    result
}

fn write_copy(database: &Path, draft: &Path) -> Result<verify::Report, Error> {
    let _ = fs::remove_file(draft);
    let source = sqlite::open_reader(database).map_err(failed(database))?;
    {
        let mut target = Connection::open(draft).map_err(failed(draft))?;
        let backup = Backup::new(&source, &mut target).map_err(failed(draft))?;
        // In one go, from one state: in steps, each commit of the service would make it begin again.
        backup
            .run_to_completion(i32::MAX, Duration::from_millis(50), None)
            .map_err(failed(draft))?;
        drop(backup);
        // One file, without a log beside it.
        target
            .pragma_update(None, "journal_mode", "delete")
            .map_err(failed(draft))?;
    }
    verify::verify(draft)
}
