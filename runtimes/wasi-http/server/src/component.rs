//! The export `wasi:http/incoming-handler`.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use wasi_http_guest as _;

use crate::answer::{self, Answer, MAXIMUM_EVENT_BYTES};
use bindings::exports::wasi::http::incoming_handler;
use bindings::faasbench::lab::types::{Error, ErrorKind};
use bindings::faasbench::wasi_http::invocation::{self, Identity};
use bindings::wasi::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use bindings::wasi::io::streams::{OutputStream, StreamError};

#[allow(missing_docs, unreachable_pub, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "../wit"], world: "faasbench:wasi-http/server", generate_all });
}

/// What is read of a body at a time, bytes.
const PIECE_BYTES: u64 = 64 << 10;
/// Headers that nested calls repeat.
const PASSED_ON: [&str; 2] = ["traceparent", "tracestate"];

struct Component;

impl incoming_handler::Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (answer, identity) = serve(request);
        respond(answer, identity, out);
    }
}

fn serve(request: IncomingRequest) -> (Answer, Option<Identity>) {
    if matches!(request.method(), Method::Get | Method::Head) {
        let health = request.path_with_query().and_then(|path| answer::health(&path));
        if let Some(health) = health {
            return (health, None);
        }
    }
    let event = match body(&request).and_then(answer::event) {
        Ok(event) => event,
        Err(answer) => return (answer, None),
    };
    let headers = request.headers();
    let mut passed_on = Vec::new();
    for name in PASSED_ON {
        passed_on.extend(headers.get(name).into_iter().map(|value| (String::from(name), value)));
    }
    let identity = invocation::begin(&passed_on);
    let answer = match bindings::handle(&event) {
        Ok(response) => Answer::json(200, response),
        Err(Error { kind, message }) => {
            let (status, kind) = status(kind);
            Answer::error(status, kind, &message)
        }
    };
    (answer, Some(identity))
}

/// The whole body, or the answer that refuses it.
fn body(request: &IncomingRequest) -> Result<Vec<u8>, Answer> {
    let declared = request.headers().get("content-length").into_iter().next();
    let declared = declared.and_then(|value| core::str::from_utf8(&value).ok()?.trim().parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > MAXIMUM_EVENT_BYTES as u64) {
        return Err(Answer::too_large());
    }
    let body = request.consume().map_err(|()| Answer::broken())?;
    let stream = body.stream().map_err(|()| Answer::broken())?;
    let mut whole = Vec::new();
    loop {
        match stream.blocking_read(PIECE_BYTES) {
            Ok(piece) if piece.len() > MAXIMUM_EVENT_BYTES - whole.len() => return Err(Answer::too_large()),
            Ok(piece) => whole.extend_from_slice(&piece),
            Err(StreamError::Closed) => return Ok(whole),
            Err(StreamError::LastOperationFailed(_)) => return Err(Answer::broken()),
        }
    }
}

/// The status and the name of a kind, as in `runtimes/README.md`.
fn status(kind: ErrorKind) -> (u16, &'static str) {
    match kind {
        ErrorKind::BadRequest => (400, "bad-request"),
        ErrorKind::Denied => (403, "denied"),
        ErrorKind::NotFound => (404, "not-found"),
        ErrorKind::Limit => (413, "limit"),
        ErrorKind::Unavailable => (503, "unavailable"),
        ErrorKind::Internal => (500, "internal"),
    }
}

fn respond(answer: Answer, identity: Option<Identity>, out: ResponseOutparam) {
    let mut headers = vec![
        (String::from("content-type"), answer.content_type.as_bytes().to_vec()),
        (String::from("content-length"), answer.body.len().to_string().into_bytes()),
    ];
    if let Some(identity) = identity {
        headers.push((String::from("x-instance-id"), identity.id.into_bytes()));
        headers.push((String::from("x-instance-seq"), identity.sequence.to_string().into_bytes()));
        headers.push((String::from("x-instance-uptime-us"), identity.uptime_us.to_string().into_bytes()));
    }
    // None of these names and values is one that a host may refuse; one that does so gets an answer without headers.
    let fields = Fields::from_list(&headers).or_else(|_| Fields::from_list(&[]));
    let Ok(fields) = fields else { core::arch::wasm32::unreachable() };
    let response = OutgoingResponse::new(fields);
    let body = response.set_status_code(answer.status).and_then(|()| response.body());
    ResponseOutparam::set(out, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(stream) = body.write() {
        // A client that went away needs no answer.
        let _ = write(&stream, &answer.body);
        drop(stream);
    }
    let _ = OutgoingBody::finish(body, None);
}

fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let permitted = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        if permitted == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(permitted.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    stream.blocking_flush()
}

bindings::export!(Component with_types_in bindings);
