//! Streams: of files, and the host's standard ones.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;

use super::Component;
use super::bindings::exports::wasi::cli::{stderr, stdin, stdout};
use super::bindings::exports::wasi::io::error;
use super::bindings::exports::wasi::io::streams::{
    self, Guest, GuestInputStream, GuestOutputStream, InputStream, OutputStream, StreamError,
};
use super::bindings::wasi;
use super::bindings::wasi::clocks::monotonic_clock;
use super::bindings::wasi::io::poll::Pollable;
use crate::tree::{Fault, Node};

/// What is read or written at a time, bytes.
const PIECE_BYTES: usize = 1 << 20;

/// A failed operation. The host's own can't be passed on, and what it was is not asked for.
pub(super) struct Failed;

impl error::GuestError for Failed {}

impl error::Guest for Component {
    type Error = Failed;
}

fn failed() -> StreamError {
    StreamError::LastOperationFailed(error::Error::new(Failed))
}

fn from_host(error: wasi::io::streams::StreamError) -> StreamError {
    match error {
        wasi::io::streams::StreamError::Closed => StreamError::Closed,
        wasi::io::streams::StreamError::LastOperationFailed(_) => failed(),
    }
}

/// Files are ready at any time.
fn ready() -> Pollable {
    monotonic_clock::subscribe_instant(0)
}

/// A file being read, or the standard input, which is at its end.
pub(super) enum Input {
    File { node: Rc<Node>, position: Cell<u64> },
    Ended,
}

impl GuestInputStream for Input {
    fn read(&self, length: u64) -> Result<Vec<u8>, StreamError> {
        self.blocking_read(length)
    }

    fn blocking_read(&self, length: u64) -> Result<Vec<u8>, StreamError> {
        let Input::File { node, position } = self else { return Err(StreamError::Closed) };
        let most = usize::try_from(length).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let bytes = node.read(position.get(), most).map_err(|_| failed())?;
        if bytes.is_empty() && most > 0 {
            return Err(StreamError::Closed);
        }
        position.set(position.get() + bytes.len() as u64);
        Ok(bytes)
    }

    fn subscribe(&self) -> Pollable {
        ready()
    }
}

/// A file being written, or a stream of the host.
pub(super) enum Output {
    /// From a position on.
    File {
        node: Rc<Node>,
        position: Cell<u64>,
    },
    /// Always at the end.
    Appended(Rc<Node>),
    Host(wasi::io::streams::OutputStream),
}

impl GuestOutputStream for Output {
    fn check_write(&self) -> Result<u64, StreamError> {
        match self {
            Output::Host(stream) => stream.check_write().map_err(from_host),
            Output::File { .. } | Output::Appended(_) => Ok(PIECE_BYTES as u64),
        }
    }

    fn write(&self, bytes: Vec<u8>) -> Result<(), StreamError> {
        match self {
            Output::Host(stream) => stream.write(&bytes).map_err(from_host),
            Output::File { node, position } => {
                node.write(position.get(), &bytes).map_err(no_space)?;
                position.set(position.get() + bytes.len() as u64);
                Ok(())
            }
            Output::Appended(node) => node.write(node.size() as u64, &bytes).map_err(no_space),
        }
    }

    fn blocking_write_and_flush(&self, bytes: Vec<u8>) -> Result<(), StreamError> {
        match self {
            Output::Host(stream) => stream.blocking_write_and_flush(&bytes).map_err(from_host),
            Output::File { .. } | Output::Appended(_) => self.write(bytes),
        }
    }

    fn flush(&self) -> Result<(), StreamError> {
        match self {
            Output::Host(stream) => stream.flush().map_err(from_host),
            Output::File { .. } | Output::Appended(_) => Ok(()),
        }
    }

    fn blocking_flush(&self) -> Result<(), StreamError> {
        match self {
            Output::Host(stream) => stream.blocking_flush().map_err(from_host),
            Output::File { .. } | Output::Appended(_) => Ok(()),
        }
    }

    fn subscribe(&self) -> Pollable {
        match self {
            Output::Host(stream) => stream.subscribe(),
            Output::File { .. } | Output::Appended(_) => ready(),
        }
    }
}

/// Says why a write fails: through a stream, a function only learns that it did.
fn no_space(_: Fault) -> StreamError {
    let message = b"faasbench: the scratch folder is full\n";
    // Standard error may be closed.
    let _ = wasi::cli::stderr::get_stderr().blocking_write_and_flush(message);
    failed()
}

impl Guest for Component {
    type InputStream = Input;
    type OutputStream = Output;
}

impl stdin::Guest for Component {
    fn get_stdin() -> InputStream {
        streams::InputStream::new(Input::Ended)
    }
}

impl stdout::Guest for Component {
    fn get_stdout() -> OutputStream {
        OutputStream::new(Output::Host(wasi::cli::stdout::get_stdout()))
    }
}

impl stderr::Guest for Component {
    fn get_stderr() -> OutputStream {
        OutputStream::new(Output::Host(wasi::cli::stderr::get_stderr()))
    }
}
