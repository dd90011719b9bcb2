//! Removing what the ledger names, and finding what carries our mark.

use std::time::Duration;

use local_daemon::LocalDaemon;
use platform::{Found, PlatformError, Resource};
use remote_platform::Registry;
use tokio::time::{Instant, sleep};

use crate::control::{About, PLATFORM, failed};
use crate::nuclio_platform::NuclioPlatform;
use crate::plan::{FUNCTION, IMAGE, PROJECT_KIND};

/// How long a deletion that was accepted may take.
const GONE: Duration = Duration::from_secs(60);
/// Between two looks whether it has.
const PAUSE: Duration = Duration::from_millis(250);

impl NuclioPlatform {
    /// Removes one thing when it carries the deployment's mark.
    pub(crate) async fn remove_resource(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.check_place_of(resource)?;
        match resource.kind.as_str() {
            IMAGE => match resource.details["daemon"].as_str() {
                // Where it went, whatever the configuration says today.
                Some(address) => LocalDaemon::new(PLATFORM, Some(address))?.remove(&resource.name).await,
                None => self.connection.registry()?.remove(&resource.name).await,
            },
            PROJECT_KIND => self.remove_project(&resource.name).await,
            FUNCTION => self.remove_function(resource).await,
            kind => Err(PlatformError::Invalid(format!("{PLATFORM} has nothing of the kind {kind:?}"))),
        }
    }

    async fn remove_function(&self, resource: &Resource) -> Result<(), PlatformError> {
        let name = &resource.name;
        let is_there = || async {
            let function = self.control.function(name).await?;
            Ok::<_, PlatformError>(function.is_some_and(|function| function.metadata.is_of(&resource.deployment)))
        };
        if !is_there().await? {
            return Ok(());
        }
        self.control.delete(About::Function, name).await?;
        let begin = Instant::now();
        while is_there().await? {
            if begin.elapsed() > GONE {
                let waited = GONE.as_secs();
                return Err(failed(
                    &format!("deleting the function {name}"),
                    format!("it is still there after {waited} s"),
                ));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Removes the project when it is ours and nothing is in it.
    async fn remove_project(&self, name: &str) -> Result<(), PlatformError> {
        let found = self.control.project(name).await?;
        let is_ours = found.is_some_and(|project| project.metadata.deployment().is_some());
        if !is_ours || self.control.is_used(name).await? {
            return Ok(());
        }
        self.control.delete(About::Project, name).await
    }

    /// Everything that carries our mark. A project is told of only when nothing is in it.
    pub(crate) async fn marked(&self) -> Result<Vec<Found>, PlatformError> {
        let found = |kind: &str, name: &str, deployment: &str| Found {
            kind: kind.to_owned(),
            name: name.to_owned(),
            deployment: deployment.to_owned(),
        };
        let mut all = Vec::new();
        for function in self.control.functions().await? {
            if let Some(deployment) = function.metadata.deployment() {
                all.push(found(FUNCTION, &function.metadata.name, deployment));
            }
        }
        for project in self.control.projects().await? {
            let name = &project.metadata.name;
            if let Some(deployment) = project.metadata.deployment()
                && !self.control.is_used(name).await?
            {
                all.push(found(PROJECT_KIND, name, deployment));
            }
        }
        if let Some(daemon) = &self.daemon {
            all.extend(daemon.find_marked().await?);
        }
        Ok(all)
    }
}
