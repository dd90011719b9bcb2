//! The table `[targets.NAME.options]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// How the next invocation is made a cold one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColdStartWay {
    /// The function is updated, which makes new instances everywhere. They are started before the invocation, which is the
    /// first that they serve.
    #[default]
    Update,
    /// The function is scaled to no instance, and the invocation waits until one is started: its time is in the
    /// invocation's. OpenFaaS's community edition and faasd keep one instance at least.
    ScaleToZero,
}

/// The table `[targets.NAME.options]` of a target of the platform `openfaas`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// The functions' namespace; without it, the one that the gateway takes by itself.
    pub namespace: Option<String>,
    /// The user of the gateway's API.
    pub user: String,
    /// The environment variable that holds its password. Where it is not set, what `faas-cli login` left in
    /// `~/.openfaas/config.yml` for this endpoint is used; a gateway may also want none.
    pub password_environment: String,
    /// For installations that have the images already and pull none, such as faasd with imported ones: `local` for
    /// `docker.io/faasbench/FUNCTION:TAG`, the name that the built archive has when it is imported, or another name with
    /// `{function}` and `{tag}` in it.
    pub image: Option<String>,
    /// The gateway's address as instances see it, `http://host:port`, for nested calls. Without it, the endpoint's where
    /// that is no address of this machine itself, else what the installation calls it: `http://gateway:8080` on faasd,
    /// `http://gateway.openfaas:8080` on Kubernetes.
    pub gateway_from_instances: Option<String>,
    /// `ADDRESS:PORT` of this machine where the answers of asynchronous calls are received; port 0 is any free one. Without
    /// it there are no such calls.
    pub callback: Option<String>,
    /// That place as the gateway's queue worker sees it, `http://host:port`. Without it, the address itself.
    pub callback_from_gateway: Option<String>,
    /// How the next invocation is made a cold one.
    pub cold_start: ColdStartWay,
    /// The installation scales idle functions to no instance (OpenFaaS Standard): a keep-alive time and a minimum of 0 can be
    /// set.
    pub scale_to_zero: bool,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub certificates: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            namespace: None,
            user: "admin".to_owned(),
            password_environment: "OPENFAAS_PASSWORD".to_owned(),
            image: None,
            gateway_from_instances: None,
            callback: None,
            callback_from_gateway: None,
            cold_start: ColdStartWay::Update,
            scale_to_zero: false,
            certificates: None,
        }
    }
}
