//! The HTTP server: HTTP/1.1, and HTTP/2 without TLS for clients that know beforehand.

use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Version};
use hyper_util::rt::TokioIo;
use runtime::{MAXIMUM_EVENT_BYTES, Shutdown};
use rustix::net::{AddressFamily, sockopt};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use crate::body::{BodyError, Budget, read_body};
use crate::connections::Connections;
use crate::stream::{Patience, Phase, Progress, Stream, TimedStream};
use crate::{Request, Response, Service, json};

/// Largest head of a request, bytes.
const HEAD_BYTES: usize = 64 << 10;
/// Files that stay free for the function, beside connections.
const FILES_FOR_OTHERS: u64 = 64;
/// A connection younger than this has had no time yet to send anything.
const YOUNG: Duration = Duration::from_millis(100);
/// How often a connection may be found within a request's head, when there are too many, before it is closed. It is looked at
/// some 25 times a second then.
const HEADS_SEEN: u32 = 25;

/// What a [`Server`] takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body, bytes; a larger one is answered with 413.
    pub body_bytes: usize,
    /// Memory of all bodies that are held at the same time, bytes; beyond it requests are answered with 503.
    pub all_bodies_bytes: usize,
    /// Connections that are open at the same time. When there are more, those that do nothing are closed.
    pub connections: usize,
    /// The longest that a request's head may take from its first byte.
    pub head: Duration,
    /// The longest that a body may take; a slower one is answered with 408.
    pub body: Duration,
    /// The longest that a connection may do nothing. It is longer than any known proxy keeps one, so that no proxy sends
    /// a request into a connection that is being closed.
    pub idle: Duration,
    /// The longest that a client may take no byte of its answer.
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: MAXIMUM_EVENT_BYTES,
            all_bodies_bytes: 8 * MAXIMUM_EVENT_BYTES,
            connections: connections_by_files(),
            head: Duration::from_secs(10),
            body: Duration::from_secs(60),
            idle: Duration::from_secs(660),
            write: Duration::from_secs(30),
        }
    }
}

/// As many connections as this process may have files, within reason.
fn connections_by_files() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    // The soft limit is small only for programs that use `select`. Where it can't be raised it stays.
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        limit = raised;
    }
    let files = limit.current.unwrap_or(u64::MAX).saturating_sub(FILES_FOR_OTHERS);
    usize::try_from(files).unwrap_or(usize::MAX).clamp(16, 8192)
}

/// Where a [`Server`] takes connections.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// A listening socket of either kind that this process was started with.
    ///
    /// # Errors
    /// When it is none.
    pub fn inherited(socket: OwnedFd) -> io::Result<Listener> {
        if !sockopt::socket_acceptconn(&socket)? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
        }
        rustix::io::ioctl_fionbio(&socket, true)?;
        if sockopt::socket_domain(&socket)? == AddressFamily::UNIX {
            UnixListener::from_std(socket.into()).map(Listener::Unix)
        } else {
            TcpListener::from_std(socket.into()).map(Listener::Tcp)
        }
    }

    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small and whole: there is nothing to wait for. A socket that refuses is only slower.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

/// Serves HTTP.
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    service: Box<dyn Service>,
    shutdown: Shutdown,
    limits: Limits,
    connections: Connections,
    budget: Budget,
}

impl Server {
    /// A server of `service` until `shutdown`.
    pub fn new(service: impl Service, shutdown: Shutdown, limits: Limits) -> Server {
        let (connections, budget) = (Connections::new(limits.connections), Budget::new(limits.all_bodies_bytes));
        Server { shared: Arc::new(Shared { service: Box::new(service), shutdown, limits, connections, budget }) }
    }

    /// Serves until the shutdown: then no more is taken, connections without a request are closed, and what was taken is
    /// finished within the grace. Returns whether all of it was.
    pub async fn serve(self, listener: Listener) -> bool {
        self.serve_on(listener, &[]).await
    }

