//! The interface of a platform on Kubernetes.

use async_trait::async_trait;
use platform::{Capabilities, DeploymentId, DeploymentSpec, PlatformError};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::object::{Kind, Object};
use crate::route::Route;
use crate::workload::Workload;

/// Where a deployment is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a str,
    /// The domain of the cluster's own names.
    pub(crate) domain: &'a str,
}

/// The kinds of objects that a platform makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kinds {
    /// The one that holds the container.
    pub(crate) main: &'static Kind,
    /// Those beside it.
    pub(crate) others: &'static [&'static Kind],
    /// Those that its controller will make under the deployment's name: somebody else's would be in the way.
    pub(crate) taken: &'static [&'static Kind],
}

/// How far a deployment has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Its platform says that it is as asked for.
    Ready,
    /// Not yet: why.
    Pending(String),
    /// It will not: why.
    Failed(String),
}

/// How instances are made cold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColdWay {
    /// New ones are started, and the old ones end.
    NewRevision,
    /// The same without starting one: the next call does.
    EmptyRevision,
    /// The platform is waited for: it ends idle ones.
    Waiting,
}

/// What one platform on Kubernetes does in its own way.
#[async_trait]
pub(crate) trait Flavour: Send + Sync {
    fn name(&self) -> &'static str;

    fn capabilities(&self) -> Capabilities;

    fn kinds(&self) -> Kinds;

    /// Refuses what it can't keep.
    fn check(&self, spec: &DeploymentSpec) -> Result<(), PlatformError>;

    /// Where functions there call others, with `{name}`.
    fn nested_calls(&self, place: Place<'_>) -> String;

    /// The objects, in the order of creation.
    fn objects(
        &self,
        place: Place<'_>,
        spec: &DeploymentSpec,
        workload: &Workload,
    ) -> Result<Vec<Object>, PlatformError>;

    /// The containers in the main object.
    fn containers<'a>(&self, main: &'a Value) -> &'a Value;

    /// How far its controller has come with the main object.
    async fn progress(&self, cluster: &Cluster, id: &DeploymentId, main: &Value) -> Result<Progress, PlatformError>;

    /// The way to a function; `None` while it is not known yet.
    async fn route(&self, cluster: &Cluster, name: &str) -> Result<Option<Route>, PlatformError>;

    /// Waits for what only an answer proves, after its controller says that it is ready.
    async fn is_answering(&self, _cluster: &Cluster, _route: &Route) -> Result<bool, PlatformError> {
        Ok(true)
    }

    /// Whether it may be ready without any instance.
    fn may_be_empty(&self, _spec: &DeploymentSpec) -> bool {
        false
    }

    /// How its instances are made cold now.
    async fn cold_way(&self, _cluster: &Cluster, _spec: &DeploymentSpec) -> Result<ColdWay, PlatformError> {
        Ok(ColdWay::NewRevision)
    }

    /// What its users should know of this cluster, one line each; the first one is the version where it is known.
    async fn remarks(&self, cluster: &Cluster) -> Result<Vec<String>, PlatformError>;

    /// The header that makes a call one without waiting, its value, and the header of the answer that names the call; `None`: it
    /// has no such calls.
    fn asynchronous(&self) -> Option<[&'static str; 3]> {
        None
    }
}

/// Refuses a part of a spec.
pub(crate) fn refuse(is_asked_for: bool, text: impl Into<String>) -> Result<(), PlatformError> {
    if is_asked_for { Err(PlatformError::Invalid(text.into())) } else { Ok(()) }
}

/// A condition of a status: whether it is true, why not, and of what it is told.
pub(crate) fn condition<'a>(object: &'a Value, wanted: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == wanted)
}

/// A condition in words.
pub(crate) fn words(condition: &Value) -> String {
    let text = |name: &str| condition[name].as_str().unwrap_or_default();
    match (text("reason"), text("message")) {
        ("", "") => format!("{} is {}", text("type"), text("status")),
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

/// Whether a controller has seen the object as it is now.
pub(crate) fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"].as_i64() == object["metadata"]["generation"].as_i64()
}

/// The progress of objects whose condition `Ready` tells it.
pub(crate) fn progress_of_ready(object: &Value) -> Progress {
    if !is_observed(object) {
        return Progress::Pending("its controller has not seen it yet; does it run?".to_owned());
    }
    match condition(object, "Ready") {
        Some(ready) if ready["status"] == "True" => Progress::Ready,
        Some(ready) if ready["status"] == "False" => Progress::Failed(words(ready)),
        Some(ready) => Progress::Pending(words(ready)),
        None => Progress::Pending("it has no condition `Ready` yet".to_owned()),
    }
}
