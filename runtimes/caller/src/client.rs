//! Requests over TLS.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::http::response::Parts;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use trust::{client_config, system_roots};

use crate::call::Failure;

/// How long an unused connection is kept: an instance may be frozen, and its connections end meanwhile.
const KEEP: Duration = Duration::from_secs(20);
/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// Makes requests. None is ever repeated.
pub(crate) struct Client(hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Client {
    /// # Errors
    /// When TLS can't be used.
    pub(crate) fn new() -> Result<Client, rustls::Error> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(system_roots())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP)
            .build(connector);
        Ok(Client(client))
    }

    /// The whole answer to a request, of which at most `longest` bytes are read.
    ///
    /// # Errors
    /// That there is none, after `doing`: "calling `f`".
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        doing: &str,
        longest: usize,
    ) -> Result<(Parts, Bytes), Failure> {
        let answer = self.0.request(request).await.map_err(|error| unavailable(doing, &error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, longest).collect().await.map_err(|error| unavailable(doing, &*error))?;
        Ok((parts, body.to_bytes()))
    }
}

fn unavailable(doing: &str, error: &dyn Error) -> Failure {
    let mut message = format!("{doing} failed: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    (503, "unavailable", message)
}
