//! How the platform is set up.

/// How the host reaches an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connection {
    /// A unix socket where the engine runs in this machine's own kernel, else a port.
    #[default]
    Detect,
    /// A unix socket in a folder that both sides have. The instance has no network at all.
    Socket,
    /// A port of 127.0.0.1 that the engine passes on. The instance is in the engine's default network.
    Port,
}

/// How the platform is set up.
#[derive(Debug, Clone)]
pub struct ContainerOptions {
    /// The name of this installation in the ledger.
    pub target: String,
    /// Where the engine listens: `unix:///PATH`, `tcp://127.0.0.1:PORT` or a plain path. `None`: what `DOCKER_HOST` or
    /// `CONTAINER_HOST` says, else the first of the usual sockets that answers.
    pub address: Option<String>,
    /// How the host reaches an instance.
    pub connection: Connection,
}

impl Default for ContainerOptions {
    fn default() -> ContainerOptions {
        ContainerOptions { target: "container".to_owned(), address: None, connection: Connection::Detect }
    }
}
