//! Which path leads where.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_protocol::{BoxFuture, Request, Response, Service, json, text};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use lab::{Error, ErrorKind};
use runtime::Shutdown;

use super::callback::Callback;
use super::calls::{Calls, Known, Refused};
use super::functions::{Function, Functions};
use super::headers::{CALL_ID, CALLBACK, DEPLOYMENT, FUNCTION_NAME, FUNCTION_STATUS, PLATFORM_CALL, call_name};
use super::invoke::Call;
use super::metrics::NAMESPACE;
use super::pages::is_from_page;
use crate::api;
use crate::failure::{failure, refusal};
use crate::{Images, Token};

/// First pause before a call of an overloaded function is tried again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Everything that requests are answered from.
pub(crate) struct Gateway {
    pub(crate) functions: Arc<Functions>,
    pub(crate) images: Arc<dyn Images>,
    pub(crate) token: Option<Token>,
    pub(crate) calls: Calls,
    pub(crate) callbacks_anywhere: bool,
    pub(crate) log_requests: bool,
    pub(crate) shutdown: Shutdown,
    /// Where asynchronous calls run.
    pub(crate) background: tokio::runtime::Handle,
}

/// The same, for one listener.
pub(crate) struct Front {
    pub(crate) gateway: Arc<Gateway>,
    /// Whether all who can connect here may administer: a unix socket that only its owner may use.
    pub(crate) is_private: bool,
}

impl Service for Front {
    fn call(&self, request: Request) -> BoxFuture<'_, Response> {
        // The path that is used most is first.
        if let Some(rest) = request.uri().path().strip_prefix("/function/") {
            if let Some(refused) = self.refuse(&request) {
                return ready(refused);
            }
            let function = match self.gateway.function(rest, &request) {
                Ok(function) => function,
                Err(response) => return ready(*response),
            };
            let name = call_name(request.headers());
            return match Call::new(name, function, request) {
                Ok(call) => {
                    let gateway = &self.gateway;
                    Box::pin(async move { call.perform(&*gateway.functions.platform, gateway.log_requests).await })
                }
                Err(response) => ready(*response),
            };
        }
        if let Some(health) = self.gateway.health(&request) {
            return ready(health);
        }
        if let Some(refused) = self.refuse(&request) {
            return ready(refused);
        }
        Box::pin(self.other(request))
    }
}

impl Front {
    /// The answer to a request that may not be answered otherwise. Who knows the token is no stranger; without one a web page
    /// of anywhere could call and read through its visitor's browser.
    fn refuse(&self, request: &Request) -> Option<Response> {
        if self.is_private {
            return None;
        }
        match &self.gateway.token {
            Some(token) => (!token.is_in(request.headers())).then(unauthorised),
            None => is_from_page(request.headers()).then(page_refused),
        }
    }

    async fn other(&self, request: Request) -> Response {
        let gateway = &self.gateway;
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix("/async-function/") {
            return match gateway.function(rest, &request) {
                Ok(function) => gateway.call_without_waiting(function, request),
                Err(response) => *response,
            };
        }
        if let Some(name) = path.strip_prefix("/async-result/") {
            return gateway.result(name);
        }
        if path == "/metrics" {
            return gateway.metrics().await;
        }
        // Without a token anybody on this machine can ask: then images are named, never given as paths.
        let is_trusted = self.is_private || gateway.token.is_some();
        let is_system = path.starts_with("/system/");
        if !is_system && !path.starts_with("/faasbench/") {
            return not_there();
        }
        // Apart from the connection: a change is not broken off half way when its client goes.
        let gateway = gateway.clone();
        let task = self.gateway.background.spawn(async move {
            match is_system {
                true => api::system(&gateway, request, is_trusted).await,
                false => api::own(&gateway, request, is_trusted).await,
            }
        });
        task.await.unwrap_or_else(|error| refusal(500, &Error::internal(format!("the request failed: {error}"))))
    }
}

impl Gateway {
    /// The function that the rest of a path names: `NAME`, `NAME.openfaas-fn`, with any path behind it.
    fn function(&self, rest: &str, request: &Request) -> Result<Arc<Function>, Box<Response>> {
        let name = rest.split('/').next().unwrap_or(rest);
        let name = name.strip_suffix(NAMESPACE).and_then(|name| name.strip_suffix('.')).unwrap_or(name);
        let found = self.functions.find(name).filter(|function| {
            request.headers().get(DEPLOYMENT).is_none_or(|id| id == function.deployment.spec.id.as_str())
        });
        found.ok_or_else(|| {
            self.functions.metrics.unknown.inc();
            Box::new(failure(&self.functions.not_found(name)))
        })
    }

    /// The answer on a health path; `None` for any other request.
    fn health(&self, request: &Request) -> Option<Response> {
        match request.uri().path() {
            "/healthz" | "/_/health" => Some(text(200, "ok\n")),
            "/_/ready" if self.shutdown.is_requested() => Some(text(503, "ending\n")),
            "/_/ready" => Some(text(200, "ready\n")),
            _ => None,
        }
    }

