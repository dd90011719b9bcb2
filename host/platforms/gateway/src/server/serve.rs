//! A server's life: it opens its addresses, serves, and finishes what it took.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_protocol::Server;
use platform::{Platform, PlatformError};
use runtime::Shutdown;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::calls::Calls;
use super::functions::{About, Functions};
use super::listeners;
use super::metrics::Metrics;
use super::service::{Front, Gateway};
use super::workers::Workers;
use crate::{Listen, ServeOptions};

/// How long a server that ends when it is empty waits for its first deployment, at least.
const UNUSED: Duration = Duration::from_secs(60);

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// There is no address to listen on.
    #[error("the server has no address to listen on: give --listen")]
    NoAddress,
    /// Somebody else could reach it, and there is no token.
    #[error(
        "{address} can be reached from other machines, so a token is needed: set FAASBENCH_TOKEN or FAASBENCH_TOKEN_FILE, \
         or listen on 127.0.0.1"
    )]
    NoToken {
        /// The address.
        address: SocketAddr,
    },
    /// Another server has the address.
    #[error("{address} is taken, perhaps by another `faasbench serve`: end that one, or give another address")]
    AddressInUse {
        /// The address.
        address: String,
    },
    /// The address can't be opened.
    #[error("listening on {address} failed: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        reason: io::Error,
    },
    /// A deployment that it was to begin with failed.
    #[error(transparent)]
    Deploy(#[from] PlatformError),
    /// The process may not have the threads or the signal handlers.
    #[error("the server could not be started: {0}")]
    Start(String),
}

/// How a server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whether all that was taken was finished within the grace.
    pub all_finished: bool,
    /// What was deployed and could not be removed, and why.
    pub left: Vec<String>,
}

/// A server that serves.
pub struct Running {
    /// Where it listens, with the ports that were free.
    pub addresses: Vec<Listen>,
    gateway: Arc<Gateway>,
    task: JoinHandle<Ended>,
}

impl Running {
    /// Asks for the end: nothing more is taken, and what was taken is finished within the grace.
    pub fn stop(&self) {
        self.gateway.shutdown.request();
    }

    /// How many functions are deployed.
    pub fn deployments(&self) -> usize {
        self.gateway.functions.all().len()
    }

    /// Waits for the end. All that was deployed is removed then.
    pub async fn ended(self) -> Ended {
        let Running { gateway, task, .. } = self;
        drop(gateway);
        task.await.unwrap_or_else(|error| Ended { all_finished: false, left: vec![error.to_string()] })
    }
}

/// Puts `platform` behind HTTP. It listens when this returns, and what it is to begin with is deployed.
///
/// # Errors
/// When an address can't be had, a token is missing, or a deployment fails.
pub async fn serve(platform: Arc<dyn Platform>, options: ServeOptions) -> Result<Running, ServeError> {
    check_addresses(&options)?;
    let opened = options.listen.iter().map(listeners::open).collect::<Result<Vec<_>, _>>()?;
    let start = |error: &dyn std::fmt::Display| ServeError::Start(error.to_string());
    let metrics = Metrics::new().map_err(|error| start(&error))?;
    let workers = Workers::start(options.threads).map_err(|error| start(&error))?;
    let shutdown = match options.signals {
        true => Shutdown::on_signals(options.grace).map_err(|error| start(&error))?,
        false => Shutdown::new(options.grace),
    };
    let functions = Arc::new(Functions::new(platform, options.ledger.clone(), metrics));
    if let Err(error) = deploy_all(&functions, &options).await {
        // The error that matters is the first.
        let _ = functions.remove_all().await;
        return Err(error.into());
    }
    let gateway = Arc::new(Gateway {
        functions,
        images: options.images.clone(),
        token: options.token.clone(),
        calls: Calls::new(options.results),
        callbacks_anywhere: options.callbacks_anywhere,
        log_requests: options.log_requests,
        shutdown: shutdown.clone(),
        background: Handle::current(),
    });
    let addresses: Vec<Listen> = opened.iter().map(|(address, _)| address.clone()).collect();
    let shown = addresses.iter().map(Listen::to_string).collect::<Vec<_>>().join(" ");
    tracing::info!(
        platform = gateway.functions.platform.name(),
        addresses = shown,
        connections = options.limits.connections,
        threads = workers.handles.len(),
        deployments = gateway.functions.all().len(),
        "serving"
    );
    let mut servers = JoinSet::new();
    for (address, listener) in opened {
        let is_private = matches!(address, Listen::Unix(_));
        let front = Front { gateway: gateway.clone(), is_private };
        let server = Server::new(front, shutdown.clone(), options.limits);
        let handles = workers.handles.clone();
        servers.spawn(async move { server.serve_on(listener, &handles).await });
    }
    if let Some(patience) = options.end_when_empty {
        tokio::spawn(end_when_empty(gateway.clone(), patience));
    }
    let ending = Ending { servers, workers, addresses: addresses.clone(), options };
    let task = tokio::spawn(until_the_end(gateway.clone(), ending));
    Ok(Running { addresses, gateway, task })
}

