//! Request and reply over HTTP: only `POST /` invokes.

use std::sync::Arc;

use http_protocol::{BoxFuture, Request, Response, Service, answer, context, event_text, text};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use runtime::{Answer, Failure, Runtime};

use crate::media::{is_supported, negotiate};

/// Serves the invoker's request and reply.
pub struct InvokerService {
    runtime: Arc<Runtime>,
}

impl InvokerService {
    /// Serves `runtime`.
    pub fn new(runtime: Arc<Runtime>) -> InvokerService {
        InvokerService { runtime }
    }
}

impl Service for InvokerService {
    fn call(&self, request: Request) -> BoxFuture<'_, Response> {
        let done = |response| Box::pin(std::future::ready(response));
        if *request.method() != Method::POST {
            return done(text(200, "ok\n"));
        }
        if request.uri().path() != "/" {
            return done(text(404, "only POST / invokes\n"));
        }
        let headers = request.headers();
        if !is_supported(value(headers, &CONTENT_TYPE)) {
            return done(text(415, "give application/json, text/plain or application/octet-stream\n"));
        }
        let Some(content_type) = negotiate(value(headers, &ACCEPT)) else {
            return done(text(406, "accept application/json, text/plain or application/octet-stream\n"));
        };
        let context = context(headers);
        Box::pin(async move {
            let outcome = match event_text(request.into_body()) {
                Ok(event) => self.runtime.invoke(event, context).await,
                Err(error) => Answer { result: Err(Failure::Function(error)), identity: None },
            };
            respond(outcome, content_type)
        })
    }
}

/// Any error of the function is a 5xx to Riff.
fn respond(outcome: Answer, content_type: &'static str) -> Response {
    let succeeded = outcome.result.is_ok();
    let mut response = answer(outcome);
    if succeeded {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    } else if !response.status().is_server_error() {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
}

/// A header's value; what is no text is of no type that is known.
fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
#[path = "invoker_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
