//! The server.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::{Request, Response};

type Answer = dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync;

/// A running server on a free port of 127.0.0.1. It ends when this is dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    accepting: AbortHandle,
}

impl Server {
    /// Starts it; `answer` answers every request.
    ///
    /// # Errors
    /// When there is no port to be had.
    pub async fn start<F>(answer: impl Fn(Request) -> F + Send + Sync + 'static) -> std::io::Result<Server>
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let answer: Arc<Answer> = Arc::new(move |request| Box::pin(answer(request)));
        let recorded = seen.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, recorded) = (answer.clone(), recorded.clone());
                let service = service_fn(move |request| serve(request, answer.clone(), recorded.clone()));
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Server { address, seen, accepting: accepting.abort_handle() })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in order.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests had this line, `METHOD /path`.
    pub fn count(&self, line: &str) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|seen| seen.line() == line).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    request: hyper::Request<Incoming>,
    answer: Arc<Answer>,
    seen: Arc<Mutex<Vec<Request>>>,
) -> Result<hyper::Response<BoxBody<Bytes, std::io::Error>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let request = Request::new(head.method, &head.uri, head.headers, body);
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let Response { status, headers, body, cut } = answer(request).await;
    let whole = body.len();
    let body = match cut {
        None => Full::new(body).map_err(|never: Infallible| match never {}).boxed(),
        Some(after) => {
            let part = body.slice(..after.min(whole));
            let broken = Err(std::io::Error::other("cut, as the test asked"));
            BodyExt::boxed(StreamBody::new(stream::iter([Ok(Frame::data(part)), broken])))
        }
    };
    let mut response = hyper::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if cut.is_some() {
        response.headers_mut().insert(CONTENT_LENGTH, whole.into());
    }
    Ok(response)
}
