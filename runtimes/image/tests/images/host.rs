//! The other platforms that speak HTTP: Azure's host, Fn's agent, OpenWhisk's invoker, Riff.

use std::io::Read;
use std::process::Stdio;

use crate::process::{Running, free_port, get, image, post, post_unix};

#[test]
fn azures_host_finds_it_at_its_port() {
    let port = free_port();
    let _running = Running::start(image().env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string()));
    assert_eq!(get(port, "/").status, 200);
    let envelope = r#"{"Data":{"req":{"Url":"u","Method":"POST","Headers":{},"Body":"{}"}},"Metadata":{"sys":{}}}"#;
    let answer = post(port, "/function1", "", envelope).json();
    let body = answer["Outputs"]["res"]["body"].as_str().unwrap();
    assert!(body.contains("\"platform\":\"azure\"") && body.contains("\"invocation_index\":1"), "{body}");
    assert_eq!(post(port, "/api/function1?x=1", "", "{\"sleep\":-1}").status, 400);
}

#[test]
fn fns_agent_finds_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("lsnr.sock");
    let _running = Running::start(
        image()
            .env("FN_LISTENER", format!("unix:{}", socket.display()))
            .env("FN_FORMAT", "http-stream")
            .env("FN_MEMORY", "256"),
    );
    let answer = post_unix(&socket, "/call", "Fn-Call-Id: 1\r\nFn-Deadline: 2099-01-01T00:00:00Z\r\n", "{}");
    let record = answer.record();
    assert_eq!((&record["platform"], &record["memory_limit_bytes"]), (&"fn".into(), &(256 << 20).into()));
    let wrong = image().env("FN_LISTENER", "unix:/x/y.sock").env("FN_FORMAT", "json").status().unwrap();
    assert_eq!(wrong.code(), Some(1));
}

#[test]
fn openwhisks_invoker_initialises_and_runs_it() {
    let port = free_port();
    let _running = Running::start(
        image().env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}")).env("__OW_API_HOST", "http://127.0.0.1:3233"),
    );
    assert_eq!(post(port, "/init", "", r#"{"value":{"name":"f","main":"main","binary":false,"env":{}}}"#).status, 200);
    assert_eq!(post(port, "/init", "", "{}").status, 403);
    let answer = post(port, "/run", "", r#"{"value":{},"deadline":"4102444800000"}"#);
    assert_eq!((answer.status, &answer.record()["platform"]), (200, &"openwhisk".into()));
}

#[test]
fn each_activations_log_ends_with_a_sentinel_on_both_streams() {
    const SENTINEL: &str = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";
    let port = free_port();
    let mut running = Running::start(
        image()
            .env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}"))
            .env("__OW_API_HOST", "http://127.0.0.1:3233")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let (mut output, mut errors) = (running.0.stdout.take().unwrap(), running.0.stderr.take().unwrap());
    // Without code, an initialisation has no log to end.
    assert_eq!(post(port, "/init", "", r#"{"value":{}}"#).status, 200);
    for event in ["{}", "{\"sleep\":-1}"] {
        assert_eq!(post(port, "/run", "", &format!("{{\"value\":{event}}}")).status, 200);
    }
    running.terminate();
    assert_eq!(running.wait().code(), Some(0));
    for stream in [&mut output as &mut dyn Read, &mut errors] {
        let mut log = String::new();
        stream.read_to_string(&mut log).unwrap();
        assert_eq!(log, SENTINEL.repeat(2));
    }
}

#[test]
fn riff_finds_both_its_ports() {
    let (http, grpc) = (free_port(), free_port());
    let _running =
        Running::start(image().env("FAASBENCH_LISTEN", format!("127.0.0.1:{http}")).env("GRPC_PORT", grpc.to_string()));
    let answer = post(http, "/", "Content-Type: application/json\r\n", "{}");
    assert_eq!((answer.status, &answer.record()["platform"]), (200, &"riff".into()));
    assert_eq!(post(http, "/", "Content-Type: image/png\r\n", "{}").status, 415);
    // HTTP/1.1 is not spoken at the other one, but somebody is there.
    assert!(std::net::TcpStream::connect(("127.0.0.1", grpc)).is_ok());
}
