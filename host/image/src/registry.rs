//! Images to registries.

use std::path::PathBuf;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use thiserror::Error;

use crate::error::BuildError;
use crate::kind::{Image, ImageKind, tag};
use crate::package::{Artifact, component_artifact, layout_artifact};

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// An image that a registry has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// `REGISTRY/REPOSITORY@sha256:…`: always this very image.
    pub pinned: String,
    /// `REGISTRY/REPOSITORY:TAG`, for platforms that want a tag.
    pub tagged: String,
    /// `sha256:` and 64 hexadecimal digits, of the manifest or index.
    pub digest: String,
    /// What was sent; the rest was there, bytes.
    pub sent_bytes: u64,
}

/// How to push.
#[derive(Debug, Clone, Default)]
pub struct PushOptions {
    /// Speak HTTP without TLS, to whatever registry; it is always spoken to one on this machine's own addresses.
    pub plain_http: bool,
}

/// Why a registry did not get an image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PushError {
    /// There is no place of this name.
    #[error(
        "`{text}` names no place in a registry ({reason}); write REGISTRY/REPOSITORY or REGISTRY/REPOSITORY:TAG, as in 127.0.0.1:5000/faasbench/function1"
    )]
    Reference {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The place holds an `@`, so perhaps a password: it is not repeated.
    #[error(
        "the place in a registry holds an `@`: a digest can't be chosen, and credentials come from `docker login`; write REGISTRY/REPOSITORY or REGISTRY/REPOSITORY:TAG"
    )]
    At,
    /// Registries do not take such images.
    #[error("an image of the kind {kind} can't be pushed to a registry; OCI images and components can")]
    NotForRegistries {
        /// Its kind.
        kind: ImageKind,
    },
    /// The image can't be read, or is damaged.
    #[error(transparent)]
    Image(#[from] BuildError),
    /// Docker's or Podman's configuration has credentials that can't be used.
    #[error(
        "the credentials for {registry} in Docker's configuration can't be used: {reason}; run `docker login {registry}` again"
    )]
    Credentials {
        /// The registry.
        registry: String,
        /// The reason.
        reason: String,
    },
    /// The registry is not there.
    #[error("the registry {registry} can't be reached: {reason}; see that it runs and that the name is right{}", tls_advice(.plain_http))]
    Unreachable {
        /// The registry.
        registry: String,
        /// The reason.
        reason: String,
        /// Whether it was spoken to without TLS.
        plain_http: bool,
    },
    /// The registry does not let us.
    #[error("the registry {registry} does not let you write to {repository}{}; run `docker login {registry}` as somebody who may", as_whom(.anonymous))]
    Denied {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// Whether there were no credentials for it.
        anonymous: bool,
    },
    /// The registry said no.
    #[error("the registry {registry} did not take the image: {reason}")]
    Refused {
        /// The registry.
        registry: String,
        /// What it said.
        reason: String,
    },
    /// The registry has something else than what was sent.
    #[error(
        "the registry {registry} says that the image's digest is {there}, but it is {here}; what stands between changes images"
    )]
    Changed {
        /// The registry.
        registry: String,
        /// The digest there.
        there: String,
        /// The digest here.
        here: String,
    },
}

fn tls_advice(plain_http: &bool) -> &'static str {
    if *plain_http { "" } else { "; a registry without TLS needs --plain-http" }
}

fn as_whom(anonymous: &bool) -> &'static str {
    if *anonymous { " without credentials" } else { "" }
}

