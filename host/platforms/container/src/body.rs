//! What an instance's container is made with: its limits, its mounts, its settings.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, PortBinding, ResourcesUlimits,
};
use native::{Location, RemoteLocation, Service, names_file};
use platform::{DeploymentSpec, PlatformError};
use rustix::process::getrlimit;

use crate::engine::Engine;

/// The label that says whose a container is.
pub(crate) const OWNER_LABEL: &str = "faasbench.owner";
/// Its value.
pub(crate) const OWNER: &str = "faasbench";
/// The label that says which deployment it belongs to.
pub(crate) const DEPLOYMENT_LABEL: &str = "faasbench.deployment";
/// The label with the instance's identity.
const INSTANCE_LABEL: &str = "faasbench.instance";

/// The port inside of a container, where ports are used.
pub(crate) const PORT: &str = "8080/tcp";
/// The socket's name in the folder that both sides have.
pub(crate) const SOCKET: &str = "s";
/// Where a container has that folder, the storage, the socket of the other functions and its scratch folder.
const SOCKET_FOLDER: &str = "/faasbench";
const STORAGE: &str = "/storage";
const OTHERS: &str = "/others";
const SCRATCH: &str = "/tmp";

/// The user and group of instances when nobody is known who should be it.
const NOBODY: &str = "65532:65532";
/// Files that one instance may have open.
const OPEN_FILES: u64 = 4096;
/// Processes that all instances of one user may have together, for engines that must be given a number.
const USER_PROCESSES: u64 = 32_768;
/// Threads and processes of an instance, beside one for each invocation.
const MOST_PROCESSES: u64 = 128;
/// What is read-only beside the root: what is without being asked for, and the file system in memory of the devices.
const READ_ONLY: [&str; 6] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/dev"];
/// What a stopped function is given to finish, ms.
pub(crate) const GRACE_MS: u64 = 1000;
/// The least memory that Docker gives a container, bytes.
pub(crate) const LEAST_MEMORY_BYTES: u64 = 6 << 20;

/// What is the same for all instances of a deployment.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) image: String,
    pub(crate) spec: DeploymentSpec,
    pub(crate) storage: Location,
    /// The storage as it was given.
    pub(crate) storage_text: String,
    pub(crate) others_socket: PathBuf,
    /// User and group inside of the container.
    pub(crate) user: String,
}

