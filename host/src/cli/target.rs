//! From what the command line names to a platform.

use std::path::PathBuf;

use anyhow::anyhow;
use platform::PlatformError;

use super::arguments::{ConfigurationFile, EnvironmentVariable, SettingsArguments};
use super::exit::Failure;
use crate::configuration::{self, Configuration, Settings, Target};
use crate::deployments::DeployError;
use crate::results::{DeploymentEntry, DurableLedger, Location, Store, StoreError};

/// Reads the configuration.
pub(super) fn configuration(file: &ConfigurationFile) -> Result<Configuration, Failure> {
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    configuration::load(file.path.as_deref(), &folder).map_err(Failure::users)
}

/// The target that was asked for, with what flags say in front of what the configuration says.
pub(super) fn with_settings(
    configuration: &Configuration,
    name: &str,
    arguments: &SettingsArguments,
) -> Result<Target, Failure> {
    let mut target = configuration.target(name).map_err(Failure::users)?;
    target.settings = settings(arguments)?.or(&target.settings);
    target.settings.check().map_err(Failure::users)?;
    Ok(target)
}

fn settings(arguments: &SettingsArguments) -> Result<Settings, Failure> {
    let mut settings = Settings {
        memory_bytes: arguments.memory,
        cpus: arguments.cpu,
        timeout: arguments.timeout,
        scratch_bytes: arguments.scratch,
        minimum_instances: arguments.min,
        maximum_instances: arguments.max,
        concurrency: arguments.concurrency,
        keep_alive: arguments.keep_alive,
        queue: arguments.queue,
        ..Settings::default()
    };
    for variable in &arguments.environment {
        settings.environment.insert(variable.name.clone(), value_of(variable)?);
    }
    Ok(settings)
}

fn value_of(variable: &EnvironmentVariable) -> Result<String, Failure> {
    let name = &variable.name;
    match &variable.value {
        Some(value) => Ok(value.clone()),
        None => std::env::var(name).map_err(|_| {
            Failure::Users(anyhow!(
                "--env {name}: the environment has no text of this name; set it, or give {name}=VALUE"
            ))
        }),
    }
}

/// The one deployment of this name in the ledger there, on this target or wherever it is.
pub(super) async fn find(location: &Location, name: &str, target: Option<&str>) -> Result<DeploymentEntry, Failure> {
    let results = match Store::open_existing(location).await {
        Err(StoreError::Missing { location }) => return Err(nothing_deployed(&location)),
        opened => opened.map_err(super::store::failure)?,
    };
    let ledger = results.ledger();
    let entry = deployment(&ledger, name, target).await;
    ledger.close().await;
    results.close().await;
    entry
}

/// There are no results, so no ledger.
pub(super) fn nothing_deployed(location: &Location) -> Failure {
    Failure::Users(anyhow!(
        "nothing was ever deployed with the results at `{location}`; `faasbench deploy --platform PLATFORM` does it, or say \
         which results by --results"
    ))
}

/// The same, of a ledger that is open.
pub(super) async fn deployment(
    ledger: &DurableLedger,
    name: &str,
    target: Option<&str>,
) -> Result<DeploymentEntry, Failure> {
    let mut found = ledger.deployments().await.map_err(super::store::failure)?;
    found.retain(|entry| entry.name == name && target.is_none_or(|target| entry.target == target));
    found.retain(|entry| ledger.is_within_reach(entry.host.as_deref()));
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let on = target.map(|target| format!(" on {target}")).unwrap_or_default();
            let platform = target.unwrap_or("PLATFORM");
            Err(Failure::Users(anyhow!(
                "there is no deployment `{name}`{on}; `faasbench status` lists those that there are, and `faasbench deploy \
                 --platform {platform}` makes one"
            )))
        }
        _ => {
            let targets: Vec<&str> = found.iter().map(|entry| entry.target.as_str()).collect();
            Err(Failure::Users(anyhow!(
                "`{name}` is deployed on {}; say which by --platform",
                targets.join(" and on ")
            )))
        }
    }
}

/// Whose fault a platform's error is.
pub(super) fn failure(error: PlatformError) -> Failure {
    if error.is_users() { Failure::users(error) } else { Failure::ours(error) }
}

/// The same of deploying.
pub(super) fn deploy_failure(error: DeployError) -> Failure {
    match error {
        DeployError::Platform(error) => failure(error),
        DeployError::Store(error) => super::store::failure(error),
    }
}
