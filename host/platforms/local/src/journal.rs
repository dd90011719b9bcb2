//! What instances printed, and what the platform remarked: the last of it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use native::unix_time_ns;
use platform::{LogLine, LogStream};

/// Most lines that are kept.
const LINES: usize = 10_000;
/// Most text that is kept, bytes.
const TEXT_BYTES: usize = 4 << 20;
/// A longer line is cut, bytes.
const LONGEST_LINE_BYTES: usize = 16 << 10;

/// The last lines of one deployment. It takes no more memory, whatever is printed.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    lines: VecDeque<LogLine>,
    bytes: usize,
}

impl Journal {
    pub(crate) fn write(&self, instance: &str, stream: LogStream, text: &str) {
        let mut end = text.len().min(LONGEST_LINE_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text[..end].to_owned();
        let mut lines = self.lock();
        lines.bytes += text.len();
        lines.lines.push_back(LogLine { unix_ns: unix_time_ns(), instance: instance.to_owned(), stream, text });
        while lines.lines.len() > LINES || lines.bytes > TEXT_BYTES {
            let Some(oldest) = lines.lines.pop_front() else { break };
            lines.bytes -= oldest.text.len();
        }
    }

    pub(crate) fn since(&self, unix_ns: u64) -> Vec<LogLine> {
        self.lock().lines.iter().filter(|line| line.unix_ns >= unix_ns).cloned().collect()
    }

    /// The last lines, for an error.
    pub(crate) fn last(&self, count: usize) -> String {
        let lines = self.lock();
        let first = lines.lines.len().saturating_sub(count);
        lines.lines.range(first..).map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // At worst the count of bytes is a little off after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_when_there_are_too_many_or_too_long() {
        let journal = Journal::default();
        for number in 0..LINES + 5 {
            journal.write("i", LogStream::Output, &number.to_string());
        }
        let kept = journal.since(0);
        assert_eq!((kept.len(), kept[0].text.as_str()), (LINES, "5"));
        for _ in 0..1000 {
            journal.write("i", LogStream::Output, &"ä".repeat(LONGEST_LINE_BYTES));
        }
        let bytes: usize = journal.since(0).iter().map(|line| line.text.len()).sum();
        assert!(bytes <= TEXT_BYTES, "{bytes}");
        assert_eq!(journal.last(2).lines().count(), 2);
    }
}
