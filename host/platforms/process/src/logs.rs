//! What an instance prints: passed on line by line, counted, and kept for the explanation of its end.

use std::sync::{Arc, Mutex, PoisonError};

use platform::LogStream;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longer lines are passed on in pieces of this size, bytes.
const LONGEST_LINE_BYTES: usize = 16 << 10;
/// As much of the last that was printed is kept, bytes.
const KEPT_BYTES: usize = 2 << 10;

/// Takes each line.
pub(crate) type LogSink = Arc<dyn Fn(LogStream, &str) + Send + Sync>;

/// What an instance printed, both streams together.
pub(crate) struct Printed {
    sink: LogSink,
    /// Most bytes of one invocation.
    most: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: u64,
    active: u32,
    kept: String,
}

impl Printed {
    pub(crate) fn new(sink: LogSink, most: u64) -> Printed {
        Printed { sink, most, state: Mutex::default() }
    }

    /// Begins an invocation: what was printed before it is not its own. Those that run at the same time share one count.
    pub(crate) fn begin(self: &Arc<Printed>) -> Counting {
        let mut state = self.lock();
        if state.active == 0 {
            state.bytes = 0;
        }
        state.active += 1;
        Counting(self.clone())
    }

    /// The last of what was printed.
    pub(crate) fn kept(&self) -> String {
        self.lock().kept.trim().to_owned()
    }

    /// A remark of the platform's own.
    pub(crate) fn remark(&self, text: &str) {
        (self.sink)(LogStream::Platform, text);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing in here panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts bytes as they come, and tells whether that was too much.
    fn count(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_add(bytes as u64);
        state.bytes > self.most
    }

    fn line(&self, stream: LogStream, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches('\r');
        {
            let mut state = self.lock();
            state.kept.push_str(text);
            state.kept.push('\n');
            let excess = state.kept.len().saturating_sub(KEPT_BYTES);
            let cut = (excess..state.kept.len()).find(|place| state.kept.is_char_boundary(*place));
            state.kept.drain(..cut.unwrap_or(0));
        }
        (self.sink)(stream, text);
    }

    /// Passes on all of a stream. When it is too much, `exceeded` is called, and the rest is read and thrown away until the
    /// stream ends.
    pub(crate) async fn drain(
        self: Arc<Printed>,
        mut input: impl AsyncRead + Unpin,
        stream: LogStream,
        exceeded: impl Fn(),
    ) {
        let mut buffer = Vec::with_capacity(LONGEST_LINE_BYTES);
        let mut is_too_much = false;
        loop {
            // A stream that can't be read is at its end.
            let count = input.read_buf(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                break;
            }
            if is_too_much {
                buffer.clear();
                continue;
            }
            self.pass_on(stream, &mut buffer);
            if self.count(count) {
                is_too_much = true;
                exceeded();
            }
        }
        if !buffer.is_empty() && !is_too_much {
            self.line(stream, &buffer);
        }
    }

    /// Passes on the whole lines of the buffer and leaves the rest in it.
    fn pass_on(&self, stream: LogStream, buffer: &mut Vec<u8>) {
        let mut begin = 0;
        while let Some(length) = buffer[begin..].iter().position(|byte| *byte == b'\n') {
            self.line(stream, &buffer[begin..begin + length]);
            begin += length + 1;
        }
        buffer.drain(..begin);
        if buffer.len() >= LONGEST_LINE_BYTES {
            self.line(stream, buffer);
            buffer.clear();
        }
    }
}

/// An invocation whose printing is counted, until it is dropped.
pub(crate) struct Counting(Arc<Printed>);

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.lock().active -= 1;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn printed(most: u64) -> (Arc<Printed>, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let taken = lines.clone();
        let sink: LogSink = Arc::new(move |_, line: &str| taken.lock().unwrap().push(line.to_owned()));
        (Arc::new(Printed::new(sink, most)), lines)
    }

    #[tokio::test]
    async fn lines_are_passed_on_whole_and_the_last_one_too() {
        let (printed, lines) = printed(1000);
        printed.clone().drain(&b"one\r\ntwo\n\nthr\xffee"[..], LogStream::Output, || ()).await;
        assert_eq!(*lines.lock().unwrap(), ["one", "two", "", "thr\u{fffd}ee"]);
        assert!(printed.kept().starts_with("one\ntwo"));
    }

    #[tokio::test]
    async fn a_line_without_end_comes_in_pieces_and_what_is_too_much_is_thrown_away() {
        let (printed, lines) = printed(100_000);
        let exceeded = AtomicU32::new(0);
        let endless = tokio::io::repeat(b'x').take(10_000_000);
        printed.clone().drain(endless, LogStream::Error, || _ = exceeded.fetch_add(1, Ordering::Relaxed)).await;
        assert_eq!(exceeded.load(Ordering::Relaxed), 1);
        let passed: usize = lines.lock().unwrap().iter().map(String::len).sum();
        assert!((100_000..200_000).contains(&passed), "{passed}");
        assert!(printed.kept().len() <= KEPT_BYTES);
    }

    #[test]
    fn each_invocation_is_counted_from_its_beginning() {
        let (printed, _) = printed(10);
        let counting = printed.begin();
        assert!(!printed.count(10));
        drop(counting);
        let _first = printed.begin();
        assert!(!printed.count(10));
        let _second = printed.begin();
        assert!(printed.count(1));
    }
}
