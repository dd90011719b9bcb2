//! A deployment's role.

use aws_sdk_iam::types::Tag;
use platform::{DeploymentId, PlatformError};
use serde_json::Value;

use crate::clients::Clients;
use crate::failure::{failed, is_missing, message, other, taken};
use crate::plan::{DEPLOYMENT_TAG, POLICY_NAME, Plan, ROLE_PATH};
use crate::policy;

/// A role that there is.
pub(crate) struct Role {
    pub(crate) arn: String,
    /// Which deployment it says that it belongs to.
    pub(crate) deployment: Option<String>,
}

/// Looks for a role.
pub(crate) async fn find(clients: &Clients, name: &str) -> Result<Option<Role>, PlatformError> {
    let asked = clients.iam.get_role().role_name(name).send().await;
    let role = match asked {
        Ok(answer) => answer.role,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(failed(&format!("looking for the role {name}"), &error)),
    };
    Ok(role.map(|role| Role {
        deployment: role.tags().iter().find(|tag| tag.key() == DEPLOYMENT_TAG).map(|tag| tag.value().to_owned()),
        arn: role.arn().to_owned(),
    }))
}

/// Makes the role, or finds the one that was made before; its ARN.
pub(crate) async fn ensure(
    clients: &Clients,
    plan: &Plan,
    name: &str,
    id: &DeploymentId,
    boundary: Option<&str>,
) -> Result<String, PlatformError> {
    if let Some(role) = find(clients, name).await? {
        return if role.deployment.as_deref() == Some(id.as_str()) { Ok(role.arn) } else { Err(taken(name)) };
    }
    let doing = format!("creating the role {name}");
    let mut request = clients
        .iam
        .create_role()
        .path(ROLE_PATH)
        .role_name(name)
        .description("Made by faasbench for one function; its undeploy removes it")
        .assume_role_policy_document(policy::trust().to_string())
        .set_permissions_boundary(boundary.map(str::to_owned));
    for (key, value) in &plan.tags {
        let tag = Tag::builder().key(key).value(value).build().map_err(|error| other(&doing, error.to_string()))?;
        request = request.tags(tag);
    }
    match request.send().await {
        Ok(answer) => match answer.role {
            Some(role) => Ok(role.arn),
            None => Err(other(&doing, "the answer has no role".to_owned())),
        },
        // Made meanwhile.
        Err(error) if crate::failure::code(&error) == Some("EntityAlreadyExists") => match find(clients, name).await? {
            Some(role) if role.deployment.as_deref() == Some(id.as_str()) => Ok(role.arn),
            _ => Err(taken(name)),
        },
        Err(error) => Err(failed(&doing, &error)),
    }
}

/// Gives the role what it allows.
pub(crate) async fn allow(clients: &Clients, name: &str, document: &Value) -> Result<(), PlatformError> {
    let request = clients.iam.put_role_policy().role_name(name).policy_name(POLICY_NAME);
    let sent = request.policy_document(document.to_string()).send().await;
    sent.map(|_| ()).map_err(|error| failed(&format!("saying what the role {name} allows"), &error))
}

/// Takes away what our role allows; a success when there is no such role, or it is not ours.
pub(crate) async fn forbid(clients: &Clients, name: &str, id: &DeploymentId) -> Result<(), PlatformError> {
    if !is_ours(clients, name, id).await? {
        return Ok(());
    }
    match clients.iam.delete_role_policy().role_name(name).policy_name(POLICY_NAME).send().await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(failed(&format!("removing the policy of the role {name}"), &error)),
    }
}

/// Removes our role; a success when there is none.
pub(crate) async fn remove(clients: &Clients, name: &str, id: &DeploymentId) -> Result<(), PlatformError> {
    if !is_ours(clients, name, id).await? {
        return Ok(());
    }
    let doing = format!("removing the role {name}");
    match clients.iam.delete_role().role_name(name).send().await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) if crate::failure::code(&error) == Some("DeleteConflict") => Err(other(
            &doing,
            format!("{}; somebody gave it more policies: take them from it, then undeploy again", message(&error)),
        )),
        Err(error) => Err(failed(&doing, &error)),
    }
}

async fn is_ours(clients: &Clients, name: &str, id: &DeploymentId) -> Result<bool, PlatformError> {
    let role = find(clients, name).await?;
    Ok(role.is_some_and(|role| role.deployment.as_deref() == Some(id.as_str())))
}
