//! Taking requests over a unix socket.

use std::convert::Infallible;
use std::os::unix::net::UnixListener as StdListener;
use std::rc::Rc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;
use tokio::task::{LocalSet, spawn_local};

use crate::azure::Azure;
use crate::call::{Answer, Call, Failure, error_body, respond};
use crate::client::Client;
use crate::error::{CallerError, Variables, needed};
use crate::google_cloud::GoogleCloud;
use crate::lambda::Lambda;

const VARIABLE: &str = "FAASBENCH_CALLER";

/// Makes calls in the way of one platform.
pub struct Caller {
    client: Client,
    way: Way,
}

enum Way {
    Lambda(Lambda),
    GoogleCloud(GoogleCloud),
    Azure(Azure),
}

impl Caller {
    /// One for the platform that `FAASBENCH_CALLER` names, with what the environment has for it.
    ///
    /// # Errors
    /// When something of that is missing, or TLS can't be used.
    pub fn new(variables: Variables<'_>) -> Result<Caller, CallerError> {
        let way = match needed(variables, VARIABLE)?.as_str() {
            "lambda" => Way::Lambda(Lambda::new(variables)?),
            "gcp" => Way::GoogleCloud(GoogleCloud::new(variables)?),
            "azure" => Way::Azure(Azure::new(variables)?),
            _ => return Err(CallerError::Value { variable: VARIABLE, accepted: "lambda, gcp or azure" }),
        };
        Ok(Caller { client: Client::new()?, way })
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
    async fn call(&self, request: Request<Incoming>) -> Answer {
        match self.exchange(request).await {
            Ok(answer) => answer,
            Err((status, kind, message)) => respond(status, error_body(kind, &message)),
        }
    }

    async fn exchange(&self, request: Request<Incoming>) -> Result<Answer, Failure> {
        let longest = match &self.way {
            Way::Lambda(_) => Lambda::READ,
            Way::GoogleCloud(_) => GoogleCloud::READ,
            Way::Azure(_) => Azure::READ,
        };
        if request.method() != Method::POST {
            return Err((400, "bad-request", "a call is POST /FUNCTION with the function's name".to_owned()));
        }
        let name = request.uri().path().trim_start_matches('/').to_owned();
        let header = |name: &str| request.headers().get(name).cloned();
        let (traceparent, tracestate) = (header("traceparent"), header("tracestate"));
        let body = Limited::new(request.into_body(), longest).collect().await;
        let body = body.map_err(|error| (413, "limit", format!("the event can't be taken: {error}")))?.to_bytes();
        let call = Call { name, traceparent, tracestate, body };
        match &self.way {
            Way::Lambda(lambda) => lambda.call(&self.client, call).await,
            Way::GoogleCloud(cloud) => cloud.call(&self.client, call).await,
            Way::Azure(azure) => azure.call(&self.client, call).await,
        }
    }
}
