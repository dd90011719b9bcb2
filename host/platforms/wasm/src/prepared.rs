//! A component of which instances can be made.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use engine::Limits;
use engine::wasm::{InstanceOptions, Interrupt, Program, Stream, WasmError, WasmInstance};
use lab::{Error, ErrorKind};
use local_platform::{CallOthers, Instance, Log, Prepared, Purpose, StartRequest};
use native::{NoFunctions, NoStorage, Sandbox, Storage};
use platform::{LogStream, PlatformError};
use tokio::runtime::Handle;

use crate::guest_threads::GuestThreads;
use crate::instance::ComponentInstance;

/// A component with all that its instances need.
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) program: Program,
    pub(crate) limits: Limits,
    pub(crate) environment: Arc<[(String, String)]>,
    pub(crate) others: Arc<dyn CallOthers>,
    pub(crate) threads: Arc<GuestThreads>,
    pub(crate) handle: Handle,
    /// Where its instances get scratch folders; `None` for a function that needs neither files nor objects.
    pub(crate) scratch: Option<Scratch>,
    pub(crate) cores: u32,
}

/// What only a function with files and objects is given.
pub(crate) struct Scratch {
    pub(crate) root: PathBuf,
    pub(crate) storage: Arc<dyn Storage>,
}

impl Component {
    /// Makes an instance, on this thread.
    pub(crate) fn instantiate(
        &self,
        id: &str,
        log: Log,
        interrupt: Interrupt,
        created: Instant,
    ) -> Result<WasmInstance, Error> {
        let (folder, storage): (_, Arc<dyn Storage>) = match &self.scratch {
            None => (None, Arc::new(NoStorage)),
            Some(scratch) => {
                let folder = tempfile::Builder::new().prefix("instance-").tempdir_in(&scratch.root);
                (Some(folder.map_err(|error| self.unavailable(&WasmError::Scratch(error)))?), scratch.storage.clone())
            }
        };
        let memory = Some(self.limits.memory_bytes);
        let sandbox = Sandbox::identified(id.to_owned(), "wasm", "wasm", self.cores, memory).since(created);
        let options = InstanceOptions {
            listener: Some(Arc::new(move |stream, line: &str| match stream {
                Stream::Output => log(LogStream::Output, line),
                Stream::Error => log(LogStream::Error, line),
            })),
            environment: self.environment.clone(),
            interrupt,
            ..InstanceOptions::new(storage, Arc::new(NoFunctions), sandbox, folder, self.limits)
        };
        WasmInstance::new(&self.program, options).map_err(|error| self.unavailable(&error))
    }

    fn unavailable(&self, error: &WasmError) -> Error {
        Error::new(ErrorKind::Unavailable, format!("{} could not be started: {error}", self.name))
    }
}

/// The component of one deployment.
pub(crate) struct PreparedComponent(pub(crate) Arc<Component>);

#[async_trait]
impl Prepared for PreparedComponent {
    async fn start(&self, request: StartRequest) -> Result<Arc<dyn Instance>, PlatformError> {
        self.start_for(request, Purpose::OnDemand).await
    }

    async fn start_for(&self, request: StartRequest, purpose: Purpose) -> Result<Arc<dyn Instance>, PlatformError> {
        let is_single_use = purpose == Purpose::SingleUse;
        let instance = Arc::new(ComponentInstance::new(request.id, self.0.clone(), request.log, is_single_use));
        if purpose == Purpose::Ahead {
            let made = instance.clone();
            let making = tokio::task::spawn_blocking(move || made.make()).await;
            let outcome = making.unwrap_or_else(|panic| Err(Error::internal(panic.to_string())));
            outcome.map_err(|error| PlatformError::ExitedAtStart {
                name: self.0.name.clone(),
                reason: error.message,
                logs: String::new(),
            })?;
        }
        Ok(instance)
    }
}
