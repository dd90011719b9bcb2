//! What an image does beside serving, because there is nothing else in its container that could.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long a health check waits for each of its steps.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes files to the standard output, as `cat` does: OpenFaaS's probe runs `cat /tmp/.lock`, and an image has a hard link
/// of that name to its binary.
///
/// # Errors
/// When a file can't be read.
pub(crate) fn cat(paths: &[String]) -> io::Result<()> {
    for path in paths {
        io::copy(&mut File::open(path)?, &mut io::stdout())?;
    }
    io::stdout().flush()
}

/// Whether `ADDRESS:PORT/PATH` answers with 200: the container's own health check.
///
/// # Errors
/// When it can't be asked.
pub(crate) fn is_healthy(target: &str) -> io::Result<bool> {
    let (address, path) = target.split_once('/').unwrap_or((target, ""));
    let address = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}
