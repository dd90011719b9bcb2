//! A platform on this machine, over any driver.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use lab::Error;
use native::{Storage, unix_time_ns};
use platform::{
    Answer, CallId, Deployment, DeploymentId, DeploymentSpec, Invocation, Ledger, PlatformError, Resource, Scale,
    Timings,
};

use crate::book::Book;
use crate::check::completed;
use crate::deployed::Deployed;
use crate::driver::{Driver, Surroundings};
use crate::failure::{as_functions_error, error_body};
use crate::flight::{Flight, Flights};
use crate::history::InstanceEvent;
use crate::invocation::Refusal;
use crate::later::TooMany;
use crate::others::Others;
use crate::pool::Pool;
use crate::schedule::Class;
use crate::socket::Socket;

/// The largest event that is accepted, bytes: that of a synchronous AWS Lambda invocation.
pub const MAX_EVENT_BYTES: usize = 6 << 20;
/// The kind, in a ledger, of a deployment within a process.
pub const DEPLOYMENT: &str = "deployment";
/// The nested calls' socket in the platform's folder.
const SOCKET: &str = "others.sock";
/// How long beyond its longest invocation a deployment may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// What a platform on this machine is given.
pub struct LocalOptions {
    /// The named installation; the platform's name where it has no other.
    pub target: Option<String>,
    /// Where objects are, for functions in this process.
    pub storage: Arc<dyn Storage>,
    /// The same for functions in processes of their own: an absolute path, or a URL as `object` reads it.
    pub storage_location: String,
    /// A folder for this platform alone, which exists, is entered by this user only, and has a short path: a socket's path
    /// may have 107 bytes. What is in it ends with the platform, the folder itself is its owner's.
    pub state: PathBuf,
    /// Where instances write down what outlives this process.
    pub ledger: Arc<dyn Ledger>,
}

/// A platform on this machine. It serves as long as it is there, in the tokio runtime where it was made.
///
/// Invocations that find no instance free wait in turn, as many as the deployment's queue holds; further ones are
/// [`PlatformError::Overloaded`], which is 429. See `Pool::invoke` for what counts against which time.
pub struct LocalPlatform {
    pub(crate) inner: Arc<Inner>,
    socket: Mutex<Option<Socket>>,
}

/// What a platform's parts share.
pub(crate) struct Inner {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) target: String,
    surroundings: Surroundings,
    ledger: Arc<dyn Ledger>,
    deployments: RwLock<HashMap<String, Arc<Deployed>>>,
    /// Names that are being deployed for the first time.
    beginning: tokio::sync::Mutex<()>,
    flights: Flights,
    is_closing: AtomicBool,
}

impl LocalPlatform {
    /// A platform without deployments.
    ///
    /// # Errors
    /// When its socket can't be made.
    pub fn new(driver: Arc<dyn Driver>, options: LocalOptions) -> Result<LocalPlatform, PlatformError> {
        let LocalOptions { target, storage, storage_location, state, ledger } = options;
        let path = state.join(SOCKET);
        let inner = Arc::new_cyclic(|this| Inner {
            target: target.unwrap_or_else(|| driver.platform().to_owned()),
            driver,
            surroundings: Surroundings {
                storage,
                storage_location,
                others: Arc::new(Others(this.clone())),
                others_socket: path.clone(),
                state,
            },
            ledger,
            deployments: RwLock::default(),
            beginning: tokio::sync::Mutex::new(()),
            flights: Flights::default(),
            is_closing: AtomicBool::new(false),
        });
        let socket = Socket::listen(&path, Arc::downgrade(&inner));
        let socket = socket
            .map_err(|error| inner.failed("listening for nested calls", format!("{}: {error}", path.display())))?;
        Ok(LocalPlatform { inner, socket: Mutex::new(Some(socket)) })
    }

    /// All deployments, by name.
    pub fn deployments(&self) -> Vec<Deployment> {
        let mut all: Vec<_> = self.inner.all().iter().map(|deployed| self.inner.deployment(deployed.spec())).collect();
        all.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
        all
    }

