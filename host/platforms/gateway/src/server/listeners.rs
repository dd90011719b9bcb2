//! Opening the addresses that a server listens on.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use http_protocol::Listener;
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket};

use super::serve::ServeError;
use crate::Listen;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Opens an address; gives what it is in the end, with its port.
pub(crate) fn open(listen: &Listen) -> Result<(Listen, Listener), ServeError> {
    let failed = |reason: io::Error| match reason.kind() {
        io::ErrorKind::AddrInUse => ServeError::AddressInUse { address: listen.to_string() },
        _ => ServeError::Listen { address: listen.to_string(), reason },
    };
    match listen {
        Listen::Tcp(address) => {
            let listener = tcp(*address).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            Ok((Listen::Tcp(address), Listener::Tcp(listener)))
        }
        Listen::Unix(path) => Ok((listen.clone(), Listener::Unix(unix(path).map_err(failed)?))),
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The address of a server that has just ended can be taken, that of one that is there can't.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn unix(path: &Path) -> io::Result<UnixListener> {
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        use std::os::unix::fs::FileTypeExt;
        if !fs::symlink_metadata(path)?.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something that is no socket"));
        }
        fs::remove_file(path)?;
    }
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    // Before it listens, so that nobody else can connect in between.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)
}
