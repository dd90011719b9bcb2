//! What the gateway's API exchanges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A function as it is asked for. Empty values are left out, as the gateway does itself. It can't be printed: its environment
/// may hold what is secret.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionDeployment {
    pub(crate) service: String,
    pub(crate) image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    pub(crate) env_vars: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Resources>,
}

/// What an instance may use, in Kubernetes' quantities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Resources {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu: Option<String>,
}

/// A function as the gateway tells it. What is 0 is left out by some of its providers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionStatus {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) image: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) replicas: u32,
    #[serde(default)]
    pub(crate) available_replicas: u32,
    #[serde(default)]
    pub(crate) invocation_count: Option<f64>,
    #[serde(default)]
    pub(crate) usage: Option<Usage>,
}

impl FunctionStatus {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(String::as_str)
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(name).map(String::as_str)
    }

    /// The digest in its image's name.
    pub(crate) fn image_digest(&self) -> Option<&str> {
        self.image.split_once('@').map(|(_, digest)| digest)
    }
}

/// What the instances of a function use together.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    /// Thousandths of a processor.
    #[serde(default)]
    pub(crate) cpu: f64,
    #[serde(default)]
    pub(crate) total_memory_bytes: f64,
}

/// What the gateway says of itself.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Information {
    #[serde(default)]
    pub(crate) provider: Option<Provider>,
    #[serde(default)]
    pub(crate) version: Option<Version>,
}

/// What runs the functions.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Provider {
    /// `faasd`, `faas-netes`, and `openfaas-operator`.
    #[serde(default)]
    pub(crate) provider: String,
    #[serde(default)]
    pub(crate) orchestration: String,
    #[serde(default)]
    pub(crate) version: Option<Version>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Version {
    #[serde(default)]
    pub(crate) release: String,
    #[serde(default)]
    pub(crate) sha: String,
}

impl Version {
    pub(crate) fn text(&self) -> &str {
        if self.release.is_empty() { &self.sha } else { &self.release }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_nothing() {
        let status: FunctionStatus = serde_json::from_str(
            r#"{"name":"f","image":"r/f@sha256:ab","namespace":"n","labels":null,"replicas":1,"createdAt":"2026-11-21T02:13:41Z"}"#,
        )
        .unwrap();
        assert_eq!((status.replicas, status.available_replicas), (1, 0));
        assert_eq!((status.label("a"), status.invocation_count.is_none()), (None, true));
        assert_eq!(status.image_digest(), Some("sha256:ab"));
    }
}
