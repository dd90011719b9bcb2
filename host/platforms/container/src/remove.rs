//! Removing what the ledger names, also what another process created, and finding what carries our mark.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::errors::Error;
use bollard::query_parameters::{ListImagesOptions, RemoveContainerOptions, RemoveImageOptions};
use platform::{DeploymentId, Found, PlatformError, Resource};
use serde_json::{Value, json};

use crate::body::{DEPLOYMENT_LABEL, OWNER, OWNER_LABEL, SOCKET};
use crate::engine::Engine;
use crate::failure::{failed, is_conflict, is_missing};

/// The kind of a container in the ledger.
pub(crate) const CONTAINER: &str = "container";
/// The kind of an image's tag in the ledger.
pub(crate) const IMAGE: &str = "image";
/// What all our images' names begin with. Nobody else's do: `localhost` is no registry.
pub(crate) const REPOSITORY: &str = "localhost/faasbench/";

/// All containers with our label, whatever they do: the filter is `{"label":["faasbench.owner=faasbench"]}`.
const OUR_CONTAINERS: &str =
    "/containers/json?all=true&filters=%7B%22label%22%3A%5B%22faasbench.owner%3Dfaasbench%22%5D%7D";
/// An engine goes on with a request whose sender was killed. What was about to be created this short a time ago may still
/// appear.
const IN_FLIGHT: Duration = Duration::from_secs(5);
/// Between two looks whether it does.
const PAUSE: Duration = Duration::from_millis(50);
/// How long others' removals may keep an engine from listing.
const LISTING: Duration = Duration::from_secs(5);
/// How long another removal of the same thing may take.
const BUSY: Duration = Duration::from_secs(20);

/// What the ledger keeps of something that is about to be created.
pub(crate) fn intention(engine: &Engine, folder: Option<&Path>) -> Value {
    json!({ "address": engine.address.to_string(), "folder": folder, "intended_unix_ms": unix_ms() })
}

/// What it keeps of something that was.
pub(crate) fn creation(engine: &Engine, folder: Option<&Path>, id: &str) -> Value {
    json!({ "address": engine.address.to_string(), "folder": folder, "id": id })
}

/// Removes what an entry of the ledger names.
pub(crate) async fn remove(engine: &Engine, resource: &Resource) -> Result<(), PlatformError> {
    let intended = resource.details["intended_unix_ms"].as_u64();
    let until_certain = intended
        .map_or(Duration::ZERO, |then| IN_FLIGHT.saturating_sub(Duration::from_millis(unix_ms().saturating_sub(then))));
    match resource.kind.as_str() {
        CONTAINER => {
            if !resource.name.starts_with(&format!("faasbench-{}-", resource.deployment)) {
                return Err(not_ours(&resource.name));
            }
            remove_container(engine, &resource.name, &resource.deployment, until_certain).await?;
            if let Some(folder) = resource.details["folder"].as_str() {
                remove_folder(&PathBuf::from(folder));
            }
            Ok(())
        }
        IMAGE => {
            let tag = resource.name.strip_prefix(REPOSITORY).and_then(|rest| rest.split_once(':'));
            if !tag.is_some_and(|(_, tag)| tag.starts_with(&format!("{}-", resource.deployment))) {
                return Err(not_ours(&resource.name));
            }
            remove_image(engine, &resource.name, until_certain).await
        }
        kind => Err(PlatformError::Invalid(format!("container has nothing of the kind {kind:?}"))),
    }
}