    /// The same, with each connection on that of `runtimes` which has the fewest: runtimes of one thread each need no
    /// hand-over between threads within a request. Without any, connections are on the runtime that this is called on.
    pub async fn serve_on(self, listener: Listener, runtimes: &[Handle]) -> bool {
        let places: Vec<Place> = runtimes.iter().cloned().map(Place::new).collect();
        tokio::select! {
            () = self.shared.shutdown.requested() => {}
            never = accept_all(&self.shared, &listener, &places) => match never {},
        }
        drop(listener);
        timeout(self.shared.shutdown.grace(), self.shared.connections.none()).await.is_ok()
    }
}

/// A runtime that connections can be on, and how many are.
struct Place {
    runtime: Handle,
    open: Arc<AtomicUsize>,
}

impl Place {
    fn new(runtime: Handle) -> Place {
        Place { runtime, open: Arc::default() }
    }
}

async fn accept_all(shared: &Arc<Shared>, listener: &Listener, places: &[Place]) -> Infallible {
    loop {
        shared.connections.room().await;
        match listener.accept().await {
            Ok(stream) => match places.iter().min_by_key(|place| place.open.load(Ordering::Relaxed)) {
                None => {
                    tokio::spawn(connection(Open::begin(shared, None), stream));
                }
                Some(place) => {
                    let open = Open::begin(shared, Some(place.open.clone()));
                    // A stream that can't leave its runtime is closed.
                    let Ok(detached) = stream.detach() else { continue };
                    place.runtime.spawn(async move {
                        if let Ok(stream) = detached.attach() {
                            connection(open, stream).await;
                        }
                    });
                }
            },
            // The peer has gone already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            // No more files or memory: that changes when others close, not by trying at once.
            Err(_) => {
                shared.connections.make_room().await;
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// One connection, counted as long as this lives.
struct Open {
    shared: Arc<Shared>,
    place: Option<Arc<AtomicUsize>>,
}

impl Open {
    fn begin(shared: &Arc<Shared>, place: Option<Arc<AtomicUsize>>) -> Open {
        shared.connections.begin();
        if let Some(place) = &place {
            place.fetch_add(1, Ordering::Relaxed);
        }
        Open { shared: shared.clone(), place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            place.fetch_sub(1, Ordering::Relaxed);
        }
        self.shared.connections.end();
    }
}

/// Serves one connection. Until something arrives it costs next to nothing.
async fn connection(open: Open, stream: Stream) {
    if first_byte(&open.shared, &stream).await {
        #[cfg(feature = "h2c")]
        if knows_http2(&stream).await {
            return Box::pin(http2(&open.shared, stream)).await;
        }
        Box::pin(http1(&open.shared, stream)).await;
    }
}

/// Waits for the first byte; `false` when the connection is to be closed instead.
async fn first_byte(shared: &Shared, stream: &Stream) -> bool {
    let begin = Instant::now();
    let shutdown = shared.shutdown.requested();
    let idle = sleep(shared.limits.idle);
    tokio::pin!(shutdown, idle);
    let mut first = [0];
    loop {
        tokio::select! {
            seen = stream.peek(&mut first) => return seen.is_ok_and(|count| count > 0),
            () = &mut shutdown => return false,
            () = &mut idle => return false,
            () = shared.connections.unused_go.notified() => if begin.elapsed() >= YOUNG { return false },
        }
    }
}

async fn http1(shared: &Arc<Shared>, stream: Stream) {
    let progress = Arc::new(Progress::default());
    let limits = &shared.limits;
    let patience = Patience { idle: limits.idle, head: limits.head, write: limits.write };
    let io = TokioIo::new(TimedStream::new(stream, progress.clone(), patience));
    let service = service_fn(|request| {
        let (shared, progress) = (shared.clone(), progress.clone());
        async move {
            progress.set(Phase::Taken);
            let response = respond(&shared, request).await;
            progress.set(Phase::Idle);
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    let mut builder = http1::Builder::new();
    // The stream itself keeps the times, as it tells a pause between requests from a slow head.
    builder.header_read_timeout(None).max_header_size(HEAD_BYTES).max_buf_size(2 * HEAD_BYTES).half_close(true);
    let serving = builder.serve_connection(io, service);
    let shutdown = shared.shutdown.requested();
    tokio::pin!(serving, shutdown);
    let mut ending = false;
    let mut heads_seen = 0;
    loop {
        tokio::select! {
            // Its error is the client's: there is nobody to tell.
            _ = &mut serving => return,
            () = &mut shutdown, if !ending => {
                if progress.has_taken_nothing() {
                    return;
                }
                ending = true;
                serving.as_mut().graceful_shutdown();
            }
            () = shared.connections.idle_go.notified() => {
                heads_seen = if progress.has_taken_nothing() { heads_seen + 1 } else { 0 };
                if progress.is_idle() || heads_seen == HEADS_SEEN {
                    return;
                }
            }
        }
    }
}

/// Whether the client begins with HTTP/2's preface. No HTTP/1 method begins with its first four bytes.
#[cfg(feature = "h2c")]
async fn knows_http2(stream: &Stream) -> bool {
    const PREFACE: &[u8] = b"PRI ";
    let mut seen = [0; PREFACE.len()];
    for _ in 0..100 {
        match stream.peek(&mut seen).await {
            Ok(count) if count > 0 && PREFACE.starts_with(&seen[..count]) => {
                if count == PREFACE.len() {
                    return true;
                }
                // A peek at the same bytes is ready at once.
                sleep(Duration::from_millis(10)).await;
            }
            _ => return false,
        }
    }
    false
}

#[cfg(feature = "h2c")]
async fn http2(shared: &Arc<Shared>, stream: Stream) {
    use hyper::server::conn::http2;
    use hyper_util::rt::{TokioExecutor, TokioTimer};

    let progress = Arc::new(Progress::default());
    let limits = &shared.limits;
    // HTTP/2 has no head that could be slow: frames have sizes, and pings find a peer that has gone.
    let patience = Patience { idle: limits.idle, head: limits.idle, write: limits.write };
    let io = TokioIo::new(TimedStream::new(stream, progress.clone(), patience));
    let service = service_fn(|request| {
        let (shared, progress) = (shared.clone(), progress.clone());
        async move {
            progress.set(Phase::Taken);
            let response = respond(&shared, request).await;
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES as u32);
    builder.keep_alive_interval(Duration::from_secs(60)).keep_alive_timeout(Duration::from_secs(20));
    let serving = builder.serve_connection(io, service);
    let shutdown = shared.shutdown.requested();
    tokio::pin!(serving, shutdown);
    tokio::select! {
        _ = &mut serving => return,
        () = &mut shutdown => {
            if progress.has_taken_nothing() {
                return;
            }
            serving.as_mut().graceful_shutdown();
        }
    }
    // As above: the error is the client's.
    let _ = serving.await;
}

/// Reads the body and lets the service answer.
async fn respond(shared: &Shared, request: hyper::Request<Incoming>) -> Response {
    let limits = &shared.limits;
    let (parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return refuse(parts.version, 405, "bad-request", "this is no proxy: send any method but CONNECT");
    }
    // The share is held until the answer is there, as the body may be until then.
    let (body, _share) = match read_body(body, limits.body_bytes, limits.body, &shared.budget).await {
        Ok(read) => read,
        Err(BodyError::TooLarge) => {
            let message =
                format!("the body is larger than {} bytes, the most that this instance takes", limits.body_bytes);
            return refuse(parts.version, 413, "limit", &message);
        }
        Err(BodyError::TooSlow) => {
            let message = format!("the body did not arrive within {} s", limits.body.as_secs());
            return refuse(parts.version, 408, "bad-request", &message);
        }
        Err(BodyError::NoMemory) => {
            return refuse(parts.version, 503, "limit", "this instance holds as many bodies as it can: try again");
        }
        Err(BodyError::Broken) => return refuse(parts.version, 400, "bad-request", "the body is not whole"),
    };
    shared.service.call(Request::from_parts(parts, body)).await
}

/// An answer after which the rest of the request is not read any more.
fn refuse(version: Version, status: u16, kind: &str, message: &str) -> Response {
    let body = serde_json::json!({ "error": { "type": kind, "message": message } }).to_string();
    let mut response = json(status, Bytes::from(body));
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
