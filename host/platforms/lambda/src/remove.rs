//! Removing what the ledger names.

use std::time::Duration;

use platform::{PlatformError, Resource};
use remote_platform::{Begin, Connection};
use tokio::time::sleep;

use crate::clients::Clients;
use crate::deploy::{FUNCTION, IMAGE, LOG_GROUP, PERMISSION, PROVISIONED, ROLE, ROLE_POLICY, URL};
use crate::failure::PLATFORM;
use crate::{concurrency, function, logs, name, plan, public_url, role};

/// A request whose sender was killed goes on. What was about to be made this short a time ago may still appear.
const IN_FLIGHT: Duration = Duration::from_secs(10);
/// Between two looks whether it does.
const PAUSE: Duration = Duration::from_millis(500);

/// Removes what an entry of the ledger names; only what carries our mark.
pub(crate) async fn remove(
    clients: &Clients,
    connection: &Connection,
    resource: &Resource,
) -> Result<(), PlatformError> {
    plan::check_id(&resource.deployment)?;
    if resource.kind == IMAGE {
        let tag = resource.name.rsplit_once(':').map_or("", |(_, tag)| tag);
        if !tag.contains(resource.deployment.as_str()) {
            return Err(not_ours(&resource.name));
        }
        return connection.registry()?.remove(&resource.name).await;
    }
    check_place(clients, resource).await?;
    // Only a thing whose making is not known to have ended may appear: the ledger's details are those of the intention then too,
    // but time has passed.
    let intended = resource.details["intended_unix_ms"].as_u64().unwrap_or(0);
    loop {
        remove_once(clients, resource).await?;
        let age = Duration::from_millis((Begin::now().unix_ns / 1_000_000).saturating_sub(intended));
        if resource.details["created"] == true || age >= IN_FLIGHT || !appears_late(&resource.kind) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}

/// Whether this is a thing of its own; others go with it.
fn appears_late(kind: &str) -> bool {
    matches!(kind, ROLE | LOG_GROUP | FUNCTION)
}

async fn remove_once(clients: &Clients, resource: &Resource) -> Result<(), PlatformError> {
    let (name, id) = (resource.name.as_str(), &resource.deployment);
    match resource.kind.as_str() {
        ROLE if name == plan::role_name(id) => role::remove(clients, name, id).await,
        ROLE_POLICY => match name.split_once('/') {
            Some((role, policy)) if role == plan::role_name(id) && policy == plan::POLICY_NAME => {
                role::forbid(clients, role, id).await
            }
            _ => Err(not_ours(name)),
        },
        LOG_GROUP if name.starts_with("/aws/lambda/") => logs::remove_group(clients, name, id).await,
        FUNCTION => {
            check_function(name)?;
            function::remove(clients, name, id).await
        }
        URL | PERMISSION | PROVISIONED => {
            check_function(name)?;
            match function::find(clients, name, None).await? {
                Some(found) if found.is_of(id) => {}
                // It went with its function, or it is not ours.
                _ => return Ok(()),
            }
            match resource.kind.as_str() {
                URL => public_url::remove(clients, name).await,
                PERMISSION => public_url::close(clients, name).await,
                _ => concurrency::unprovision(clients, name).await,
            }
        }
        ROLE | LOG_GROUP => Err(not_ours(name)),
        kind => Err(PlatformError::Invalid(format!("{PLATFORM} has nothing of the kind {kind:?}"))),
    }
}

/// A name that can't be a function's can't be one of ours either.
fn check_function(name: &str) -> Result<(), PlatformError> {
    let (first, rest) = name.split_at_checked(1).unwrap_or((name, ""));
    name::function(first, rest).map(|_| ())
}

/// In another account, or at another endpoint, there is nothing of ours, whatever has the same name.
async fn check_place(clients: &Clients, resource: &Resource) -> Result<(), PlatformError> {
    if let Some(made_at) = resource.details["endpoint"].as_str().filter(|made_at| *made_at != clients.place()) {
        return Err(PlatformError::Invalid(format!(
            "the {} {} is at {made_at}, and the target is at {}; set `endpoint` back to remove it",
            resource.kind,
            resource.name,
            clients.place()
        )));
    }
    let Some(made_in) = resource.details["account"].as_str() else { return Ok(()) };
    let account = clients.account().await?;
    if made_in == account.number {
        return Ok(());
    }
    Err(PlatformError::Denied {
        platform: PLATFORM.to_owned(),
        reason: format!(
            "the {} {} is in the account {made_in}, and these credentials are of {}",
            resource.kind, resource.name, account.number
        ),
        advice: "choose the profile of that account with the option `profile` or AWS_PROFILE".to_owned(),
    })
}

fn not_ours(name: &str) -> PlatformError {
    PlatformError::Invalid(format!("{name:?} is not of this deployment, and is left alone"))
}
