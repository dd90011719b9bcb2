//! Removing what the ledger names, and finding what carries our mark.

use local_daemon::LocalDaemon;
use platform::{Found, PlatformError, Resource};
use remote_platform::Registry;

use crate::api::PLATFORM;
use crate::fn_platform::FnPlatform;
use crate::objects::App;
use crate::plan::{APPLICATION, FUNCTION, IMAGE, TRIGGER};

impl FnPlatform {
    /// Removes one thing when it carries the deployment's mark.
    pub(crate) async fn remove_resource(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.check_server_of(resource)?;
        match resource.kind.as_str() {
            IMAGE => self.remove_image(resource).await,
            APPLICATION => self.remove_app(&resource.name).await,
            FUNCTION => {
                let Some(app) = self.app_of(resource).await? else { return Ok(()) };
                match self.api.function(&app, &resource.name).await? {
                    Some(function) if function.is_of(&resource.deployment) => {
                        self.api.delete("fns", &function.id, &function.name).await
                    }
                    _ => Ok(()),
                }
            }
            TRIGGER => {
                let Some(app) = self.app_of(resource).await? else { return Ok(()) };
                match self.api.trigger(&app, &resource.name).await? {
                    Some(trigger) if trigger.is_of(&resource.deployment) => {
                        self.api.delete("triggers", &trigger.id, &trigger.name).await
                    }
                    _ => Ok(()),
                }
            }
            kind => Err(PlatformError::Invalid(format!("{PLATFORM} has nothing of the kind {kind:?}"))),
        }
    }

    async fn app_of(&self, resource: &Resource) -> Result<Option<App>, PlatformError> {
        self.api.app(resource.details["app"].as_str().unwrap_or(&self.options.app)).await
    }

    async fn remove_image(&self, resource: &Resource) -> Result<(), PlatformError> {
        // Where it went, whatever the configuration says today.
        match resource.details["daemon"].as_str() {
            Some(address) => LocalDaemon::new(PLATFORM, Some(address))?.remove(&resource.name).await,
            None => self.connection.registry()?.remove(&resource.name).await,
        }
    }

    /// Removes the app when it is ours and nothing is in it: Fn would delete what is.
    async fn remove_app(&self, name: &str) -> Result<(), PlatformError> {
        let Some(app) = self.api.app(name).await?.filter(|app| app.made_by().is_some()) else { return Ok(()) };
        if !self.api.functions(&app).await?.is_empty() {
            return Ok(());
        }
        self.api.delete("apps", &app.id, &app.name).await
    }

    /// Everything that carries our mark, in any app. An app is told of only when nothing is in it.
    pub(crate) async fn marked(&self) -> Result<Vec<Found>, PlatformError> {
        let mut all = Vec::new();
        let found = |kind: &str, name: &str, deployment: &str| Found {
            kind: kind.to_owned(),
            name: name.to_owned(),
            deployment: deployment.to_owned(),
        };
        for app in self.api.apps().await? {
            let functions = self.api.functions(&app).await?;
            if let Some(deployment) = app.made_by().filter(|_| functions.is_empty()) {
                all.push(found(APPLICATION, &app.name, deployment));
            }
            let ours = functions.iter().filter_map(|function| Some((&function.name, function.deployment()?)));
            all.extend(ours.map(|(name, deployment)| found(FUNCTION, name, deployment)));
            let triggers = self.api.triggers(&app).await?;
            let ours = triggers.iter().filter_map(|trigger| Some((&trigger.name, trigger.deployment()?)));
            all.extend(ours.map(|(name, deployment)| found(TRIGGER, name, deployment)));
        }
        if let Some(daemon) = &self.daemon {
            all.extend(daemon.find_marked().await?);
        }
        Ok(all)
    }
}
