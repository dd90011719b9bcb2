//! The messages of wasmCloud's control plane: the JSON form of the package `wasmcloud.runtime.v2`, as hosts of 2.10.3 send
//! and take it.

use std::collections::BTreeMap;

use platform::DeploymentSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where every host tells that it is there.
pub(super) const HEARTBEATS: &str = "runtime.operator.heartbeat.>";
/// The annotation that carries the deployment's id.
const ANNOTATION: &str = "faasbench.deployment";

/// The subject of a request to a host.
pub(super) fn subject(host: &str, verb: &str) -> String {
    format!("runtime.host.{host}.{verb}")
}

/// A host, as it tells itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Heartbeat {
    pub(super) id: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) http_port: Option<u16>,
}

/// How a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum WorkloadState {
    WorkloadStateStarting,
    WorkloadStateRunning,
    WorkloadStateStopping,
    WorkloadStateNotFound,
    WorkloadStateError,
    /// Unspecified, completed, stopped, and what later versions may add.
    #[serde(other)]
    WorkloadStateUnspecified,
}

/// The answer to a request about a workload.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkloadAnswer {
    pub(super) workload_status: WorkloadStatus,
}

/// How a workload is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkloadStatus {
    pub(super) workload_state: WorkloadState,
    #[serde(default)]
    pub(super) message: String,
}

/// What a workload is started with.
#[derive(Debug, Clone)]
pub(super) struct Workload<'a> {
    pub(super) id: &'a str,
    pub(super) namespace: &'a str,
    pub(super) image: &'a str,
    pub(super) route: &'a str,
    pub(super) environment: &'a BTreeMap<String, String>,
}

impl Workload<'_> {
    /// The request `workload.start`.
    pub(super) fn start(&self, spec: &DeploymentSpec) -> Value {
        json!({
            "workloadId": self.id,
            "workload": {
                "namespace": self.namespace,
                "name": spec.name,
                "annotations": { ANNOTATION: spec.id.as_str() },
                "witWorld": {
                    "components": [{
                        "name": spec.name,
                        "image": self.image,
                        "imagePullPolicy": "IMAGE_PULL_POLICY_IF_NOT_PRESENT",
                        "localResources": { "environment": self.environment, "config": {}, "allowedHosts": ["*"] },
                        "poolSize": 0,
                        "maxInvocations": 0,
                    }],
                    "hostInterfaces": [{
                        "namespace": "wasi",
                        "package": "http",
                        "interfaces": ["incoming-handler"],
                        "version": "0.2.0",
                        "config": { "host": self.route },
                    }],
                },
                "volumes": [],
            },
        })
    }
}

/// The request `workload.status` or `workload.stop`.
pub(super) fn about(workload: &str) -> Value {
    json!({ "workloadId": workload })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_hosts_say_is_understood_and_new_states_are_none_that_serves() {
        let text = r#"{"id":"01a2","hostname":"h1","version":"2.10.3","labels":{"hostgroup":"default"},"systemMemoryFree":"2297544704","httpPort":18080}"#;
        let heartbeat: Heartbeat = serde_json::from_str(text).unwrap();
        assert_eq!((heartbeat.id.as_str(), heartbeat.http_port), ("01a2", Some(18080)));
        let state = |name: &str| {
            let text = format!(r#"{{"workloadStatus":{{"workloadId":"w","workloadState":"{name}"}}}}"#);
            serde_json::from_str::<WorkloadAnswer>(&text).unwrap().workload_status.workload_state
        };
        assert_eq!(state("WORKLOAD_STATE_RUNNING"), WorkloadState::WorkloadStateRunning);
        assert_eq!(state("WORKLOAD_STATE_NOT_FOUND"), WorkloadState::WorkloadStateNotFound);
        assert_eq!(state("WORKLOAD_STATE_DREAMING"), WorkloadState::WorkloadStateUnspecified);
    }
}
