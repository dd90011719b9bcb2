//! Nested calls over HTTP: to a gateway, or to wherever a URL with the function's name in it leads.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lab::{Error, ErrorKind};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::connector::Connector;
use crate::helper::Helper;
use crate::{Context, Settings};

/// Largest answer of a nested call, bytes.
const MAXIMUM_ANSWER_BYTES: usize = 32 << 20;
/// What stands for the function's name in a URL.
const PLACEHOLDER: &str = "{name}";

/// What a request over a unix socket has in place of a host.
const NO_HOST: &str = "http://localhost";

/// A URL in which `{name}` stands for the function's name: `http://HOST/PATH`, or `unix:/SOCKET:/PATH` for HTTP over a unix
/// socket. There is no `https`: an image carries no TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate {
    text: String,
    socket: Option<PathBuf>,
}

impl UrlTemplate {
    /// The URL for the function `name`.
    ///
    /// # Errors
    /// A bad request for a name that would change the URL's meaning.
    pub fn url(&self, name: &str) -> Result<Uri, Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 128 || name.starts_with('.') || !name.bytes().all(plain) {
            let shown: String = name.chars().take(80).collect();
            return Err(Error::bad_request(format!(
                "the function name {shown:?} is not valid: give 1 to 128 letters, digits, '-', '_' or '.', not starting with '.'"
            )));
        }
        self.text.replace(PLACEHOLDER, name).parse().map_err(|error| {
            Error::internal(format!("the URL for nested calls does not hold the name {name:?}: {error}"))
        })
    }
}

impl FromStr for UrlTemplate {
    type Err = ();

    fn from_str(text: &str) -> Result<UrlTemplate, ()> {
        let (text, socket) = match text.strip_prefix("unix:/") {
            None => (text.to_owned(), None),
            Some(rest) => {
                let (socket, path) = rest.split_once(":/").ok_or(())?;
                (format!("{NO_HOST}/{path}"), Some(Path::new("/").join(socket)))
            }
        };
        let uri: Uri = text.replace(PLACEHOLDER, "name").parse().map_err(|_| ())?;
        let usable = text.contains(PLACEHOLDER) && uri.scheme_str() == Some("http") && uri.host().is_some();
        if usable { Ok(UrlTemplate { text, socket }) } else { Err(()) }
    }
}

/// Calls other functions over HTTP/1.1, on connections that are kept and used again.
#[derive(Debug)]
pub struct Gateway {
    template: UrlTemplate,
    timeout: Duration,
    authorization: Option<HeaderValue>,
    client: Client<Connector, Full<Bytes>>,
    helper: Option<Helper>,
    handle: Handle,
}

impl Gateway {
    /// The gateway that the settings name. `handle` is of the runtime that carries the connections.
    ///
    /// # Errors
    /// When the authorization can't stand in a header.
    pub fn new(settings: &Settings, handle: Handle) -> Result<Option<Gateway>, Error> {
        let Some(template) = settings.invoke_url.clone() else { return Ok(None) };
        let authorization = settings.invoke_authorization.as_deref().map(|text| -> Result<HeaderValue, Error> {
            let mut value = HeaderValue::from_str(text).map_err(|_| {
                Error::bad_request("FAASBENCH_INVOKE_AUTHORIZATION can't stand in a header: give it without line ends")
            })?;
            value.set_sensitive(true);
            Ok(value)
        });
        let connector = Connector::new(template.socket.as_deref());
        let helper = settings.invoke_helper.clone().zip(template.socket.clone());
        Ok(Some(Gateway {
            template,
            timeout: settings.invoke_timeout,
            authorization: authorization.transpose()?,
            client: Client::builder(TokioExecutor::new()).build(connector),
            helper: helper.map(|(program, socket)| Helper::new(program, socket)),
            handle,
        }))
    }

    /// Calls the function `name` for the invocation of `context` and waits for its answer. Not to be called on a thread of
    /// the runtime itself.
    ///
    /// # Errors
    /// The callee's own error, or why there is no answer. A call that would outlive its caller's deadline is given up then.
    pub fn call(&self, name: &str, payload: &str, context: &Context) -> Result<String, Error> {
        let request = self.request(name, payload, context)?;
        if let Some(helper) = &self.helper {
            helper.start()?;
        }
        let left = context.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(self.timeout, |left| left.min(self.timeout));
        let exchange = async {
            match tokio::time::timeout(timeout, self.exchange(name, request)).await {
                Ok(answer) => answer,
                Err(_) => Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("no answer of `{name}` within {} ms", timeout.as_millis()),
                )),
            }
        };
        self.handle.block_on(exchange)
    }

    fn request(&self, name: &str, payload: &str, context: &Context) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(payload.as_bytes())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.template.url(name)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        for (header, value) in [("traceparent", context.trace.parent()), ("tracestate", context.trace.state())] {
            // A trace holds only what a header can.
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(header, value);
            }
        }
        Ok(request)
    }

    async fn exchange(&self, name: &str, request: Request<Full<Bytes>>) -> Result<String, Error> {
        let unavailable = |doing: &str, error: &dyn std::error::Error| {
            let mut message = format!("{doing} `{name}` failed: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                message.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            Error::new(ErrorKind::Unavailable, message)
        };
        let response = self.client.request(request).await.map_err(|error| unavailable("calling", &error))?;
        let status = response.status();
        // An emulator of AWS Lambda that is called without a helper answers a function's error with 200.
        let has_failed = response.headers().contains_key("x-amz-function-error");
        let body = Limited::new(response.into_body(), MAXIMUM_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| unavailable("reading the answer of", &*error))?.to_bytes();
        if !status.is_success() || has_failed {
            return Err(failure(name, status, &body));
        }
        String::from_utf8(body.into()).map_err(|_| Error::internal(format!("the answer of `{name}` is not UTF-8 text")))
    }
}

/// The error that an answer's status and body tell. A function's own error keeps its kind and its message.
fn failure(name: &str, status: StatusCode, body: &[u8]) -> Error {
    if let Some(error) = own_error(body) {
        return error;
    }
    let kind = ErrorKind::from_http_status(status.as_u16());
    let said: String = String::from_utf8_lossy(body).trim().chars().take(200).collect();
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Error::new(kind, format!("`{name}` answered with status {}{said}", status.as_u16()))
}

/// The error in a body `{"error": {"type", "message"}}`, as functions' images write it, or in that of AWS Lambda,
/// `{"errorType", "errorMessage"}`, where it is one that they report there.
fn own_error(body: &[u8]) -> Option<Error> {
    let body: Value = serde_json::from_slice(body).ok()?;
    if let (Some(told), Some(message)) = (body.get("errorType"), body.get("errorMessage")) {
        let kind = match told.as_str()?.strip_prefix("Function.")? {
            "BadRequest" => ErrorKind::BadRequest,
            "Denied" => ErrorKind::Denied,
            "NotFound" => ErrorKind::NotFound,
            "Limit" | "Overloaded" => ErrorKind::Limit,
            "Unavailable" | "Timeout" => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        return Some(Error::new(kind, message.as_str()?));
    }
    let error = body.get("error")?;
    let kind = ErrorKind::from_name(error.get("type")?.as_str()?)?;
    Some(Error::new(kind, error.get("message")?.as_str()?))
}

#[cfg(test)]
#[path = "gateway_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
