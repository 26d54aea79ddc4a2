//! One writing process for each database: a lock on a file beside it, which the system drops with the process.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;

use crate::error::Error;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock for this database.
    ///
    /// # Errors
    ///
    /// When another process has it, or the file cannot be made.
    pub fn take(database: &Path) -> Result<Self, Error> {
        let path = beside(database, "-lock");
        let failed = |source| Error::Lock {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(Error::InUse {
                path: database.to_owned(),
            }),
            Err(error) => Err(failed(error.into())),
        }
    }
}

/// The path with an ending after its name, as SQLite names its own files.
#[must_use]
pub fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
