//! One request and its answer, advanced without waiting, so that several can go on at the same time.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::bindings::wasi::clocks::monotonic_clock;
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use crate::bindings::wasi::io::poll::{Pollable, poll};
use crate::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};
use crate::error::{Error, Kind};

/// The longest that a connection may take to be made, ns.
const CONNECT_TIMEOUT_NS: u64 = 5_000_000_000;
/// What is read of an answer at a time, bytes.
const PIECE_BYTES: u64 = 64 << 10;

/// What is to be sent.
pub struct Request<'a> {
    /// Its method.
    pub method: Method,
    /// Whether by TLS.
    pub secure: bool,
    /// Host, and port where it is not the scheme's.
    pub authority: &'a str,
    /// Path and query, percent-encoded.
    pub path_with_query: &'a str,
    /// Names and values. The content's length is added.
    pub headers: Vec<(String, Vec<u8>)>,
    /// In pieces.
    pub body: Vec<Vec<u8>>,
    /// The longest that the other side may be silent, ns.
    pub silence_ns: u64,
}

/// An exchange up to the head of its answer.
pub struct Exchange {
    state: State,
    authority: String,
    body: Vec<Vec<u8>>,
    /// Piece, and byte in it, that is to be sent next.
    next: (usize, usize),
}

enum State {
    Sending {
        stream: OutputStream,
        body: OutgoingBody,
        future: FutureIncomingResponse,
        flushing: bool,
    },
    Waiting(FutureIncomingResponse),
    /// For the moment of a change, and when the outcome was taken.
    Nothing,
}

/// An answer whose body is still to be read. The fields are dropped in this order, as they depend on each other.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub stream: InputStream,
    _body: IncomingBody,
    _response: IncomingResponse,
}

impl Exchange {
    /// Hands a request to the host.
    ///
    /// # Errors
    /// What the host refuses.
    pub fn start(request: Request<'_>) -> Result<Exchange, Error> {
        let Request { method, secure, authority, path_with_query, mut headers, body, silence_ns } = request;
        let unusable =
            || Error::new(Kind::BadRequest, format!("the host takes no request to {authority}{path_with_query}"));
        let bytes: usize = body.iter().map(Vec::len).sum();
        // Also where there is none: hosts send a body of unknown length in chunks, which S3 does not take.
        headers.push((String::from("content-length"), format!("{bytes}").into_bytes()));
        let outgoing = OutgoingRequest::new(Fields::from_list(&headers).map_err(|_| unusable())?);
        let scheme = if secure { Scheme::Https } else { Scheme::Http };
        let prepared = outgoing
            .set_method(&method)
            .and_then(|()| outgoing.set_scheme(Some(&scheme)))
            .and_then(|()| outgoing.set_authority(Some(authority)))
            .and_then(|()| outgoing.set_path_with_query(Some(path_with_query)))
            .and_then(|()| outgoing.body());
        let outgoing_body = prepared.map_err(|()| unusable())?;
        let options = RequestOptions::new();
        // A host that has no such option has limits of its own.
        let _ = options.set_connect_timeout(Some(CONNECT_TIMEOUT_NS.min(silence_ns)));
        let _ = options.set_first_byte_timeout(Some(silence_ns));
        let _ = options.set_between_bytes_timeout(Some(silence_ns));
        let stream = outgoing_body.write().map_err(|()| unusable())?;
        let future = match outgoing_handler::handle(outgoing, Some(options)) {
            Ok(future) => future,
            Err(code) => {
                drop(stream);
                return Err(failure(authority, &code));
            }
        };
        let state = State::Sending { stream, body: outgoing_body, future, flushing: false };
        Ok(Exchange { state, authority: String::from(authority), body, next: (0, 0) })
    }

    /// Does what can be done without waiting; the answer's head once it is there.
    pub fn advance(&mut self) -> Option<Result<Response, Error>> {
        if matches!(self.state, State::Sending { .. }) {
            // When the other side takes no more, it may have answered already, or failed, which is told there.
            let over = self.send().unwrap_or(true);
            if !over {
                return None;
            }
            if let State::Sending { stream, body, future, .. } = core::mem::replace(&mut self.state, State::Nothing) {
                drop(stream);
                // Its failure is the exchange's too.
                let _ = OutgoingBody::finish(body, None);
                self.state = State::Waiting(future);
            }
        }
        let State::Waiting(future) = &self.state else { return None };
        let answer = future.get()?;
        let outcome = match answer {
            Ok(Ok(response)) => self.respond(response),
            Ok(Err(code)) => Err(failure(&self.authority, &code)),
            Err(()) => Err(self.broken()),
        };
        self.state = State::Nothing;
        Some(outcome)
    }

