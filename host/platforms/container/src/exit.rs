//! Why a container is there no more.

use std::sync::Arc;

use bollard::errors::Error;
use bollard::query_parameters::WaitContainerOptions;
use futures_util::StreamExt;
use local_platform::InstanceExit;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::failure::reason;

/// The signal that can't be caught, as it appears in an exit status.
pub(crate) const KILLED: i64 = 128 + 9;

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exit {
    /// By itself, with this status.
    Status(i64),
    /// The kernel ended it, as it took more memory than it may.
    OutOfMemory,
    /// Nobody knows: the engine does not answer.
    Lost(String),
}

impl Exit {
    /// As a sentence's end: "ended with status 3".
    pub(crate) fn text(&self) -> String {
        match self {
            Exit::Status(KILLED) => "was killed (SIGKILL)".to_owned(),
            Exit::Status(status) if (129..=192).contains(status) => format!("ended by signal {}", status - 128),
            Exit::Status(status) => format!("ended with status {status}"),
            Exit::OutOfMemory => "reached its memory limit".to_owned(),
            Exit::Lost(reason) => format!("was lost: the container engine does not answer ({reason})"),
        }
    }
}

impl From<&Exit> for InstanceExit {
    fn from(exit: &Exit) -> InstanceExit {
        InstanceExit { reason: exit.text() }
    }
}

/// Follows a container that was started until it ends, and tells how.
pub(crate) async fn follow(engine: Arc<Engine>, container: String, told: watch::Sender<Option<Exit>>) {
    let options = WaitContainerOptions { condition: "not-running".to_owned() };
    let waited = engine.waiting.wait_container(&container, Some(options)).next().await;
    let exit = match waited {
        Some(Ok(answer)) => ended(&engine, &container, answer.status_code).await,
        Some(Err(Error::DockerContainerWaitError { code, .. })) => ended(&engine, &container, code).await,
        // Somebody removed it.
        Some(Err(Error::DockerResponseServerError { status_code: 404, .. })) => Exit::Status(KILLED),
        Some(Err(error)) => Exit::Lost(reason(&error)),
        None => Exit::Lost("it closed the connection".to_owned()),
    };
    told.send_replace(Some(exit));
}

/// Asks for what the status alone does not tell.
async fn ended(engine: &Engine, container: &str, status: i64) -> Exit {
    let said = engine.inspect(container).await;
    let out_of_memory = said.is_ok_and(|said| said["State"]["OOMKilled"] == true);
    if out_of_memory && status == KILLED { Exit::OutOfMemory } else { Exit::Status(status) }
}

/// Returns when the container has ended.
pub(crate) async fn ended_as(mut exits: watch::Receiver<Option<Exit>>) -> Exit {
    match exits.wait_for(Option::is_some).await {
        Ok(exit) => exit.clone().unwrap_or(Exit::Status(KILLED)),
        Err(_) => Exit::Lost("it is no longer followed".to_owned()),
    }
}
