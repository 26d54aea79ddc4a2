//! How many files the process may have open; a connection is one.

use rustix::io::Result;
use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};

/// Raises the limit of open files to the most that the system allows this process.
///
/// Most systems begin with 1024, which is kept low for programs that use `select`, and which the default of `max_connections` alone
/// would reach.
///
/// # Errors
///
/// When the system refuses; the limit is then as it was.
pub fn raise_file_limit() -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return Ok(());
    }
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum })
}
