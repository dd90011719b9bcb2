//! What a platform on this machine must be able to do: start, invoke and end one instance. All the rest is the same for all.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use native::Storage;
use platform::{
    Capabilities, DeploymentSpec, Found, InstanceIdentity, Invocation, Ledger, Limits, LogStream, PlatformError,
    Reached, Resource, Scale,
};

/// How an instance calls other functions of the same platform.
#[async_trait]
pub trait CallOthers: Send + Sync {
    /// Calls the function `name` and waits for its answer.
    ///
    /// # Errors
    /// The callee's own error, or why it could not be called.
    async fn call(&self, name: &str, invocation: Invocation) -> Result<String, lab::Error>;
}

/// What all instances of a platform are given.
#[derive(Clone)]
pub struct Surroundings {
    /// Where objects are, for functions in this process.
    pub storage: Arc<dyn Storage>,
    /// The same for functions in processes of their own: an absolute path, or a URL as `object` reads it.
    pub storage_location: String,
    /// Other functions, for functions in this process.
    pub others: Arc<dyn CallOthers>,
    /// The same for functions in processes of their own: a unix socket that serves `POST /function/NAME`.
    pub others_socket: PathBuf,
    /// A folder for sockets, scratch folders and the like, for this platform alone. Its path is short: a socket's path may
    /// have 107 bytes.
    pub state: PathBuf,
}

/// One kind of sandbox.
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// The platform's name: `wasm`, `process`, `container`.
    fn platform(&self) -> &'static str;

    /// The kind of image that it takes.
    fn image_kind(&self) -> image_kind::ImageKind;

    /// What it can do here.
    fn capabilities(&self) -> Capabilities;

    /// What is meant where a deployment leaves a choice open; every field is set, but for limits that don't exist here.
    fn defaults(&self) -> (Scale, Limits);

    /// Whether it works here, its version, and how each limit is kept.
    ///
    /// # Errors
    /// Why not, and what to do.
    async fn reach(&self) -> Result<Reached, PlatformError>;

    /// Makes a deployment ready to start instances: compiles the component, loads the image. `spec` has all defaults filled
    /// in. What it creates that could outlive this process goes to the ledger first.
    ///
    /// # Errors
    /// When it can't be made ready, or a limit that was asked for can't be kept here.
    async fn prepare(
        &self,
        spec: &DeploymentSpec,
        surroundings: &Surroundings,
        ledger: &dyn Ledger,
    ) -> Result<Arc<dyn Prepared>, PlatformError>;

    /// Removes one thing that the ledger names, also after another process created it. Idempotent.
    ///
    /// # Errors
    /// When it is, or may be, still there.
    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError>;

    /// Everything on this machine that carries our mark.
    ///
    /// # Errors
    /// When it can't be told.
    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        Ok(Vec::new())
    }
}

/// Takes each line that an instance prints.
pub type Log = Arc<dyn Fn(LogStream, &str) + Send + Sync>;

/// What is told to an instance at its start.
pub struct StartRequest {
    /// The identity that it is to give in its answers.
    pub id: String,
    /// Takes each line that it prints.
    pub log: Log,
    /// Where to write down what outlives this process, such as a container.
    pub ledger: Arc<dyn Ledger>,
}

/// What an instance is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An invocation waits for it; others may follow.
    OnDemand,
    /// It is to be there before anybody waits: nothing of its start is put off.
    Ahead,
    /// For one invocation, after which it is ended.
    SingleUse,
}

/// A deployment of which instances can be started.
#[async_trait]
pub trait Prepared: Send + Sync {
    /// Starts an instance and returns when it can serve. A driver whose instances start within microseconds may put off the
    /// work until the first invocation, and then tells it in [`Served::start`].
    ///
    /// # Errors
    /// When it ended at its start, or did not become ready.
    async fn start(&self, request: StartRequest) -> Result<Arc<dyn Instance>, PlatformError>;

    /// The same, for a driver that makes use of what the instance is for.
    ///
    /// # Errors
    /// As [`Prepared::start`].
    async fn start_for(&self, request: StartRequest, _: Purpose) -> Result<Arc<dyn Instance>, PlatformError> {
        self.start(request).await
    }
}

/// What an instance made of one invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// HTTP status, as native images have it: 200, 400 for a bad request, 413 for a limit, 504 past the deadline.
    pub status: u16,
    /// The response, or `{"error": {"type", "message"}}`.
    pub body: Bytes,
    /// Who served it.
    pub instance: Option<InstanceIdentity>,
    /// Starting the instance, when that was put off until this invocation.
    pub start: Option<Duration>,
    /// In the instance.
    pub execution: Duration,
    /// Most memory that the instance ever used, bytes; `None` where it can't be read cheaply.
    pub peak_memory_bytes: Option<u64>,
    /// Whether it may serve another invocation. A limit that was reached ends an instance.
    pub is_usable: bool,
}

/// Why an instance is there no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceExit {
    /// Its exit status or signal, or the limit that it reached.
    pub reason: String,
}

/// One sandbox with one function in it. Dropping the last handle ends it too.
#[async_trait]
pub trait Instance: Send + Sync {
    /// The identity that it gives in its answers.
    fn id(&self) -> &str;

    /// Serves one invocation, and stops it at `deadline` whatever it does. It never fails: a broken instance is an answer of
    /// status 502 that leaves it unusable.
    async fn invoke(&self, invocation: &Invocation, deadline: Instant) -> Served;

    /// Its processes on this machine; none for an instance inside this process.
    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Its control group, relative to the hierarchies' roots.
    fn cgroup(&self) -> Option<String> {
        None
    }

    /// Returns when the instance has ended by itself. Never, for one that can't.
    async fn ended(&self) -> InstanceExit {
        std::future::pending().await
    }

    /// Ends it, with a little time for what it is doing, and removes all that it had.
    async fn stop(&self);
}
