//! A caller written from the wire up: HTTP/2, gRPC's frames and prost's messages, without tonic.

use std::collections::HashMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use lab::Error;
use prost::Message;
use runtime::{Invocation, Settings};
use tokio_stream::StreamExt;

use super::*;
use crate::messages::{InputFrame, InputFrameKind, InputSignal, OutputFrameKind, OutputSignal, StartFrame};

fn echo(event: &str, _: &Invocation) -> Result<String, Error> {
    match event {
        "refuse" => Err(Error::bad_request("no")),
        "panic" => panic!("as asked"),
        _ => Ok(event.to_owned()),
    }
}

fn start(expected: &str) -> InputSignal {
    let expected_content_types = vec![expected.to_owned()];
    let names = || vec!["x".to_owned()];
    let start = StartFrame { expected_content_types, input_names: names(), output_names: names() };
    InputSignal { frame: Some(InputFrameKind::Start(start)) }
}

fn data(payload: &str, content_type: &str, arg_index: i32) -> InputSignal {
    let payload = payload.as_bytes().to_vec();
    let frame = InputFrame { payload, content_type: content_type.to_owned(), headers: HashMap::new(), arg_index };
    InputSignal { frame: Some(InputFrameKind::Data(frame)) }
}

fn framed(message: &InputSignal) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    frame.freeze()
}

/// Calls `path` with these frames; the results' payloads and types, the status and its message.
async fn call(path: &str, frames: Vec<Bytes>) -> (Vec<(String, String)>, i32, String) {
    let runtime = Arc::new(Runtime::new(echo, "riff", &Settings::read(&|_| None).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new(Duration::from_secs(5));
    let server = tokio::spawn(serve_streams(runtime, shutdown.clone(), listener));
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let body = StreamBody::new(tokio_stream::iter(frames).map(|bytes| Ok::<_, Infallible>(Frame::data(bytes))));
    let request = hyper::Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or(parts.headers);
    let mut bytes = collected.to_bytes();
    let mut results = Vec::new();
    while bytes.has_remaining() {
        assert_eq!(bytes.get_u8(), 0);
        let length = bytes.get_u32() as usize;
        let signal = OutputSignal::decode(bytes.split_to(length)).unwrap();
        let Some(OutputFrameKind::Data(frame)) = signal.frame else { panic!("a signal without a frame") };
        assert!(frame.headers.contains_key("X-Instance-Seq"));
        results.push((String::from_utf8(frame.payload).unwrap(), frame.content_type));
    }
    let text = |name: &str| trailers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    drop(sender);
    shutdown.request();
    assert!(server.await.unwrap());
    (results, text("grpc-status").parse().unwrap(), text("grpc-message").replace("%20", " "))
}

const INVOKE: &str = "/streaming.Riff/Invoke";

#[tokio::test]
async fn each_event_has_its_result_in_order() {
    let events = ["{\"a\":1}", "{\"b\":2}"];
    let mut frames = vec![framed(&start("application/json"))];
    frames.extend(events.map(|event| framed(&data(event, "application/json", 0))));
    let (results, status, _) = call(INVOKE, frames).await;
    let json = |event: &str| (event.to_owned(), "application/json".to_owned());
    assert_eq!((results, status), (events.map(json).to_vec(), 0));
    assert_eq!(call(INVOKE, vec![framed(&start("*/*"))]).await.1, 0);
}

#[tokio::test]
async fn errors_begin_as_the_adapter_expects_them() {
    let json = || framed(&start("application/json"));
    for (frames, said) in [
        (vec![framed(&data("{}", "", 0))], "Invoker: Bad Input Signal"),
        (vec![framed(&InputSignal { frame: None })], "Invoker: Bad Input Signal"),
        (vec![], "Invoker: Bad Input Signal"),
        (vec![json(), json()], "Invoker: Bad Input Signal"),
        (vec![json(), framed(&data("{}", "", 1))], "Invoker: Bad Input Signal"),
        (vec![framed(&start("image/png"))], "Invoker: Not Acceptable"),
        (vec![json(), framed(&data("{}", "image/png", 0))], "Invoker: Unsupported Media Type"),
        (vec![json(), framed(&data("refuse", "", 0))], "bad-request: no"),
    ] {
        let (_, status, message) = call(INVOKE, frames).await;
        assert_eq!(status, 3, "{message}");
        assert!(message.starts_with(said), "{message}");
    }
    assert_eq!(call(INVOKE, vec![json(), framed(&data("panic", "", 0))]).await.1, 13);
    assert_eq!(call("/other.Service/Invoke", vec![json()]).await.1, 12);
}

#[tokio::test]
async fn a_result_before_an_error_is_not_lost() {
    let frames = vec![framed(&start("")), framed(&data("{}", "", 0)), framed(&data("refuse", "", 0))];
    let (results, status, _) = call(INVOKE, frames).await;
    assert_eq!((results.len(), status), (1, 3));
}

#[tokio::test]
async fn frames_that_are_no_messages_are_refused() {
    let nonsense = Bytes::from_static(&[0, 0, 0, 0, 3, 0xff, 0xff, 0xff]);
    let huge = Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff, 0]);
    for frames in [vec![nonsense.clone()], vec![framed(&start("")), nonsense], vec![huge]] {
        assert_ne!(call(INVOKE, frames).await.1, 0);
    }
}
