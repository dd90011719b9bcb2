//! HTTP to one instance: one connection for each call that runs, kept for the next.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use platform::{InstanceIdentity, Invocation};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Largest answer, bytes.
pub(crate) const ANSWER_BYTES: usize = 32 << 20;
/// Tells the instance how long its caller waits.
const TIMEOUT: &str = "x-timeout-ms";
/// Between two tries of a port that is not ready: there is no event to wait for.
const PORT_PAUSE: Duration = Duration::from_millis(2);

/// Where an instance listens.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Socket(PathBuf),
    Port(SocketAddr),
}

/// What an instance answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) identity: Option<InstanceIdentity>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The connection broke, or could not be made.
    Broken(String),
    /// The answer is larger than [`ANSWER_BYTES`].
    TooLarge,
}

type Sender = SendRequest<Full<Bytes>>;

/// The connections to one instance.
#[derive(Debug)]
pub(crate) struct Connections {
    place: Place,
    idle: Mutex<Vec<Sender>>,
}

impl Connections {
    /// Of an instance that accepted this connection.
    pub(crate) async fn over_socket(path: PathBuf, first: UnixStream) -> Result<Connections, CallError> {
        let sender = open(first).await?;
        Ok(Connections { place: Place::Socket(path), idle: Mutex::new(vec![sender]) })
    }

    /// Of an instance behind a port, when it is ready. Whoever passes the port on accepts connections before it is, so it is
    /// asked until it answers.
    pub(crate) async fn over_port(port: SocketAddr) -> Connections {
        let connections = Connections { place: Place::Port(port), idle: Mutex::new(Vec::new()) };
        while !connections.is_ready().await {
            tokio::time::sleep(PORT_PAUSE).await;
        }
        connections
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut sender) = self.connect().await else { return false };
        let request = Request::builder().uri("/readyz").header(HOST, "localhost").body(Full::default());
        let Ok(request) = request else { return false };
        let Ok(response) = sender.send_request(request).await else { return false };
        let is_ready = response.status().is_success();
        if response.into_body().collect().await.is_ok() {
            self.keep(sender);
        }
        is_ready
    }

    /// Sends an event and waits for its answer.
    pub(crate) async fn call(&self, invocation: &Invocation, deadline: Instant) -> Result<Reply, CallError> {
        let (mut sender, response) = self.send(invocation, deadline).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { CallError::TooLarge } else { CallError::Broken(error.to_string()) }
        })?;
        if sender.ready().await.is_ok() {
            self.keep(sender);
        }
        Ok(Reply { status: head.status.as_u16(), body: body.to_bytes(), identity: identity(&head.headers) })
    }

    /// Sends over a kept connection; one that was closed meanwhile is not used.
    async fn send(
        &self,
        invocation: &Invocation,
        deadline: Instant,
    ) -> Result<(Sender, Response<Incoming>), CallError> {
        loop {
            let kept = self.lock().pop();
            let is_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.connect().await?,
            };
            if is_kept && sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request(invocation, deadline)?).await {
                Ok(response) => return Ok((sender, response)),
                // Nothing of it was sent.
                Err(error) if is_kept && error.message().is_some() => {}
                Err(error) => return Err(CallError::Broken(chain(error.error()))),
            }
        }
    }

    async fn connect(&self) -> Result<Sender, CallError> {
        let broken = |error: std::io::Error| CallError::Broken(format!("it can't be connected to: {error}"));
        match &self.place {
            Place::Socket(path) => open(UnixStream::connect(path).await.map_err(broken)?).await,
            Place::Port(address) => {
                let stream = TcpStream::connect(address).await.map_err(broken)?;
                stream.set_nodelay(true).map_err(broken)?;
                open(stream).await
            }
        }
    }

    fn keep(&self, sender: Sender) {
        if !sender.is_closed() {
            self.lock().push(sender);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sender>> {
        // Nothing in there panics half way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Sender, CallError> {
    let (sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| CallError::Broken(chain(&error)))?;
    // Its error is that of the call which is on it.
    tokio::spawn(connection);
    Ok(sender)
}

fn request(invocation: &Invocation, deadline: Instant) -> Result<Request<Full<Bytes>>, CallError> {
    let patience_ms = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json")
        .header(TIMEOUT, patience_ms.to_string());
    for (name, value) in [("traceparent", &invocation.traceparent), ("tracestate", &invocation.tracestate)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let body = Full::new(invocation.event.clone());
    request.body(body).map_err(|error| CallError::Broken(format!("the request can't be made: {error}")))
}

/// What the headers say of who served it.
fn identity(headers: &HeaderMap) -> Option<InstanceIdentity> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let number = |name: &str| text(name).and_then(|value| value.parse::<u64>().ok());
    Some(InstanceIdentity {
        id: text("x-instance-id")?.to_owned(),
        // Images count from 0.
        invocation_index: number("x-instance-seq")?.saturating_add(1),
        age_us: number("x-instance-uptime-us")?,
    })
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