    /// The deployment of that name.
    pub fn deployment(&self, name: &str) -> Option<Deployment> {
        self.inner.find(name).map(|deployed| self.inner.deployment(deployed.spec()))
    }

    /// Invokes what is deployed under that name, without looking at which deployment it is.
    ///
    /// # Errors
    /// As [`platform::Platform::invoke`].
    pub async fn invoke_named(&self, name: &str, invocation: &Invocation) -> Result<Answer, PlatformError> {
        self.inner.outside_call(name, None, invocation).await
    }

    /// When the deployment's instances started and ended, from `since_unix_ns` on: the last of it.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub fn history(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<InstanceEvent>, PlatformError> {
        Ok(self.inner.get(&deployment.spec.name, Some(&deployment.spec.id))?.book.history.since(since_unix_ns))
    }

    /// The same of the deployment with this id; nothing where there is none.
    pub fn history_of(&self, deployment: &DeploymentId, since_unix_ns: u64) -> Vec<InstanceEvent> {
        let deployed = self.inner.all().into_iter().find(|deployed| deployed.id == *deployment);
        deployed.map(|deployed| deployed.book.history.since(since_unix_ns)).unwrap_or_default()
    }

    /// Ends a deployment: it takes nothing more, what it took is finished, then its instances end. A deployment that is not
    /// there is a success.
    ///
    /// # Errors
    /// When instances are still there after their time.
    pub async fn undeploy(&self, id: &DeploymentId) -> Result<(), PlatformError> {
        self.inner.undeploy(id).await
    }

    /// Takes nothing more from outside, finishes what was taken, with the nested calls that it makes, and ends all instances:
    /// those that are not done within `grace` too. Returns whether all was finished.
    pub async fn shut_down(&self, grace: Duration) -> bool {
        self.inner.is_closing.store(true, Ordering::Release);
        let finished = tokio::time::timeout(grace, self.inner.flights.all_landed()).await.is_ok();
        let all = self.inner.all();
        for deployed in &all {
            deployed.leave();
            if !finished {
                for pool in deployed.pools() {
                    pool.kill().await;
                }
            }
        }
        for deployed in &all {
            // Instances that don't end are beyond help; the ledger knows what they left.
            let _ = tokio::time::timeout(GRACE, deployed.is_over()).await;
        }
        self.inner.deployments.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        finished
    }
}

impl Drop for LocalPlatform {
    fn drop(&mut self) {
        self.inner.is_closing.store(true, Ordering::Release);
        if tokio::runtime::Handle::try_current().is_ok() {
            for deployed in self.inner.all() {
                deployed.leave();
            }
        }
    }
}

impl Inner {
    pub(crate) fn failed(&self, doing: &str, reason: String) -> PlatformError {
        PlatformError::Failed { platform: self.driver.platform().to_owned(), doing: doing.to_owned(), reason }
    }

