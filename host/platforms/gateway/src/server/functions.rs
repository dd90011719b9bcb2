//! What is deployed: the table in which each request finds its function, and changes to it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use platform::{Deployment, DeploymentId, DeploymentSpec, Ledger, Platform, PlatformError, ResourceState};
use tokio::sync::watch;

use super::metrics::{FunctionMetrics, Metrics};
use crate::client::SERVED_FUNCTION;
use crate::daemon::SERVER;

/// How long a change of a name waits for another one.
const CHANGE_PATIENCE: Duration = Duration::from_secs(120);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

/// What OpenFaaS's interface was told of a deployment beyond what our platforms need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// The image as it was named.
    pub(crate) image: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// One function that is deployed.
pub(crate) struct Function {
    pub(crate) deployment: Deployment,
    pub(crate) about: About,
    pub(crate) created: Timestamp,
    pub(crate) metrics: FunctionMetrics,
}

impl Function {
    pub(crate) fn name(&self) -> &str {
        &self.deployment.spec.name
    }
}

/// All functions that are deployed through this server.
pub(crate) struct Functions {
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) metrics: Metrics,
    ledger: Arc<dyn Ledger>,
    table: RwLock<HashMap<String, Arc<Function>>>,
    changing: Mutex<HashSet<String>>,
    /// How many there are; none before the first.
    count: watch::Sender<Option<usize>>,
}

impl Functions {
    pub(crate) fn new(platform: Arc<dyn Platform>, ledger: Arc<dyn Ledger>, metrics: Metrics) -> Functions {
        Functions {
            platform,
            metrics,
            ledger,
            table: RwLock::default(),
            changing: Mutex::default(),
            count: watch::Sender::new(None),
        }
    }

    /// The function of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Function>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The function of that name, of this deployment if one is given.
    pub(crate) fn get(&self, name: &str, id: Option<&str>) -> Result<Arc<Function>, PlatformError> {
        let is_it = |function: &Arc<Function>| id.is_none_or(|id| function.deployment.spec.id.as_str() == id);
        self.find(name).filter(is_it).ok_or_else(|| self.not_found(name))
    }

    pub(crate) fn not_found(&self, name: &str) -> PlatformError {
        let name = name.chars().take(80).collect();
        PlatformError::NotFound { platform: self.platform.name().to_owned(), name }
    }

    /// All, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Function>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = table.values().cloned().collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// How many there are, and each change of it; none before the first.
    pub(crate) fn count(&self) -> watch::Receiver<Option<usize>> {
        self.count.subscribe()
    }

    /// Deploys a function, or updates the deployment of the same id.
    pub(crate) async fn deploy(&self, spec: DeploymentSpec, about: About) -> Result<Arc<Function>, PlatformError> {
        check_name(&spec.name)?;
        let _changing = self.change(&spec.name).await?;
        let before = self.find(&spec.name);
        if let Some(other) = before.as_ref().filter(|before| before.deployment.spec.id != spec.id) {
            return Err(PlatformError::Invalid(format!(
                "`{}` is deployed already, as deployment {}: remove that one first, or update it",
                spec.name, other.deployment.spec.id
            )));
        }
        let deployment = match self.platform.deploy(&spec, &*self.ledger).await {
            Ok(deployment) => deployment,
            Err(error) => {
                if before.is_none() {
                    // The error that matters is the first.
                    let _ = self.remove_resources(&spec.id).await;
                }
                return Err(error);
            }
        };
        let function = Arc::new(Function { metrics: self.metrics.of(&spec.name), created: now(), deployment, about });
        self.insert(function.clone());
        tracing::info!(function = spec.name, deployment = spec.id.as_str(), image = spec.image.digest, "deployed");
        Ok(function)
    }

    /// Removes a function and all that its deployment made.
    pub(crate) async fn remove(&self, name: &str, id: Option<&str>) -> Result<(), PlatformError> {
        let _changing = self.change(name).await?;
        let function = self.get(name, id)?;
        self.table.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Err(error) = self.remove_resources(&function.deployment.spec.id).await {
            // So that it can be tried again.
            self.insert(function);
            return Err(error);
        }
        self.metrics.forget(name);
        self.tell_count();
        tracing::info!(function = name, deployment = function.deployment.spec.id.as_str(), "removed");
        Ok(())
    }

    /// Removes everything; gives what could not be removed, and why.
    pub(crate) async fn remove_all(&self) -> Vec<String> {
        let mut left = Vec::new();
        for function in self.all() {
            if let Err(error) = self.remove(function.name(), None).await {
                left.push(format!("{}: {error}", function.name()));
            }
        }
        left
    }

    /// Removes what the ledger knows of a deployment, last things first. What belongs to the client of this server is not
    /// this server's to remove.
    async fn remove_resources(&self, id: &DeploymentId) -> Result<(), PlatformError> {
        let mut result = Ok(());
        for entry in self.ledger.resources(id).await?.into_iter().rev() {
            let is_clients = matches!(entry.resource.kind.as_str(), SERVED_FUNCTION | SERVER);
            if is_clients || entry.state == ResourceState::Removed {
                continue;
            }
            match self.platform.remove(&entry.resource).await {
                Ok(()) => self.ledger.removed(entry.id).await?,
                Err(error) => result = Err(error),
            }
        }
        result
    }

    fn insert(&self, function: Arc<Function>) {
        let name = function.name().to_owned();
        self.table.write().unwrap_or_else(PoisonError::into_inner).insert(name, function);
        self.tell_count();
    }

    fn tell_count(&self) {
        let count = self.table.read().unwrap_or_else(PoisonError::into_inner).len();
        self.count.send_replace(Some(count));
    }

    /// Waits until nobody else changes that name: a request goes on here when its client was killed.
    async fn change(&self, name: &str) -> Result<Changing<'_>, PlatformError> {
        let begin = Instant::now();
        loop {
            if self.changing.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned()) {
                return Ok(Changing { changing: &self.changing, name: name.to_owned() });
            }
            if begin.elapsed() > CHANGE_PATIENCE {
                return Err(PlatformError::Failed {
                    platform: self.platform.name().to_owned(),
                    doing: format!("changing `{}`", name.chars().take(80).collect::<String>()),
                    reason: format!(
                        "another request has been changing it for {} s; try again when that is done",
                        CHANGE_PATIENCE.as_secs()
                    ),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// One name that is being changed, until this is dropped.
struct Changing<'a> {
    changing: &'a Mutex<HashSet<String>>,
    name: String,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// The time, to the second.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}

/// A name that every platform and every URL can hold.
pub(crate) fn check_name(name: &str) -> Result<(), PlatformError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !name.is_empty() && name.len() <= 63 && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-')
    {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(PlatformError::Invalid(format!(
        "{shown:?} can't be a function's name: give at most 63 letters, digits and `-`, not at its ends"
    )))
}
