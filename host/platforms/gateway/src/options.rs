//! What a server is told at its start.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_protocol::Limits;
use image_kind::{Image, ImageKind};
use platform::{DeploymentSpec, Ledger, MemoryLedger, PlatformError};

use crate::Token;

/// Memory of all events that are held at the same time, bytes.
const ALL_BODIES_BYTES: usize = 256 << 20;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port; port 0: any that is free.
    Tcp(SocketAddr),
    /// A unix socket, which only its owner may use.
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Listen::Unix(path.into())),
            None => text.parse().map(Listen::Tcp).map_err(|_| advice(text)),
            Some(_) => Err(advice(text)),
        }
    }
}

fn advice(text: &str) -> String {
    format!("{text:?} is no address to listen on: give ADDRESS:PORT, as 127.0.0.1:8080, or unix:/PATH")
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => write!(f, "http://{address}"),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Finds the image that a deployment over OpenFaaS's interface names.
#[async_trait]
pub trait Images: Send + Sync {
    /// The image of `kind` that `reference` names. Where not `paths_allowed`, anybody on this machine may ask, and a path is
    /// refused; who finds images by names alone refuses it always.
    ///
    /// # Errors
    /// When there is none, or it may not be named so.
    async fn find(&self, reference: &str, kind: ImageKind, paths_allowed: bool) -> Result<Image, PlatformError>;
}

/// No images: deployments over OpenFaaS's interface are refused.
#[derive(Debug, Clone, Copy)]
pub struct NoImages;

#[async_trait]
impl Images for NoImages {
    async fn find(&self, reference: &str, _: ImageKind, _: bool) -> Result<Image, PlatformError> {
        Err(PlatformError::Invalid(format!("this server takes no images by name, so not {reference:?}")))
    }
}

/// How many results of asynchronous calls are kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct ResultLimits {
    /// Calls that are under way or whose result is kept.
    pub calls: usize,
    /// Calls that are under way; further ones are refused (429).
    pub under_way: usize,
    /// Events of calls under way and results together, bytes.
    pub bytes: usize,
    /// How long a result is kept.
    pub kept: Duration,
    /// How long a call is tried again while its function is overloaded.
    pub patience: Duration,
}

impl Default for ResultLimits {
    fn default() -> ResultLimits {
        ResultLimits {
            calls: 10_000,
            under_way: 1_000,
            bytes: 256 << 20,
            kept: Duration::from_secs(600),
            patience: Duration::from_secs(300),
        }
    }
}

/// Ends a platform's instances, those too that are still serving.
pub type EndPlatform = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What a server is told at its start.
pub struct ServeOptions {
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// What its clients must know. Without one it listens only on loopback addresses and unix sockets.
    pub token: Option<Token>,
    /// Where the intention to create something is written down.
    pub ledger: Arc<dyn Ledger>,
    /// The images of deployments over OpenFaaS's interface.
    pub images: Arc<dyn Images>,
    /// What is deployed before it listens.
    pub deployments: Vec<DeploymentSpec>,
    /// Threads that serve connections.
    pub threads: usize,
    /// What its connections may take.
    pub limits: Limits,
    /// How long what was taken may go on after the end was asked for.
    pub grace: Duration,
    /// Whether results of asynchronous calls may be sent to other machines.
    pub callbacks_anywhere: bool,
    /// How many results of asynchronous calls are kept.
    pub results: ResultLimits,
    /// Whether each request is logged.
    pub log_requests: bool,
    /// The server ends when nothing has been deployed for this long, or for a minute before there was anything.
    pub end_when_empty: Option<Duration>,
    /// Called when nothing more is taken and what was taken is finished, or its grace is over: before what is deployed is
    /// removed, as otherwise that waits for whatever still runs.
    pub end_platform: Option<EndPlatform>,
    /// Whether SIGTERM and SIGINT ask for the end; a second one ends the process at once.
    pub signals: bool,
}

impl ServeOptions {
    /// Any free port of 127.0.0.1, a ledger in memory, nothing deployed.
    pub fn new() -> ServeOptions {
        ServeOptions {
            listen: vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))],
            token: None,
            ledger: Arc::new(MemoryLedger::new()),
            images: Arc::new(NoImages),
            deployments: Vec::new(),
            threads: std::thread::available_parallelism().map_or(1, |threads| threads.get()),
            limits: Limits { all_bodies_bytes: ALL_BODIES_BYTES, ..Limits::default() },
            grace: Duration::from_secs(30),
            callbacks_anywhere: false,
            results: ResultLimits::default(),
            log_requests: false,
            end_when_empty: None,
            end_platform: None,
            signals: false,
        }
    }
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions::new()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_or_a_socket() {
        assert_eq!("127.0.0.1:80".parse(), Ok(Listen::Tcp("127.0.0.1:80".parse().unwrap())));
        assert_eq!("unix:/run/f".parse(), Ok(Listen::Unix("/run/f".into())));
        for bad in ["8080", "localhost", "unix:f", ""] {
            assert!(bad.parse::<Listen>().unwrap_err().contains("ADDRESS:PORT"), "{bad}");
        }
    }
}
