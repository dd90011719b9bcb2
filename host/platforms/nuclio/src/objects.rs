//! What the dashboard speaks of.

use std::collections::BTreeMap;

use platform::DeploymentId;
use serde::Deserialize;
use serde_json::Value;

/// The label of what is ours: the deployment that it belongs to; of a project: the one that made it.
pub(crate) const DEPLOYMENT: &str = "faasbench.deployment";
/// Nuclio's label for a function's project.
pub(crate) const PROJECT: &str = "nuclio.io/project-name";

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) name: String,
    /// Go writes an empty map as `null` or leaves it out.
    #[serde(default)]
    pub(crate) labels: Option<BTreeMap<String, String>>,
    /// Of a custom resource.
    #[serde(default, rename = "resourceVersion")]
    pub(crate) resource_version: Option<String>,
}

impl Metadata {
    /// The deployment that it belongs to, when it is ours.
    pub(crate) fn deployment(&self) -> Option<&str> {
        self.label(DEPLOYMENT)
    }

    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// Whether it is this deployment's.
    pub(crate) fn is_of(&self, deployment: &DeploymentId) -> bool {
        self.deployment() == Some(deployment.as_str())
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Project {
    pub(crate) metadata: Metadata,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Function {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: Value,
    #[serde(default)]
    pub(crate) status: FunctionStatus,
}

impl Function {
    /// The value of a variable of its environment.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let variables = self.spec["env"].as_array()?;
        variables.iter().find(|variable| variable["name"] == name)?["value"].as_str()
    }

    pub(crate) fn image(&self) -> &str {
        self.spec["image"].as_str().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FunctionStatus {
    pub(crate) state: String,
    pub(crate) message: String,
    pub(crate) logs: Option<Vec<Value>>,
    pub(crate) http_port: Option<u16>,
    /// `HOST:PORT`, of later versions.
    pub(crate) external_invocation_urls: Option<Vec<String>>,
}

impl FunctionStatus {
    /// What was logged while it was deployed, one line each.
    pub(crate) fn log(&self) -> String {
        let lines = self.logs.iter().flatten().filter_map(|line| line["message"].as_str());
        lines.collect::<Vec<_>>().join("; ")
    }

    /// The message without the places in Nuclio's source.
    pub(crate) fn reason(&self) -> String {
        let is_place = |line: &&str| !line.is_empty() && !line.starts_with(".../") && *line != "Call stack:";
        let lines: Vec<_> = self.message.lines().map(str::trim).filter(is_place).collect();
        let mut text = lines.join("; ");
        text.truncate(text.char_indices().nth(800).map_or(text.len(), |(end, _)| end));
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_without_the_places_in_nuclios_source() {
        let message = "\nError - exit status 125\n    .../cmdrunner/cmdrunner.go:131\n\nCall stack:\nstdout:\nNo command \
                       specified.\n\nFailed to run docker container\n    .../platform.go:560\n";
        let status = FunctionStatus { message: message.to_owned(), ..FunctionStatus::default() };
        let said = "Error - exit status 125; stdout:; No command specified.; Failed to run docker container";
        assert_eq!(status.reason(), said);
    }

    #[test]
    fn what_go_leaves_out_may_be_missing() {
        let text = r#"{"metadata":{"name":"a","labels":null},"spec":{"env":[{"name":"A","value":"1"}]}}"#;
        let function: Function = serde_json::from_str(text).unwrap();
        assert_eq!((function.variable("A"), function.variable("B")), (Some("1"), None));
        assert!(function.metadata.deployment().is_none() && function.status.state.is_empty());
    }
}
