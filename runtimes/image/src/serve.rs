//! Speaking the protocol that was detected.

use std::fs::File;
#[cfg(any(feature = "azure", feature = "http", feature = "riff"))]
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use lab::Handler;
use runtime::{LabFunction, OpenStorage, Runtime, Settings, Shutdown};
#[cfg(any(feature = "azure", feature = "http", feature = "riff"))]
use tokio::net::TcpSocket;
use tokio::runtime::Handle;

use crate::detect::Protocol;
use crate::platform::platform;

/// Why a process does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// What the environment says can't be used.
    #[error("{0}")]
    Unusable(String),
    /// The one invocation of this process failed; its log says why.
    #[error("the function gave no response")]
    NoResponse,
    /// The protocol failed.
    #[error("serving {protocol} failed: {reason}")]
    Failed { protocol: String, reason: String },
}

/// All that a process starts with.
pub(crate) struct Start<'a> {
    pub(crate) handler: Handler,
    pub(crate) open_storage: Option<OpenStorage>,
    pub(crate) protocol: Protocol,
    pub(crate) settings: Settings,
    /// File descriptor 3, where OpenWhisk reads results.
    #[cfg_attr(not(feature = "openwhisk"), allow(dead_code, reason = "only that protocol has it"))]
    pub(crate) result_pipe: Option<File>,
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Serves until the platform ends it. Returns whether all that was begun was finished.
pub(crate) async fn serve(start: Start<'_>) -> Result<bool, ServeError> {
    // First of all: the first process of a container ignores signals that it has no handler for.
    let shutdown = Shutdown::on_signals(start.settings.grace)
        .map_err(|error| ServeError::Unusable(format!("signals can't be handled: {error}")))?;
    let name = start.settings.platform.clone();
    let name = name.unwrap_or_else(|| platform(&start.protocol, start.variable, std::process::id()));
    let Start { handler, open_storage, ref settings, variable, .. } = start;
    let function = LabFunction::new(handler, open_storage, settings, variable, Handle::current())
        .map_err(|error| ServeError::Unusable(error.message))?;
    let runtime = Arc::new(Runtime::new(function, &name, &start.settings));
    let protocol = start.protocol.to_string();
    let one_shot = matches!(start.protocol, Protocol::OneShot { .. });
    match speak(start, runtime, shutdown).await {
        Ok(false) if one_shot => Err(ServeError::NoResponse),
        Ok(finished) => Ok(finished),
        Err(reason) => Err(ServeError::Failed { protocol, reason }),
    }
}

async fn speak(start: Start<'_>, runtime: Arc<Runtime>, shutdown: Shutdown) -> Result<bool, String> {
    match start.protocol.clone() {
        #[cfg(feature = "nuclio")]
        Protocol::Nuclio { socket } => {
            let input = std::os::unix::net::UnixStream::connect(&socket)
                .map_err(|error| format!("could not connect to {socket}: {error}"))?;
            let output = input.try_clone().map_err(|error| error.to_string())?;
            let input = std::io::BufReader::with_capacity(64 << 10, input);
            nuclio_protocol::wrap(runtime, shutdown, input, output).await.map_err(|error| error.to_string())
        }
        #[cfg(feature = "lambda")]
        Protocol::Lambda => lambda_protocol::event_loop(runtime, shutdown).await.map_err(|error| error.to_string()),
        #[cfg(feature = "fn")]
        Protocol::Fn { listener } => {
            let format = (start.variable)("FN_FORMAT");
            let socket = fn_protocol::listen(&listener, format.as_deref()).map_err(|error| error.to_string())?;
            let log_frame = (start.variable)("FN_LOGFRAME_NAME").zip((start.variable)("FN_LOGFRAME_HDR"));
            let service = fn_protocol::FnService::new(runtime, log_frame);
            Ok(serve_http(service, shutdown, http_protocol::Listener::Unix(socket)).await)
        }
        #[cfg(feature = "azure")]
        Protocol::Azure { port } => {
            let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), number(&port, "FUNCTIONS_CUSTOMHANDLER_PORT")?);
            let listener = http_protocol::Listener::Tcp(bind(address)?);
            Ok(serve_http(azure_protocol::CustomHandler::new(runtime), shutdown, listener).await)
        }
        #[cfg(feature = "openwhisk")]
        Protocol::ActionLoop => {
            let results = start.result_pipe.ok_or("file descriptor 3 is not open")?;
            let acknowledge = (start.variable)("__OW_WAIT_FOR_ACK").is_some();
            let input = std::io::BufReader::new(std::io::stdin());
            let served = openwhisk_protocol::action_loop(runtime, shutdown, input, results, acknowledge).await;
            served.map_err(|error| error.to_string())
        }
        #[cfg(feature = "gestalt")]
        Protocol::OneShot { event, .. } => {
            // Those that write the event to the standard input read the exit status.
            let tells_errors = event.is_some();
            let event = match event {
                Some(argument) => gestalt_protocol::event_argument(&argument),
                None => Some(gestalt_protocol::event_input(std::io::stdin()).map_err(|error| error.to_string())?),
            };
            let event = event.ok_or("the first argument is not a JSON object")?;
            let answered =
                gestalt_protocol::one_shot(&runtime, &shutdown, event, tells_errors, std::io::stdout()).await;
            answered.map_err(|error| error.to_string())
        }
        #[cfg(feature = "riff")]
        Protocol::Riff { grpc_port } => {
            let grpc = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), number(&grpc_port, "GRPC_PORT")?);
            let streams = riff_protocol::serve_streams(runtime.clone(), shutdown.clone(), bind(grpc)?);
            let streams = tokio::spawn(streams);
            let listener = listen(&start).await?;
            let replied = serve_http(riff_protocol::InvokerService::new(runtime), shutdown, listener).await;
            Ok(replied & streams.await.unwrap_or(false))
        }
        #[cfg(feature = "http")]
        Protocol::Http => {
            let listener = listen(&start).await?;
            if start.settings.listen.is_none() {
                serve_health(&shutdown, &listener).await;
                // What OpenFaaS's probe looks for. On a read-only root there is none, and then no probe that could find it.
                let _ = std::fs::write("/tmp/.lock", b"");
            }
            let service = http_protocol::EventService::new(runtime.clone(), shutdown.clone());
            #[cfg(feature = "openwhisk")]
            if (start.variable)("__OW_API_HOST").is_some() {
                let service = openwhisk_protocol::BlackboxService::new(runtime, service);
                return Ok(serve_http(service, shutdown, listener).await);
            }
            Ok(serve_http(service, shutdown, listener).await)
        }
        #[allow(unreachable_patterns, reason = "every protocol may be built in")]
        other => Err(format!("this image was built without the protocol {other}")),
    }
}

