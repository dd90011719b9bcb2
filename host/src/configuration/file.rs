//! What the file may hold.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::quantity::{Bytes, Time};

/// `faasbench.toml`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// What holds for every target that does not say otherwise.
    #[serde(default)]
    pub defaults: DefaultsTable,
    /// The installations of platforms, by the names that `--platform` takes beside the platforms' own.
    #[serde(default)]
    pub targets: BTreeMap<String, TargetTable>,
}

/// A table that may hold what a deployment is given, beside some keys of its own.
macro_rules! table_with_settings {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name {
            $($(#[$doc])* pub $field: $kind,)*
            /// Object storage of the functions: a folder, or a location (`s3://`, `gs://`, `azure://`). Read when a server of
            /// this machine starts.
            pub storage: Option<String>,
            /// Memory of an instance.
            pub memory: Option<Bytes>,
            /// Processors of an instance: 0.5 is half of one.
            pub cpu: Option<f64>,
            /// Longest invocation.
            pub timeout: Option<Time>,
            /// Scratch disk of an instance.
            pub scratch: Option<Bytes>,
            /// Instances that are kept, idle or not.
            pub min: Option<u32>,
            /// Instances at once.
            pub max: Option<u32>,
            /// Invocations at once in one instance.
            pub concurrency: Option<u32>,
            /// How long an idle instance is kept; 0: each invocation has an instance of its own.
            pub keep_alive: Option<Time>,
            /// Invocations that may wait for an instance.
            pub queue: Option<u32>,
            /// Environment variables of the instances. No credentials: `deploy --env NAME` takes them from the environment.
            #[serde(default)]
            pub env: BTreeMap<String, String>,
        }

        impl $name {
            /// What a deployment is given.
            pub fn settings(&self) -> Settings {
                Settings {
                    memory_bytes: self.memory.map(|memory| memory.0),
                    cpus: self.cpu,
                    timeout: self.timeout.map(|timeout| timeout.0),
                    scratch_bytes: self.scratch.map(|scratch| scratch.0),
                    minimum_instances: self.min,
                    maximum_instances: self.max,
                    concurrency: self.concurrency,
                    keep_alive: self.keep_alive.map(|time| time.0),
                    queue: self.queue,
                    environment: self.env.clone(),
                }
            }
        }
    };
}

table_with_settings! {
    /// What holds for every target that does not say otherwise.
    DefaultsTable {}
}

table_with_settings! {
    /// An installation of a platform.
    TargetTable {
        /// Which platform it is: `wasm`, `process`, `container`, `openfaas`; `faasbench platforms` lists them.
        platform: String,
        /// Where it is reached, for a platform that is reached somewhere: `unix:///run/podman/podman.sock`,
        /// `http://127.0.0.1:8080`.
        endpoint: Option<String>,
        /// Where images are pushed, for a platform that pulls them: `REGISTRY/PATH`, as in `127.0.0.1:5000/faasbench`. The
        /// functions' names are put behind it.
        registry: Option<String>,
        /// Names of environment variables of yours that let instances use the storage, as in `["AWS_ACCESS_KEY_ID",
        /// "AWS_SECRET_ACCESS_KEY"]`. Only instances on remote platforms are given them.
        #[serde(default)]
        storage_env: Vec<String>,
        /// What only this platform has: see docs/platforms. No credentials.
        #[serde(default)]
        options: serde_json::Map<String, serde_json::Value>,
    }
}
