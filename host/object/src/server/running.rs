//! The endpoint's life.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use native::{Location, RemoteLocation, Service};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::validation::NameValidation;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::AccessKey;
use super::folder::Folder;
use super::service::DirectoryAsS3;

/// Connections that are served at the same time. Further ones wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long accepting rests after it failed, as it does when there are no file descriptors left.
const REST: Duration = Duration::from_millis(50);

/// How a directory is shown as S3.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The directory; it is made when it is missing.
    pub directory: PathBuf,
    /// Where to listen.
    pub address: SocketAddr,
    /// Who may use it.
    pub access_key: AccessKey,
    /// How long an end waits for requests under way.
    pub grace: Duration,
}

impl ServeOptions {
    /// At a free port of this machine's own address.
    pub fn new(directory: impl Into<PathBuf>, access_key: AccessKey) -> ServeOptions {
        ServeOptions {
            directory: directory.into(),
            address: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            access_key,
            grace: Duration::from_secs(8),
        }
    }
}

/// Why a directory is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The directory can't be used.
    #[error("could not use the directory {} for objects: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The address can't be used.
    #[error("could not listen on {address}: {source}; give another address or port")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// An endpoint that serves. Dropped, it stops at once.
#[derive(Debug)]
pub struct RunningServer {
    address: SocketAddr,
    access_key: AccessKey,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<bool>,
}

impl RunningServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who may use it: for the environment of those that do.
    pub fn access_key(&self) -> &AccessKey {
        &self.access_key
    }

    /// Its location for functions that reach it under `host`, an address or a name with or without a port: the buckets of
    /// their events are its buckets, the folders of its directory. `None` is the address that it listens on.
    pub fn location(&self, host: Option<&str>) -> Location {
        let host = match host {
            None => self.address.to_string(),
            Some(host) if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) => host.to_owned(),
            Some(host) => format!("{host}:{}", self.address.port()),
        };
        Location::Remote(RemoteLocation {
            service: Service::S3,
            account: None,
            bucket: None,
            prefix: String::new(),
            endpoint: Some(format!("http://{host}")),
            region: None,
        })
    }

    /// Takes no more connections, lets the requests under way finish, and ends. Returns whether all of them did in time.
    pub async fn stop(mut self) -> bool {
        if let Some(stop) = self.stop.take() {
            // It is gone only if the task is.
            let _ = stop.send(());
        }
        (&mut self.task).await.unwrap_or(false)
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a directory as S3, until it is stopped.
///
/// # Errors
/// When the directory or the address can't be used.
pub async fn serve(options: ServeOptions) -> Result<RunningServer, ServeError> {
    let ServeOptions { directory, address, access_key, grace } = options;
    let path = directory.clone();
    let folder = spawn_blocking(move || Folder::open(&path)).await.map_err(io::Error::other).flatten();
    let folder = folder.map_err(|source| ServeError::Directory { path: directory, source })?;
    let unusable = |source| ServeError::Address { address, source };
    let listener = TcpListener::bind(address).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    let mut builder = S3ServiceBuilder::new(DirectoryAsS3::new(folder));
    builder.set_auth(SimpleAuth::from_single(access_key.id(), access_key.secret()));
    builder.set_validation(AnyBucket);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(accept(listener, builder.build(), stopped, grace));
    Ok(RunningServer { address, access_key, stop: Some(stop), task })
}

/// The names that directory storage takes for buckets, which are more than AWS does.
struct AnyBucket;

impl NameValidation for AnyBucket {
    fn validate_bucket_name(&self, name: &str) -> bool {
        native::validate_bucket(name).is_ok()
    }
}

async fn accept(
    listener: TcpListener,
    service: S3Service,
    mut stopped: oneshot::Receiver<()>,
    grace: Duration,
) -> bool {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let permit = connections.clone().acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, stream) = tokio::select! {
            // An error: the handle was dropped, and this task ends with it.
            _ = &mut stopped => break,
            (permit, accepted) = accepted => match accepted {
                Ok((stream, _)) => (permit, stream),
                Err(_) => {
                    sleep(REST).await;
                    continue;
                }
            },
        };
        // What it is for comes in small pieces; without it they wait for one another.
        let _ = stream.set_nodelay(true);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
        tokio::spawn(async move {
            // A client that is gone is no failure of the server's.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    timeout(grace, graceful.shutdown()).await.is_ok()
}
