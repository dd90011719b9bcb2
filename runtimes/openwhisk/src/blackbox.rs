//! A blackbox container: `POST /init` once, then `POST /run` for each activation.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_protocol::{BoxFuture, Request, Response, Service, add_identity, json};
use hyper::Method;
use lab::Error;
use runtime::{Failure, Runtime};
use serde::Deserialize;
use serde_json::Value;

use crate::run::{activation, unwrap_answer};

/// Ends the log of one activation, on both streams.
const SENTINEL: &[u8] = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";

/// Serves `/init` and `/run`; every other request goes to another service.
pub struct BlackboxService<S> {
    runtime: Arc<Runtime>,
    initialised: AtomicBool,
    others: S,
}

/// The body of `/init`.
#[derive(Debug, Deserialize)]
struct Init {
    #[serde(default)]
    value: InitValue,
}

#[derive(Debug, Default, Deserialize)]
struct InitValue {
    code: Option<String>,
    #[serde(default)]
    env: HashMap<String, Value>,
}

impl<S: Service> BlackboxService<S> {
    /// Serves `runtime`, beside `others`.
    pub fn new(runtime: Arc<Runtime>, others: S) -> BlackboxService<S> {
        BlackboxService { runtime, initialised: AtomicBool::new(false), others }
    }

    /// Takes in the action's parameters. An image brings its own function, so there is no code to take.
    fn init(&self, body: &[u8]) -> Response {
        if self.initialised.load(Ordering::Acquire) {
            return json(403, r#"{"error":"Cannot initialize the action more than once."}"#);
        }
        let refuse = |error: Error| json(502, Failure::Function(error).body());
        let value = match serde_json::from_slice::<Init>(body) {
            Ok(init) => init.value,
            Err(error) => {
                return refuse(Error::bad_request(format!("the body of /init is not JSON with a `value`: {error}")));
            }
        };
        if value.code.is_some_and(|code| !code.is_empty()) {
            end_log();
            return refuse(Error::bad_request("this image brings its own function and takes no code"));
        }
        let variable = |name: &str| match value.env.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => std::env::var(name).ok(),
        };
        if let Err(error) = self.runtime.configure(&variable) {
            return refuse(error);
        }
        if self.initialised.swap(true, Ordering::AcqRel) {
            return json(403, r#"{"error":"Cannot initialize the action more than once."}"#);
        }
        json(200, r#"{"ok":true}"#)
    }

    async fn run(&self, body: &[u8]) -> Response {
        let (event, context) = match activation(body) {
            Ok(activation) => activation,
            Err(error) => {
                end_log();
                return json(400, Failure::Function(error).body());
            }
        };
        let answer = self.runtime.invoke(event, context).await;
        end_log();
        let identity = answer.identity.clone();
        // 503 has the invoker give the activation to another container.
        let failed = if answer.result == Err(Failure::Overloaded) { 503 } else { 502 };
        let (body, own) = unwrap_answer(answer);
        let mut response = json(if own { 200 } else { failed }, body);
        if let Some(identity) = &identity {
            add_identity(response.headers_mut(), identity);
        }
        response
    }
}

impl<S: Service> Service for BlackboxService<S> {
    fn call(&self, request: Request) -> BoxFuture<'_, Response> {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/init") => Box::pin(std::future::ready(self.init(request.body()))),
            (&Method::POST, "/run") => Box::pin(async move { self.run(request.body()).await }),
            _ => self.others.call(request),
        }
    }
}

/// Writes the sentinel to both streams. A log that nobody reads must not fail the activation.
fn end_log() {
    for stream in [&mut std::io::stdout() as &mut dyn Write, &mut std::io::stderr()] {
        let _ = stream.write_all(SENTINEL);
        let _ = stream.flush();
    }
}

#[cfg(test)]
#[path = "blackbox_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
