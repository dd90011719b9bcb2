//! What Fn's API speaks of.

use std::collections::BTreeMap;

use platform::DeploymentId;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The annotation of a function or a trigger: the deployment that it belongs to.
pub(crate) const DEPLOYMENT: &str = "faasbench.deployment";
/// The annotation of an app: the deployment that made it.
pub(crate) const APP: &str = "faasbench.app";
/// Where a function is invoked, as its server says.
const INVOKE_ENDPOINT: &str = "fnproject.io/fn/invokeEndpoint";
/// Where a trigger is, as its server says.
const HTTP_ENDPOINT: &str = "fnproject.io/trigger/httpEndpoint";

/// Go writes an empty map as `null`.
fn or_null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    #[serde(default)]
    pub(crate) next_cursor: String,
    /// Go writes an empty list as `null`.
    pub(crate) items: Option<Vec<T>>,
}

/// An app.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) annotations: Map<String, Value>,
}

impl App {
    /// The deployment that made it, when it is ours.
    pub(crate) fn made_by(&self) -> Option<&str> {
        self.annotations.get(APP)?.as_str()
    }
}

/// A function.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Function {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) image: String,
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) config: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) annotations: Map<String, Value>,
}

impl Function {
    /// The deployment that it belongs to, when it is ours.
    pub(crate) fn deployment(&self) -> Option<&str> {
        self.annotations.get(DEPLOYMENT)?.as_str()
    }

    /// Whether it is this deployment's.
    pub(crate) fn is_of(&self, deployment: &DeploymentId) -> bool {
        self.deployment() == Some(deployment.as_str())
    }

    /// Where it is invoked, as its server says.
    pub(crate) fn invoke_endpoint(&self) -> Option<&str> {
        self.annotations.get(INVOKE_ENDPOINT)?.as_str()
    }
}

/// A trigger.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Trigger {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) fn_id: String,
    #[serde(default)]
    pub(crate) source: String,
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) annotations: Map<String, Value>,
}

impl Trigger {
    /// The deployment that it belongs to, when it is ours.
    pub(crate) fn deployment(&self) -> Option<&str> {
        self.annotations.get(DEPLOYMENT)?.as_str()
    }

    /// Whether it is this deployment's.
    pub(crate) fn is_of(&self, deployment: &DeploymentId) -> bool {
        self.deployment() == Some(deployment.as_str())
    }

    /// Where it is, as its server says.
    pub(crate) fn http_endpoint(&self) -> Option<&str> {
        self.annotations.get(HTTP_ENDPOINT)?.as_str()
    }
}