impl Template {
    /// The container of one instance, with this folder for its socket.
    pub(crate) fn body(&self, engine: &Engine, instance: &str, folder: Option<&Path>) -> ContainerCreateBody {
        let labels = [(OWNER_LABEL, OWNER), (DEPLOYMENT_LABEL, self.spec.id.as_str()), (INSTANCE_LABEL, instance)];
        let environment = self.environment(instance, folder.is_some());
        ContainerCreateBody {
            image: Some(self.image.clone()),
            user: Some(self.user.clone()),
            env: Some(environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            // An image may have one for other platforms; here it would only start processes.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
            network_disabled: Some(folder.is_some() && !self.needs_network()),
            exposed_ports: folder.is_none().then(|| vec![PORT.to_owned()]),
            host_config: Some(self.host_config(engine, folder)),
            ..ContainerCreateBody::default()
        }
    }

    /// Whether the storage is reached over the network.
    fn needs_network(&self) -> bool {
        matches!(self.storage, Location::Remote(_))
    }

    fn host_config(&self, engine: &Engine, folder: Option<&Path>) -> HostConfig {
        let limits = &self.spec.limits;
        let concurrency = u64::from(self.spec.scale.concurrency.unwrap_or(1));
        let memory = limits.memory_bytes.map(to_i64);
        let scratch = limits.scratch_bytes.map_or(String::new(), |bytes| format!(",size={bytes}"));
        let mut tmpfs = HashMap::from([(SCRATCH.to_owned(), format!("rw,nosuid,nodev,noexec,mode=1777{scratch}"))]);
        if engine.is_podman {
            // Beside a read-only root it mounts these of its own accord, writable.
            for path in ["/run", "/var/tmp"] {
                tmpfs.insert(path.to_owned(), "ro,nosuid,nodev,noexec,size=4096".to_owned());
            }
        }
        let mut security = vec!["no-new-privileges".to_owned()];
        if engine.has_selinux {
            // Or the folders would have to be relabelled, which others may be using.
            security.push("label=disable".to_owned());
        }
        let own_port = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
        HostConfig {
            memory,
            // The same number: no swap beside it.
            memory_swap: memory,
            nano_cpus: limits.cpus.map(|cpus| (cpus * 1e9) as i64),
            pids_limit: Some(to_i64(MOST_PROCESSES + concurrency)),
            ulimits: Some(resource_limits(engine)),
            readonly_rootfs: Some(true),
            readonly_paths: Some(READ_ONLY.map(str::to_owned).to_vec()),
            tmpfs: Some(tmpfs),
            // No /dev/shm, which would be a second scratch folder.
            ipc_mode: Some("none".to_owned()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(security),
            // Output goes to whoever is attached, and nowhere else.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            network_mode: (folder.is_some() && !self.needs_network()).then(|| "none".to_owned()),
            port_bindings: folder.is_none().then(|| HashMap::from([(PORT.to_owned(), Some(vec![own_port]))])),
            mounts: Some(self.mounts(folder)),
            ..HostConfig::default()
        }
    }

    fn mounts(&self, folder: Option<&Path>) -> Vec<Mount> {
        let mut mounts = vec![bind(&self.others_socket, OTHERS, true)];
        if let Location::Directory(path) = &self.storage {
            mounts.push(bind(path, STORAGE, false));
        }
        mounts.extend(folder.map(|folder| bind(folder, SOCKET_FOLDER, false)));
        mounts
    }

    fn environment(&self, instance: &str, has_socket: bool) -> BTreeMap<String, String> {
        let limits = &self.spec.limits;
        let mut all = self.spec.environment.clone();
        let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
        set("FAASBENCH_PLATFORM", "container".to_owned());
        set("FAASBENCH_INSTANCE_ID", instance.to_owned());
        set("FAASBENCH_SCRATCH", SCRATCH.to_owned());
        set("FAASBENCH_GRACE_MS", GRACE_MS.to_string());
        set("FAASBENCH_INVOKE_URL", format!("unix:{OTHERS}:/function/{{name}}"));
        set("FAASBENCH_CONCURRENCY", self.spec.scale.concurrency.unwrap_or(1).to_string());
        let listen = if has_socket { format!("unix:{SOCKET_FOLDER}/{SOCKET}") } else { "0.0.0.0:8080".to_owned() };
        set("FAASBENCH_LISTEN", listen);
        match &self.storage {
            Location::Directory(_) => {
                set("FAASBENCH_STORAGE", STORAGE.to_owned());
            }
            Location::Remote(remote) => {
                set("FAASBENCH_STORAGE", self.storage_text.clone());
                // A file that one names is not there.
                for (name, value) in remote.service.set_variables(&|name| std::env::var(name).ok()) {
                    if !names_file(name) {
                        set(name, value);
                    }
                }
            }
        }
        if let Some(bytes) = limits.memory_bytes {
            set("FAASBENCH_MEMORY_LIMIT_BYTES", bytes.to_string());
        }
        if let Some(cpus) = limits.cpus {
            set("FAASBENCH_CORES", (cpus.ceil().max(1.0) as u32).to_string());
        }
        if let Some(time) = limits.time {
            set("FAASBENCH_INVOKE_TIMEOUT_MS", time.as_millis().clamp(1, 3_600_000).to_string());
        }
        all
    }
}

/// Who an instance is inside of its container: somebody who may use the socket and the storage, and as little else as can
/// be.
pub(crate) fn user(engine: &Engine, storage: &Location) -> String {
    if engine.is_rootless {
        // There, 0 is the one who runs the engine: the others are ranges of ids that own nothing.
        return "0:0".to_owned();
    }
    let own = rustix::process::geteuid();
    if !own.is_root() {
        return format!("{}:{}", own.as_raw(), rustix::process::getegid().as_raw());
    }
    // Run by root: the storage's owner, as nobody else could be sure to write into it. For root itself no capability is
    // left to be root by.
    let owner = match storage {
        Location::Directory(path) => std::fs::metadata(path).ok(),
        Location::Remote(_) => None,
    };
    match owner {
        Some(owner) => format!("{}:{}", owner.uid(), owner.gid()),
        None => NOBODY.to_owned(),
    }
}

/// Refuses what an engine or a container can't keep.
pub(crate) fn check(engine: &Engine, spec: &DeploymentSpec, storage: &Location) -> Result<(), PlatformError> {
    let limits = &spec.limits;
    let cant = |what: &str| {
        Err(PlatformError::Invalid(format!(
            "{} on this machine can't keep a limit of {what}: its kernel has no such control group; deploy {} without it",
            engine.version, spec.name,
        )))
    };
    if let Some(bytes) = limits.memory_bytes {
        if engine.info.memory_limit == Some(false) {
            return cant("memory");
        }
        if bytes < LEAST_MEMORY_BYTES {
            return Err(PlatformError::Invalid(format!(
                "a memory limit of {bytes} bytes is less than a container can have; give at least {LEAST_MEMORY_BYTES}"
            )));
        }
    }
    if let Some(cpus) = limits.cpus {
        if engine.info.cpu_cfs_quota == Some(false) {
            return cant("processors");
        }
        let most = engine.info.ncpu.map_or(f64::MAX, |count| count as f64);
        if !(0.01..=most).contains(&cpus) {
            return Err(PlatformError::Invalid(format!(
                "a container here can have 0.01 to {most} processors, and {} is to have {cpus}",
                spec.name
            )));
        }
    }
    if let Location::Remote(remote) = storage
        && remote.endpoint.as_deref().is_some_and(is_loopback)
    {
        return Err(PlatformError::Invalid(format!(
            "the storage of {} is at an address of this machine alone, which no container reaches; give a directory",
            spec.name
        )));
    }
    match storage {
        Location::Directory(_) => Ok(()),
        Location::Remote(remote) => check_credentials(remote, spec, &|name| std::env::var(name).ok()),
    }
}

/// Refuses a service whose credentials are in a file: only variables are handed on.
fn check_credentials(
    remote: &RemoteLocation,
    spec: &DeploymentSpec,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<(), PlatformError> {
    let needed = remote.service.needs_file(&|name| variables(name).or_else(|| spec.environment.get(name).cloned()));
    match needed {
        None => Ok(()),
        Some(variable) => Err(PlatformError::Invalid(format!(
            "the credentials of {} for {}:// are in the file that {variable} names, which no container gets; {}",
            spec.name,
            remote.service.scheme(),
            match remote.service {
                Service::S3 => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                Service::GoogleCloud => "set GOOGLE_SERVICE_ACCOUNT_KEY to its text",
                Service::Azure => "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
            },
        ))),
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"].iter().any(|start| host.starts_with(start))
}

fn bind(source: &Path, target: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_string_lossy().into_owned()),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

/// The limits of each process.
fn resource_limits(engine: &Engine) -> Vec<ResourcesUlimits> {
    let own = |resource| getrlimit(resource).maximum;
    let limit =
        |name: &str, most: i64| ResourcesUlimits { name: Some(name.to_owned()), soft: Some(most), hard: Some(most) };
    // Never more than this process may have, as an engine without the right to raise them fails.
    let files = own(rustix::process::Resource::Nofile).map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    let mut limits = vec![limit("nofile", to_i64(files)), limit("core", 0)];
    if engine.is_podman {
        // It raises this one unless told otherwise. It counts all processes of a user, so it is no limit of an instance.
        let processes = own(rustix::process::Resource::Nproc).map_or(USER_PROCESSES, |most| most.min(USER_PROCESSES));
        limits.push(limit("nproc", to_i64(processes)));
    }
    limits
}

fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use image_kind::Image;
    use platform::{DeploymentId, Limits, Scale};

    use super::*;

    #[test]
    fn credentials_in_a_file_are_refused_by_the_variables_name() {
        let mut spec = DeploymentSpec {
            id: DeploymentId::new(),
            function: "f".to_owned(),
            name: "f".to_owned(),
            image: Image {
                function: "f".to_owned(),
                kind: image_kind::ImageKind::Oci,
                path: "/f".into(),
                digest: String::new(),
                code_digest: String::new(),
                bytes: 0,
                code_bytes: 0,
                architecture: String::new(),
            },
            scale: Scale::default(),
            limits: Limits::default(),
            environment: BTreeMap::new(),
        };
        let Location::Remote(remote) = Location::parse("gs://bucket").unwrap() else { panic!("a service") };
        let file = |name: &str| (name == "GOOGLE_APPLICATION_CREDENTIALS").then(|| "/home/me/SECRET".to_owned());
        let message = check_credentials(&remote, &spec, &file).unwrap_err().to_string();
        assert!(message.contains("GOOGLE_APPLICATION_CREDENTIALS") && !message.contains("SECRET"), "{message}");
        spec.environment.insert("GOOGLE_SERVICE_ACCOUNT_KEY".to_owned(), "{}".to_owned());
        check_credentials(&remote, &spec, &file).unwrap();
    }
}
