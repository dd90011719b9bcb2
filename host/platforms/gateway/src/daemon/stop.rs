//! Ending a server in the background, also after a crash of whoever started it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use platform::{PlatformError, Resource};
use process_identity::{ProcessIdentity, marked};
use tokio::task::spawn_blocking;

use super::MARK;
use super::error::DaemonError;
use super::record::Folder;
use super::start::Daemon;

/// How long a server may take to finish what it took.
const PATIENCE: Duration = Duration::from_secs(40);

impl Daemon {
    /// Ends it: it finishes what it took, and is ended after `patience` whatever it does.
    ///
    /// # Errors
    /// When it is still there.
    pub async fn stop(self, patience: Duration) -> Result<(), DaemonError> {
        let process = self.process.process_id;
        let failed = |reason| DaemonError::Stop { process, reason };
        end(vec![self.process], patience).await.map_err(failed)?;
        self.folder.forget(&self.name);
        Ok(())
    }

    /// Waits until it has ended by itself, as it does when nothing is deployed any more; whether it did within `patience`.
    ///
    /// # Errors
    /// When its process can't be looked at.
    pub async fn ended(&self, patience: Duration) -> Result<bool, DaemonError> {
        let process = self.process.clone();
        let failed = |reason| DaemonError::Stop { process: self.process.process_id, reason };
        let waited = spawn_blocking(move || process.wait(patience)).await;
        waited.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(failed)
    }

    /// Ends the server that a ledger names, however far it came: one that is serving, one that was only about to be started,
    /// one whose command was killed in between.
    ///
    /// # Errors
    /// When it is, or may be, still there.
    pub async fn remove(resource: &Resource) -> Result<(), PlatformError> {
        let failed = |reason: io::Error| PlatformError::Failed {
            platform: resource.platform.clone(),
            doing: format!("ending the server {}", resource.name),
            reason: reason.to_string(),
        };
        let known: Option<ProcessIdentity> = serde_json::from_value(resource.details.clone()).ok();
        let name = resource.name.clone();
        // The mark finds it also when its process was never written down.
        let found = spawn_blocking(move || marked(MARK, |value| value == name)).await;
        let found = found.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(failed)?;
        let mut processes: Vec<ProcessIdentity> = found.into_iter().map(|(process, _)| process).collect();
        processes.extend(known.filter(|known| known.is_there()));
        end(processes, PATIENCE).await.map_err(failed)?;
        if let Some(folder) = resource.details.get("folder").and_then(|folder| folder.as_str()) {
            Folder::new(PathBuf::from(folder)).forget(&resource.name);
        }
        Ok(())
    }
}

async fn end(processes: Vec<ProcessIdentity>, patience: Duration) -> io::Result<()> {
    let end_all = move || processes.iter().map(|process| process.end(patience)).collect::<io::Result<Vec<()>>>();
    spawn_blocking(end_all).await.map_err(io::Error::other)?.map(|_| ())
}
