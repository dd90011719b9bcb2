//! The table `options` of a target.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// How a function is packaged for OpenWhisk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A container image in a registry that the invokers pull from.
    Blackbox,
    /// An archive with `exec`, which the ActionLoop proxy of the image [`Options::native_image`] starts. It needs no registry of
    /// one's own.
    #[default]
    Native,
}

/// How functions call each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NestedCalls {
    /// Through the actions' API, with a key that each function gets. OpenWhisk's keys allow all that there is in one namespace.
    Api,
    /// Through web actions, which anybody may call without a key. Events get OpenWhisk's `__ow_` fields then, and a callee's
    /// own error arrives as a success.
    Web,
    /// Not at all.
    #[default]
    Off,
}

/// The table `[targets.NAME.options]` of OpenWhisk.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// How functions are packaged.
    pub kind: Kind,
    /// The image that starts archives, for the kind `native`.
    pub native_image: String,
    /// The namespace; `_` is the key's own.
    pub namespace: String,
    /// The API's version (`v1` since 2016).
    pub api_version: String,
    /// Actions are web actions too: anybody may call them.
    pub web: bool,
    /// How functions call each other.
    pub nested_calls: NestedCalls,
    /// The API's address as instances reach it, without TLS; absent: the target's `endpoint`.
    pub invoke_endpoint: Option<String>,
    /// The name of the environment variable with the key, `UUID:KEY`. Where it is not set, `AUTH` of `~/.wskprops` is the key.
    pub auth_variable: String,
    /// The name of the environment variable with the key of nested calls; absent: they have the key that deploys. Only
    /// with [`NestedCalls::Api`].
    pub invoke_auth_variable: Option<String>,
    /// A file of certificates (PEM) that are trusted beside the system's: many installations have a CA of their own.
    pub certificates: Option<PathBuf>,
    /// Least memory of an action, MiB, as the installation has it.
    pub memory_minimum_mib: u64,
    /// Most memory of an action, MiB, as the installation has it.
    pub memory_maximum_mib: u64,
    /// Longest activation, ms, as the installation has it.
    pub time_maximum_ms: u64,
    /// Most activations at once in one container, as the installation has it; more than 1 must be enabled there.
    pub concurrency_maximum: u32,
}

impl Default for Options {
    /// The limits are those of `reference.conf` and of `ansible/group_vars/all` of OpenWhisk, August 2026.
    fn default() -> Options {
        Options {
            kind: Kind::default(),
            native_image: "openwhisk/actionloop-base:nightly".to_owned(),
            namespace: "_".to_owned(),
            api_version: "v1".to_owned(),
            web: false,
            nested_calls: NestedCalls::default(),
            invoke_endpoint: None,
            auth_variable: "OPENWHISK_AUTH".to_owned(),
            invoke_auth_variable: None,
            certificates: None,
            memory_minimum_mib: 128,
            memory_maximum_mib: 512,
            time_maximum_ms: 300_000,
            concurrency_maximum: 1,
        }
    }
}
