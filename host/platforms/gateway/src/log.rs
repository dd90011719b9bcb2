//! What a server writes of itself: lines of JSON or of text, on the standard error stream.

use std::io;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt;
use tracing_subscriber::util::TryInitError;

/// Lines that may wait to be written; further ones are dropped, so that a reader that stops does not stop the server.
const WAITING_LINES: usize = 16_384;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object a line.
    Json,
    /// Text.
    Text,
}

/// Writes what is waiting when it is dropped.
#[must_use = "the log ends when this is dropped"]
pub struct LogGuard(#[allow(dead_code, reason = "held for its drop")] WorkerGuard);

/// Starts the log of this process. No line holds an event, a response or a credential.
///
/// # Errors
/// When this process has a log already.
pub fn start_log(format: LogFormat) -> Result<LogGuard, TryInitError> {
    use tracing_subscriber::util::SubscriberInitExt;
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).lossy(true).finish(io::stderr());
    let lines = fmt().with_writer(writer).with_ansi(false).with_max_level(tracing::Level::INFO);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).with_target(true).finish().try_init()?,
        LogFormat::Text => lines.finish().try_init()?,
    }
    Ok(LogGuard(guard))
}