    /// Sends what the host takes now; whether that was all.
    fn send(&mut self) -> Result<bool, StreamError> {
        let State::Sending { stream, flushing, .. } = &mut self.state else { return Ok(true) };
        loop {
            let permitted = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
            if permitted == 0 {
                return Ok(false);
            }
            if *flushing {
                return Ok(true);
            }
            let (piece, start) = self.next;
            match self.body.get_mut(piece) {
                Some(bytes) if start == bytes.len() => {
                    // What was sent is needed no more.
                    *bytes = Vec::new();
                    self.next = (piece + 1, 0);
                }
                Some(bytes) => {
                    let end = bytes.len().min(start.saturating_add(permitted));
                    stream.write(&bytes[start..end])?;
                    self.next = (piece, end);
                }
                None => {
                    stream.flush()?;
                    *flushing = true;
                }
            }
        }
    }

    fn respond(&self, response: IncomingResponse) -> Result<Response, Error> {
        let body = response.consume().map_err(|()| self.broken())?;
        let stream = body.stream().map_err(|()| self.broken())?;
        Ok(Response { status: response.status(), stream, _body: body, _response: response })
    }

    /// What to wait for before [`Exchange::advance`] can do more.
    pub fn pollable(&self) -> Option<Pollable> {
        match &self.state {
            State::Sending { stream, .. } => Some(stream.subscribe()),
            State::Waiting(future) => Some(future.subscribe()),
            State::Nothing => None,
        }
    }

    fn broken(&self) -> Error {
        broken(&self.authority)
    }
}

/// The error of a connection that ended too early.
pub fn broken(authority: &str) -> Error {
    Error::new(Kind::Unavailable, format!("the connection to {authority} broke"))
}

impl Response {
    /// Reads what is there into `whole`, without waiting; whether the body is at its end.
    ///
    /// # Errors
    /// For a body of more than `most` bytes, and a broken connection.
    pub fn collect(&self, whole: &mut Vec<u8>, most: usize, authority: &str) -> Result<bool, Error> {
        loop {
            match self.stream.read(PIECE_BYTES) {
                Ok(piece) if piece.is_empty() => return Ok(false),
                Ok(piece) if piece.len() > most - whole.len() => {
                    return Err(Error::new(
                        Kind::Limit,
                        format!("the answer of {authority} is larger than {most} bytes"),
                    ));
                }
                Ok(piece) => whole.extend_from_slice(&piece),
                Err(StreamError::Closed) => return Ok(true),
                Err(StreamError::LastOperationFailed(_)) => return Err(broken(authority)),
            }
        }
    }
}

/// Sends a request and waits for the answer's head.
///
/// # Errors
/// When there is none.
pub fn send(request: Request<'_>) -> Result<Response, Error> {
    let mut exchange = Exchange::start(request)?;
    loop {
        if let Some(outcome) = exchange.advance() {
            return outcome;
        }
        if let Some(pollable) = exchange.pollable() {
            pollable.block();
        }
    }
}

/// Waits until one of `pollables` is ready, or the monotonic clock is at `until_ns`.
pub fn wait(pollables: Vec<Pollable>, until_ns: u64) {
    let timer = monotonic_clock::subscribe_instant(until_ns);
    let mut all: Vec<&Pollable> = pollables.iter().collect();
    all.push(&timer);
    // Which of them it is, each finds out by itself.
    poll(&all);
}

/// What an error of the host's client means to a function.
fn failure(authority: &str, code: &ErrorCode) -> Error {
    let (kind, what) = match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => (
            Kind::Denied,
            "the host does not allow it (Spin: allowed_outbound_hosts in spin.toml, wasmCloud: allowedHosts)",
        ),
        ErrorCode::ConnectionRefused => (Kind::Unavailable, "the connection was refused"),
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout | ErrorCode::DestinationNotFound => {
            (Kind::Unavailable, "its name was not found")
        }
        ErrorCode::ConnectionTimeout => (Kind::Unavailable, "the connection was not made in time"),
        ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout => {
            (Kind::Unavailable, "there was no answer in time")
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            (Kind::Unavailable, "TLS could not be agreed on")
        }
        ErrorCode::LoopDetected => (Kind::Denied, "it would be a loop"),
        ErrorCode::InternalError(Some(message)) => (Kind::Unavailable, &**message),
        _ => (Kind::Unavailable, "the connection broke"),
    };
    Error::new(kind, format!("the request to {authority} failed: {what}"))
}
