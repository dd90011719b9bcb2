//! What a protocol over HTTP implements.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use runtime::Answer;

use crate::add_identity;

/// A future on the heap, because a [`Service`] is chosen at start.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A request whose body has arrived, decoded and within the limit.
pub type Request = hyper::Request<Bytes>;
/// A whole answer: it is always sent with a `Content-Length`.
pub type Response = hyper::Response<Bytes>;

/// One protocol's paths and envelopes.
pub trait Service: Send + Sync + 'static {
    /// Answers one request.
    fn call(&self, request: Request) -> BoxFuture<'_, Response>;
}

impl<T: Service + ?Sized> Service for Arc<T> {
    fn call(&self, request: Request) -> BoxFuture<'_, Response> {
        (**self).call(request)
    }
}

/// An answer that is JSON. A status that does not exist is 500.
pub fn json(status: u16, body: impl Into<Bytes>) -> Response {
    with_type(status, "application/json", body.into())
}

/// An answer that is plain text. A status that does not exist is 500.
pub fn text(status: u16, body: &'static str) -> Response {
    with_type(status, "text/plain; charset=utf-8", Bytes::from_static(body.as_bytes()))
}

/// What came of an invocation, as HTTP says it: status, body and the instance's identity in headers.
pub fn answer(answer: Answer) -> Response {
    let (status, identity) = (answer.status(), answer.identity.clone());
    let mut response = json(status, answer.into_body());
    if let Some(identity) = &identity {
        add_identity(response.headers_mut(), identity);
    }
    response
}

fn with_type(status: u16, content_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
