//! A server, with TLS or without, that reacts to one request on each of some connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What is done with a request.
pub(crate) enum Reaction {
    Answer(String),
    /// No answer: it is waited until who asked has gone.
    Hang,
}

impl Reaction {
    pub(crate) fn answer(text: impl Into<String>) -> Reaction {
        Reaction::Answer(text.into())
    }

    /// An answer of one status.
    pub(crate) fn status(status: u16, body: &str) -> Reaction {
        let length = body.len();
        Reaction::Answer(format!(
            "HTTP/1.1 {status} Word\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }
}

/// TLS of a server at 127.0.0.1.
pub(crate) struct Tls {
    configuration: Arc<ServerConfig>,
    /// The certificate of the CA behind it (PEM).
    pub(crate) authority: PathBuf,
}

impl Tls {
    pub(crate) fn new(folder: &Path) -> Tls {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let configuration = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let file = folder.join("authority.pem");
        std::fs::write(&file, pem).unwrap();
        Tls { configuration: Arc::new(configuration), authority: file }
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    has_tls: bool,
    hanging: Receiver<()>,
    serving: JoinHandle<Vec<String>>,
}

impl Server {
    pub(crate) fn start(tls: Option<&Tls>, reactions: impl IntoIterator<Item = Reaction>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let configuration = tls.map(|tls| tls.configuration.clone());
        let reactions: Vec<Reaction> = reactions.into_iter().collect();
        let (begun, hanging) = channel();
        let serving = std::thread::spawn(move || {
            let serve = |reaction| {
                let (stream, _) = listener.accept().unwrap();
                match &configuration {
                    None => exchange(stream, reaction, &begun),
                    Some(configuration) => {
                        let session = ServerConnection::new(configuration.clone()).unwrap();
                        exchange(StreamOwned::new(session, stream), reaction, &begun)
                    }
                }
            };
            reactions.into_iter().map(serve).collect()
        });
        Server { address, has_tls: tls.is_some(), hanging, serving }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http{}://{}", if self.has_tls { "s" } else { "" }, self.address)
    }

    /// Returns when it has a request that it does not answer.
    pub(crate) fn wait_until_it_hangs(&self) {
        self.hanging.recv().unwrap();
    }

    /// What it was sent, once it has reacted to all, in lower case.
    pub(crate) fn seen(self) -> Vec<String> {
        self.serving.join().unwrap()
    }
}

fn exchange(stream: impl Read + Write, reaction: Reaction, hanging: &Sender<()>) -> String {
    let mut reader = BufReader::new(stream);
    let mut seen = String::new();
    while !seen.ends_with("\r\n\r\n") {
        // A client that trusts no such server goes before.
        if reader.read_line(&mut seen).unwrap_or(0) == 0 {
            return seen;
        }
    }
    let seen = seen.to_lowercase();
    let length = seen.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    match reaction {
        Reaction::Answer(text) => {
            reader.get_mut().write_all(text.as_bytes()).unwrap();
            reader.get_mut().flush().unwrap();
        }
        // A connection that breaks has gone, too.
        Reaction::Hang => {
            hanging.send(()).unwrap();
            let _ = reader.read(&mut [0]);
        }
    }
    seen + &String::from_utf8(body).unwrap()
}
