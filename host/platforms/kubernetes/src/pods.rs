//! The pods of a deployment: its instances.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use platform::{DeploymentId, InstanceStatus, PlatformError};
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::mark::{DEPLOYMENT_LABEL, REVISION_VARIABLE};
use crate::object::POD;

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// What a container waits for that will not come by itself.
const HOPELESS: [&str; 7] = [
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// One pod, as far as it matters here.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) name: String,
    /// The container that runs the function.
    pub(crate) container: String,
    /// The revision of which it is.
    pub(crate) revision: Option<String>,
    pub(crate) is_ready: bool,
    pub(crate) is_ending: bool,
    started_unix_us: Option<i64>,
    /// Why it does not run, in a sentence.
    pub(crate) trouble: Option<Trouble>,
}

/// Why a pod does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Kubernetes' word: `ImagePullBackOff`.
    pub(crate) reason: String,
    /// What it says about it.
    message: String,
    /// Whether the container did start, and ended.
    pub(crate) has_ended: bool,
}

impl Trouble {
    /// Whether waiting is of no use.
    pub(crate) fn is_hopeless(&self) -> bool {
        HOPELESS.contains(&self.reason.as_str())
    }

    /// The sentence, with what to do.
    pub(crate) fn text(&self) -> String {
        let advice = match self.reason.as_str() {
            "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" => {
                "; the node can't pull the image: look whether it reaches the registry under this name (option `pull-from`), and \
                 whether it needs credentials (option `image-pull-secret`)"
            }
            "ErrImageNeverPull" => "; the node does not have the image: load it, as with `kind load image-archive`",
            "Unschedulable" => "; no node has room for it: ask for less memory or fewer processors, or add a node",
            _ => "",
        };
        let message = if self.message.is_empty() { String::new() } else { format!(": {}", self.message) };
        format!("{}{message}{advice}", self.reason)
    }
}

impl Instance {
    /// The pod's part that is ours; `None` when no container of it is.
    pub(crate) fn of(pod: &Pod) -> Option<Instance> {
        let spec = pod.spec.as_ref()?;
        let is_ours =
            |container: &&Container| container.env.iter().flatten().any(|variable| variable.name == REVISION_VARIABLE);
        let container = spec.containers.iter().find(is_ours)?;
        let revision =
            container.env.iter().flatten().find(|variable| variable.name == REVISION_VARIABLE)?.value.clone();
        let status = pod.status.as_ref();
        let statuses = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
        let own = statuses.iter().find(|status| status.name == container.name);
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let is_ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        let unscheduled =
            conditions.iter().find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
        let trouble = own.and_then(trouble_of).or_else(|| {
            unscheduled.map(|condition| Trouble {
                reason: condition.reason.clone().unwrap_or_else(|| "Unschedulable".to_owned()),
                message: condition.message.clone().unwrap_or_default(),
                has_ended: false,
            })
        });
        let started = own.and_then(|own| own.state.as_ref()?.running.as_ref()?.started_at.as_ref());
        Some(Instance {
            name: pod.metadata.name.clone()?,
            container: container.name.clone(),
            revision,
            is_ready,
            is_ending: pod.metadata.deletion_timestamp.is_some(),
            started_unix_us: started.map(|time| time.0.as_microsecond()),
            trouble,
        })
    }

    /// As a status tells it. Kubernetes does not know invocations.
    pub(crate) fn status(&self, now_unix_us: i64) -> InstanceStatus {
        let age = self.started_unix_us.map_or(0, |started| now_unix_us.saturating_sub(started).max(0));
        InstanceStatus {
            id: self.name.clone(),
            age_us: u64::try_from(age).unwrap_or_default(),
            invocations: None,
            active: None,
            processes: Vec::new(),
            cgroup: None,
        }
    }

    /// Whether no node has room for it now.
    pub(crate) fn is_without_room(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.reason == "Unschedulable")
    }

    /// Whether its container runs.
    pub(crate) fn is_running(&self) -> bool {
        self.started_unix_us.is_some()
    }
}

