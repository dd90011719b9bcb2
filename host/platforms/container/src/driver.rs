//! The driver: finds the engine, gives it images, removes what is left.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::body_full;
use bollard::query_parameters::{ImportImageOptions, TagImageOptions};
use bytes::Bytes;
use futures_util::TryStreamExt;
use image_archive::{Archive, archive};
use image_kind::{Image, ImageKind};
use local_platform::{Driver, Prepared, Surroundings};
use native::Location;
use platform::{
    Capabilities, ColdStart, DeploymentSpec, Found, Ledger, Limits, PlatformError, Reached, Resource, Scale,
};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::body::{Template, check, user};
use crate::engine::Engine;
use crate::failure::{PLATFORM, failed};
use crate::options::ContainerOptions;
use crate::prepared::{PreparedContainers, make_folders};
use crate::remove::{IMAGE, REPOSITORY, creation, find_marked, intention, remove};

/// How often an image is loaded, when others keep taking it away with the last of their names.
const LOADS: u32 = 5;

/// The platform `container`: Docker or Podman.
pub struct ContainerDriver {
    options: ContainerOptions,
    engine: Mutex<Option<Arc<Engine>>>,
}

impl ContainerDriver {
    /// A driver; the engine is looked for when it is first needed.
    pub fn new(options: ContainerOptions) -> ContainerDriver {
        ContainerDriver { options, engine: Mutex::new(None) }
    }

    async fn engine(&self) -> Result<Arc<Engine>, PlatformError> {
        let mut found = self.engine.lock().await;
        if let Some(engine) = &*found {
            return Ok(engine.clone());
        }
        let engine = Engine::connect(&self.options).await?;
        *found = Some(engine.clone());
        Ok(engine)
    }

    /// The engine that a resource was created in, which may be another than today's.
    async fn engine_of(&self, resource: &Resource) -> Result<Arc<Engine>, PlatformError> {
        let Some(address) = resource.details["address"].as_str() else { return self.engine().await };
        let own = self.engine().await;
        if own.as_ref().is_ok_and(|own| own.address.to_string() == address) {
            return own;
        }
        let options = ContainerOptions { address: Some(address.to_owned()), ..self.options.clone() };
        Engine::connect(&options).await
    }