fn check_addresses(options: &ServeOptions) -> Result<(), ServeError> {
    if options.listen.is_empty() {
        return Err(ServeError::NoAddress);
    }
    for listen in &options.listen {
        if let Listen::Tcp(address) = listen
            && options.token.is_none()
            && !address.ip().to_canonical().is_loopback()
        {
            return Err(ServeError::NoToken { address: *address });
        }
    }
    Ok(())
}

async fn deploy_all(functions: &Arc<Functions>, options: &ServeOptions) -> Result<(), PlatformError> {
    let mut deploying = JoinSet::new();
    for spec in options.deployments.clone() {
        let functions = functions.clone();
        deploying.spawn(async move { functions.deploy(spec, About::default()).await.map(|_| ()) });
    }
    let mut result = Ok(());
    while let Some(one) = deploying.join_next().await {
        let one = one.unwrap_or_else(|error| {
            Err(PlatformError::Failed {
                platform: functions.platform.name().to_owned(),
                doing: "deploying".to_owned(),
                reason: error.to_string(),
            })
        });
        result = result.and(one);
    }
    result
}

/// Asks for the end when nothing has been deployed for `patience`, or for a minute before there was anything.
async fn end_when_empty(gateway: Arc<Gateway>, patience: Duration) {
    let mut count = gateway.functions.count();
    let is_empty = |count: &Option<usize>| count.is_none_or(|count| count == 0);
    loop {
        let seen = match count.wait_for(is_empty).await {
            Ok(seen) => *seen,
            Err(_) => return,
        };
        let patience = if seen.is_none() { patience.max(UNUSED) } else { patience };
        tokio::select! {
            () = gateway.shutdown.requested() => return,
            () = tokio::time::sleep(patience) => {
                tracing::info!("ending, as nothing is deployed");
                gateway.shutdown.request();
                return;
            }
            // A deployment came, or came and went.
            _ = count.changed() => {}
        }
    }
}

/// What is to be ended.
struct Ending {
    servers: JoinSet<bool>,
    workers: Workers,
    addresses: Vec<Listen>,
    options: ServeOptions,
}

async fn until_the_end(gateway: Arc<Gateway>, ending: Ending) -> Ended {
    let Ending { mut servers, workers, addresses, options } = ending;
    gateway.shutdown.requested().await;
    tracing::info!(asynchronous_calls = gateway.calls.under_way(), "ending");
    let finish = async {
        let mut all = true;
        while let Some(finished) = servers.join_next().await {
            all &= finished.unwrap_or(false);
        }
        all
    };
    let (served, called) = tokio::join!(finish, timeout(options.grace, gateway.calls.none()));
    for address in &addresses {
        if let Listen::Unix(path) = address {
            // It may have been removed already.
            let _ = std::fs::remove_file(path);
        }
    }
    if let Some(end_platform) = options.end_platform {
        end_platform().await;
    }
    let left = gateway.functions.remove_all().await;
    // Last, as instances may have connections on these threads.
    drop(workers);
    let ended = Ended { all_finished: served && called.is_ok(), left };
    tracing::info!(all_finished = ended.all_finished, left = ended.left.len(), "ended");
    ended
}
