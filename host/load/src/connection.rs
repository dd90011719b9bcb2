//! Connections to a server, bare: no pool and no retries stand between a request and its times.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::target::{Address, HttpVersion, Target};

/// Makes connections to one target.
#[derive(Clone)]
pub(crate) struct Connector {
    address: Resolved,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    version: HttpVersion,
}

#[derive(Clone)]
enum Resolved {
    Tcp(Arc<[SocketAddr]>),
    Unix(std::path::PathBuf),
}

/// A connection that takes requests.
pub(crate) enum Connection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connector {
    /// A connector; the host's name is looked up once, now.
    ///
    /// # Errors
    /// When the name is not known, or the certificates can't be used.
    pub(crate) fn new(target: &Target, version: HttpVersion, trusted: Option<&[u8]>) -> io::Result<Connector> {
        use std::net::ToSocketAddrs;
        let address = match &target.address {
            Address::Tcp { host, port } => {
                let found: Vec<SocketAddr> = (host.as_str(), *port).to_socket_addrs()?.collect();
                if found.is_empty() {
                    return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
                }
                Resolved::Tcp(found.into())
            }
            Address::Unix(path) => Resolved::Unix(path.clone()),
        };
        let tls = if target.tls { Some(tls(target, version, trusted)?) } else { None };
        Ok(Connector { address, tls, version })
    }

    /// A new connection, ready for its first request.
    ///
    /// # Errors
    /// When the server does not take it.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        match &self.address {
            Resolved::Tcp(addresses) => {
                let stream = TcpStream::connect(&**addresses).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    Some((connector, name)) => self.handshake(connector.connect(name.clone(), stream).await?).await,
                    None => self.handshake(stream).await,
                }
            }
            Resolved::Unix(path) => self.handshake(UnixStream::connect(path).await?).await,
        }
    }

    async fn handshake(&self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> io::Result<Connection> {
        let stream = TokioIo::new(stream);
        match self.version {
            HttpVersion::Http1 => {
                // What is sent is small: one buffer goes out faster than a list of them.
                let handshake = http1::Builder::new().writev(false).handshake(stream);
                let (sender, connection) = handshake.await.map_err(io::Error::other)?;
                // Its end is seen by the request that it carries.
                tokio::task::spawn_local(async move {
                    let _ = connection.await;
                });
                Ok(Connection::Http1(sender))
            }
            HttpVersion::Http2 => {
                let (sender, connection) = http2::handshake(OnThisThread, stream).await.map_err(io::Error::other)?;
                tokio::task::spawn_local(async move {
                    let _ = connection.await;
                });
                Ok(Connection::Http2(sender))
            }
        }
    }
}

impl Connection {
    /// Sends a request; the head of its answer.
    ///
    /// # Errors
    /// When the connection is, or gets, broken.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Connection::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Connection::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Whether it still takes requests.
    pub(crate) fn is_usable(&self) -> bool {
        match self {
            Connection::Http1(sender) => !sender.is_closed(),
            Connection::Http2(sender) => !sender.is_closed(),
        }
    }

    /// Another handle of the same connection, where it carries several requests at once.
    pub(crate) fn share(&self) -> Option<Connection> {
        match self {
            Connection::Http1(_) => None,
            Connection::Http2(sender) => Some(Connection::Http2(sender.clone())),
        }
    }
}

/// Runs what a connection starts on the thread that it is on.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

fn tls(
    target: &Target,
    version: HttpVersion,
    trusted: Option<&[u8]>,
) -> io::Result<(TlsConnector, ServerName<'static>)> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let roots = match trusted {
        Some(text) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(text) {
                roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
            roots
        }
        None => trust::system_roots(),
    };
    let mut configuration = trust::client_config(roots).map_err(io::Error::other)?;
    configuration.alpn_protocols = match version {
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    let Address::Tcp { host, .. } = &target.address else {
        return Err(io::Error::other("TLS is not spoken over unix sockets"));
    };
    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
    Ok((TlsConnector::from(Arc::new(configuration)), name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// What is trusted is read from the process's environment, so the test runs itself again with another one.
    #[test]
    fn a_machine_without_certificates_trusts_those_of_mozilla() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "connection::tests::tls_is_spoken", "--ignored"])
            .envs([("SSL_CERT_FILE", "/nowhere/certificates.pem"), ("SSL_CERT_DIR", "/nowhere")])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    #[ignore = "run by a_machine_without_certificates_trusts_those_of_mozilla"]
    fn tls_is_spoken() {
        let target: Target = "https://127.0.0.1:1/".parse().unwrap();
        let connector = Connector::new(&target, HttpVersion::Http1, None).unwrap();
        assert!(connector.tls.is_some());
    }
}
