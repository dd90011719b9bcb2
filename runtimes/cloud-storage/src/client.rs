//! The HTTP client of the services.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use rustls::ClientConfig;
use tokio::time::{Instant, Sleep};

use crate::Patience;

/// How long an unused connection is kept.
const KEEP: Duration = Duration::from_secs(60);
const AGENT: &str = concat!("faasbench/", env!("CARGO_PKG_VERSION"));

type Pool = Client<HttpsConnector<TcpConnector>, HttpRequestBody>;

/// Makes clients that share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    tls: ClientConfig,
    pool: Pool,
    patience: Patience,
}

impl Connector {
    pub(crate) fn new(tls: ClientConfig, patience: Patience) -> Connector {
        let pool = pool(tls.clone(), patience.connect);
        Connector { tls, pool, patience }
    }
}

fn pool(tls: ClientConfig, connect: Duration) -> Pool {
    let mut tcp = TcpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect));
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(KEEP).build(connector)
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let value = |key| options.get_config_value(&key);
        // Services of a cloud's own machines are asked with less patience: elsewhere they are not there.
        let connect = value(ClientConfigKey::ConnectTimeout).and_then(|text| humantime::parse_duration(&text).ok());
        let pool = match connect {
            Some(connect) if connect < self.patience.connect => pool(self.tls.clone(), connect),
            _ => self.pool.clone(),
        };
        let plain = value(ClientConfigKey::AllowHttp).as_deref() == Some("true");
        Ok(HttpClient::new(Service { pool, plain, patience: self.patience }))
    }
}

#[derive(Debug)]
struct Service {
    pool: Pool,
    /// Whether requests may go without TLS.
    plain: bool,
    patience: Patience,
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("a request without TLS was about to be sent where none is allowed")]
    Plain,
    #[error("it took too long")]
    TooLong,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !self.plain && request.uri().scheme_str() != Some("https") {
            return Err(HttpError::new(HttpErrorKind::Unknown, Refusal::Plain));
        }
        // An empty token is none: servers that need none refuse it.
        if request.headers().get(AUTHORIZATION).is_some_and(|value| value.as_bytes().trim_ascii() == b"Bearer") {
            request.headers_mut().remove(AUTHORIZATION);
        }
        request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        let answered = tokio::time::timeout(self.patience.answer, self.pool.request(request)).await;
        let response = match answered {
            Err(_) => return Err(HttpError::new(HttpErrorKind::Timeout, Refusal::TooLong)),
            Ok(Err(error)) if error.is_connect() => return Err(HttpError::new(HttpErrorKind::Connect, error)),
            Ok(Err(error)) => return Err(HttpError::new(kind(&error), error)),
            Ok(Ok(response)) => response,
        };
        let idle = self.patience.idle;
        Ok(response.map(|body| HttpResponseBody::new(PatientBody::new(body, idle))))
    }
}

/// What kind of failure an error of hyper's is, for it to be decided whether the request is sent again.
fn kind(error: &(dyn StdError + 'static)) -> HttpErrorKind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_timeout() {
                return HttpErrorKind::Timeout;
            }
            if error.is_closed()
                || error.is_canceled()
                || error.is_incomplete_message()
                || error.is_body_write_aborted()
            {
                return HttpErrorKind::Request;
            }
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind;
            match error.kind() {
                ErrorKind::TimedOut => return HttpErrorKind::Timeout,
                ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof => return HttpErrorKind::Interrupted,
                _ => {}
            }
        }
        next = error.source();
    }
    HttpErrorKind::Unknown
}

/// A body whose next piece is waited for only so long. The time that its reader takes does not count.
struct PatientBody {
    body: Incoming,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
    waits: bool,
}

impl PatientBody {
    fn new(body: Incoming, idle: Duration) -> PatientBody {
        PatientBody { body, idle, timer: Box::pin(tokio::time::sleep(idle)), waits: false }
    }
}

impl Body for PatientBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waits = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| HttpError::new(kind(&error), error))));
        }
        if !self.waits {
            self.waits = true;
            let until = Instant::now() + self.idle;
            self.timer.as_mut().reset(until);
        }
        self.timer.as_mut().poll(context).map(|()| Some(Err(HttpError::new(HttpErrorKind::Timeout, Refusal::TooLong))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
