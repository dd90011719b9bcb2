//! Removing images' tags from registries.

use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use reqwest::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::registry::{CONNECT_TIMEOUT, PushError, PushOptions, READ_TIMEOUT, client, credentials, is_loopback};

/// The empty descriptor of the OCI image specification 1.1: `{}`.
const EMPTY: &[u8] = b"{}";
const EMPTY_KIND: &str = "application/vnd.oci.empty.v1+json";
const MANIFEST_KIND: &str = "application/vnd.oci.image.manifest.v1+json";
/// What is asked for: Docker's registry says of a manifest of another kind that it is not there.
const MANIFEST_KINDS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                              application/vnd.docker.distribution.manifest.v2+json, \
                              application/vnd.docker.distribution.manifest.list.v2+json";

/// Removes a tag, `REGISTRY/REPOSITORY:TAG`; a success when it is gone already. The image itself stays until the registry
/// collects what no tag names: other tags may name it too. A registry that removes by digest alone is given an empty image under that
/// tag first, which nothing else names.
///
/// # Errors
/// When the registry can't be reached or refuses; many let nothing be removed.
pub async fn remove_tag(tagged: &str, options: &PushOptions) -> Result<(), PushError> {
    let wrong = |reason: String| PushError::Reference { text: tagged.to_owned(), reason };
    let reference: Reference = tagged.parse().map_err(|error: oci_client::ParseError| wrong(error.to_string()))?;
    let Some(tag) = reference.tag().map(str::to_owned) else { return Err(wrong("it has no tag".to_owned())) };
    let plain_http = options.plain_http || is_loopback(reference.registry());
    let credentials = credentials(reference.resolve_registry().to_owned()).await?;
    let registry = reference.registry().to_owned();
    let unreachable = |reason: String| PushError::Unreachable { registry: registry.clone(), reason, plain_http };
    let client = client(plain_http).map_err(unreachable)?;
    let token = client
        .auth(&reference, &credentials, RegistryOperation::Push)
        .await
        .map_err(|error| PushError::Refused { registry: registry.clone(), reason: error.to_string() })?;
    let mut removal = Removal { client, reference, plain_http, token, credentials };
    let mut by_tag = removal.delete(&tag).await?;
    // Some registries want a leave of its own for what removes.
    if by_tag.status() == StatusCode::UNAUTHORIZED
        && let Some(challenge) = by_tag.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok())
        && let Some(token) = removal.token_for(challenge).await?
    {
        removal.token = Some(token);
        by_tag = removal.delete(&tag).await?;
    }
    match by_tag.status() {
        status if status.is_success() || status == StatusCode::NOT_FOUND => return Ok(()),
        StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED => {}
        _ => return Err(removal.refused(by_tag, &tag).await),
    }
    if !removal.exists(&tag).await? {
        return Ok(());
    }
    let digest = removal.give_way(tagged).await?;
    let by_digest = removal.delete(&digest).await?;
    if by_digest.status().is_success() || by_digest.status() == StatusCode::NOT_FOUND {
        return Ok(());
    }
    Err(removal.refused(by_digest, &tag).await)
}

struct Removal {
    client: Client,
    reference: Reference,
    plain_http: bool,
    token: Option<String>,
    credentials: RegistryAuth,
}

