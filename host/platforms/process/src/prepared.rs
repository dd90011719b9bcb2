//! A deployment of which instances can be started.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use local_platform::{Instance, Prepared, StartRequest};
use platform::{DeploymentSpec, LogStream, PlatformError};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::cgroup::{Cgroup, GroupLimits};
use crate::exit::Cause;
use crate::facilities::Facilities;
use crate::hierarchies::make_parent;
use crate::http::Connections;
use crate::instance::{GRACE, ProcessInstance};
use crate::limits::InstanceLimits;
use crate::logs::Printed;
use crate::monitor::{Belongings, Orders, WeakMonitor};
use crate::names::{Details, Name, VARIABLE};
use crate::starter::on_lasting_thread;
use crate::storage::{Outside, Storage};
use crate::watch::{Watched, watch};

/// The longest path of a unix socket, bytes.
const LONGEST_SOCKET_PATH_BYTES: usize = 107;
/// Memory of an image beside what its function takes, for the resource limit, bytes.
const IMAGE_MEMORY_BYTES: u64 = 64 << 20;
/// Address space of a thread's stack, bytes.
const STACK_BYTES: u64 = 2 << 20;
/// Files that an instance may have open, beside those of its connections.
const OTHER_FILES: u64 = 1024;
/// Where things are in an instance's own root.
const STORAGE: &str = "/storage";
const SCRATCH: &str = "/scratch";
const OTHERS_SOCKET: &str = "/others.sock";

/// A deployment of which instances can be started.
pub(crate) struct ProcessDeployment {
    shared: Arc<Shared>,
    patience: Duration,
}

/// What all its instances have in common.
struct Shared {
    facilities: Arc<Facilities>,
    name: Name,
    deployment: String,
    folder: PathBuf,
    image: PathBuf,
    limits: InstanceLimits,
    environment: BTreeMap<String, String>,
    storage: Storage,
    others_socket: PathBuf,
    started: AtomicU64,
}

impl ProcessDeployment {
    pub(crate) fn new(
        facilities: Arc<Facilities>,
        name: Name,
        details: &Details,
        spec: &DeploymentSpec,
        limits: InstanceLimits,
        outside: Outside,
        patience: Duration,
    ) -> ProcessDeployment {
        let shared = Shared {
            facilities,
            name,
            deployment: spec.name.clone(),
            folder: details.folder.clone(),
            image: spec.image.path.clone(),
            limits,
            environment: spec.environment.clone(),
            storage: outside.storage,
            others_socket: outside.others_socket,
            started: AtomicU64::new(0),
        };
        ProcessDeployment { shared: Arc::new(shared), patience }
    }
}

