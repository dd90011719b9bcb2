//! Finding what carries our mark.

use platform::{Found, PlatformError};

use crate::clients::Clients;
use crate::deploy::{FUNCTION, LOG_GROUP, ROLE};
use crate::failure::{failed, is_missing};
use crate::plan::{DEPLOYMENT_TAG, ROLE_PATH};

/// Every function and log group whose name has the prefix, and every role below our path, that has our tag.
pub(crate) async fn find_marked(clients: &Clients, prefix: &str) -> Result<Vec<Found>, PlatformError> {
    let mut found = functions(clients, prefix).await?;
    found.extend(log_groups(clients, prefix).await?);
    found.extend(roles(clients).await?);
    Ok(found)
}

async fn functions(clients: &Clients, prefix: &str) -> Result<Vec<Found>, PlatformError> {
    const DOING: &str = "listing functions";
    let mut found = Vec::new();
    let mut pages = clients.lambda.list_functions().into_paginator().items().send();
    while let Some(function) = pages.next().await {
        let function = function.map_err(|error| failed(DOING, &error))?;
        let (Some(name), Some(arn)) = (function.function_name, function.function_arn) else { continue };
        if !name.starts_with(prefix) {
            continue;
        }
        let tags = match clients.lambda.list_tags().resource(arn).send().await {
            Ok(answer) => answer.tags.unwrap_or_default(),
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(failed(&format!("reading the tags of {name}"), &error)),
        };
        if let Some(deployment) = tags.get(DEPLOYMENT_TAG) {
            found.push(Found { kind: FUNCTION.to_owned(), name, deployment: deployment.clone() });
        }
    }
    Ok(found)
}

async fn log_groups(clients: &Clients, prefix: &str) -> Result<Vec<Found>, PlatformError> {
    const DOING: &str = "listing log groups";
    let mut found = Vec::new();
    let request = clients.logs.describe_log_groups().log_group_name_prefix(format!("/aws/lambda/{prefix}"));
    let mut pages = request.into_paginator().items().send();
    while let Some(group) = pages.next().await {
        let group = group.map_err(|error| failed(DOING, &error))?;
        let Some(name) = group.log_group_name else { continue };
        if let Some(deployment) = crate::logs::deployment_of(clients, &name).await? {
            found.push(Found { kind: LOG_GROUP.to_owned(), name, deployment });
        }
    }
    Ok(found)
}

async fn roles(clients: &Clients) -> Result<Vec<Found>, PlatformError> {
    const DOING: &str = "listing roles";
    let mut found = Vec::new();
    let mut pages = clients.iam.list_roles().path_prefix(ROLE_PATH).into_paginator().items().send();
    while let Some(role) = pages.next().await {
        let name = role.map_err(|error| failed(DOING, &error))?.role_name;
        // The list itself has no tags.
        if let Some(deployment) = crate::role::find(clients, &name).await?.and_then(|role| role.deployment) {
            found.push(Found { kind: ROLE.to_owned(), name, deployment });
        }
    }
    Ok(found)
}
