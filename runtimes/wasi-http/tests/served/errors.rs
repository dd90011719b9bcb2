//! Bad requests and failures.

use crate::client::{post, raw, request};
use crate::host::Kind;

/// The largest event, bytes.
const MOST: usize = 6 << 20;

#[test]
fn a_functions_error_has_the_status_and_the_body_of_native_images() {
    for kind in Kind::all() {
        let host = kind.serve("function1", &[]);
        let answer = post(host.address(), "{\"sleep\": -1}");
        assert_eq!(answer.status, 400);
        let (error, message) = answer.error();
        assert_eq!(error, "bad-request");
        assert!(message.contains("`sleep`"), "{message}");
        assert!(answer.headers.contains_key("x-instance-id"));
    }
}

#[test]
fn an_event_that_is_not_text_is_refused() {
    for kind in Kind::all() {
        let host = kind.serve("function1", &[]);
        let answer = request(host.address(), "POST", "/f", &[], b"{\"a\": \"\xff\"}");
        assert_eq!((answer.status, answer.error().0), (400, "bad-request".to_owned()));
    }
}

#[test]
fn a_body_of_the_limit_is_taken_and_a_larger_one_refused() {
    for kind in Kind::all() {
        let host = kind.serve("function1", &[]);
        let mut event = String::from("{\"more\": \"");
        event.push_str(&"x".repeat(MOST - event.len() - 2));
        event.push_str("\"}");
        assert_eq!(event.len(), MOST);
        let answer = post(host.address(), &event);
        assert_eq!(answer.status, 200, "{kind:?}: {}", host.stderr());

        event.push(' ');
        let answer = post(host.address(), &event);
        assert_eq!((answer.status, answer.error().0), (413, "limit".to_owned()), "{kind:?}");
    }
}

#[test]
fn a_body_in_chunks_is_put_together_and_bounded() {
    let chunked = |piece: &str, count: usize| {
        let mut body = format!("{:x}\r\n{piece}\r\n", piece.len()).repeat(count);
        body.push_str("0\r\n\r\n");
        body
    };
    for kind in Kind::all() {
        let host = kind.serve("function1", &[]);
        let headers = [("Transfer-Encoding", "chunked")];
        let body = "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
        let answer = raw(host.address(), "POST", "/", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = chunked(&" ".repeat(1 << 20), 7);
        let answer = raw(host.address(), "POST", "/", &headers, body.as_bytes());
        assert_eq!((answer.status, answer.error().0), (413, "limit".to_owned()), "{kind:?}");
    }
}

#[test]
fn a_host_goes_on_after_a_request_that_ended_halfway() {
    for kind in Kind::all() {
        let host = kind.serve("function1", &[]);
        let mut stream = std::net::TcpStream::connect(host.address()).unwrap();
        let head = format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\nhalf", host.address());
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        drop(stream);
        assert_eq!(post(host.address(), "{}").status, 200);
    }
}
