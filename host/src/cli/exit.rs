//! How a command ends.

use std::io::{self, Write};
use std::process::ExitCode;

/// Exit code of a fault of ours or of a platform, and of a run in which something asked for was not done.
pub(super) const OURS: u8 = 1;
/// Exit code of the user's mistake.
const USERS: u8 = 2;
/// Exit code of a command that was cut by Ctrl-C: 128 and the signal's number, as shells have it.
const INTERRUPTED: u8 = 130;

/// Why a command did not do all that it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// A mistake in what was asked.
    Users(anyhow::Error),
    /// A fault elsewhere.
    Ours(anyhow::Error),
    /// It was cut.
    Interrupted(String),
    /// All was done, and what was found has an exit code of its own.
    Verdict(u8),
}

impl Failure {
    pub(super) fn users(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Users(error.into())
    }

    pub(super) fn ours(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Ours(error.into())
    }
}

/// Says why, on standard error, and gives the exit code.
pub(super) fn report(failure: &Failure) -> ExitCode {
    // Nothing can be said where standard error is closed.
    let mut stderr = io::stderr();
    let (code, _) = match failure {
        Failure::Users(error) => (USERS, writeln!(stderr, "error: {error:#}")),
        Failure::Ours(error) => (OURS, writeln!(stderr, "error: {error:#}")),
        Failure::Interrupted(text) => (INTERRUPTED, writeln!(stderr, "{text}")),
        Failure::Verdict(code) => (*code, Ok(())),
    };
    ExitCode::from(code)
}

/// Prints to standard output. A reader that has had enough (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::ours(error)),
        _ => Ok(()),
    }
}

/// Prints a value as JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::ours)?;
    print(&format!("{text}\n"))
}
