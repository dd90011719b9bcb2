//! Reaching out.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether TCP and UDP to a port of this machine work.
pub(crate) fn connect(port: u16) -> Value {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let tcp = TcpStream::connect_timeout(&address, PATIENCE);
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.send_to(b"hostile", address));
    json!({ "tcp": said(tcp), "udp": said(udp) })
}

/// Whether a port can be listened on.
pub(crate) fn listen() -> Value {
    json!({ "tcp": said(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))) })
}

fn said<T>(outcome: io::Result<T>) -> Value {
    match outcome {
        Ok(_) => json!(true),
        Err(error) => json!(error.to_string()),
    }
}
