//! The environment that an instance is given, wherever it runs.

use std::collections::BTreeMap;

use platform::DeploymentSpec;

use crate::Connection;
use crate::carried::KEY_VARIABLE;

/// How a function there calls another: through the platform's own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokeWay {
    /// `http://gateway:8080/function/{name}`.
    pub url: String,
    /// The header `Authorization`, where the way asks for one. It should allow calls and nothing else.
    pub authorization: Option<String>,
}

/// The variables of an instance: the user's own, ours, and those of the storage.
pub fn instance_environment(
    connection: &Connection,
    spec: &DeploymentSpec,
    invoke: Option<&InvokeWay>,
) -> BTreeMap<String, String> {
    let mut environment = spec.environment.clone();
    let mut set = |name: &str, value: String| {
        environment.insert(name.to_owned(), value);
    };
    set("FAASBENCH_PLATFORM", connection.platform.to_owned());
    if let Some(storage) = &connection.storage {
        set("FAASBENCH_STORAGE", storage.clone());
    }
    for (name, value) in &connection.storage_environment {
        set(name, value.clone());
    }
    if let Some(bytes) = spec.limits.memory_bytes {
        set("FAASBENCH_MEMORY_LIMIT_BYTES", bytes.to_string());
    }
    if let Some(concurrency) = spec.scale.concurrency {
        set("FAASBENCH_CONCURRENCY", concurrency.to_string());
    }
    if let Some(way) = invoke {
        set("FAASBENCH_INVOKE_URL", way.url.clone());
        if let Some(authorization) = &way.authorization {
            set("FAASBENCH_INVOKE_AUTHORIZATION", authorization.clone());
        }
    }
    environment
}

/// The same as `--dry-run` may show it: without the values of the storage's credentials and of the nested calls'.
pub fn shown_environment(connection: &Connection, environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let secret = |name: &String| {
        let is_of_calls = ["FAASBENCH_INVOKE_AUTHORIZATION", KEY_VARIABLE].contains(&name.as_str());
        is_of_calls || connection.storage_environment.contains_key(name)
    };
    let shown = |name: &String, value: &String| if secret(name) { "<not shown>".to_owned() } else { value.clone() };
    environment.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
}
