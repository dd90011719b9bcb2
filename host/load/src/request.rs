//! One request and its times.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response, Version};
use tokio::time::Sleep;

use crate::connection::Connection;
use crate::recording::{Failure, RequestRecord};
use crate::target::HttpVersion;
use crate::worker::Worker;

/// A request that is to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    /// Its number in the schedule.
    pub(crate) number: u64,
    /// When it is due, ns since the load began.
    pub(crate) intended_ns: u64,
}

/// Sends one request, over a new connection where there is none. It is never sent twice. `limit` is set anew: one timer that is
/// put off costs less than one for each request.
pub(crate) async fn send(
    worker: &Worker,
    connection: Option<Connection>,
    ticket: Ticket,
    mut limit: Pin<&mut Sleep>,
) -> (RequestRecord, Option<Connection>) {
    let plan = &worker.work.plan;
    let mut record = RequestRecord {
        index: ticket.number,
        intended_ns: ticket.intended_ns,
        sent_ns: worker.now_ns(),
        connect_ns: None,
        first_byte_ns: None,
        end_ns: 0,
        status: None,
        failure: None,
        body_bytes: 0,
        instance: None,
        body: None,
    };
    let mut connection = connection;
    let exchange = async {
        if connection.is_none() {
            // In a place of its own: else all the room that TLS takes is moved with every request.
            let made = Box::pin(worker.work.connector.connect()).await;
            let connected_ns = worker.now_ns();
            record.connect_ns = Some(connected_ns - record.sent_ns);
            // Connecting is a part of neither the service nor the time to the first byte; it has its own figure.
            record.sent_ns = connected_ns;
            connection = made.ok();
        }
        let Some(connection) = &mut connection else { return Some(Failure::Connect) };
        match connection.send(request(worker)).await {
            Ok(response) => answer(worker, response, &mut record).await,
            Err(_) => Some(Failure::Broken),
        }
    };
    limit.as_mut().reset(tokio::time::Instant::now() + plan.timeout);
    let failure = tokio::select! {
        biased;
        failure = exchange => failure,
        () = limit => Some(Failure::Timeout),
    };
    record.end_ns = worker.now_ns();
    record.failure = failure;
    // What is left of an answer that was given up would come before the next one.
    let is_whole = matches!(failure, None | Some(Failure::Status(_)));
    (record, connection.filter(|_| is_whole))
}

fn request(worker: &Worker) -> Request<Full<Bytes>> {
    let template = &worker.work.plan.request;
    let mut request = Request::new(Full::new(template.body.clone()));
    *request.method_mut() = template.method.clone();
    *request.uri_mut() = worker.work.uri.clone();
    *request.headers_mut() = worker.work.headers.clone();
    if worker.work.plan.version == HttpVersion::Http2 {
        *request.version_mut() = Version::HTTP_2;
    }
    request
}

async fn answer(worker: &Worker, response: Response<Incoming>, record: &mut RequestRecord) -> Option<Failure> {
    record.first_byte_ns = Some(worker.now_ns());
    let (head, mut body) = response.into_parts();
    record.status = Some(head.status.as_u16());
    record.instance = instance(&head.headers);
    let mut kept = worker.work.plan.keep_bodies.then(BytesMut::new);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Some(Failure::Broken) };
        if let Some(data) = frame.data_ref() {
            record.body_bytes += data.len() as u64;
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(data);
            }
        }
    }
    record.body = kept.map(BytesMut::freeze);
    if head.status.is_success() { None } else { Some(Failure::Status(head.status.as_u16())) }
}

/// The instance that an answer names, and whether this was its first invocation.
fn instance(headers: &HeaderMap) -> Option<(String, bool)> {
    let id = headers.get("x-instance-id")?.to_str().ok()?;
    let sequence = headers.get("x-instance-seq").and_then(|value| value.to_str().ok());
    Some((id.to_owned(), sequence == Some("0")))
}