/// Makes the folder and the control groups in which those of the instances are made.
pub(crate) fn make(details: &Details, facilities: &Facilities) -> io::Result<()> {
    let folder = |path: &Path| fs::DirBuilder::new().mode(0o700).create(path);
    folder(&details.folder)?;
    // What each instance mounts its root on, in a namespace of its own.
    folder(&details.folder.join("root"))?;
    let longest = details.folder.join("999999999.sock").as_os_str().len();
    if longest > LONGEST_SOCKET_PATH_BYTES {
        let message = format!(
            "{} is too long for sockets in it; give a state folder with a shorter path",
            details.folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if let Some(hierarchies) = facilities.hierarchies() {
        details.cgroups.iter().try_for_each(|group| make_parent(hierarchies, group))?;
    }
    Ok(())
}

#[async_trait]
impl Prepared for ProcessDeployment {
    async fn start(&self, request: StartRequest) -> Result<Arc<dyn Instance>, PlatformError> {
        let begin = Instant::now();
        let shared = &self.shared;
        let printed = Arc::new(Printed::new(request.log.clone(), shared.limits.log_bytes));
        let number = shared.started.fetch_add(1, Ordering::Relaxed);
        let orders = Orders::new();
        let started = on_lasting_thread({
            let (shared, id, handle) = (shared.clone(), request.id.clone(), Handle::current());
            move || shared.start(number, &id, &handle)
        });
        let mut started = started.await.map_err(|error| self.failed("starting an instance", &error))?;
        let pid = started.child.id().unwrap_or(0);
        let weak = orders.weak();
        let exceeded = |weak: &WeakMonitor| {
            let weak = weak.clone();
            move || _ = weak.kill(Cause::Printed)
        };
        let mut readers = Vec::new();
        if let Some(output) = started.child.stdout.take() {
            readers.push(tokio::spawn(printed.clone().drain(output, LogStream::Output, exceeded(&weak))));
        }
        if let Some(errors) = started.child.stderr.take() {
            readers.push(tokio::spawn(printed.clone().drain(errors, LogStream::Error, exceeded(&weak))));
        }
        let mut paths = vec![started.socket.clone()];
        paths.extend(started.scratch.clone());
        let belongings = Belongings { cgroup: started.cgroup.clone(), paths, printed: printed.clone(), readers };
        let monitor = orders.monitor(started.child, belongings, shared.limits);
        let watched = Watched {
            pid,
            memory: !shared.facilities.limits_memory(),
            threads: !shared.facilities.limits_processes(),
            scratch: started.scratch,
        };
        if watched.is_needed() {
            tokio::spawn(watch(watched, shared.limits, weak));
        }
        let instance = ProcessInstance {
            id: request.id,
            pid,
            connections: Connections::new(started.socket),
            monitor,
            printed,
            cgroup: started.cgroup,
            limits: shared.limits,
            root: shared.facilities.namespaces.is_ok().then(|| format!("/proc/{pid}/root").into()),
        };
        self.wait_until_ready(&instance).await?;
        instance.printed.remark(&format!("started in {} us as process {pid}", begin.elapsed().as_micros()));
        Ok(Arc::new(instance))
    }
}

impl ProcessDeployment {
    async fn wait_until_ready(&self, instance: &ProcessInstance) -> Result<(), PlatformError> {
        // The socket is there before the process: the request waits in it, and the answer comes as soon as there can be one.
        let ready = timeout(self.patience, async {
            tokio::select! {
                ready = instance.connections.ready() => ready.map_err(Some),
                _ = instance.monitor.ended() => Err(None),
            }
        });
        let failed = match ready.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(_)) => {
                // A broken connection is the end, or soon followed by it.
                let exit = timeout(self.patience, instance.monitor.ended()).await;
                let reason = exit.map_or_else(|_| "it does not speak HTTP".to_owned(), |exit| exit.reason);
                PlatformError::ExitedAtStart {
                    name: self.shared.deployment.clone(),
                    reason,
                    logs: instance.printed.kept(),
                }
            }
            Err(_) => PlatformError::NotReady {
                name: self.shared.deployment.clone(),
                waited: self.patience,
                logs: instance.printed.kept(),
            },
        };
        instance.monitor.kill(Cause::Stopped);
        instance.monitor.gone().await;
        Err(failed)
    }

    fn failed(&self, doing: &str, error: &io::Error) -> PlatformError {
        PlatformError::Failed {
            platform: "process".to_owned(),
            doing: format!("{doing} of {}", self.shared.deployment),
            reason: error.to_string(),
        }
    }
}

/// A process that was started, with what it was given.
struct Started {
    child: Child,
    socket: PathBuf,
    scratch: Option<PathBuf>,
    cgroup: Option<Arc<Cgroup>>,
}

impl Shared {
    /// Starts the process of the instance `number`. On an error nothing of it is left.
    fn start(&self, number: u64, id: &str, handle: &Handle) -> io::Result<Started> {
        let socket = self.folder.join(format!("{number}.sock"));
        let listener = UnixListener::bind(&socket)?;
        listener.set_nonblocking(true)?;
        let mut started = Attempt { socket: Some(socket), scratch: None, cgroup: None };
        if self.facilities.namespaces.is_err() {
            let scratch = self.folder.join(format!("{number}.scratch"));
            fs::DirBuilder::new().mode(0o700).create(&scratch)?;
            started.scratch = Some(scratch);
        }
        if let Some(hierarchies) = self.facilities.hierarchies() {
            let limits = GroupLimits {
                memory_bytes: hierarchies.limits_memory().then_some(self.limits.memory_bytes),
                cpus: self.limits.cpus.filter(|_| hierarchies.limits_cpu()),
                processes: hierarchies.limits_processes().then_some(self.limits.threads()),
            };
            let group = Cgroup::make(hierarchies, self.name.as_str(), &format!("instance-{number}"), &limits)?;
            started.cgroup = Some(Arc::new(group));
        }
        let mut command = Command::new(self.facilities.launcher.path());
        self.arguments(&mut command, started.scratch.as_deref(), started.cgroup.as_deref());
        command.env_clear().envs(&self.environment).envs(self.own_environment(id, started.scratch.as_deref()));
        // The listening socket is the image's standard input: no other file is passed on.
        command.stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let child = {
            let _context = handle.enter();
            command.spawn()?
        };
        Ok(started.succeeded(child))
    }

