//! The plain protocol: the body is the event, the answer's body is the response.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use lab::Error;
use runtime::{Failure, Runtime, Shutdown};

use crate::headers::add_instance;
use crate::{BoxFuture, Request, Response, Service, answer, context, json, text};

/// Serves events on any method and path, beside the health paths of OpenFaaS (`/_/health`, `/_/ready`), kubeless
/// (`/healthz`, `/readyz`), Nuclio (`/__internal/health`) and `GET /`.
pub struct EventService {
    runtime: Arc<Runtime>,
    shutdown: Shutdown,
}

impl EventService {
    /// Serves `runtime`; it is not ready from `shutdown` on.
    pub fn new(runtime: Arc<Runtime>, shutdown: Shutdown) -> EventService {
        EventService { runtime, shutdown }
    }

    /// The answer on a health path, which also says which instance it is; `None` for any other request.
    fn health(&self, request: &Request) -> Option<Response> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let mut response = match request.uri().path() {
            "/" | "/_/health" | "/healthz" | "/__internal/health" => Some(text(200, "ok\n")),
            "/_/ready" | "/readyz" if self.shutdown.is_requested() => Some(text(503, "ending\n")),
            "/_/ready" if self.runtime.is_full() => Some(text(429, "full\n")),
            "/_/ready" | "/readyz" => Some(text(200, "ready\n")),
            _ => None,
        }?;
        add_instance(response.headers_mut(), self.runtime.instance_id(), self.runtime.instance_age_us());
        Some(response)
    }
}

impl Service for EventService {
    fn call(&self, request: Request) -> BoxFuture<'_, Response> {
        if let Some(health) = self.health(&request) {
            return Box::pin(std::future::ready(health));
        }
        let context = context(request.headers());
        Box::pin(async move {
            match event_text(request.into_body()) {
                Ok(event) => answer(self.runtime.invoke(event, context).await),
                Err(error) => {
                    let failure = Failure::Function(error);
                    json(failure.status(), failure.body())
                }
            }
        })
    }
}

/// A body as an event. An empty one is the empty event `{}`: a plain `GET` has no other.
///
/// # Errors
/// A bad request for what is not UTF-8.
pub fn event_text(body: Bytes) -> Result<String, Error> {
    if body.trim_ascii().is_empty() {
        return Ok("{}".to_owned());
    }
    String::from_utf8(body.into()).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Error::bad_request(format!("the event is not UTF-8 text from byte {place} on: give a JSON object"))
    })
}

/// Serves `/ready` and `/live` on a port of their own, as Nuclio's processor does.
pub struct HealthService {
    shutdown: Shutdown,
}

impl HealthService {
    /// Ready until `shutdown`.
    pub fn new(shutdown: Shutdown) -> HealthService {
        HealthService { shutdown }
    }
}

impl Service for HealthService {
    fn call(&self, request: Request) -> BoxFuture<'_, Response> {
        let response = match request.uri().path() {
            "/ready" if self.shutdown.is_requested() => text(503, "ending\n"),
            "/ready" | "/live" => text(200, "ok\n"),
            _ => text(404, "the paths are /ready and /live\n"),
        };
        Box::pin(std::future::ready(response))
    }
}
