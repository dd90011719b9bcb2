//! Nested calls of functions in processes of their own: `POST /function/NAME` over a unix socket.

use std::convert::Infallible;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use lab::{Error, ErrorKind};
use platform::Invocation;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::failure::{as_functions_error, error_body, status_of};
use crate::local_platform::{Inner, MAX_EVENT_BYTES};

/// Connections at once: more wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long a request's head, and then its body, may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause after a connection could not be accepted, as when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// The socket that serves nested calls; it ends, and its file goes, with the drop.
pub(crate) struct Socket {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Socket {
    /// Listens at `path`, in a folder that only this user may enter.
    pub(crate) fn listen(path: &Path, platform: Weak<Inner>) -> io::Result<Socket> {
        match std::fs::remove_file(path) {
            // What a former process left behind.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(path)?;
        // A function in a container may have any uid. Its folder keeps others of this machine away.
        std::fs::set_permissions(path, Permissions::from_mode(0o666))?;
        Ok(Socket { path: path.to_owned(), task: tokio::spawn(accept(listener, platform)) })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        // It may be gone with its folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, platform: Weak<Inner>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let platform = platform.clone();
                tokio::spawn(async move {
                    serve(stream, platform).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn serve(stream: UnixStream, platform: Weak<Inner>) {
    let service = service_fn(move |request| {
        let platform = platform.clone();
        async move { Ok::<_, Infallible>(answer(request, platform).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A connection that breaks is its caller's loss; what an instance took is finished all the same.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, platform: Weak<Inner>) -> Response<Full<Bytes>> {
    match call(request, platform).await {
        Ok((status, body)) => response(status, body),
        Err((status, error)) => response(status, error_body(&error)),
    }
}

async fn call(request: Request<Incoming>, platform: Weak<Inner>) -> Result<(u16, Bytes), (u16, Error)> {
    let ours = |error: Error| (status_of(error.kind), error);
    let (head, body) = request.into_parts();
    let name = head.uri.path().strip_prefix("/function/").filter(|name| !name.is_empty() && !name.contains('/'));
    let Some(name) = name else {
        return Err(ours(Error::not_found(format!("nothing is at {}; ask POST /function/NAME", head.uri.path()))));
    };
    if head.method != Method::POST {
        return Err((405, Error::bad_request(format!("{} is not served; ask POST /function/NAME", head.method))));
    }
    let body = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_EVENT_BYTES).collect()).await;
    let event = match body {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("the event has more than the {MAX_EVENT_BYTES} bytes that are accepted");
            return Err(ours(Error::limit(message)));
        }
        Ok(Err(error)) => return Err(ours(Error::bad_request(format!("the event did not come: {error}")))),
        Err(_) => return Err((408, Error::bad_request("the event did not come in time"))),
    };
    let platform =
        platform.upgrade().ok_or_else(|| ours(Error::new(ErrorKind::Unavailable, "the platform is shutting down")))?;
    let invocation = Invocation {
        event,
        traceparent: text(&head.headers, "traceparent"),
        tracestate: text(&head.headers, "tracestate"),
        patience: None,
    };
    let answer = platform.nested(name, &invocation).await.map_err(|error| as_functions_error(&error))?;
    Ok((answer.status, answer.body))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn response(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