/// Why a container does not run.
fn trouble_of(status: &ContainerStatus) -> Option<Trouble> {
    let state = status.state.as_ref()?;
    let ended = state.terminated.as_ref().or_else(|| status.last_state.as_ref()?.terminated.as_ref());
    let ended_text = ended.map(|ended| {
        let reason = ended.reason.as_deref().unwrap_or("ended");
        match ended.signal {
            Some(signal) => format!("{reason}, signal {signal}"),
            None => format!("{reason}, exit status {}", ended.exit_code),
        }
    });
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.clone().unwrap_or_default();
        if matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing") {
            return None;
        }
        let mut message = waiting.message.clone().unwrap_or_default();
        if let Some(ended) = &ended_text {
            message = format!("it ended ({ended}); {message}");
        }
        return Some(Trouble { reason, message, has_ended: ended.is_some() });
    }
    let terminated = state.terminated.as_ref()?;
    Some(Trouble {
        reason: terminated.reason.clone().unwrap_or_else(|| "Terminated".to_owned()),
        message: ended_text.unwrap_or_default(),
        has_ended: true,
    })
}

impl Cluster {
    /// The pods of a deployment that are not over.
    pub(crate) async fn instances(&self, namespace: &str, id: &DeploymentId) -> Result<Vec<Instance>, PlatformError> {
        let pods = self.list(&POD, Some(namespace), &format!("{DEPLOYMENT_LABEL}={id}")).await?;
        let mut instances = Vec::with_capacity(pods.len());
        for pod in pods {
            let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
            let pod: Pod = serde_json::from_value(pod).map_err(|error| {
                self.failed("listing pods", format!("its answer is not what was expected: {error}"))
            })?;
            instances.extend(Instance::of(&pod).filter(|_| !is_over));
        }
        Ok(instances)
    }

    /// Waits until a deployment has no pods any more.
    ///
    /// # Errors
    /// When some are still there after `patience`.
    pub(crate) async fn wait_until_no_pods(
        &self,
        namespace: &str,
        id: &DeploymentId,
        patience: Duration,
    ) -> Result<(), PlatformError> {
        let deadline = Instant::now() + patience;
        loop {
            let left = self.instances(namespace, id).await?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let names: Vec<&str> = left.iter().map(|instance| instance.name.as_str()).collect();
                return Err(self.failed(
                    "waiting until its pods are gone",
                    format!("after {} s there are still {}", patience.as_secs(), names.join(", ")),
                ));
            }
            sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(state: serde_json::Value, last_state: serde_json::Value) -> Instance {
        let pod = json!({
            "metadata": {"name": "f-1"},
            "spec": {"containers": [
                {"name": "queue-proxy", "env": [{"name": "PORT", "value": "1"}]},
                {"name": "function", "env": [{"name": "FAASBENCH_REVISION", "value": "r1"}]},
            ]},
            "status": {"containerStatuses": [{
                "name": "function", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": state, "lastState": last_state,
            }]},
        });
        Instance::of(&serde_json::from_value(pod).unwrap()).unwrap()
    }

    #[test]
    fn an_image_that_can_not_be_pulled_is_told_with_what_to_do() {
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"x\""}});
        let instance = pod(waiting, json!({}));
        assert_eq!((instance.container.as_str(), instance.revision.as_deref()), ("function", Some("r1")));
        let trouble = instance.trouble.unwrap();
        assert!(trouble.is_hopeless() && !trouble.has_ended);
        assert!(
            trouble.text().contains("Back-off pulling image") && trouble.text().contains("pull-from"),
            "{}",
            trouble.text()
        );
    }

    #[test]
    fn a_container_that_ends_is_told_with_its_exit_status() {
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}});
        let last = json!({"terminated": {"exitCode": 2, "reason": "Error"}});
        let trouble = pod(waiting, last).trouble.unwrap();
        assert!(trouble.has_ended && trouble.is_hopeless());
        assert!(trouble.text().contains("Error, exit status 2"), "{}", trouble.text());
    }

    #[test]
    fn one_without_room_is_told_apart() {
        let pod = json!({
            "metadata": {"name": "f-1"},
            "spec": {"containers": [{"name": "function", "env": [{"name": "FAASBENCH_REVISION", "value": "r1"}]}]},
            "status": {"conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "1 Insufficient cpu.",
            }]},
        });
        let instance = Instance::of(&serde_json::from_value(pod).unwrap()).unwrap();
        assert!(instance.is_without_room());
        let trouble = instance.trouble.unwrap();
        assert!(!trouble.is_hopeless(), "a node may come");
        assert!(
            trouble.text().contains("Insufficient cpu") && trouble.text().contains("add a node"),
            "{}",
            trouble.text()
        );
    }

    #[test]
    fn one_that_is_being_made_has_no_trouble() {
        let instance = pod(json!({"waiting": {"reason": "ContainerCreating"}}), json!({}));
        assert_eq!(instance.trouble, None);
        assert!(!instance.is_running() && !instance.is_ready);
    }
}