/// Removes a container with our label; one that is another's stays.
pub(crate) async fn remove_container(
    engine: &Engine,
    name: &str,
    deployment: &DeploymentId,
    until_certain: Duration,
) -> Result<(), PlatformError> {
    let doing = format!("removing the container {name}");
    let begin = tokio::time::Instant::now();
    loop {
        match engine.inspect(name).await {
            Ok(found) => {
                if !is_ours(&found["Config"]["Labels"], deployment) {
                    // Ours is not there, as its name is another's.
                    return Ok(());
                }
                let options = RemoveContainerOptions { v: true, force: true, link: false };
                // By its id, as the name could become another's.
                let id = found["Id"].as_str().unwrap_or(name);
                match engine.api.remove_container(id, Some(options)).await {
                    Ok(()) => return Ok(()),
                    Err(error) if is_missing(&error) => return Ok(()),
                    // Another removes it at this moment, or it is just being started.
                    Err(error) if is_busy(&error) && begin.elapsed() < BUSY => {}
                    Err(error) => return Err(failed(&doing, &error)),
                }
            }
            Err(error) if is_missing(&error) => {
                if begin.elapsed() >= until_certain {
                    return Ok(());
                }
            }
            Err(error) => return Err(failed(&doing, &error)),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes an image's tag, and with the last tag the image.
async fn remove_image(engine: &Engine, reference: &str, until_certain: Duration) -> Result<(), PlatformError> {
    let doing = format!("removing the image {reference}");
    let begin = tokio::time::Instant::now();
    loop {
        let options = RemoveImageOptions::default();
        match engine.api.remove_image(reference, Some(options), None).await {
            Ok(_) => return Ok(()),
            Err(error) if is_missing(&error) || says_missing(&error) => {
                if begin.elapsed() >= until_certain {
                    return Ok(());
                }
            }
            Err(error) if is_busy(&error) && begin.elapsed() < until_certain => {}
            Err(error) if was_overtaken(&error) && begin.elapsed() < BUSY => {}
            Err(error) => return Err(failed(&doing, &error)),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Docker's word that the image went with another of its names while this one was looked up.
fn was_overtaken(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { message, .. } if message.contains("unrecognized image ID"))
}

/// Removes an instance's folder. Nothing else than its socket was in it, so it is not emptied of anything else.
pub(crate) fn remove_folder(folder: &Path) {
    // What is gone already is as good.
    let _ = std::fs::remove_file(folder.join(SOCKET));
    let _ = std::fs::remove_dir(folder);
}

/// Everything that carries our mark, of any deployment.
pub(crate) async fn find_marked(engine: &Engine) -> Result<Vec<Found>, PlatformError> {
    let filters = HashMap::from([("reference".to_owned(), vec![format!("{REPOSITORY}*")])]);
    let images = ListImagesOptions { filters: Some(filters), ..ListImagesOptions::default() };
    let begin = tokio::time::Instant::now();
    let (containers, images) = loop {
        let listed = tokio::try_join!(engine.get(OUR_CONTAINERS), engine.api.list_images(Some(images.clone())));
        match listed {
            Ok(listed) => break listed,
            // Podman fails to list the others when one goes at that moment.
            Err(Error::DockerResponseServerError { status_code: 500.., .. }) if begin.elapsed() < LISTING => {}
            Err(error) => return Err(failed("listing containers and images", &error)),
        }
        tokio::time::sleep(PAUSE).await;
    };
    let mut found = Vec::new();
    for container in containers.as_array().map_or(&[][..], Vec::as_slice) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        found.push(Found {
            kind: CONTAINER.to_owned(),
            name: text(&container["Names"][0]).trim_start_matches('/').to_owned(),
            deployment: text(&container["Labels"][DEPLOYMENT_LABEL]),
        });
    }
    for tag in images.into_iter().flat_map(|image| image.repo_tags) {
        if let Some((_, tagged)) = tag.strip_prefix(REPOSITORY).and_then(|rest| rest.rsplit_once(':')) {
            let deployment = tagged.split('-').next().unwrap_or_default().to_owned();
            found.push(Found { kind: IMAGE.to_owned(), name: tag.clone(), deployment });
        }
    }
    Ok(found)
}

/// A name that we never give.
fn not_ours(name: &str) -> PlatformError {
    PlatformError::Invalid(format!("{name} is not a name that faasbench gives, so it is not removed"))
}

fn is_ours(labels: &Value, deployment: &DeploymentId) -> bool {
    labels[OWNER_LABEL] == OWNER && labels[DEPLOYMENT_LABEL] == deployment.as_str()
}

/// Whether an engine can't remove something at this moment.
fn is_busy(error: &Error) -> bool {
    is_conflict(error)
        || matches!(error, Error::DockerResponseServerError { message, .. }
            if message.contains("is already in progress") || message.contains("in use"))
}

/// Podman's word for an image that is not there, with a status of 500 in some versions.
fn says_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { message, .. }
        if message.contains("image not known") || message.contains("No such image"))
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