    fn all(&self) -> Vec<Arc<Deployed>> {
        self.deployments.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn find(&self, name: &str) -> Option<Arc<Deployed>> {
        self.deployments.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The deployment of that name; with an id, only that one.
    pub(crate) fn get(&self, name: &str, id: Option<&DeploymentId>) -> Result<Arc<Deployed>, PlatformError> {
        self.find(name).filter(|deployed| id.is_none_or(|id| deployed.id == *id)).ok_or_else(|| self.not_found(name))
    }

    fn not_found(&self, name: &str) -> PlatformError {
        PlatformError::NotFound { platform: self.driver.platform().to_owned(), name: name.to_owned() }
    }

    pub(crate) fn deployment(&self, spec: DeploymentSpec) -> Deployment {
        Deployment {
            spec,
            platform: self.driver.platform().to_owned(),
            target: self.target.clone(),
            url: None,
            details: serde_json::Value::Null,
        }
    }

    fn open(&self) -> Result<(), PlatformError> {
        if !self.is_closing.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(PlatformError::Unreachable {
            platform: self.driver.platform().to_owned(),
            reason: "it is shutting down".to_owned(),
            advice: "start it again".to_owned(),
        })
    }

    pub(crate) async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.open()?;
        let spec = completed(spec, &*self.driver)?;
        let existing = self.find(&spec.name);
        let beginning;
        let changing;
        match &existing {
            None => beginning = Some(self.beginning.lock().await),
            Some(deployed) => {
                beginning = None;
                changing = deployed.change.lock().await;
                let _ = &changing;
            }
        }
        // Somebody else may have deployed it meanwhile.
        let existing = self.find(&spec.name);
        if let Some(other) = existing.as_ref().filter(|deployed| deployed.id != spec.id) {
            return Err(PlatformError::Invalid(format!(
                "{} has a deployment {} of the name `{}` already; undeploy that first, or choose another name",
                self.driver.platform(),
                other.id,
                spec.name
            )));
        }
        self.write_down(&spec, ledger).await?;
        let prepared = self.driver.prepare(&spec, &self.surroundings, ledger).await?;
        let book = existing.as_ref().map_or_else(|| Arc::new(Book::new()), |deployed| deployed.book.clone());
        let pool = Pool::new(self.driver.platform(), spec.clone(), prepared, self.ledger.clone(), book.clone());
        match existing {
            Some(deployed) => {
                // The former image serves on until this one is seen to work.
                if let Err(error) = pool.prove().await {
                    pool.close();
                    return Err(error);
                }
                book.remark("", &format!("updated to {}", spec.image.digest));
                deployed.replace(pool);
            }
            None => {
                let deployed = Arc::new(Deployed::new(book, pool.clone()));
                self.deployments.write().unwrap_or_else(PoisonError::into_inner).insert(spec.name.clone(), deployed);
                // Whoever waits until it is ready is told what came of it.
                tokio::spawn(async move { pool.prove().await });
            }
        }
        drop(beginning);
        Ok(self.deployment(spec))
    }

    /// A deployment is in the ledger too, though it ends with this process: so it is found by whoever removes all that there is.
    async fn write_down(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<(), PlatformError> {
        let resource = Resource {
            deployment: spec.id.clone(),
            platform: self.driver.platform().to_owned(),
            target: self.target.clone(),
            kind: DEPLOYMENT.to_owned(),
            name: format!("{}-{}", spec.name, spec.id),
            details: serde_json::json!({ "name": spec.name }),
        };
        let known = ledger.resources(&spec.id).await?;
        if known.iter().any(|entry| entry.resource.kind == DEPLOYMENT && entry.resource.name == resource.name) {
            return Ok(());
        }
        let id = ledger.intend(&resource).await?;
        ledger.created(id, &resource.details).await?;
        Ok(())
    }

    pub(crate) async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        let deployed = self.get(&deployment.spec.name, Some(&deployment.spec.id))?;
        let changing = deployed.change.lock().await;
        let mut spec = deployed.spec();
        let former = spec.scale;
        spec.scale = Scale {
            minimum_instances: scale.minimum_instances.or(former.minimum_instances),
            maximum_instances: scale.maximum_instances.or(former.maximum_instances),
            concurrency: scale.concurrency.or(former.concurrency),
            keep_alive: scale.keep_alive.or(former.keep_alive),
            queue: scale.queue.or(former.queue),
        };
        let is_single_use = |scale: &Scale| scale.keep_alive.is_some_and(|time| time.is_zero());
        if spec.scale.concurrency != former.concurrency || is_single_use(&spec.scale) != is_single_use(&former) {
            // Instances are told at their start how much they serve at once, and whether it is one invocation only.
            drop(changing);
            self.deploy(&spec, &*self.ledger).await?;
            return Ok(());
        }
        deployed.scale(completed(&spec, &*self.driver)?);
        Ok(())
    }

    pub(crate) async fn undeploy(&self, id: &DeploymentId) -> Result<(), PlatformError> {
        let found = {
            let mut deployments = self.deployments.write().unwrap_or_else(PoisonError::into_inner);
            let name = deployments.iter().find(|(_, deployed)| deployed.id == *id).map(|(name, _)| name.clone());
            name.and_then(|name| deployments.remove(&name))
        };
        let Some(deployed) = found else { return Ok(()) };
        let _changing = deployed.change.lock().await;
        deployed.leave();
        let longest = deployed.pool().time_limit() + GRACE;
        tokio::time::timeout(longest, deployed.is_over()).await.map_err(|_| {
            self.failed("ending a deployment", format!("instances are still there after {} s", longest.as_secs()))
        })
    }

    /// A call from outside of the platform.
    pub(crate) async fn outside_call(
        &self,
        name: &str,
        id: Option<&DeploymentId>,
        invocation: &Invocation,
    ) -> Result<Answer, PlatformError> {
        let flight = self.flights.begin();
        // After the count, so that a shutdown either sees this call or is seen by it.
        self.open()?;
        let deployed = self.get(name, id)?;
        self.call(&deployed, invocation, Class::Waiting, flight).await
    }

    /// A call of one function by another, which is served while its caller is. A deployment of that name is called, else one
    /// of that function.
    pub(crate) async fn nested(&self, name: &str, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let flight = self.flights.begin();
        let deployed = match self.find(name) {
            Some(deployed) => deployed,
            None => {
                let of_function = |deployed: &Arc<Deployed>| deployed.spec().function == name;
                self.all().into_iter().find(of_function).ok_or_else(|| self.not_found(name))?
            }
        };
        self.call(&deployed, invocation, Class::Waiting, flight).await
    }

    async fn call(
        &self,
        deployed: &Deployed,
        invocation: &Invocation,
        class: Class,
        flight: Flight,
    ) -> Result<Answer, PlatformError> {
        if invocation.event.len() > MAX_EVENT_BYTES {
            return Ok(too_large(invocation.event.len()));
        }
        let mut flight = Some(flight);
        loop {
            let pool = deployed.pool();
            let flight = flight.take().unwrap_or_else(|| self.flights.begin());
            match pool.invoke(invocation, class, flight).await {
                Ok(answer) => return Ok(answer),
                Err(Refusal::Failed(error)) => return Err(error),
                Err(Refusal::Closed) if deployed.is_gone() => return Err(self.not_found(&pool.spec.name)),
                // An update took place at this very moment.
                Err(Refusal::Closed) => {}
            }
        }
    }

    pub(crate) fn invoke_later(
        self: &Arc<Inner>,
        deployment: &Deployment,
        invocation: &Invocation,
    ) -> Result<CallId, PlatformError> {
        let flight = self.flights.begin();
        self.open()?;
        let deployed = self.get(&deployment.spec.name, Some(&deployment.spec.id))?;
        let (number, call) = deployed.later.begin().map_err(|TooMany(waiting)| {
            deployed.book.accounts.refused();
            PlatformError::Overloaded { name: deployment.spec.name.clone(), waiting }
        })?;
        let (this, invocation) = (self.clone(), invocation.clone());
        tokio::spawn(async move {
            let start_unix_ns = unix_time_ns();
            let outcome = this.call(&deployed, &invocation, Class::Later, flight).await;
            let answer = outcome.unwrap_or_else(|error| {
                let (status, error) = as_functions_error(&error);
                refused(status, &error, start_unix_ns)
            });
            deployed.later.answered(number, answer);
        });
        Ok(call)
    }
}

fn too_large(bytes: usize) -> Answer {
    let error = Error::limit(format!(
        "the event has {bytes} bytes; at most {MAX_EVENT_BYTES} are accepted. Put large data into object storage and its key into the event"
    ));
    refused(413, &error, unix_time_ns())
}

/// An answer that no instance gave.
fn refused(status: u16, error: &Error, start_unix_ns: u64) -> Answer {
    Answer {
        status,
        body: error_body(error),
        call: None,
        instance: None,
        timings: Timings { start_unix_ns, ..Timings::default() },
        billing: None,
    }
}
