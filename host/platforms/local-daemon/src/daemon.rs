//! The daemon.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bollard::errors::Error;
use bollard::query_parameters::{
    ImportImageOptions, ListContainersOptions, ListImagesOptions, LogsOptions, RemoveContainerOptions,
    RemoveImageOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker, body_full};
use futures_util::TryStreamExt;
use image_archive::{Archive, archive, oci_architecture};
use image_kind::{Image, tag};
use platform::{DeploymentId, Found, LogLine, PlatformError};
use remote_platform::{PushedImage, Registry};
use tokio::time::{Instant, sleep};

use crate::failure::{failed, is_conflict, is_missing, was_overtaken};
use crate::log::lines_of;

/// Where Docker listens when nothing says otherwise.
pub const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";
/// The longest that one request may take, s: an image of some hundred megabytes is loaded in this time.
const REQUEST_S: u64 = 300;
/// How long the instances of an image that is removed may take to end.
const BUSY: Duration = Duration::from_secs(20);
/// How long others' removals may keep the daemon from listing.
const LISTING: Duration = Duration::from_secs(5);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// A container daemon that a platform runs its images from.
#[derive(Debug)]
pub struct LocalDaemon {
    platform: &'static str,
    address: String,
}

impl LocalDaemon {
    /// The daemon at `unix:///PATH` or `tcp://HOST:PORT`; `None`: what `DOCKER_HOST` says, else [`DEFAULT_SOCKET`]. Nothing is
    /// asked of it yet.
    ///
    /// # Errors
    /// When that is no address.
    pub fn new(platform: &'static str, address: Option<&str>) -> Result<LocalDaemon, PlatformError> {
        let named = || std::env::var("DOCKER_HOST").ok().filter(|address| !address.is_empty());
        let address = address.map(str::to_owned).or_else(named).unwrap_or_else(|| DEFAULT_SOCKET.to_owned());
        let is_socket = address.strip_prefix("unix://").unwrap_or(&address).starts_with('/');
        let is_port = address
            .strip_prefix("tcp://")
            .and_then(|place| place.trim_end_matches('/').rsplit_once(':'))
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if !is_socket && !is_port {
            return Err(PlatformError::Invalid(format!(
                "the container daemon's address {address:?} can't be used; give unix:///PATH or tcp://HOST:PORT"
            )));
        }
        Ok(LocalDaemon { platform, address })
    }

    /// A client that speaks the daemon's version of the API.
    async fn client(&self, doing: &str) -> Result<Docker, PlatformError> {
        let client = match self.address.strip_prefix("unix://").unwrap_or(&self.address) {
            path if path.starts_with('/') => Docker::connect_with_unix(path, REQUEST_S, API_DEFAULT_VERSION),
            _ => Docker::connect_with_http(&self.address, REQUEST_S, API_DEFAULT_VERSION),
        };
        let client = client.map_err(|error| self.failed(doing, &error))?;
        client.negotiate_version().await.map_err(|error| self.failed(doing, &error))
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it is, with its version: `Docker 28.2.2`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn version(&self) -> Result<String, PlatformError> {
        let doing = "asking the container daemon for its version";
        let client = self.client(doing).await?;
        let version = client.version().await.map_err(|error| self.failed(doing, &error))?;
        Ok(format!("Docker {}", version.version.unwrap_or_else(|| "of an unknown version".to_owned())))
    }

    /// What all our images' names there begin with. Nobody else's do: `localhost` is no registry.
    fn repository(&self) -> String {
        format!("localhost/faasbench-{}/", self.platform)
    }

    /// All images that carry our mark.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        let repository = self.repository();
        let filters = HashMap::from([("reference".to_owned(), vec![format!("{repository}*")])]);
        let options = ListImagesOptions { filters: Some(filters), ..ListImagesOptions::default() };
        let doing = "listing images";
        let client = self.client(doing).await?;
        let begin = Instant::now();
        let images = loop {
            match client.list_images(Some(options.clone())).await {
                Ok(images) => break images,
                // Podman fails to list the others when one goes at that moment.
                Err(Error::DockerResponseServerError { status_code: 500.., .. }) if begin.elapsed() < LISTING => {}
                Err(error) => return Err(self.failed(doing, &error)),
            }
            sleep(PAUSE).await;
        };
        let found = |tagged: String| {
            let (_, tag) = tagged.strip_prefix(&repository)?.rsplit_once(':')?;
            let deployment = tag.split('-').next().unwrap_or_default().to_owned();
            Some(Found { kind: "image".to_owned(), name: tagged, deployment })
        };
        Ok(images.into_iter().flat_map(|image| image.repo_tags).filter_map(found).collect())
    }

