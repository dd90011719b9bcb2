//! Serving the one request of this process.

use std::io::Write;

use runtime::{Answer, Context, Failure, Runtime, Shutdown};

/// Serves `event` and writes the response to `output` in one line. Returns whether the function answered; a shutdown before
/// that, and its grace, end it. An error is written to the log, and with `tells_errors` to the output too: who reads only the
/// exit status would take that for a response.
///
/// # Errors
/// When the output can't be written.
pub async fn one_shot(
    runtime: &Runtime,
    shutdown: &Shutdown,
    event: String,
    tells_errors: bool,
    mut output: impl Write,
) -> std::io::Result<bool> {
    let answer = tokio::select! {
        answer = runtime.invoke(event, Context::default()) => answer,
        () = shutdown.grace_over() => Answer { result: Err(Failure::TimedOut), identity: None },
    };
    if let Err(failure) = &answer.result {
        // The executor's log; it is the only place where a caller may find it.
        let _ = writeln!(std::io::stderr(), "{}", failure.error());
    }
    let answered = answer.result.is_ok();
    if !answered && !tells_errors {
        return Ok(false);
    }
    // Only the last line of the output is the response, so it must be one line; between JSON values a space means the same.
    let mut line = answer.into_body().replace(['\n', '\r'], " ");
    line.push('\n');
    output.write_all(line.as_bytes())?;
    output.flush()?;
    Ok(answered)
}

#[cfg(test)]
#[path = "one_shot_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
