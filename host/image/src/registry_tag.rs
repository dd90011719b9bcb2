//! Removing images' tags from registries.

use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use reqwest::{Method, StatusCode};

use crate::registry::{PushError, PushOptions, client, credentials, is_loopback};

/// Removes a tag, `REGISTRY/REPOSITORY:TAG`; a success when it is gone already. The image itself stays until the registry
/// collects what no tag names.
///
/// # Errors
/// When the registry can't be reached or refuses; many don't let single tags be removed.
pub async fn remove_tag(tagged: &str, options: &PushOptions) -> Result<(), PushError> {
    let wrong = |reason: String| PushError::Reference { text: tagged.to_owned(), reason };
    let reference: Reference = tagged.parse().map_err(|error: oci_client::ParseError| wrong(error.to_string()))?;
    let Some(tag) = reference.tag() else { return Err(wrong("it has no tag".to_owned())) };
    let registry = reference.registry().to_owned();
    let plain_http = options.plain_http || is_loopback(&registry);
    let unreachable = |reason: String| PushError::Unreachable { registry: registry.clone(), reason, plain_http };
    let credentials = credentials(reference.resolve_registry().to_owned()).await?;
    let oci = client(plain_http).map_err(unreachable)?;
    let token = oci
        .auth(&reference, &credentials, RegistryOperation::Push)
        .await
        .map_err(|error| PushError::Refused { registry: registry.clone(), reason: error.to_string() })?;
    let scheme = if plain_http { "http" } else { "https" };
    let address = format!("{scheme}://{}/v2/{}/manifests/{tag}", reference.resolve_registry(), reference.repository());
    let mut request = reqwest::Client::new().request(Method::DELETE, address);
    request = match (token, &credentials) {
        (Some(token), _) => request.bearer_auth(token),
        (None, RegistryAuth::Basic(user, password)) => request.basic_auth(user, Some(password)),
        (None, _) => request,
    };
    let response = request.send().await.map_err(|error| unreachable(error.to_string()))?;
    match response.status() {
        status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(PushError::Denied {
            registry: registry.clone(),
            repository: reference.repository().to_owned(),
            anonymous: credentials == RegistryAuth::Anonymous,
        }),
        status => {
            let said: String = response.text().await.unwrap_or_default().chars().take(200).collect();
            Err(PushError::Refused {
                registry: registry.clone(),
                reason: format!(
                    "it does not remove the tag {tag} of {} (status {status}: {}); remove it there by hand, or let the registry \
                     delete what is old",
                    reference.repository(),
                    said.trim()
                ),
            })
        }
    }
}
