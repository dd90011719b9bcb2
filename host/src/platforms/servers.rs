//! The servers behind what is deployed on this machine, and every other way to a platform.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gateway::{Daemon, DaemonOptions, Endpoint, ServedPlatform, Token};
use local_platform::LocalPlatform;
use platform::{Ledger, Platform, PlatformError};

use super::catalogue::find;
use super::changing::{Changing, change};
use super::in_this_process::{InProcessOptions, driver, in_this_process};
use super::remote::{Purpose, connection};
use super::state::state_folder;
use super::stopped::Stopped;
use crate::configuration::{Configuration, Target, check_name};
use crate::deployments::Way;
use crate::paths::CacheFolders;
use crate::results::Location;

/// How long a server may take to serve.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ways to the platforms of a configuration. What is deployed on this machine is served by one process for each target and
/// each place of results.
#[derive(Debug, Clone)]
pub struct Servers {
    results: Location,
    configuration: Configuration,
    folders: CacheFolders,
}

impl Servers {
    /// Ways to what `configuration` has, as the ledger at `results` knows it.
    pub fn new(results: Location, configuration: Configuration, folders: CacheFolders) -> Servers {
        Servers { results, configuration, folders }
    }

    /// The platform of a target, to deploy to: its server is started where it does not run.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn start(&self, target: &Target, ledger: &dyn Ledger) -> Result<Arc<dyn Platform>, PlatformError> {
        if let Some(remote) = self.remote(target, Purpose::Deploy).await? {
            return Ok(remote);
        }
        let options = self.daemon(target)?;
        let started = Daemon::start(&options, ledger).await;
        let daemon = started.map_err(|error| error.into_platform_error(target.platform))?;
        self.served(target, daemon).await
    }

    /// The platform in this process, for what ends with it, in a folder of its own.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn in_this_process(
        &self,
        target: &Target,
        ledger: Arc<dyn Ledger>,
        state: &Path,
    ) -> Result<Arc<LocalPlatform>, PlatformError> {
        let options = InProcessOptions { folders: self.folders.clone(), state: state.to_owned(), ledger };
        in_this_process(target, options)
    }

    /// A look at the platform: its server where it runs, else what can be told without one, which starts nothing.
    ///
    /// # Errors
    /// When it can't be reached.
    pub async fn look_at(&self, target: &Target) -> Result<Arc<dyn Platform>, PlatformError> {
        if let Some(remote) = self.remote(target, Purpose::Use).await? {
            return Ok(remote);
        }
        match self.running(target)? {
            Some(daemon) => self.served(target, daemon).await,
            None => self.stopped(target),
        }
    }

    /// The platform at a target that a ledger names. Where its server does not run, what that left can still be removed.
    ///
    /// # Errors
    /// When it can't be reached.
    pub async fn to(&self, platform: &str, target: &str) -> Result<Arc<dyn Platform>, PlatformError> {
        let target = self.target_of(platform, target)?;
        if let Some(remote) = self.remote(&target, Purpose::Use).await? {
            return Ok(remote);
        }
        match self.running(&target)? {
            Some(daemon) => self.served(&target, daemon).await,
            None => self.stopped(&target),
        }
    }

    /// Where what is deployed at a target is called, and what its callers must know; `None` where its server does not run.
    ///
    /// # Errors
    /// When the target is not known, or its server's record can't be read.
    pub fn access(&self, platform: &str, target: &str) -> Result<Option<(Endpoint, Token)>, PlatformError> {
        let daemon = self.running(&self.target_of(platform, target)?)?;
        Ok(daemon.map(|daemon| (daemon.endpoint, daemon.token)))
    }

    /// Waits until no other command of this machine changes a deployment, and keeps others from it.
    ///
    /// # Errors
    /// When another one takes too long.
    pub async fn change(&self, target: &str, name: &str) -> Result<Changing, PlatformError> {
        let folder = state_folder(&self.results, target).map_err(|error| PlatformError::Invalid(error.to_string()))?;
        // A name in a ledger is one that was checked, or else of nobody's file here.
        let name = if check_name(name).is_ok() { name } else { "other" };
        change(&folder, target, name).await
    }

    /// A platform that has servers of its own; `None` for one of this machine.
    ///
    /// # Errors
    /// When what the configuration says of it can't be used.
    pub async fn remote(
        &self,
        target: &Target,
        purpose: Purpose,
    ) -> Result<Option<Arc<dyn Platform>>, PlatformError> {
        let kind = find(target.platform).map_err(|error| PlatformError::Invalid(error.to_string()))?;
        match kind.connect {
            Some(connect) => connect(connection(kind, target, purpose)?).await.map(Some),
            None => Ok(None),
        }
    }

    fn stopped(&self, target: &Target) -> Result<Arc<dyn Platform>, PlatformError> {
        Ok(Arc::new(Stopped::new(driver(target, &self.folders)?, &target.name)))
    }

    fn running(&self, target: &Target) -> Result<Option<Daemon>, PlatformError> {
        Daemon::find(&self.folder(target)?).map_err(|error| error.into_platform_error(target.platform))
    }

    async fn served(&self, target: &Target, daemon: Daemon) -> Result<Arc<dyn Platform>, PlatformError> {
        // What it made, only the server itself can remove while it runs.
        Ok(Arc::new(ServedPlatform::connect(daemon.endpoint, Some(&daemon.token), &target.name).await?))
    }

    fn folder(&self, target: &Target) -> Result<PathBuf, PlatformError> {
        state_folder(&self.results, &target.name).map_err(|error| PlatformError::Invalid(error.to_string()))
    }

    fn daemon(&self, target: &Target) -> Result<DaemonOptions, PlatformError> {
        let program = std::env::current_exe().map_err(|error| PlatformError::Failed {
            platform: target.platform.to_owned(),
            doing: "finding this program, to start a server".to_owned(),
            reason: error.to_string(),
        })?;
        let folder = self.folder(target)?;
        let mut arguments: Vec<OsString> = ["serve", "--platform", &target.name, "--background"].map(Into::into).into();
        arguments.push(folder.clone().into());
        if let Some(path) = self.configuration.path() {
            arguments.push("--config".into());
            arguments.push(std::path::absolute(path).unwrap_or_else(|_| path.clone()).into());
        }
        Ok(DaemonOptions {
            program,
            arguments,
            // In the environment, as it may hold a password.
            environment: vec![("FAASBENCH_RESULTS".into(), self.results.for_environment())],
            folder,
            platform: target.platform.to_owned(),
            target: target.name.clone(),
            patience: PATIENCE,
        })
    }

    /// The target that a ledger names, which the configuration may have lost.
    fn target_of(&self, platform: &str, name: &str) -> Result<Target, PlatformError> {
        let invalid = |error: &dyn std::fmt::Display| PlatformError::Invalid(error.to_string());
        match self.configuration.target(name) {
            Ok(target) if target.platform == platform => Ok(target),
            _ => {
                let platform = self.configuration.target(platform).map_err(|error| invalid(&error))?;
                Ok(Target { name: name.to_owned(), ..platform })
            }
        }
    }
}

#[async_trait]
impl Way for Servers {
    async fn reach(&self, platform: &str, target: &str) -> Result<Arc<dyn Platform>, PlatformError> {
        self.to(platform, target).await
    }

    async fn change(&self, target: &str, name: &str) -> Result<Changing, PlatformError> {
        Servers::change(self, target, name).await
    }
}
