//! Where the answers of asynchronous calls arrive.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use platform::{Answer, CallId, PlatformError};
use remote_platform::{Begin, answer_of};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::gateway::PLATFORM;

/// Largest answer, bytes.
const MAXIMUM_ANSWER_BYTES: usize = 64 << 20;
/// How long the head of a request may take to arrive.
const HEADERS: Duration = Duration::from_secs(30);
/// Answers and calls that are kept at most: whoever calls without waiting must also fetch.
const MAXIMUM_CALLS: usize = 100_000;

enum Call {
    Waiting(Begin),
    Done(Box<Answer>),
}

type Calls = Arc<Mutex<HashMap<String, Call>>>;

/// A listener that receives answers. It ends with this value.
pub(crate) struct Callback {
    /// Where the gateway's queue worker sends them. Nobody else knows the last part.
    pub(crate) url: String,
    calls: Calls,
    task: JoinHandle<()>,
}

impl Callback {
    /// Listens at `address`, which the queue worker knows as `seen_as`.
    pub(crate) async fn start(address: &str, seen_as: Option<&str>) -> Result<Callback, PlatformError> {
        let unusable = |error: std::io::Error| {
            PlatformError::Invalid(format!(
                "answers of asynchronous calls can't be received at `{address}`: {error}; set the option `callback` to a free \
                 address of this machine, as in \"127.0.0.1:0\""
            ))
        };
        let listener = TcpListener::bind(address).await.map_err(unusable)?;
        let bound = listener.local_addr().map_err(unusable)?;
        let path = format!("/{}", Uuid::new_v4().simple());
        let url = format!("{}{path}", base(seen_as, bound));
        let calls = Calls::default();
        let task = tokio::spawn(serve(listener, Arc::from(path), calls.clone()));
        Ok(Callback { url, calls, task })
    }

    /// A name for a call that begins now.
    pub(crate) fn begin(&self) -> Result<CallId, PlatformError> {
        let mut calls = lock(&self.calls);
        if calls.len() >= MAXIMUM_CALLS {
            return Err(PlatformError::Failed {
                platform: PLATFORM.to_owned(),
                doing: "calling without waiting".to_owned(),
                reason: format!("{MAXIMUM_CALLS} answers have not been fetched"),
            });
        }
        let id = Uuid::new_v4().to_string();
        calls.insert(id.clone(), Call::Waiting(Begin::now()));
        Ok(CallId(id))
    }

    /// Forgets a call that was not accepted.
    pub(crate) fn forget(&self, call: &CallId) {
        lock(&self.calls).remove(&call.0);
    }

    /// The answer of a call; `None` while it is not there.
    pub(crate) fn take(&self, call: &CallId) -> Result<Option<Answer>, PlatformError> {
        let mut calls = lock(&self.calls);
        match calls.get(&call.0) {
            None => Err(PlatformError::Invalid(format!(
                "there is no asynchronous call `{}` whose answer could be fetched: it was fetched before, or made by another \
                 process",
                call.0
            ))),
            Some(Call::Waiting(_)) => Ok(None),
            Some(Call::Done(_)) => match calls.remove(&call.0) {
                Some(Call::Done(answer)) => Ok(Some(*answer)),
                _ => Ok(None),
            },
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The listener's address as others see it.
fn base(seen_as: Option<&str>, bound: SocketAddr) -> String {
    match seen_as {
        // Without a port it is the one that was found to be free.
        Some(seen_as) => {
            let address = seen_as.trim_end_matches('/');
            let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            if has_port { address.to_owned() } else { format!("{address}:{}", bound.port()) }
        }
        None => format!("http://{bound}"),
    }
}

fn lock(calls: &Calls) -> std::sync::MutexGuard<'_, HashMap<String, Call>> {
    // Nothing in here panics half way.
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, path: Arc<str>, calls: Calls) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // No more file descriptors, or a client that has gone: others may come.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (path, calls) = (path.clone(), calls.clone());
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let (path, calls) = (path.clone(), calls.clone());
                async move { Ok::<_, Infallible>(receive(request, &path, &calls).await) }
            });
            // A queue worker that goes away half way tries again, or does not.
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEADERS);
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn receive(request: Request<Incoming>, path: &str, calls: &Calls) -> Response<Full<Bytes>> {
    if request.method() != Method::POST || request.uri().path() != path {
        return said(StatusCode::NOT_FOUND, "this receives the answers of asynchronous calls");
    }
    let (head, body) = request.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(id) = text("x-call-id").map(str::to_owned) else {
        return said(StatusCode::BAD_REQUEST, "the header X-Call-Id is missing");
    };
    // Without a status the function answered and its status is not told.
    let status = text("x-function-status").and_then(|status| status.parse().ok()).unwrap_or(200);
    let Ok(body) = Limited::new(body, MAXIMUM_ANSWER_BYTES).collect().await else {
        return said(StatusCode::PAYLOAD_TOO_LARGE, "the answer is not whole, or too large");
    };
    let mut calls = lock(calls);
    let Some(Call::Waiting(begin)) = calls.get(&id) else {
        return said(StatusCode::NOT_FOUND, "no such call waits for its answer");
    };
    let mut answer = answer_of(status, &head.headers, body.to_bytes(), *begin, None, None);
    answer.call = Some(CallId(id.clone()));
    // `X-Duration-Seconds`, e.g. 0.002300: the queue worker's own measurement of the call.
    answer.timings.execution_ns = text("x-duration-seconds").and_then(nanoseconds);
    calls.insert(id, Call::Done(Box::new(answer)));
    said(StatusCode::OK, "")
}

/// Seconds as a decimal number, in ns.
fn nanoseconds(text: &str) -> Option<u64> {
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()?.as_nanos().try_into().ok()
}

fn said(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn where_answers_go_is_what_the_queue_worker_sees() {
        let bound = "127.0.0.1:4711".parse().unwrap();
        assert_eq!(base(None, bound), "http://127.0.0.1:4711");
        assert_eq!(base(Some("http://10.62.0.1/"), bound), "http://10.62.0.1:4711");
        assert_eq!(base(Some("http://10.62.0.1:80"), bound), "http://10.62.0.1:80");
    }

    #[test]
    fn durations_are_decimal_seconds() {
        assert_eq!(nanoseconds("0.002300"), Some(2_300_000));
        for bad in ["", "-1", "soon", "1e300", "NaN"] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }
}