/// Pushes an OCI image, or a component as an artifact of the type `application/wasm`, to `place`: REGISTRY/REPOSITORY, with a
/// tag or without. Without one, the tag is the beginning of the digest. Credentials come from Docker's configuration, or
/// Podman's.
///
/// # Errors
/// When the place can't be understood, the image can't be read, or the registry can't be reached or refuses.
pub async fn push(image: &Image, place: &str, options: &PushOptions) -> Result<Pushed, PushError> {
    let (image, place) = (image.clone(), place.to_owned());
    let artifact = read(image).await?;
    let reference = reference(&place, &artifact.digest)?;
    let registry = reference.registry().to_owned();
    let plain_http = options.plain_http || is_loopback(&registry);
    let credentials = credentials(reference.resolve_registry().to_owned()).await?;
    let pushing = Pushing {
        anonymous: credentials == RegistryAuth::Anonymous,
        client: client(plain_http).map_err(|reason| PushError::Unreachable {
            registry: registry.clone(),
            reason,
            plain_http,
        })?,
        reference,
        registry,
        plain_http,
    };
    pushing.run(&artifact, &credentials).await
}

/// Refuses what is no place below which images could be pushed, such as a URL or upper-case letters.
///
/// # Errors
/// What is wrong with it.
pub fn check_place(place: &str) -> Result<(), PushError> {
    let nothing = format!("sha256:{}", "0".repeat(64));
    reference(&format!("{}/function", place.trim_end_matches('/')), &nothing).map(|_| ())
}

struct Pushing {
    client: Client,
    reference: Reference,
    registry: String,
    plain_http: bool,
    anonymous: bool,
}

impl Pushing {
    async fn run(&self, artifact: &Artifact, credentials: &RegistryAuth) -> Result<Pushed, PushError> {
        let failed = |error| self.failed(error);
        self.client.auth(&self.reference, credentials, RegistryOperation::Push).await.map_err(failed)?;
        let mut sent_bytes = 0;
        for blob in &artifact.blobs {
            if !self.client.blob_exists(&self.reference, &blob.digest).await.map_err(failed)? {
                let content = blob.content.clone();
                self.client.push_blob(&self.reference, content, &blob.digest).await.map_err(failed)?;
                sent_bytes += blob.content.len() as u64;
            }
        }
        for manifest in &artifact.manifests {
            // The last is what the tag names; those before are only found by their digests.
            let reference = if manifest.digest == artifact.digest {
                self.reference.clone()
            } else {
                let (registry, repository) = (self.registry.clone(), self.reference.repository().to_owned());
                Reference::with_digest(registry, repository, manifest.digest.clone())
            };
            let media_type = manifest.media_type.parse().map_err(|_| PushError::Refused {
                registry: self.registry.clone(),
                reason: format!("{} is no media type", manifest.media_type),
            })?;
            let content = manifest.content.clone();
            sent_bytes += content.len() as u64;
            self.client.push_manifest_raw(&reference, content, media_type).await.map_err(failed)?;
        }
        let there = self.client.fetch_manifest_digest(&self.reference, credentials).await.map_err(failed)?;
        if there != artifact.digest {
            let (registry, here) = (self.registry.clone(), artifact.digest.clone());
            return Err(PushError::Changed { registry, there, here });
        }
        let repository = format!("{}/{}", self.registry, self.reference.repository());
        Ok(Pushed {
            pinned: format!("{repository}@{there}"),
            tagged: self.reference.whole(),
            digest: there,
            sent_bytes,
        })
    }

    fn failed(&self, error: OciDistributionError) -> PushError {
        let registry = self.registry.clone();
        let denied = |repository: &str| PushError::Denied {
            registry: self.registry.clone(),
            repository: repository.to_owned(),
            anonymous: self.anonymous,
        };
        match error {
            OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
                denied(self.reference.repository())
            }
            OciDistributionError::ServerError { code: 401 | 403, .. } => denied(self.reference.repository()),
            OciDistributionError::RequestError(error)
                if error.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403)) =>
            {
                denied(self.reference.repository())
            }
            OciDistributionError::RequestError(error) if error.status().is_none() => {
                PushError::Unreachable { registry, reason: chain(&error), plain_http: self.plain_http }
            }
            OciDistributionError::RegistryError { envelope, .. } => {
                let said: Vec<String> = envelope.errors.iter().map(|error| error.to_string()).collect();
                PushError::Refused { registry, reason: said.join("; ") }
            }
            other => PushError::Refused { registry, reason: other.to_string() },
        }
    }
}

