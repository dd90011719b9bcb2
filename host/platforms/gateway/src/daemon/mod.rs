//! Servers in the background, which go on after the command that started them.

mod background;
mod error;
mod record;
mod start;
mod stop;

pub use background::Background;
pub use error::DaemonError;
pub use start::{Daemon, DaemonOptions};

/// The kind, in a ledger, of a server in the background.
pub const SERVER: &str = "server";

/// The variable that marks a server's process from its first moment: the name that the ledger has.
const MARK: &str = "FAASBENCH_SERVER";
