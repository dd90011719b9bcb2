//! What a guest prints: line by line to whoever listens, never more than it may.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// What is kept of a guest's standard error stream, bytes: enough for a panic message.
const KEPT_BYTES: usize = 16 * 1024;
/// A longer line is told in pieces, bytes.
const LONGEST_LINE_BYTES: usize = 16 * 1024;
/// Bytes that a guest may hand over at once.
const WRITE_BYTES: usize = 64 * 1024;

/// Which of a guest's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Takes each line that a guest prints.
pub type Listener = Arc<dyn Fn(Stream, &str) + Send + Sync>;

/// What one instance prints, shared with its streams.
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<Printed>>);

struct Printed {
    listener: Option<Listener>,
    limit_bytes: u64,
    /// In this invocation.
    bytes: u64,
    limit_reached: bool,
    /// Beginnings of lines, by stream.
    begun: [Vec<u8>; 2],
    /// The end of the standard error stream of this invocation.
    kept: VecDeque<u8>,
}

impl Output {
    pub(super) fn new(listener: Option<Listener>, limit_bytes: u64) -> Output {
        Output(Arc::new(Mutex::new(Printed {
            listener,
            limit_bytes,
            bytes: 0,
            limit_reached: false,
            begun: [Vec::new(), Vec::new()],
            kept: VecDeque::new(),
        })))
    }

    pub(super) fn stream(&self, stream: Stream) -> GuestStream {
        GuestStream { output: self.clone(), stream }
    }

    fn printed(&self) -> MutexGuard<'_, Printed> {
        // Changed in whole steps; a listener that panics leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an invocation, which has a share of its own.
    pub(super) fn begin(&self) {
        let mut printed = self.printed();
        printed.bytes = 0;
        printed.limit_reached = false;
        printed.kept.clear();
    }

    /// Tells the lines that were not ended.
    pub(super) fn finish(&self) {
        let mut printed = self.printed();
        for stream in [Stream::Output, Stream::Error] {
            printed.tell_begun(stream);
        }
    }

    /// The limit, when it was reached since this was asked last.
    pub(super) fn take_limit_reached(&self) -> Option<u64> {
        let mut printed = self.printed();
        std::mem::take(&mut printed.limit_reached).then_some(printed.limit_bytes)
    }

    /// The end of what this invocation wrote to its standard error stream.
    pub(super) fn last_errors(&self) -> String {
        let mut printed = self.printed();
        String::from_utf8_lossy(printed.kept.make_contiguous()).trim().to_owned()
    }
}

impl Printed {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), ()> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.limit_bytes {
            self.limit_reached = true;
            return Err(());
        }
        if stream == Stream::Error {
            self.kept.extend(bytes);
            let over = self.kept.len().saturating_sub(KEPT_BYTES);
            self.kept.drain(..over);
        }
        if self.listener.is_some() {
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                self.begun[stream as usize].extend_from_slice(piece);
                if piece.ends_with(b"\n") || self.begun[stream as usize].len() >= LONGEST_LINE_BYTES {
                    self.tell_begun(stream);
                }
            }
        }
        Ok(())
    }

    fn tell_begun(&mut self, stream: Stream) {
        let line = std::mem::take(&mut self.begun[stream as usize]);
        if let (Some(listener), false) = (&self.listener, line.is_empty()) {
            listener(stream, String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        }
    }
}

/// One of a guest's streams.
#[derive(Clone)]
pub(super) struct GuestStream {
    output: Output,
    stream: Stream,
}

impl IsTerminal for GuestStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestStream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 would ask for this, and it is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for GuestStream {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for GuestStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        let written = self.output.printed().write(self.stream, &bytes);
        written.map_err(|()| StreamError::trap("it printed more than it may"))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_whole_and_only_so_much() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener: Listener = {
            let told = told.clone();
            Arc::new(move |stream, line: &str| told.lock().unwrap().push((stream, line.to_owned())))
        };
        let output = Output::new(Some(listener), 20);
        let (mut out, mut err) = (output.stream(Stream::Output), output.stream(Stream::Error));
        out.write("a\nb".into()).unwrap();
        err.write("oh\n".into()).unwrap();
        out.write("c\r\n".into()).unwrap();
        out.write("end".into()).unwrap();
        output.finish();
        assert!(out.write("0123456789".into()).is_err());
        assert_eq!(output.take_limit_reached(), Some(20));
        let line = |stream, text: &str| (stream, text.to_owned());
        assert_eq!(
            *told.lock().unwrap(),
            [
                line(Stream::Output, "a"),
                line(Stream::Error, "oh"),
                line(Stream::Output, "bc"),
                line(Stream::Output, "end")
            ]
        );
        assert_eq!(output.last_errors(), "oh");
        output.begin();
        assert!(out.write("0123456789".into()).is_ok());
    }
}