/// The image's documents and layers, checked against their digests.
async fn read(image: Image) -> Result<Artifact, PushError> {
    let path = image.path.clone();
    let read = tokio::task::spawn_blocking(move || match image.kind {
        kind if kind.is_oci() => Ok(layout_artifact(&image.path)?),
        ImageKind::Component | ImageKind::HttpComponent => Ok(component_artifact(&image)?),
        kind => Err(PushError::NotForRegistries { kind }),
    });
    read.await.unwrap_or_else(|error| Err(interrupted(path, &error)))
}

fn interrupted(path: PathBuf, error: &tokio::task::JoinError) -> PushError {
    PushError::Image(BuildError::Damaged { path, reason: error.to_string() })
}

/// Where to push to; the tag is the beginning of the digest when the place has none.
fn reference(place: &str, digest: &str) -> Result<Reference, PushError> {
    let wrong = |reason: String| PushError::Reference { text: place.to_owned(), reason };
    if place.contains('@') {
        return Err(PushError::At);
    }
    let name = place.rsplit('/').next().unwrap_or(place);
    let tagged = if name.contains(':') { place.to_owned() } else { format!("{place}:{}", tag(digest)) };
    tagged.parse().map_err(|error: oci_client::ParseError| wrong(error.to_string()))
}

pub(crate) fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(crate) fn client(plain_http: bool) -> Result<Client, String> {
    // Another part of this process may have chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let protocol = if plain_http { ClientProtocol::Http } else { ClientProtocol::Https };
    Client::try_from(ClientConfig {
        protocol,
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(READ_TIMEOUT),
        user_agent: concat!("faasbench/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    })
    .map_err(|error| error.to_string())
}

pub(crate) async fn credentials(registry: String) -> Result<RegistryAuth, PushError> {
    let unusable = |registry: &str, reason: &str| PushError::Credentials {
        registry: registry.to_owned(),
        reason: reason.to_owned(),
    };
    let asked = registry.clone();
    // A credential helper is a process of its own.
    let found = tokio::task::spawn_blocking(move || {
        docker_credential::get_credential(&asked).or_else(|error| match error {
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError => docker_credential::get_podman_credential(&asked),
            other => Err(other),
        })
    })
    .await
    .map_err(|error| unusable(&registry, &error.to_string()))?;
    match found {
        Ok(DockerCredential::UsernamePassword(user, password)) => Ok(RegistryAuth::Basic(user, password)),
        Ok(DockerCredential::IdentityToken(_)) => {
            Err(unusable(&registry, "an identity token is no user name with a password"))
        }
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError,
        ) => Ok(RegistryAuth::Anonymous),
        // What a helper printed may hold what it must not show.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(unusable(&registry, &format!("the credential helper {helper} failed")))
        }
        Err(other) => Err(unusable(&registry, &other.to_string())),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_a_tag_gets_one_from_the_digest_and_never_latest() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let of = |place: &str| reference(place, &digest).unwrap().whole();
        assert_eq!(of("127.0.0.1:5000/a/b"), "127.0.0.1:5000/a/b:0123456789ab");
        assert_eq!(of("127.0.0.1:5000/a/b:v1"), "127.0.0.1:5000/a/b:v1");
        for wrong in ["", "127.0.0.1:5000/A B", "h/r@sha256:0", "me:hidden@127.0.0.1:5000/r"] {
            let message = reference(wrong, &digest).unwrap_err().to_string();
            assert!(message.contains("REGISTRY/REPOSITORY") && !message.contains("hidden"), "{message}");
        }
    }

    #[test]
    fn only_this_machines_own_addresses_go_without_tls() {
        for loopback in ["localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "localhost"] {
            assert!(is_loopback(loopback), "{loopback}");
        }
        for other in ["docker.io", "localhost.example.com", "10.0.0.1:5000", "127.example.com:80"] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
