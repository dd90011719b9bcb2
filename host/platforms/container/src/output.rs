//! What an instance prints: passed on line by line, and no more of it than may be.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bollard::container::LogOutput;
use bollard::errors::Error;
use futures_util::{Stream, StreamExt};
use platform::LogStream;
use tokio::sync::Notify;

/// The longest line, bytes; a longer one is cut into several.
const LINE_BYTES: usize = 16 << 10;
/// How much of the last output is kept for error messages, bytes.
const TAIL_BYTES: usize = 2 << 10;

/// How much an invocation printed may still be under way when it has answered, bytes: what pipes and sockets hold.
const LATE_BYTES: u64 = 256 << 10;

/// Takes each line.
pub(crate) type Log = Arc<dyn Fn(LogStream, &str) + Send + Sync>;

/// What an instance prints.
pub(crate) struct Output {
    log: Log,
    /// Bytes that one invocation may print.
    most: Option<u64>,
    allowance: Mutex<Allowance>,
    exceeded: AtomicBool,
    on_exceeded: Notify,
    tail: Mutex<VecDeque<u8>>,
}

/// What may still be printed.
struct Allowance {
    /// Bytes.
    left: u64,
    /// Invocations that run.
    running: u32,
}

/// An invocation that runs, for as long as this lives.
pub(crate) struct Running<'a>(&'a Output);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock_allowance().running -= 1;
    }
}

impl Output {
    pub(crate) fn new(log: Log, most: Option<u64>) -> Output {
        Output {
            log,
            most,
            allowance: Mutex::new(Allowance { left: most.unwrap_or(u64::MAX), running: 0 }),
            exceeded: AtomicBool::new(false),
            on_exceeded: Notify::new(),
            tail: Mutex::new(VecDeque::new()),
        }
    }

    /// Begins an invocation, which may print as much as one may. Of what former ones did not use, as much is kept as may
    /// still be under way of theirs.
    pub(crate) fn begin_invocation(&self) -> Running<'_> {
        let mut allowance = self.lock_allowance();
        if allowance.running == 0 {
            allowance.left = allowance.left.min(LATE_BYTES);
        }
        allowance.left = allowance.left.saturating_add(self.most.unwrap_or(u64::MAX));
        allowance.running += 1;
        Running(self)
    }

    /// The limit, when more was printed than may be.
    pub(crate) fn exceeded(&self) -> Option<u64> {
        self.most.filter(|_| self.exceeded.load(Ordering::Acquire))
    }

    /// Returns when more was printed than may be.
    pub(crate) async fn until_exceeded(&self) {
        loop {
            let exceeded = self.on_exceeded.notified();
            if self.exceeded().is_some() {
                return;
            }
            exceeded.await;
        }
    }

    /// The last of what was printed.
    pub(crate) fn tail(&self) -> String {
        let tail = self.lock_tail();
        String::from_utf8_lossy(&tail.iter().copied().collect::<Vec<u8>>()).trim().to_owned()
    }

    /// A remark of the platform's own among the lines.
    pub(crate) fn remark(&self, text: &str) {
        (self.log)(LogStream::Platform, text);
    }

    /// Reads all output until its end. It is read on after the limit, and thrown away: nobody else must wait for it.
    pub(crate) async fn follow(&self, mut output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>) {
        let mut lines = [Line::new(LogStream::Output), Line::new(LogStream::Error)];
        while let Some(Ok(part)) = output.next().await {
            let (index, bytes) = match part {
                LogOutput::StdErr { message } => (1, message),
                LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                    (0, message)
                }
            };
            if self.exceeded().is_some() {
                continue;
            }
            let is_too_much = {
                let mut allowance = self.lock_allowance();
                let is_too_much = bytes.len() as u64 > allowance.left;
                allowance.left = allowance.left.saturating_sub(bytes.len() as u64);
                is_too_much
            };
            self.keep_tail(&bytes);
            lines[index].take(&bytes, &self.log);
            if let Some(most) = self.most.filter(|_| is_too_much) {
                self.exceeded.store(true, Ordering::Release);
                self.on_exceeded.notify_waiters();
                self.remark(&format!("it printed more than {most} bytes in one invocation"));
            }
        }
        for line in &mut lines {
            line.end(&self.log);
        }
    }

    fn keep_tail(&self, bytes: &[u8]) {
        let mut tail = self.lock_tail();
        tail.extend(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let excess = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..excess);
    }

    fn lock_allowance(&self) -> std::sync::MutexGuard<'_, Allowance> {
        // Nothing in there panics half way.
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_tail(&self) -> std::sync::MutexGuard<'_, VecDeque<u8>> {
        // Nothing in there panics half way.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line of one stream that is not whole yet.
struct Line {
    stream: LogStream,
    bytes: Vec<u8>,
}

impl Line {
    fn new(stream: LogStream) -> Line {
        Line { stream, bytes: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8], log: &Log) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in part.chunks(LINE_BYTES) {
                self.bytes.extend_from_slice(piece);
                if self.bytes.ends_with(b"\n") || self.bytes.len() >= LINE_BYTES {
                    self.end(log);
                }
            }
        }
    }

    fn end(&mut self, log: &Log) {
        if self.bytes.is_empty() {
            return;
        }
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        log(self.stream, &String::from_utf8_lossy(text));
        self.bytes.clear();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    async fn followed(parts: &[&str], most: u64) -> (Vec<(LogStream, String)>, Output) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let log: Log = Arc::new(move |stream, line| kept.lock().unwrap().push((stream, line.to_owned())));
        let output = Output::new(log, Some(most));
        let parts: Vec<_> =
            parts.iter().map(|part| Ok(LogOutput::StdOut { message: part.to_string().into() })).collect();
        output.follow(Box::pin(futures_util::stream::iter(parts))).await;
        let lines = lines.lock().unwrap().clone();
        (lines, output)
    }

    #[tokio::test]
    async fn lines_come_whole_and_the_last_without_an_end_too() {
        let (lines, output) = followed(&["on", "e\ntwo\r\n\nth", "ree"], 100).await;
        let texts: Vec<_> = lines.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["one", "two", "", "three"]);
        assert!(output.exceeded().is_none() && output.tail().ends_with("three"));
    }

    #[tokio::test]
    async fn what_is_printed_beyond_the_limit_is_told_and_not_kept() {
        let (lines, output) = followed(&["0123456789\n", "x\n", "more\n"], 10).await;
        assert_eq!(output.exceeded(), Some(10));
        output.until_exceeded().await;
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[1].0, LogStream::Platform);
    }

    #[test]
    fn what_comes_late_is_counted_to_the_invocation_that_printed_it() {
        let output = Output::new(Arc::new(|_, _| {}), Some(100));
        let left = || output.lock_allowance().left;
        let first = output.begin_invocation();
        let second = output.begin_invocation();
        assert_eq!(left(), 300, "that of the start, and of two that run");
        drop((first, second));
        let _third = output.begin_invocation();
        assert_eq!(left(), 400);
        output.lock_allowance().left = 10 * LATE_BYTES;
        drop(_third);
        let _fourth = output.begin_invocation();
        assert_eq!(left(), LATE_BYTES + 100, "no more is saved than may be under way");
    }

    #[tokio::test]
    async fn a_line_without_an_end_takes_bounded_memory() {
        let long = "x".repeat(3 * LINE_BYTES + 1);
        let (lines, output) = followed(&[&long], u64::MAX).await;
        assert_eq!(
            lines.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(),
            [LINE_BYTES, LINE_BYTES, LINE_BYTES, 1]
        );
        assert!(output.tail().len() <= TAIL_BYTES);
    }
}
