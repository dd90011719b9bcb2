//! A receiver of OTLP that takes nothing that the protocol does not allow, and an HTTP server that answers as a test says.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server on a free port of this machine; it ends with the drop.
pub(crate) struct Server {
    pub(crate) address: String,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers every request with what `answer` makes of its head and its body.
pub(crate) async fn serve<A>(answer: A) -> Server
where
    A: Fn(&Request<()>, Bytes) -> (u16, Bytes) + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                    let (status, body) = answer(&Request::from_parts(head, ()), body);
                    let mut response = Response::new(Full::new(body));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap();
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Server { address, task }
}

/// What a receiver was given.
#[derive(Default)]
pub(crate) struct Received {
    /// Each with the service that made it.
    pub(crate) spans: Vec<(String, Span)>,
    /// What it did not take, and why.
    pub(crate) refused: Vec<String>,
    pub(crate) requests: usize,
}

/// A receiver whose first `failures` answers are status 503.
pub(crate) async fn receiver(failures: usize) -> (Server, Arc<Mutex<Received>>) {
    let received = Arc::new(Mutex::new(Received::default()));
    let taken = received.clone();
    let server = serve(move |head, body| {
        let mut received = taken.lock().unwrap();
        received.requests += 1;
        if received.requests <= failures {
            return (503, Bytes::from_static(b"later"));
        }
        match read(head, &body) {
            Ok(spans) => {
                received.spans.extend(spans);
                (200, ExportTraceServiceResponse::default().encode_to_vec().into())
            }
            Err(reason) => {
                received.refused.push(reason.clone());
                (400, reason.into())
            }
        }
    })
    .await;
    (server, received)
}

fn read(head: &Request<()>, body: &Bytes) -> Result<Vec<(String, Span)>, String> {
    if head.method() != "POST" || head.uri().path() != "/v1/traces" {
        return Err(format!("{} {}", head.method(), head.uri()));
    }
    if head.headers().get("content-type").is_none_or(|kind| kind != "application/x-protobuf") {
        return Err("the content type".to_owned());
    }
    let request = ExportTraceServiceRequest::decode(body.clone()).map_err(|error| error.to_string())?;
    if request.encode_to_vec() != body[..] {
        return Err("there are fields that it does not know".to_owned());
    }
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let attributes = of_resource.resource.unwrap_or_default().attributes;
        let name = attributes.into_iter().find(|pair| pair.key == "service.name").ok_or("no service.name")?;
        let service = format!("{:?}", name.value.and_then(|value| value.value));
        for scope in of_resource.scope_spans {
            for span in scope.spans {
                check(&span)?;
                spans.push((service.clone(), span));
            }
        }
    }
    Ok(spans)
}

fn check(span: &Span) -> Result<(), String> {
    let is_id = |id: &[u8], length: usize| id.len() == length && id.iter().any(|byte| *byte != 0);
    let keys: BTreeSet<&str> = span.attributes.iter().map(|pair| pair.key.as_str()).collect();
    for (holds, what) in [
        (is_id(&span.trace_id, 16), "the trace id"),
        (is_id(&span.span_id, 8), "the span id"),
        (span.parent_span_id.is_empty() || is_id(&span.parent_span_id, 8), "the parent's id"),
        (span.span_id != span.parent_span_id, "it is its own parent"),
        (!span.name.is_empty(), "the name"),
        (span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano, "the times"),
        ((1..=5).contains(&span.kind), "the kind"),
        (keys.len() == span.attributes.len() && !keys.contains(""), "the attributes' names"),
    ] {
        if !holds {
            return Err(format!("{what} of {span:?}"));
        }
    }
    Ok(())
}