    /// The launcher's command line.
    fn arguments(&self, command: &mut Command, scratch: Option<&Path>, cgroup: Option<&Cgroup>) {
        command.arg("run").arg("--parent").arg(std::process::id().to_string());
        for folder in cgroup.map(Cgroup::folders).unwrap_or_default() {
            command.arg("--cgroup").arg(folder);
        }
        let files = self.storage.files();
        if let Ok(namespaces) = &self.facilities.namespaces {
            command.arg("--namespaces").arg(namespaces.word());
            if self.facilities.needs_network_namespace() && !self.storage.needs_network() {
                command.arg("--network-namespace");
            }
            command.arg("--root").arg(self.folder.join("root"));
            command.arg(self.limits.scratch_bytes.to_string()).arg(self.limits.scratch_files().to_string());
            if let Some(directory) = self.storage.directory() {
                command.arg("--bind").arg(directory).arg(STORAGE);
            }
            if self.others_socket.exists() {
                command.arg("--bind").arg(&self.others_socket).arg(OTHERS_SOCKET);
            }
            for file in &files {
                command.arg("--bind-read").arg(file);
            }
            command.arg("--write").arg(SCRATCH);
            if self.storage.directory().is_some() {
                command.arg("--write").arg(STORAGE);
            }
            command.arg("--read").arg("/");
        } else {
            for folder in scratch.into_iter().chain(self.storage.directory()) {
                command.arg("--write").arg(folder);
            }
            for file in &files {
                command.arg("--read").arg(file);
            }
        }
        if self.facilities.landlock.is_ok() {
            command.arg("--landlock");
        }
        if self.storage.needs_network() {
            command.arg("--network");
        }
        if self.facilities.seccomp.is_ok() {
            command.arg("--seccomp");
        }
        let files = OTHER_FILES + u64::from(self.limits.concurrency);
        let mut limits = vec![("core", 0), ("files", files)];
        if scratch.is_some() {
            limits.push(("file-size", self.limits.scratch_bytes));
        }
        if !self.facilities.limits_memory() {
            let stacks = self.limits.threads() * STACK_BYTES;
            limits.push(("data", self.limits.memory_bytes.saturating_add(IMAGE_MEMORY_BYTES + stacks)));
        }
        for (name, most) in limits {
            command.arg("--limit").arg(name).arg(most.to_string());
        }
        command.arg("--").arg(&self.image);
    }

    /// What the image is told.
    fn own_environment(&self, id: &str, scratch: Option<&Path>) -> Vec<(&'static str, String)> {
        let has_root = scratch.is_none();
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let storage = match &self.storage {
            Storage::Directory(_) if has_root => STORAGE.to_owned(),
            Storage::Directory(path) => text(path),
            Storage::Service { location, .. } => location.clone(),
        };
        let milliseconds = |duration: Duration| duration.as_millis().clamp(1, 3_600_000).to_string();
        let mut environment = vec![
            (VARIABLE, self.name.as_str().to_owned()),
            ("FAASBENCH_PLATFORM", "process".to_owned()),
            ("FAASBENCH_LISTEN", "fd:0".to_owned()),
            ("FAASBENCH_INSTANCE_ID", id.to_owned()),
            ("FAASBENCH_STORAGE", storage),
            ("FAASBENCH_SCRATCH", scratch.map_or_else(|| SCRATCH.to_owned(), text)),
            ("FAASBENCH_CONCURRENCY", self.limits.concurrency.to_string()),
            ("FAASBENCH_GRACE_MS", milliseconds(GRACE)),
            ("FAASBENCH_INVOKE_TIMEOUT_MS", milliseconds(self.limits.time)),
            ("FAASBENCH_MEMORY_LIMIT_BYTES", self.limits.memory_bytes.to_string()),
        ];
        if let Some(cores) = self.limits.cores() {
            environment.push(("FAASBENCH_CORES", cores.to_string()));
        }
        if self.others_socket.exists() {
            let socket = if has_root { OTHERS_SOCKET.to_owned() } else { text(&self.others_socket) };
            environment.push(("FAASBENCH_INVOKE_URL", format!("unix:{socket}:/function/{{name}}")));
        }
        environment.extend(self.storage.credentials().iter().cloned());
        environment
    }
}

/// What was made for a process that is not started yet; it is removed when the start fails.
struct Attempt {
    socket: Option<PathBuf>,
    scratch: Option<PathBuf>,
    cgroup: Option<Arc<Cgroup>>,
}

impl Attempt {
    fn succeeded(mut self, child: Child) -> Started {
        let socket = self.socket.take().unwrap_or_default();
        Started { child, socket, scratch: self.scratch.take(), cgroup: self.cgroup.take() }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // What can't be removed now is removed with the deployment.
        if let Some(socket) = self.socket.take() {
            let _ = fs::remove_file(socket);
        }
        if let Some(scratch) = self.scratch.take() {
            let _ = fs::remove_dir_all(scratch);
        }
        if let Some(cgroup) = self.cgroup.take() {
            let _ = cgroup.remove();
        }
    }
}
