//! A deployment whose image the engine has, and how one of its instances is started.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bollard::query_parameters::AttachContainerOptions;
use local_platform::{Instance, Prepared, StartRequest};
use platform::PlatformError;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::body::{PORT, SOCKET, Template};
use crate::connections::{CallError, Connections};
use crate::container::Container;
use crate::engine::Engine;
use crate::exit::{Exit, ended_as, follow};
use crate::failure::{PLATFORM, failed};
use crate::instance::ContainerInstance;
use crate::output::Output;
use crate::process::Process;
use crate::ready::SocketWatch;

/// The longest that an instance may take until it can be called.
const READY: Duration = Duration::from_secs(30);
/// How long the last output of an instance that ended is waited for.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// A deployment whose image the engine has.
pub(crate) struct PreparedContainers {
    pub(crate) engine: Arc<Engine>,
    pub(crate) target: String,
    pub(crate) template: Template,
    /// Where the folders of the sockets are made.
    pub(crate) folders: PathBuf,
}

#[async_trait]
impl Prepared for PreparedContainers {
    async fn start(&self, request: StartRequest) -> Result<Arc<dyn Instance>, PlatformError> {
        let folder = if self.engine.uses_sockets { Some(self.new_folder()?) } else { None };
        let deployment = &self.template.spec.id;
        let container = Container::intend(&self.engine, &self.target, deployment, &request, folder).await?;
        match self.start_container(&container, &request).await {
            Ok(started) => Ok(Arc::new(self.instance(request.id, container, started))),
            Err(error) => {
                // What can't be removed stays in the ledger; the reason why it did not start is the one to tell.
                let _ = container.remove().await;
                Err(error)
            }
        }
    }
}

/// What is known of a container that can be called.
struct Started {
    output: Arc<Output>,
    exits: watch::Receiver<Option<Exit>>,
    connections: Connections,
    process: Option<Process>,
}

impl PreparedContainers {
    async fn start_container(&self, container: &Container, request: &StartRequest) -> Result<Started, PlatformError> {
        let watch = container.folder().map(SocketWatch::new).transpose().map_err(|error| self.at_folder(&error))?;
        let body = self.template.body(&self.engine, &request.id, container.folder());
        let id = container.create(body).await?;
        let output = Arc::new(Output::new(request.log.clone(), self.template.spec.limits.log_bytes));
        // Attached before it starts, so that nothing is missed.
        let attach = AttachContainerOptions { stdout: true, stderr: true, stream: true, ..Default::default() };
        let attached = self.engine.waiting.attach_container(&id, Some(attach)).await;
        let attached = attached.map_err(|error| failed("attaching to a container", &error))?;
        let followed = output.clone();
        let mut reading = tokio::spawn(async move { followed.follow(attached.output).await });
        let start = async {
            let started = self.engine.api.start_container(&id, None).await;
            started.map_err(|error| failed("starting a container", &error))
        };
        tokio::try_join!(start, container.tell_ledger(&id))?;
        let (told, exits) = watch::channel(None);
        tokio::spawn(follow(self.engine.clone(), id.clone(), told));
        let ready = async {
            tokio::try_join!(self.connections(container, watch.as_ref(), &id), async { Ok(self.process(&id).await) })
        };
        let ready = tokio::select! {
            ready = timeout(READY, ready) => ready,
            exit = ended_as(exits.clone()) => {
                let _ = timeout(LAST_OUTPUT, &mut reading).await;
                return Err(self.exited(&exit, &output));
            }
            () = output.until_exceeded() => {
                return Err(PlatformError::ExitedAtStart {
                    name: self.template.spec.name.clone(),
                    reason: "it printed more than its limit of log bytes".to_owned(),
                    logs: output.tail(),
                });
            }
        };
        match ready {
            Ok(Ok((connections, process))) => Ok(Started { output, exits, connections, process }),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let mut logs = output.tail();
                if logs.is_empty() && self.engine.uses_sockets {
                    logs =
                        "nothing; where unix sockets in mounted folders don't work, set `connection` to `port`".into();
                }
                Err(PlatformError::NotReady { name: self.template.spec.name.clone(), waited: READY, logs })
            }
        }
    }

    /// Connections to the instance, when it can be called.
    async fn connections(
        &self,
        container: &Container,
        watch: Option<&SocketWatch>,
        id: &str,
    ) -> Result<Connections, PlatformError> {
        let broken = |reason: String| PlatformError::Failed {
            platform: PLATFORM.to_owned(),
            doing: "connecting to an instance".to_owned(),
            reason,
        };
        match (container.folder(), watch) {
            (Some(folder), Some(watch)) => {
                let first = watch.connected().await.map_err(|error| broken(error.to_string()))?;
                Connections::over_socket(folder.join(SOCKET), first).await.map_err(|error| match error {
                    CallError::Broken(reason) => broken(reason),
                    CallError::TooLarge => broken("its first answer is too large".to_owned()),
                })
            }
            _ => {
                let inspected = self.engine.inspect(id).await;
                let inspected = inspected.map_err(|error| failed("asking for a container's port", &error))?;
                let port = published_port(&inspected).ok_or_else(|| {
                    broken("the engine published no port: does it have a default network?".to_owned())
                })?;
                Ok(Connections::over_port(port).await)
            }
        }
    }

    /// Its first process, where the engine runs it on this machine.
    async fn process(&self, id: &str) -> Option<Process> {
        let said = self.engine.inspect(id).await.ok()?;
        let pid = said["State"]["Pid"].as_u64().filter(|pid| *pid > 0)?;
        Process::find(u32::try_from(pid).ok()?, id)
    }

    fn instance(&self, id: String, container: Container, started: Started) -> ContainerInstance {
        ContainerInstance::new(
            id,
            self.template.spec.limits,
            container,
            started.output,
            started.exits,
            started.connections,
            started.process,
        )
    }

    fn exited(&self, exit: &Exit, output: &Output) -> PlatformError {
        PlatformError::ExitedAtStart {
            name: self.template.spec.name.clone(),
            reason: format!("it {}", exit.text()),
            logs: output.tail(),
        }
    }

    /// A new folder for one instance's socket, into which the instance may write, and nobody who can't get there.
    fn new_folder(&self) -> Result<PathBuf, PlatformError> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let make = |folder: &Path| {
            fs::create_dir(folder)?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777))
        };
        loop {
            // Short, as a socket's path may have only 107 bytes.
            let folder = self.folders.join(format!("{:x}", LAST.fetch_add(1, Ordering::Relaxed)));
            match make(&folder) {
                Ok(()) => return Ok(folder),
                // Left behind by a process that was killed.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.at_folder(&error)),
            }
        }
    }

    fn at_folder(&self, error: &std::io::Error) -> PlatformError {
        folder_error(&self.folders, error)
    }
}

/// Makes the folder of the instances' folders, which only this user can enter.
pub(crate) fn make_folders(state: &Path) -> Result<PathBuf, PlatformError> {
    let folder = state.join("c");
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(folder_error(&folder, &error)),
        _ => Ok(folder),
    }
}

fn folder_error(folder: &Path, error: &std::io::Error) -> PlatformError {
    PlatformError::Failed {
        platform: PLATFORM.to_owned(),
        doing: "making a folder for an instance's socket".to_owned(),
        reason: format!("{}: {error}", folder.display()),
    }
}

/// The port of 127.0.0.1 that leads to the instance.
fn published_port(container: &Value) -> Option<SocketAddr> {
    let port = container["NetworkSettings"]["Ports"][PORT][0]["HostPort"].as_str()?;
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
}
