//! HTTP/1.1 to one instance, on connections that are kept.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use platform::{InstanceIdentity, Invocation};
use tokio::net::UnixStream;

/// Largest answer that is taken, bytes.
pub(crate) const MAXIMUM_ANSWER_BYTES: usize = 32 << 20;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) identity: Option<InstanceIdentity>,
    pub(crate) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The answer is larger than is taken.
    TooLarge,
    /// The instance is not there any more, or does not speak HTTP.
    Connection(String),
}

/// The connections to one instance.
pub(crate) struct Connections {
    socket: PathBuf,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Connections {
    pub(crate) fn new(socket: PathBuf) -> Connections {
        Connections { socket, idle: Mutex::default() }
    }

    /// Asks whether the instance can serve, and returns when it answered.
    pub(crate) async fn ready(&self) -> Result<(), Broken> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = Uri::from_static("/_/ready");
        request.headers_mut().insert(HOST, HeaderValue::from_static("instance"));
        match self.exchange(request).await? {
            reply if reply.status == 200 => Ok(()),
            reply => Err(Broken::Connection(format!("it answered with status {}", reply.status))),
        }
    }

    /// Sends an invocation and returns its answer.
    pub(crate) async fn invoke(&self, invocation: &Invocation, deadline: Instant) -> Result<Reply, Broken> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.exchange(request(invocation, left)).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, Broken> {
        let again = request.clone();
        match self.try_exchange(request, self.take()).await {
            // A kept connection that the instance was closing: nothing of the request was seen.
            Err(Failed::NotSent) => match self.try_exchange(again, None).await {
                Err(Failed::NotSent) => Err(Broken::Connection("the connection was closed".to_owned())),
                Err(Failed::Broken(broken)) => Err(broken),
                Ok(reply) => Ok(reply),
            },
            Err(Failed::Broken(broken)) => Err(broken),
            Ok(reply) => Ok(reply),
        }
    }

    async fn try_exchange(
        &self,
        request: Request<Full<Bytes>>,
        kept: Option<SendRequest<Full<Bytes>>>,
    ) -> Result<Reply, Failed> {
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| if error.is_canceled() { Failed::NotSent } else { connection(&error) })?;
        let (status, identity) = (answer.status().as_u16(), identity(answer.headers()));
        let body = Limited::new(answer.into_body(), MAXIMUM_ANSWER_BYTES).collect().await.map_err(|error| {
            let is_large = error.is::<LengthLimitError>();
            if is_large { Failed::Broken(Broken::TooLarge) } else { connection(&*error) }
        })?;
        // The connection is ready for the next request once its task has seen this answer's end.
        if !sender.is_closed() {
            self.lock().push(sender);
        }
        Ok(Reply { status, identity, body: body.to_bytes() })
    }

    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.lock();
        std::iter::from_fn(|| idle.pop()).find(|sender| !sender.is_closed())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failed> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| connection(&error))?;
        let (sender, serving) = handshake(TokioIo::new(stream)).await.map_err(|error| connection(&error))?;
        // Its error is that of the request.
        tokio::spawn(async move { _ = serving.await });
        Ok(sender)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Full<Bytes>>>> {
        // Nothing in here panics half way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Failed {
    NotSent,
    Broken(Broken),
}

fn connection(error: &dyn std::error::Error) -> Failed {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Failed::Broken(Broken::Connection(format!("{error}{cause}")))
}

fn request(invocation: &Invocation, left: Duration) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(invocation.event.clone()));
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("instance"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-timeout-ms", u64::try_from(left.as_millis()).unwrap_or(u64::MAX).into());
    for (name, value) in [("traceparent", &invocation.traceparent), ("tracestate", &invocation.tracestate)] {
        // One that can't stand in a header is no trace context.
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    request
}

/// The identity in an answer's headers. An image counts from 0.
fn identity(headers: &HeaderMap) -> Option<InstanceIdentity> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    Some(InstanceIdentity {
        id: text("x-instance-id")?.to_owned(),
        invocation_index: text("x-instance-seq")?.parse::<u64>().ok()?.checked_add(1)?,
        age_us: text("x-instance-uptime-us")?.parse().ok()?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_of_an_instance_has_index_1() {
        let mut headers = HeaderMap::new();
        headers.insert("X-Instance-Id", "a".parse().unwrap());
        headers.insert("X-Instance-Uptime-Us", "7".parse().unwrap());
        assert_eq!(identity(&headers), None);
        headers.insert("X-Instance-Seq", "0".parse().unwrap());
        assert_eq!(identity(&headers), Some(InstanceIdentity { id: "a".to_owned(), invocation_index: 1, age_us: 7 }));
    }

    #[test]
    fn a_request_carries_the_trace_and_the_time_that_is_left() {
        let invocation = Invocation {
            traceparent: Some("00-a".to_owned()),
            tracestate: Some("\n".to_owned()),
            ..Invocation::new("{}")
        };
        let request = request(&invocation, Duration::from_micros(1_500_900));
        assert_eq!(request.headers()["x-timeout-ms"], "1500");
        assert_eq!(request.headers()["traceparent"], "00-a");
        assert!(!request.headers().contains_key("tracestate"));
    }
}
