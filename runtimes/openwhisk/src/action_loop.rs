//! The ActionLoop: a JSON line in on the standard input for each activation, a JSON line out on file descriptor 3.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::{BorrowedFd, FromRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use runtime::{Answer, Failure, Line, MAXIMUM_EVENT_BYTES, Runtime, Shutdown, lines};

use crate::run::{activation, unwrap_answer};

/// Where the proxy reads results.
const RESULTS: i32 = 3;
/// Longest line, bytes: the largest event and what stands around it.
const MAXIMUM_LINE_BYTES: usize = MAXIMUM_EVENT_BYTES + (64 << 10);

/// File descriptor 3, when it is open. To be called before anything else opens a file; a second call returns nothing.
pub fn result_pipe() -> Option<File> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: the number is only asked about, and no longer than this call.
    let number = unsafe { BorrowedFd::borrow_raw(RESULTS) };
    rustix::io::fcntl_getfd(number).ok()?;
    // SAFETY: it is open, and came with the process: nothing in it owns the number, as nothing has opened a file yet.
    Some(unsafe { File::from_raw_fd(RESULTS) })
}

/// Serves activations until the input ends or the shutdown; what was begun then has the grace to finish. With `acknowledge`
/// (`__OW_WAIT_FOR_ACK`) the first line out is `{"ok":true}`. Returns whether all that was begun was finished.
///
/// # Errors
/// When results can't be written.
pub async fn action_loop(
    runtime: Arc<Runtime>,
    shutdown: Shutdown,
    input: impl BufRead + Send + 'static,
    mut output: impl Write,
    acknowledge: bool,
) -> io::Result<bool> {
    if acknowledge {
        write_line(&mut output, "{\"ok\":true}".to_owned())?;
    }
    let mut lines = lines(input, MAXIMUM_LINE_BYTES)?;
    loop {
        let line = tokio::select! {
            () = shutdown.requested() => return Ok(true),
            line = lines.recv() => line,
        };
        let Some(line) = line else { return Ok(true) };
        let answer = tokio::select! {
            () = shutdown.grace_over() => return Ok(false),
            answer = serve(&runtime, line) => answer,
        };
        write_line(&mut output, unwrap_answer(answer).0)?;
    }
}

async fn serve(runtime: &Runtime, line: Line) -> Answer {
    let refuse = |error| Answer { result: Err(Failure::Function(error)), identity: None };
    match line {
        Line::TooLong => refuse(lab::Error::limit(format!("the activation is longer than {MAXIMUM_LINE_BYTES} bytes"))),
        Line::Whole(line) => match activation(&line) {
            Ok((event, context)) => runtime.invoke(event, context).await,
            Err(error) => refuse(error),
        },
    }
}

fn write_line(output: &mut impl Write, mut line: String) -> io::Result<()> {
    line.push('\n');
    output.write_all(line.as_bytes())?;
    output.flush()
}

#[cfg(test)]
#[path = "action_loop_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
