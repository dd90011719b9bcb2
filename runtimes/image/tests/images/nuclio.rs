//! Nuclio's processor, which makes the socket and starts its wrapper.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;

use serde_json::Value;

use crate::process::{Running, image};

#[test]
fn the_wrapper_connects_says_that_it_is_ready_and_answers() {
    let socket = format!("/tmp/nuclio-rpc-faasbench-{}.sock", std::process::id());
    let listener = UnixListener::bind(&socket).unwrap();
    let running = Running::start(image().args(["/opt/nuclio/fn", &socket, "/opt/nuclio/fn", "handler"]));
    let (mut stream, _) = listener.accept().unwrap();
    std::fs::remove_file(&socket).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "s");
    stream.write_all(b"{\"body\":\"e30=\",\"headers\":{},\"id\":\"1\"}\n").unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("m{\"duration\":"));
    let response = lines.next().unwrap().unwrap();
    let response: Value = serde_json::from_str(response.strip_prefix('r').unwrap()).unwrap();
    assert_eq!((&response["status_code"], &response["headers"]["X-Instance-Seq"]), (&200.into(), &"0".into()));
    assert!(response["body"].as_str().unwrap().contains("\"platform\":\"nuclio\""), "{response}");
    drop((stream, lines));
    assert_eq!(running.wait().code(), Some(0));
}
