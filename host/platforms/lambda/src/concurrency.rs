//! How many instances there may be: reserved concurrency for the most, provisioned concurrency for the least.
//!
//! Provisioned instances belong to a version, so such a function has an alias that invocations go to.

use std::time::Duration;

use aws_sdk_lambda::types::ProvisionedConcurrencyStatusEnum;
use platform::PlatformError;
use tokio::time::{Instant, sleep};

use crate::clients::Clients;
use crate::failure::{code, failed, is_busy, is_missing, other};
use crate::function::unless_busy;
use crate::wait::until_settled;

/// The alias of functions with provisioned instances.
pub(crate) const ALIAS: &str = "live";
/// How long provisioned instances may take to start.
const STARTING: Duration = Duration::from_secs(600);
/// Between two looks whether they have.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a new version may take.
const PUBLISHING: Duration = Duration::from_secs(120);

/// Sets how many invocations may run at once; `None`: as many as the account may.
pub(crate) async fn set_maximum(clients: &Clients, function: &str, maximum: Option<i32>) -> Result<(), PlatformError> {
    let doing = format!("changing the most instances of {function}");
    match maximum {
        Some(maximum) => {
            let request = || async {
                let request = clients.lambda.put_function_concurrency().function_name(function);
                request.reserved_concurrent_executions(maximum).send().await.map(|_| ())
            };
            unless_busy(clients, function, &doing, request).await
        }
        None => match clients.lambda.delete_function_concurrency().function_name(function).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(failed(&doing, &error)),
        },
    }
}

/// The version that the alias names; `None` where there is no alias.
pub(crate) async fn alias(clients: &Clients, function: &str) -> Result<Option<String>, PlatformError> {
    match clients.lambda.get_alias().function_name(function).name(ALIAS).send().await {
        Ok(answer) => Ok(answer.function_version),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed(&format!("looking for the alias {ALIAS} of {function}"), &error)),
    }
}

/// Starts instances before they are asked for, of the function as it is now, and waits until they are there.
pub(crate) async fn provision(clients: &Clients, function: &str, minimum: i32) -> Result<(), PlatformError> {
    point_alias(clients, function).await?;
    let doing = format!("starting {minimum} instances of {function}");
    let request = || async {
        let request = clients.lambda.put_provisioned_concurrency_config().function_name(function).qualifier(ALIAS);
        request.provisioned_concurrent_executions(minimum).send().await.map(|_| ())
    };
    unless_busy(clients, function, &doing, request).await?;
    wait_until_provisioned(clients, function, STARTING).await
}

/// Waits until provisioned instances are there.
pub(crate) async fn wait_until_provisioned(
    clients: &Clients,
    function: &str,
    patience: Duration,
) -> Result<(), PlatformError> {
    let doing = format!("waiting for the instances of {function}");
    let begin = Instant::now();
    loop {
        let request = clients.lambda.get_provisioned_concurrency_config().function_name(function).qualifier(ALIAS);
        let (ready, asked) = match request.send().await {
            Ok(answer) => match answer.status {
                Some(ProvisionedConcurrencyStatusEnum::Ready) => return Ok(()),
                Some(ProvisionedConcurrencyStatusEnum::Failed) => {
                    return Err(other(&doing, answer.status_reason.unwrap_or_else(|| "no reason is given".to_owned())));
                }
                _ => (
                    answer.available_provisioned_concurrent_executions,
                    answer.requested_provisioned_concurrent_executions,
                ),
            },
            // The alias stays for a moment when the instances are taken away.
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => return Err(failed(&doing, &error)),
        };
        if begin.elapsed() + PAUSE > patience {
            let logs = format!("{} of {} instances are there", ready.unwrap_or_default(), asked.unwrap_or_default());
            return Err(PlatformError::NotReady { name: function.to_owned(), waited: begin.elapsed(), logs });
        }
        sleep(PAUSE).await;
    }
}

/// Takes the alias away and with it the instances and the versions that it named.
pub(crate) async fn unprovision(clients: &Clients, function: &str) -> Result<(), PlatformError> {
    let Some(version) = alias(clients, function).await? else { return Ok(()) };
    let doing = format!("taking away the started instances of {function}");
    let request = clients.lambda.delete_provisioned_concurrency_config().function_name(function).qualifier(ALIAS);
    match request.send().await {
        Ok(_) => {}
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(failed(&doing, &error)),
    }
    match clients.lambda.delete_alias().function_name(function).name(ALIAS).send().await {
        Ok(_) => {}
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(failed(&doing, &error)),
    }
    remove_version(clients, function, &version).await
}

/// Publishes the function as it is now, and makes the alias name that.
async fn point_alias(clients: &Clients, function: &str) -> Result<(), PlatformError> {
    let doing = format!("publishing a version of {function}");
    until_settled(clients, function, None, PUBLISHING).await?;
    let begin = Instant::now();
    let published = loop {
        match clients.lambda.publish_version().function_name(function).send().await {
            Ok(published) => break published,
            Err(error) if is_busy(&error) && begin.elapsed() < PUBLISHING => sleep(PAUSE).await,
            Err(error) => return Err(failed(&doing, &error)),
        }
    };
    let version = published.version.ok_or_else(|| other(&doing, "the answer names no version".to_owned()))?;
    until_settled(clients, function, Some(&version), PUBLISHING).await?;
    let Some(former) = alias(clients, function).await? else {
        let request = clients.lambda.create_alias().function_name(function).name(ALIAS).function_version(&version);
        return match request.send().await {
            Ok(_) => Ok(()),
            // Another made it meanwhile, of the same function: the last one's version is the one.
            Err(error) if code(&error) == Some("ResourceConflictException") => {
                update_alias(clients, function, &version).await
            }
            Err(error) => Err(failed(&doing, &error)),
        };
    };
    if former == version {
        return Ok(());
    }
    update_alias(clients, function, &version).await?;
    wait_until_provisioned(clients, function, STARTING).await?;
    remove_version(clients, function, &former).await
}

async fn update_alias(clients: &Clients, function: &str, version: &str) -> Result<(), PlatformError> {
    let request = clients.lambda.update_alias().function_name(function).name(ALIAS).function_version(version);
    let sent = request.send().await;
    sent.map(|_| ()).map_err(|error| failed(&format!("changing the alias {ALIAS} of {function}"), &error))
}

/// Removes a version that nothing names any more.
async fn remove_version(clients: &Clients, function: &str, version: &str) -> Result<(), PlatformError> {
    if version.parse::<u64>().is_err() {
        return Ok(());
    }
    match clients.lambda.delete_function().function_name(function).qualifier(version).send().await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(failed(&format!("removing version {version} of {function}"), &error)),
    }
}
