//! Taking requests over a unix socket and making them to Lambda.

use std::convert::Infallible;
use std::os::unix::net::UnixListener as StdListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::UnixListener;
use tokio::task::{LocalSet, spawn_local};

use crate::{error_body, function_error, is_function_error, signature, x_ray};

/// The most bytes of a call, and of its answer: what Lambda takes.
const MOST: usize = 6 << 20;
/// The most bytes that are read of one; Lambda itself says what is too much.
const READ: usize = MOST + (1 << 20);
/// How long an unused connection is kept: an instance may be frozen, and its connections end meanwhile.
const KEEP: Duration = Duration::from_secs(20);
/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why no calls can be made.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The environment is not that of an instance of Lambda.
    #[error("{0} is not set, as Lambda sets it for every instance")]
    Environment(&'static str),
    /// TLS can't be used.
    #[error("TLS can't be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The socket can't be listened at.
    #[error("the standard input is no listening unix socket: {0}; this program is started by an image")]
    Socket(#[from] std::io::Error),
}

/// Makes calls with the credentials of the instance.
pub struct Caller {
    credentials: Credentials,
    region: String,
    endpoint: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Caller {
    /// One with what Lambda tells its instances: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`. `FAASBENCH_LAMBDA_ENDPOINT` is another address than the region's own.
    ///
    /// # Errors
    /// When one is missing, or TLS can't be used.
    pub fn new(variables: Variables<'_>) -> Result<Caller, CallerError> {
        let value = |name: &'static str| variables(name).filter(|value| !value.is_empty());
        let needed = |name: &'static str| value(name).ok_or(CallerError::Environment(name));
        let region = needed("AWS_REGION")?;
        let credentials = Credentials::new(
            needed("AWS_ACCESS_KEY_ID")?,
            needed("AWS_SECRET_ACCESS_KEY")?,
            value("AWS_SESSION_TOKEN"),
            None,
            "the instance's environment",
        );
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let endpoint =
            value("FAASBENCH_LAMBDA_ENDPOINT").unwrap_or_else(|| format!("https://lambda.{region}.{domain}"));
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls()?).https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP)
            .build(connector);
        Ok(Caller { credentials, region, endpoint: endpoint.trim_end_matches('/').to_owned(), client })
    }

    /// Serves whoever connects to the socket, for ever.
    ///
    /// # Errors
    /// When the socket is none.
    pub async fn serve(self, socket: StdListener) -> Result<Infallible, CallerError> {
        socket.set_nonblocking(true)?;
        let listener = UnixListener::from_std(socket)?;
        let caller = Rc::new(self);
        let connections = LocalSet::new();
        connections
            .run_until(async {
                loop {
                    let (stream, _) = listener.accept().await?;
                    let caller = caller.clone();
                    spawn_local(async move {
                        let service = service_fn(move |request| {
                            let caller = caller.clone();
                            async move { Ok::<_, Infallible>(caller.call(request).await) }
                        });
                        // A connection that breaks is the image's to notice.
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
            })
            .await
    }

    /// One call. It is never repeated.
    async fn call(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.exchange(request).await {
            Ok(answer) => answer,
            Err((status, kind, message)) => respond(status, error_body(kind, &message)),
        }
    }

    async fn exchange(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
        let name = request.uri().path().trim_start_matches('/').to_owned();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if request.method() != Method::POST || name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err((400, "bad-request", "a call is POST /FUNCTION with the function's name".to_owned()));
        }
        let trace = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).and_then(x_ray);
        let body = Limited::new(request.into_body(), READ).collect().await;
        let body = body.map_err(|error| (413, "limit", format!("the event can't be taken: {error}")))?.to_bytes();
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.endpoint);
        let mut own = vec![("content-type", "application/json")];
        if let Some(trace) = &trace {
            own.push(("x-amzn-trace-id", trace));
        }
        let signed = signature::headers(&self.credentials, &self.region, &url, &own, &body, SystemTime::now())
            .map_err(|error| (500, "internal", format!("the call of `{name}` can't be signed: {error}")))?;
        let mut builder = Request::builder().method(Method::POST).uri(&url);
        for (header, value) in own
            .iter()
            .map(|(name, value)| (*name, *value))
            .chain(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        {
            builder = builder.header(header, value);
        }
        let outgoing = builder
            .body(Full::new(body))
            .map_err(|error| (500, "internal", format!("`{name}` can't be called at {}: {error}", self.endpoint)))?;
        let unavailable = |error: &dyn std::error::Error| {
            let mut message = format!("calling `{name}` failed: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                message.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            (503, "unavailable", message)
        };
        let answer = self.client.request(outgoing).await.map_err(|error| unavailable(&error))?;
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (failed, code) = (header("x-amz-function-error").is_some(), header("x-amzn-errortype"));
        let body =
            Limited::new(answer.into_body(), READ).collect().await.map_err(|error| unavailable(&*error))?.to_bytes();
        if failed || (status == 500 && is_function_error(&body)) {
            let (status, body) = function_error(&body);
            return Ok(respond(status, body));
        }
        if !(200..300).contains(&status) {
            return Err(refused(&name, status, code.as_deref(), &body));
        }
        Ok(respond(status, body))
    }
}

/// A status, the kind of an error, and its message.
type Failure = (u16, &'static str, String);

/// What Lambda itself refused.
fn refused(name: &str, status: u16, code: Option<&str>, body: &[u8]) -> Failure {
    let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let said = told["message"].as_str().or_else(|| told["Message"].as_str()).unwrap_or_default();
    // `AccessDeniedException:http://…`
    let code = code.and_then(|code| code.split(':').next()).unwrap_or("no code");
    let kind = match status {
        403 => "denied",
        404 => "not-found",
        413 | 429 => "limit",
        400..=499 => "bad-request",
        _ => "unavailable",
    };
    let said: String = said.chars().take(300).collect();
    (status, kind, format!("Lambda refused the call of `{name}` with status {status}: {code}: {said}"))
}

fn respond(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// It trusts the certificates that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, or else those of the system, or else those that
/// Mozilla trusted when this was built.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
