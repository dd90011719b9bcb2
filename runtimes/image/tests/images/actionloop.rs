//! OpenWhisk's ActionLoop proxy.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{Running, image};

#[test]
fn results_come_on_the_third_descriptor_after_the_acknowledgement() {
    let (reader, writer) = std::io::pipe().unwrap();
    // A shell gives the child the pipe under the number 3; the child itself needs none.
    let mut command = Command::new("/bin/sh");
    let number = writer.as_raw_fd();
    let inherited = rustix::io::fcntl_dupfd_cloexec(&writer, number).unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    let program = image().get_program().to_owned();
    command
        .env_clear()
        .env("__OW_ACTION_NAME", "/guest/f")
        .env("FAASBENCH_SCRATCH", env!("CARGO_TARGET_TMPDIR"))
        .env("__OW_PROXY_VERSION", "1.17")
        .env("__OW_WAIT_FOR_ACK", "1")
        .arg("-c")
        .arg(format!("exec \"$0\" 3>&{}", inherited.as_raw_fd()))
        .arg(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut running = Running::start(&mut command);
    drop((writer, inherited));
    let mut results = BufReader::new(reader).lines();
    let mut next = || -> Value { serde_json::from_str(&results.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next(), serde_json::json!({ "ok": true }));
    let mut input = running.0.stdin.take().unwrap();
    for (event, is_error) in [("{}", false), ("{\"sleep\":-1}", true), ("{}", false)] {
        writeln!(input, "{{\"value\":{event},\"activation_id\":\"a\",\"deadline\":\"4102444800000\"}}").unwrap();
        assert_eq!(next().get("error").is_some(), is_error);
    }
    // The end of the input is the end of the action.
    drop(input);
    assert_eq!(running.wait().code(), Some(0));
}