impl Removal {
    async fn ask(&self, method: Method, name: &str) -> Result<Response, PushError> {
        let scheme = if self.plain_http { "http" } else { "https" };
        let (registry, repository) = (self.reference.resolve_registry(), self.reference.repository());
        let address = format!("{scheme}://{registry}/v2/{repository}/manifests/{name}");
        let request = self
            .bounded()?
            .request(method, address)
            .header(reqwest::header::ACCEPT, HeaderValue::from_static(MANIFEST_KINDS));
        let request = match (&self.token, &self.credentials) {
            (Some(token), _) => request.bearer_auth(token),
            (None, RegistryAuth::Basic(user, password)) => request.basic_auth(user, Some(password)),
            (None, _) => request,
        };
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    /// A token as `Bearer realm="…",service="…",scope="…"` asks for it (CNCF Distribution, "Token Authentication Specification");
    /// `None` where it asks for something else or gives none. A realm that is not spoken to with TLS gets no credentials unless the
    /// registry is not either.
    async fn token_for(&self, challenge: &str) -> Result<Option<String>, PushError> {
        // One that can't be read asks for nothing that could be given.
        let challenges = http_auth::parse_challenges(challenge).unwrap_or_default();
        let Some(bearer) = challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("Bearer")) else {
            return Ok(None);
        };
        let field = |name: &str| {
            let (_, value) = bearer.params.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))?;
            Some(value.to_unescaped())
        };
        let Some(realm) = field("realm").filter(|realm| self.plain_http || realm.starts_with("https://")) else {
            return Ok(None);
        };
        let query: Vec<(&str, String)> =
            ["service", "scope"].into_iter().filter_map(|name| Some((name, field(name)?))).collect();
        let request = self.bounded()?.request(Method::GET, realm).query(&query);
        let request = match &self.credentials {
            RegistryAuth::Basic(user, password) => request.basic_auth(user, Some(password)),
            _ => request,
        };
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let document: serde_json::Value = answer.json().await.unwrap_or_default();
        let token = document["token"].as_str().or(document["access_token"].as_str());
        Ok(token.map(str::to_owned))
    }

    fn bounded(&self) -> Result<reqwest::Client, PushError> {
        let bounded = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(READ_TIMEOUT);
        bounded.build().map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> PushError {
        PushError::Unreachable {
            registry: self.reference.registry().to_owned(),
            reason: error.to_string(),
            plain_http: self.plain_http,
        }
    }

    async fn delete(&self, name: &str) -> Result<Response, PushError> {
        self.ask(Method::DELETE, name).await
    }

    async fn exists(&self, tag: &str) -> Result<bool, PushError> {
        Ok(self.ask(Method::HEAD, tag).await?.status() != StatusCode::NOT_FOUND)
    }

    /// Puts an empty image under the tag, and returns its digest: another one for each tag.
    async fn give_way(&self, tagged: &str) -> Result<String, PushError> {
        let refused = |error: oci_client::errors::OciDistributionError| PushError::Refused {
            registry: self.reference.registry().to_owned(),
            reason: error.to_string(),
        };
        let digest = |bytes: &[u8]| format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
        let empty = json!({ "mediaType": EMPTY_KIND, "digest": digest(EMPTY), "size": EMPTY.len() });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_KIND,
            "artifactType": EMPTY_KIND,
            "config": empty,
            "layers": [empty],
            "annotations": { "faasbench.removed": tagged },
        });
        let manifest = manifest.to_string().into_bytes();
        let of_manifest = digest(&manifest);
        self.client.push_blob(&self.reference, EMPTY.to_vec(), &digest(EMPTY)).await.map_err(refused)?;
        let kind = HeaderValue::from_static(MANIFEST_KIND);
        self.client.push_manifest_raw(&self.reference, manifest, kind).await.map_err(refused)?;
        Ok(of_manifest)
    }

    async fn refused(&self, response: Response, tag: &str) -> PushError {
        let (registry, repository) = (self.reference.registry().to_owned(), self.reference.repository().to_owned());
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return PushError::Denied { registry, repository, anonymous: self.credentials == RegistryAuth::Anonymous };
        }
        let said: String = response.text().await.unwrap_or_default().chars().take(200).collect();
        PushError::Refused {
            registry,
            reason: format!(
                "it does not remove the tag {tag} of {repository} (status {status}: {}); allow it (Docker's registry: \
                 REGISTRY_STORAGE_DELETE_ENABLED=true), or remove it there by hand",
                said.trim()
            ),
        }
    }
}