    /// What the containers with all of these labels (`NAME=VALUE`) wrote from `since_unix_ns` on, in the order of time.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn logs(&self, labels: &[String], since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        let doing = "reading the logs of containers";
        let client = self.client(doing).await?;
        let filters = HashMap::from([("label".to_owned(), labels.to_vec())]);
        let options = ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        let containers = client.list_containers(Some(options)).await.map_err(|error| self.failed(doing, &error))?;
        let mut lines = Vec::new();
        for id in containers.into_iter().filter_map(|container| container.id) {
            let since = i32::try_from(since_unix_ns / 1_000_000_000).unwrap_or(i32::MAX);
            let options = LogsOptions { stdout: true, stderr: true, timestamps: true, since, ..LogsOptions::default() };
            let written: Vec<_> =
                client.logs(&id, Some(options)).try_collect().await.map_err(|error| self.failed(doing, &error))?;
            lines.extend(lines_of(&id, written));
        }
        lines.retain(|line| line.unix_ns >= since_unix_ns);
        lines.sort_by_key(|line| line.unix_ns);
        Ok(lines)
    }

    async fn load(&self, image: &Image, reference: &str) -> Result<(), PlatformError> {
        let doing = format!("loading the image {reference} into the container daemon");
        let client = self.client(&doing).await?;
        let version = client.version().await.map_err(|error| self.failed(&doing, &error))?;
        let architecture = oci_architecture(version.arch.as_deref().unwrap_or("amd64")).to_owned();
        let (image, platform, name) = (image.clone(), self.platform, reference.to_owned());
        let read = tokio::task::spawn_blocking(move || archive(&image, platform, &architecture, &name)).await;
        let read = read.map_err(|error| self.wrong(&doing, error.to_string()))?;
        let Archive { configuration_digest, manifest_digest, tar } = read?;
        let loaded = client.import_image(ImportImageOptions::default(), body_full(tar.into()), None);
        loaded.try_collect::<Vec<_>>().await.map_err(|error| self.failed(&doing, &error))?;
        let found = client.inspect_image(reference).await.map_err(|error| self.failed(&doing, &error))?;
        let id = found.id.unwrap_or_default();
        if id != configuration_digest && id != manifest_digest {
            return Err(self.wrong(&doing, format!("it has {id} there, and was {configuration_digest}")));
        }
        Ok(())
    }

    /// Ends the containers of an image.
    async fn end_instances(&self, client: &Docker, tagged: &str, doing: &str) -> Result<(), PlatformError> {
        let filters = HashMap::from([("ancestor".to_owned(), vec![tagged.to_owned()])]);
        let options = ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        let containers = client.list_containers(Some(options)).await.map_err(|error| self.failed(doing, &error))?;
        for id in containers.into_iter().filter_map(|container| container.id) {
            let options = RemoveContainerOptions { force: true, v: true, link: false };
            match client.remove_container(&id, Some(options)).await {
                // Its platform ends it at this moment.
                Err(error) if !is_missing(&error) && !is_conflict(&error) => return Err(self.failed(doing, &error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn failed(&self, doing: &str, error: &bollard::errors::Error) -> PlatformError {
        failed(self.platform, &self.address, doing, error)
    }

    fn wrong(&self, doing: &str, reason: String) -> PlatformError {
        PlatformError::Failed { platform: self.platform.to_owned(), doing: doing.to_owned(), reason }
    }
}

#[async_trait]
impl Registry for LocalDaemon {
    /// The name is pinned: its tag carries the deployment's id and the beginning of the image's digest.
    fn reference(&self, image: &Image, deployment: &DeploymentId) -> PushedImage {
        let name = format!("{}{}:{deployment}-{}", self.repository(), image.function, tag(&image.digest));
        PushedImage { tagged: name.clone(), pinned: name }
    }

    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError> {
        let name = self.reference(image, deployment);
        self.load(image, &name.tagged).await?;
        Ok(name)
    }

    /// Removes a tag of ours, and with its last tag the image. Instances that a platform still keeps of an image whose last
    /// tag goes are ended with it: they are of nothing else, and the image would stay without a name.
    async fn remove(&self, tagged: &str) -> Result<(), PlatformError> {
        if !tagged.starts_with(&self.repository()) {
            return Err(PlatformError::Invalid(format!(
                "{tagged} is not a name that faasbench gives, so it is not removed"
            )));
        }
        let doing = format!("removing the image {tagged}");
        let client = self.client(&doing).await?;
        let mut begin = None;
        loop {
            match client.remove_image(tagged, None::<RemoveImageOptions>, None).await {
                Ok(_) => return Ok(()),
                Err(error) if is_missing(&error) => return Ok(()),
                // It went with another of the image's names while it was looked up.
                Err(error) if was_overtaken(&error) && begin.get_or_insert_with(Instant::now).elapsed() <= BUSY => {}
                Err(error) if is_conflict(&error) => {
                    if begin.get_or_insert_with(Instant::now).elapsed() > BUSY {
                        return Err(self.failed(&doing, &error));
                    }
                    self.end_instances(&client, tagged, &doing).await?;
                }
                Err(error) => return Err(self.failed(&doing, &error)),
            }
            sleep(PAUSE).await;
        }
    }
}