#[cfg(any(feature = "azure", feature = "fn", feature = "http", feature = "riff"))]
async fn serve_http(
    service: impl http_protocol::Service,
    shutdown: Shutdown,
    listener: http_protocol::Listener,
) -> bool {
    http_protocol::Server::new(service, shutdown, http_protocol::Limits::default()).serve(listener).await
}

/// Where HTTP is served: `FAASBENCH_LISTEN`, else all addresses at `PORT`, `FUNC_PORT` (kubeless) or 8080.
#[cfg(any(feature = "http", feature = "riff"))]
async fn listen(start: &Start<'_>) -> Result<http_protocol::Listener, String> {
    use std::os::fd::FromRawFd;

    use http_protocol::Listener;

    match &start.settings.listen {
        Some(runtime::Listen::Tcp(address)) => bind(*address).map(Listener::Tcp),
        Some(runtime::Listen::Inherited(descriptor)) => {
            // SAFETY: the platform opened it for this process and named it in the environment; nothing else here uses it.
            let socket = unsafe { std::os::fd::OwnedFd::from_raw_fd(*descriptor) };
            Listener::inherited(socket).map_err(|error| format!("fd:{descriptor} is no listening socket: {error}"))
        }
        Some(runtime::Listen::Unix(path)) => {
            // What a former process left behind.
            let _ = std::fs::remove_file(path);
            let socket = tokio::net::UnixListener::bind(path);
            socket.map(Listener::Unix).map_err(|error| format!("could not listen on {}: {error}", path.display()))
        }
        None => {
            let named = ["PORT", "FUNC_PORT"]
                .into_iter()
                .find_map(|name| Some((name, (start.variable)(name).filter(|value| !value.is_empty())?)));
            let port = named.map_or(Ok(8080), |(name, value)| number(&value, name))?;
            bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)).map(Listener::Tcp)
        }
    }
}

/// Serves `/ready` and `/live` at port 8082, as Nuclio's processor does. Where the port is taken nobody asks there.
#[cfg(feature = "http")]
async fn serve_health(shutdown: &Shutdown, beside: &http_protocol::Listener) {
    const PORT: u16 = 8082;
    let http_protocol::Listener::Tcp(beside) = beside else { return };
    let Ok(address) = beside.local_addr() else { return };
    if address.port() == PORT {
        return;
    }
    if let Ok(listener) = bind(SocketAddr::new(address.ip(), PORT)) {
        let service = http_protocol::HealthService::new(shutdown.clone());
        tokio::spawn(serve_http(service, shutdown.clone(), http_protocol::Listener::Tcp(listener)));
    }
}

#[cfg(any(feature = "azure", feature = "http", feature = "riff"))]
fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener, String> {
    // More may come at once than the usual 128, as each OpenWhisk request does on a connection of its own.
    const WAITING: u32 = 1024;
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(WAITING)
    };
    listen().map_err(|error| format!("could not listen on {address}: {error}"))
}

#[cfg(any(feature = "azure", feature = "http", feature = "riff"))]
fn number(value: &str, name: &str) -> Result<u16, String> {
    value.trim().parse().map_err(|_| format!("{name} is {value:?}: give a port from 1 to 65535"))
}