    async fn metrics(&self) -> Response {
        for function in self.functions.all() {
            // What can't be asked keeps what was known.
            if let Ok(status) = self.functions.platform.status(&function.deployment).await {
                self.functions.metrics.observe_status(function.name(), &status);
            }
        }
        self.functions.metrics.asynchronous.set(i64::try_from(self.calls.under_way()).unwrap_or(i64::MAX));
        match self.functions.metrics.text() {
            Ok(body) => {
                let mut response = json(200, body);
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => refusal(500, &Error::internal(format!("the metrics can't be written: {error}"))),
        }
    }

    /// Takes a call whose result is fetched later.
    fn call_without_waiting(self: &Arc<Gateway>, function: Arc<Function>, request: Request) -> Response {
        if request.method() != Method::POST {
            return method_not_allowed("POST");
        }
        if self.shutdown.is_requested() {
            return refusal(503, &Error::new(ErrorKind::Unavailable, "this server is ending"));
        }
        let callback =
            request.headers().get(CALLBACK).map(|url| Callback::new(url.as_bytes(), self.callbacks_anywhere));
        let callback = match callback.transpose() {
            Ok(callback) => callback,
            Err(message) => return refusal(400, &Error::bad_request(message)),
        };
        let call = match Call::new(call_name(request.headers()), function, request) {
            Ok(call) => call,
            Err(response) => return *response,
        };
        let name = call.name.to_str().unwrap_or_default().to_owned();
        match self.calls.begin(&name, call.invocation.event.len()) {
            Ok(()) => {}
            Err(Refused::Full) => {
                return refusal(429, &Error::limit("as many asynchronous calls are under way as may be: try again"));
            }
            Err(Refused::Taken) => {
                return refusal(
                    409,
                    &Error::bad_request("there is a call of this X-Call-Id already: give each its own"),
                );
            }
        }
        let mut response = json(202, "");
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().insert(CALL_ID, call.name.clone());
        let gateway = self.clone();
        // Apart from the connection's thread, which it may outlive.
        self.background.spawn(async move { gateway.perform_later(call, name, callback).await });
        response
    }

    async fn perform_later(&self, call: Call, name: String, callback: Option<Callback>) {
        let begin = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut response = loop {
            let response = call.perform(&*self.functions.platform, self.log_requests).await;
            // The function's own 429 is an answer; the platform's means that there is no room yet.
            let is_overloaded = response.status() == StatusCode::TOO_MANY_REQUESTS
                && response.headers().contains_key(crate::failure::ERROR_HEADER);
            if !is_overloaded || begin.elapsed() + pause > self.calls.patience() || self.shutdown.is_requested() {
                break response;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        let function = HeaderValue::from_str(call.function.name()).ok();
        let status = HeaderValue::from(response.status().as_u16());
        response.headers_mut().insert(FUNCTION_STATUS, status);
        if let Some(function) = function {
            response.headers_mut().insert(FUNCTION_NAME, function);
        }
        if let Some(callback) = callback {
            callback.send(&response).await;
        }
        self.calls.finish(&name, response);
    }

    /// The platform's own name of an asynchronous call that is done.
    pub(crate) fn platforms_call(&self, name: &str) -> Option<String> {
        let Known::Done(response) = self.calls.find(name) else { return None };
        Some(response.headers().get(PLATFORM_CALL)?.to_str().ok()?.to_owned())
    }

    /// The result of an asynchronous call: its function's answer, with `X-Function-Status`.
    fn result(&self, name: &str) -> Response {
        let named = |mut response: Response| {
            if let Ok(value) = HeaderValue::from_str(name) {
                response.headers_mut().insert(CALL_ID, value);
            }
            response
        };
        match self.calls.find(name) {
            Known::Done(response) => *response,
            Known::UnderWay => {
                let mut response = named(json(202, ""));
                response.headers_mut().remove(CONTENT_TYPE);
                response.headers_mut().insert(hyper::header::RETRY_AFTER, HeaderValue::from_static("1"));
                response
            }
            Known::Gone => {
                named(refusal(410, &Error::not_found("the result of this call was kept for a while and is gone")))
            }
            Known::Unknown => named(refusal(404, &Error::not_found("there is no asynchronous call of this name"))),
        }
    }
}

fn ready<'a>(response: Response) -> BoxFuture<'a, Response> {
    Box::pin(std::future::ready(response))
}

fn unauthorised() -> Response {
    let message =
        "the server's token is missing or wrong: send `Authorization: Bearer TOKEN`, or Basic with it as password";
    let mut response = refusal(401, &Error::new(ErrorKind::Denied, message));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"faasbench\""));
    response
}

fn page_refused() -> Response {
    let message = "a server without a token takes no requests from web pages, nor under a name other than localhost or a \
                   loopback address: use a client outside a browser, or start it with FAASBENCH_TOKEN set";
    refusal(403, &Error::new(ErrorKind::Denied, message))
}

fn not_there() -> Response {
    refusal(
        404,
        &Error::not_found(
            "there is nothing at this path; the paths are /function/NAME, /async-function/NAME, /async-result/CALL, \
             /system/…, /faasbench/…, /metrics and /healthz",
        ),
    )
}

/// The answer to a method that a path does not have.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Response {
    let mut response = refusal(405, &Error::bad_request(format!("this path takes {allowed}")));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
