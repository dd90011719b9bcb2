//! A connection's stream that knows what its connection is doing, and closes when that takes too long.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep, sleep_until};

/// TCP or a unix socket: one type, so that the server's code is there once.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A stream without a runtime.
#[derive(Debug)]
pub(crate) enum Detached {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Detached {
    /// Puts it on the runtime that this is called on.
    pub(crate) fn attach(self) -> io::Result<Stream> {
        Ok(match self {
            Detached::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            Detached::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl Stream {
    /// Takes it from its runtime.
    pub(crate) fn detach(self) -> io::Result<Detached> {
        Ok(match self {
            Stream::Tcp(stream) => Detached::Tcp(stream.into_std()?),
            Stream::Unix(stream) => Detached::Unix(stream.into_std()?),
        })
    }

    /// Waits until the peer has sent something or has gone, and looks at the beginning of it: how many bytes there are, 0 when
    /// the peer has gone. That a socket is said to be readable is no proof of it.
    pub(crate) async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        let look = |socket: BorrowedFd<'_>, into: &mut [u8]| Ok(recv(socket, into, RecvFlags::PEEK)?.0);
        match self {
            Stream::Tcp(stream) => stream.async_io(Interest::READABLE, || look(stream.as_fd(), into)).await,
            Stream::Unix(stream) => stream.async_io(Interest::READABLE, || look(stream.as_fd(), into)).await,
        }
    }
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Between two requests.
    Idle,
    /// Within a request's head.
    Head,
    /// From a whole head to the answer.
    Taken,
}

/// A connection's phase, shared between its stream and its service.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    phase: AtomicU8,
    writing: AtomicBool,
}

impl Progress {
    pub(crate) fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Taken,
        }
    }

    /// Between two requests, with nothing left to write.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase() == Phase::Idle && !self.writing.load(Ordering::Relaxed)
    }

    /// No whole head has been read since the last answer was written.
    pub(crate) fn has_taken_nothing(&self) -> bool {
        self.phase() != Phase::Taken && !self.writing.load(Ordering::Relaxed)
    }
}

/// How long a connection may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) idle: Duration,
    pub(crate) head: Duration,
    pub(crate) write: Duration,
}

/// A stream that ends with an error when its peer takes longer than it may.
#[derive(Debug)]
pub(crate) struct TimedStream {
    inner: Stream,
    progress: Arc<Progress>,
    patience: Patience,
    read: Timer,
    write: Timer,
}

impl TimedStream {
    pub(crate) fn new(inner: Stream, progress: Arc<Progress>, patience: Patience) -> TimedStream {
        TimedStream { inner, progress, patience, read: Timer::default(), write: Timer::default() }
    }

    /// Notes what came of a write.
    fn written<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.progress.writing.store(result.is_pending(), Ordering::Relaxed);
        if result.is_pending() {
            self.write.start(self.patience.write, 0);
            return self.write.poll(cx).map(Err);
        }
        self.write.stop();
        result
    }
}

/// Runs out once, unless it is stopped.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// What it is running for.
    running: Option<u8>,
}

impl Timer {
    /// Starts it, unless it is running for this already.
    fn start(&mut self, time: Duration, purpose: u8) {
        if self.running == Some(purpose) {
            return;
        }
        self.running = Some(purpose);
        let deadline = Instant::now() + time;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.sleep = Some(Box::pin(sleep_until(deadline))),
        }
    }

    fn stop(&mut self) {
        self.running = None;
    }

    /// The error once it has run out.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        match &mut self.sleep {
            Some(sleep) if self.running.is_some() => {
                sleep.as_mut().poll(cx).map(|()| io::Error::from(io::ErrorKind::TimedOut))
            }
            _ => Poll::Pending,
        }
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let result = match &mut this.inner {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if buf.filled().len() > before && this.progress.phase() == Phase::Idle {
            this.progress.set(Phase::Head);
        }
        let phase = this.progress.phase();
        match phase {
            Phase::Taken => this.read.stop(),
            Phase::Idle => {
                if result.is_ready() {
                    this.read.stop();
                }
                this.read.start(this.patience.idle, phase as u8);
            }
            Phase::Head => this.read.start(this.patience.head, phase as u8),
        }
        if result.is_pending() {
            return this.read.poll(cx).map(Err);
        }
        result
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = match &mut self.inner {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.inner {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