    /// Gives the engine the image under a name that is this deployment's alone.
    async fn load(&self, engine: &Engine, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<String, PlatformError> {
        if spec.image.kind != ImageKind::Oci {
            return Err(PlatformError::Invalid(format!(
                "container takes OCI images, and the image of {} is another kind; run `faasbench build --platform \
                 container {}`",
                spec.name, spec.function,
            )));
        }
        let (repository, tag) = name(spec);
        let reference = format!("{repository}:{tag}");
        let (image, architecture, named) = (spec.image.clone(), engine.architecture().to_owned(), reference.clone());
        let Archive { configuration_digest, tar, .. } =
            spawn_blocking(move || archive(&image, PLATFORM, &architecture, &named))
                .await
                .map_err(|error| interrupted(&error))??;
        let resource = Resource {
            deployment: spec.id.clone(),
            platform: PLATFORM.to_owned(),
            target: self.options.target.clone(),
            kind: IMAGE.to_owned(),
            name: reference.clone(),
            details: intention(engine, None),
        };
        let entry = ledger.intend(&resource).await?;
        // An image that it has already only needs one more name. Whoever removes its last name at the same time may take it
        // away all the same, with the new name (podman did), so it is looked for after that.
        let options = TagImageOptions { repo: Some(repository), tag: Some(tag) };
        let _ = engine.api.tag_image(&configuration_digest, Some(options)).await;
        let mut found = engine.api.inspect_image(&reference).await;
        let archive = Bytes::from(tar);
        for _ in 0..LOADS {
            if found.is_ok() {
                break;
            }
            let loaded = engine.api.import_image(ImportImageOptions::default(), body_full(archive.clone()), None);
            loaded.try_collect::<Vec<_>>().await.map_err(|error| failed("loading an image", &error))?;
            found = engine.api.inspect_image(&reference).await;
        }
        let found = found.map_err(|error| failed("asking for the image that was loaded", &error))?;
        ledger.created(entry, &creation(engine, None, found.id.as_deref().unwrap_or_default())).await?;
        Ok(reference)
    }
}

#[async_trait]
impl Driver for ContainerDriver {
    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Oci
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: true,
            cold_start: ColdStart::Forced,
            scale: true,
            keep_alive: true,
            memory_limit: true,
            cpu_limit: true,
            concurrency: true,
            logs: true,
            metrics: true,
            billing: true,
            nested_calls: true,
            local_processes: true,
        }
    }

    fn defaults(&self) -> (Scale, Limits) {
        let scale = Scale {
            minimum_instances: Some(0),
            maximum_instances: Some(8),
            concurrency: Some(1),
            keep_alive: Some(Duration::from_secs(60)),
            queue: Some(128),
        };
        let limits = Limits {
            memory_bytes: Some(512 << 20),
            cpus: Some(1.0),
            time: Some(Duration::from_secs(60)),
            scratch_bytes: Some(256 << 20),
            log_bytes: Some(1 << 20),
        };
        (scale, limits)
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        // Asked anew: what was found before may be there no more.
        let engine = Engine::connect(&self.options).await?;
        let mut remarks = vec![format!("listens at {}", engine.address)];
        remarks.push(
            if engine.uses_sockets {
                "instances have no network; they are called over unix sockets"
            } else {
                "instances are in the engine's default network and called over ports of 127.0.0.1, as unix sockets can't \
                 be shared with them: they can reach out"
            }
            .to_owned(),
        );
        remarks.push("memory, processors and processes are bounded by control groups, time by SIGKILL".to_owned());
        remarks.push("the scratch folder is in memory: what is in it counts against the memory limit too".to_owned());
        remarks.push("storage: a folder of this machine's disk, not bounded".to_owned());
        let info = &engine.info;
        for (has, what) in [
            (info.memory_limit, "a memory limit can't be kept"),
            (info.swap_limit, "swap beside the memory limit can't be refused"),
            (info.cpu_cfs_quota, "a limit of processors can't be kept"),
            (info.pids_limit, "the number of processes can't be bounded"),
        ] {
            if has == Some(false) {
                remarks.push(format!("{what}: the kernel has no such control group"));
            }
        }
        if rustix::process::geteuid().is_root() {
            remarks.push(
                "instances run as the owner of the storage, without any capability even where that is root".into(),
            );
        }
        if engine.is_rootless {
            remarks.push("rootless: instances run as the user of the engine, without any capability".to_owned());
        }
        let version = engine.version.clone();
        *self.engine.lock().await = Some(engine);
        Ok(Reached { version, remarks })
    }

    async fn prepare(
        &self,
        spec: &DeploymentSpec,
        surroundings: &Surroundings,
        ledger: &dyn Ledger,
    ) -> Result<Arc<dyn Prepared>, PlatformError> {
        let engine = self.engine().await?;
        let storage =
            Location::parse(&surroundings.storage_location).map_err(|error| PlatformError::Invalid(error.message))?;
        check(&engine, spec, &storage)?;
        let folders = make_folders(&surroundings.state)?;
        let image = self.load(&engine, spec, ledger).await?;
        let template = Template {
            image,
            spec: spec.clone(),
            user: user(&engine, &storage),
            storage,
            storage_text: surroundings.storage_location.clone(),
            others_socket: surroundings.others_socket.clone(),
        };
        Ok(Arc::new(PreparedContainers { engine, target: self.options.target.clone(), template, folders }))
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        let engine = self.engine_of(resource).await?;
        remove(&engine, resource).await
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        find_marked(&*self.engine().await?).await
    }
}

/// The image's name in the engine and its tag. The tag carries the deployment's id, and the image's digest: so a
/// deployment's next image does not leave its former one without a name.
fn name(spec: &DeploymentSpec) -> (String, String) {
    let name: String = spec.name.to_lowercase().chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    (format!("{REPOSITORY}{}", if name.is_empty() { "function" } else { &name }), tag(spec, &spec.image))
}

fn tag(spec: &DeploymentSpec, image: &Image) -> String {
    let digest: String = image.digest.trim_start_matches("sha256:").chars().take(12).collect();
    format!("{}-{digest}", spec.id)
}

fn interrupted(error: &tokio::task::JoinError) -> PlatformError {
    PlatformError::Failed {
        platform: PLATFORM.to_owned(),
        doing: "reading an image".to_owned(),
        reason: error.to_string(),
    }
}
