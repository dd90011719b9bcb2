//! The container engine that was found.

use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{SystemInfo, SystemVersion};
use bollard::{API_DEFAULT_VERSION, Docker};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use image_archive::oci_architecture;
use platform::PlatformError;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::address::{Address, Candidates, candidates, nowhere};
use crate::failure::{failed, unreachable_by};
use crate::options::{Connection, ContainerOptions};

/// The longest that one request may take, s. A container is never this long in being created.
const REQUEST_S: u64 = 120;
/// As good as for ever: for requests that wait for a container's end.
const WAIT: Duration = Duration::from_secs(u32::MAX as u64);

/// A container engine that answers.
#[derive(Debug)]
pub(crate) struct Engine {
    /// Asks it.
    pub(crate) api: Docker,
    /// Asks it what it answers late.
    pub(crate) waiting: Docker,
    /// Where it listens.
    pub(crate) address: Address,
    /// `Docker 28.2.2`, `Podman 4.3.1`.
    pub(crate) version: String,
    /// Whether it is Podman.
    pub(crate) is_podman: bool,
    /// Whether its containers' root is an ordinary user of this machine.
    pub(crate) is_rootless: bool,
    /// Whether it labels files with SELinux.
    pub(crate) has_selinux: bool,
    /// Whether instances are reached over a unix socket.
    pub(crate) uses_sockets: bool,
    /// What it says of itself.
    pub(crate) info: SystemInfo,
}

impl Engine {
    /// Finds an engine and asks it who it is.
    pub(crate) async fn connect(options: &ContainerOptions) -> Result<Arc<Engine>, PlatformError> {
        let user_id = rustix::process::geteuid().as_raw();
        let found = candidates(options.address.as_deref(), &|name| std::env::var(name).ok(), user_id)?;
        let mut first_error = None;
        for address in &found.addresses {
            match Engine::connect_to(address, options.connection, &found).await {
                Ok(Some(engine)) => return Ok(Arc::new(engine)),
                Ok(None) => {}
                Err(error) => {
                    // A socket that may not be used tells more than one that is not there.
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| nowhere(&found.addresses)))
    }

    /// The engine at this address; `None` when nothing is there and nobody said that there would be.
    async fn connect_to(
        address: &Address,
        connection: Connection,
        found: &Candidates,
    ) -> Result<Option<Engine>, PlatformError> {
        let api = match address {
            Address::Unix(path) => {
                if let Err(error) = UnixStream::connect(path).await {
                    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
                    if is_missing && found.named_by.is_none() {
                        return Ok(None);
                    }
                    return Err(not_there(address, found.named_by, &error));
                }
                Docker::connect_with_unix(&path.to_string_lossy(), REQUEST_S, API_DEFAULT_VERSION)
            }
            Address::Tcp(place) => Docker::connect_with_http(&format!("tcp://{place}"), REQUEST_S, API_DEFAULT_VERSION),
        };
        let doing = format!("asking the container engine at {address} who it is");
        let fail = |error| failed(&doing, &error);
        let api = api.map_err(fail)?.negotiate_version().await.map_err(fail)?;
        let (version, info) = tokio::try_join!(api.version(), api.info()).map_err(fail)?;
        let is_podman = is_podman(&version);
        let name = if is_podman { "Podman" } else { "Docker" };
        let has_option = |wanted: &str| {
            let options = info.security_options.as_deref().unwrap_or_default();
            options.iter().any(|option| option.split(',').any(|part| part == format!("name={wanted}")))
        };
        Ok(Some(Engine {
            waiting: api.clone().with_timeout(WAIT),
            address: address.clone(),
            version: format!("{name} {}", version.version.as_deref().unwrap_or("of unknown version")),
            is_podman,
            is_rootless: has_option("rootless"),
            has_selinux: has_option("selinux"),
            uses_sockets: match connection {
                Connection::Socket => true,
                Connection::Port => false,
                Connection::Detect => matches!(address, Address::Unix(_)) && shares_kernel(&info),
            },
            info,
            api,
        }))
    }

    /// What the engine says of a container. Podman has states for which the API has no word, so it is read as it is.
    pub(crate) async fn inspect(&self, container: &str) -> Result<Value, Error> {
        self.get(&format!("/containers/{container}/json")).await
    }

    /// The document at a path of its API.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Error> {
        let version = self.api.client_version();
        let path = format!("/v{}.{}{path}", version.major_version, version.minor_version);
        let read = async {
            match &self.address {
                Address::Unix(socket) => document(UnixStream::connect(socket).await?, &path).await,
                Address::Tcp(place) => document(TcpStream::connect(place).await?, &path).await,
            }
        };
        timeout(Duration::from_secs(REQUEST_S), read).await.unwrap_or(Err(Error::RequestTimeoutError))
    }

    /// The architecture of its machine, in the words of OCI.
    pub(crate) fn architecture(&self) -> &str {
        oci_architecture(self.info.architecture.as_deref().unwrap_or(std::env::consts::ARCH))
    }
}

async fn document(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, path: &str) -> Result<Value, Error> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its error is that of the request which is on it.
    tokio::spawn(connection);
    let request = Request::builder().uri(path).header(HOST, "localhost").body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let document: Result<Value, _> = serde_json::from_slice(&body);
    if status.is_success() {
        return Ok(document?);
    }
    let message = document.ok().and_then(|document| document["message"].as_str().map(str::to_owned));
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    Err(Error::DockerResponseServerError { status_code: status.as_u16(), message })
}

fn is_podman(version: &SystemVersion) -> bool {
    let components = version.components.as_deref().unwrap_or_default();
    components.iter().any(|component| component.name.to_lowercase().contains("podman"))
}

/// Whether its containers run in this machine's own kernel: not in a virtual machine, as Docker Desktop's do, where a
/// folder is shared but a unix socket in it is not.
fn shares_kernel(info: &SystemInfo) -> bool {
    let own = rustix::system::uname();
    let is_desktop = info.operating_system.as_deref().is_some_and(|name| name.contains("Docker Desktop"));
    !is_desktop && info.kernel_version.as_deref() == own.release().to_str().ok()
}

fn not_there(address: &Address, named_by: Option<&str>, error: &std::io::Error) -> PlatformError {
    let named = named_by.map_or(String::new(), |by| format!(", which {by} names"));
    match unreachable_by(error.kind(), &format!("{address}{named}: {error}")) {
        PlatformError::Unreachable { platform, .. } => PlatformError::Unreachable {
            platform,
            reason: format!("nothing answers at {address}{named}: {error}"),
            advice: "start the container engine there, or give another address".to_owned(),
        },
        denied => denied,
    }
}
