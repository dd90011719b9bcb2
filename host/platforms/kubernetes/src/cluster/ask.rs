//! Requests to the API server.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request};
use kube::client::Body;
use kube::core::Status;
use platform::{PlannedRequest, PlatformError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::Cluster;
use crate::object::Kind;

/// The longest that a connection may take to be made.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// The longest that one request may take, where nothing else is said. API servers end theirs after 60 s.
pub(super) const ANSWER: Duration = Duration::from_secs(30);
/// How often a request that may be repeated is made at most.
const ATTEMPTS: u32 = 4;
/// The pause before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// The largest answer that is read, bytes: an answer of a function or a pod's log may be large, one without an end is cut off.
const MAXIMUM_ANSWER_BYTES: usize = 256 << 20;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// As in "creating the Service `f`".
    pub(crate) doing: String,
    pub(crate) method: Method,
    /// The path and the query.
    pub(crate) path: String,
    /// What it is about.
    pub(crate) kind: Option<&'static Kind>,
    pub(crate) body: Option<(Value, &'static str)>,
}

impl Ask {
    /// A request without a body.
    pub(crate) fn new(doing: impl Into<String>, method: Method, path: impl Into<String>) -> Ask {
        Ask { doing: doing.into(), method, path: path.into(), kind: None, body: None }
    }

    pub(crate) fn of(mut self, kind: &'static Kind) -> Ask {
        self.kind = Some(kind);
        self
    }

    pub(crate) fn body(mut self, body: Value, content_type: &'static str) -> Ask {
        self.body = Some((body, content_type));
        self
    }

    /// As `--dry-run` shows it.
    pub(crate) fn planned(&self, server: &str, condition: Option<&str>) -> PlannedRequest {
        PlannedRequest {
            purpose: self.doing.clone(),
            method: self.method.to_string(),
            address: format!("{server}{}", self.path),
            body: self.body.as_ref().map(|(body, _)| body.clone()),
            condition: condition.map(str::to_owned),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The API's own account of a failure.
    pub(crate) fn status_object(&self) -> Option<Status> {
        let value: Value = serde_json::from_slice(&self.body).ok()?;
        (value["kind"] == "Status" && value["apiVersion"] == "v1").then(|| serde_json::from_value(value).ok())?
    }

    /// Whether a 404 means one object, rather than its kind or its namespace.
    pub(crate) fn names_what_is_missing(&self) -> bool {
        let details = self.status_object().and_then(|status| status.details);
        details.is_some_and(|details| !details.name.is_empty() && details.kind != "namespaces")
    }

    /// The beginning of the body.
    pub(crate) fn text(&self, characters: usize) -> String {
        String::from_utf8_lossy(&self.body).trim().chars().take(characters).collect()
    }
}

impl Cluster {
    /// Makes a request and returns its reply, whatever its status. Every request is one that does nothing more when made again;
    /// it is repeated, up to three times, when there is no connection, it breaks, or the status is 429, 503 or 504.
    ///
    /// # Errors
    /// When there is no reply.
    pub(crate) async fn call(&self, ask: &Ask) -> Result<Reply, PlatformError> {
        // That has a patience of its own.
        self.client().await?;
        let mut pause = PAUSE;
        for attempt in 1.. {
            let is_last = attempt >= ATTEMPTS;
            let body = match &ask.body {
                Some((value, _)) => {
                    serde_json::to_vec(value).map_err(|error| self.failed(&ask.doing, error.to_string()))?
                }
                None => Vec::new(),
            };
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
            if let Some((_, content_type)) = &ask.body {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            let once = self.exchange(&ask.doing, ask.method.clone(), &ask.path, headers, body.into());
            match timeout(self.patience, once).await {
                Ok(Ok(reply)) if is_last || !matches!(reply.status, 429 | 503 | 504) => return Ok(reply),
                Ok(Err(error @ PlatformError::Denied { .. })) => return Err(error),
                Ok(Err(error)) if is_last => return Err(error),
                // A silent server stays silent; waiting four times as long helps nobody.
                Err(_) => {
                    let reason =
                        format!("{}: no answer of {} within {} s", ask.doing, self.server(), self.patience.as_secs());
                    return Err(self.unreachable(&reason));
                }
                Ok(_) => {}
            }
            self.repetitions.fetch_add(1, Ordering::Relaxed);
            sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the loop only ends by returning")
    }

    /// One request, never repeated, of any length.
    ///
    /// # Errors
    /// When there is no reply.
    pub(crate) async fn exchange(
        &self,
        doing: &str,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, PlatformError> {
        let mut request = Request::new(Body::from(Vec::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = path
            .parse()
            .map_err(|_| PlatformError::Invalid(format!("{path:?} can't be asked for: check the names")))?;
        *request.headers_mut() = headers;
        let fail = |error: kube::Error| self.unanswered(doing, &error);
        let response = self.client().await?.send(request).await.map_err(fail)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAXIMUM_ANSWER_BYTES).collect().await.map_err(|error| {
            self.unreachable(&format!("{doing}: the answer of {} broke off: {error}", self.server()))
        })?;
        Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes() })
    }

    /// [`Cluster::call`], with the reply as a type; `None` when there is no such thing.
    ///
    /// # Errors
    /// When there is no reply, another one, or it is of another type.
    pub(crate) async fn read<T: DeserializeOwned>(&self, ask: &Ask) -> Result<Option<T>, PlatformError> {
        let reply = self.call(ask).await?;
        if reply.status == 404 && reply.names_what_is_missing() {
            return Ok(None);
        }
        if !reply.is_success() {
            return Err(self.refusal(ask, &reply));
        }
        let parsed = serde_json::from_slice(&reply.body).map_err(|error| {
            self.failed(&ask.doing, format!("its answer is not what was expected: {error}: {}", reply.text(200)))
        });
        parsed.map(Some)
    }

    /// How many requests had to be repeated.
    pub(crate) fn repetitions(&self) -> u32 {
        self.repetitions.load(Ordering::Relaxed)
    }
}
