//! The table `[targets.NAME.options]` of a target on Nuclio.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where Nuclio gets its images from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageSource {
    /// They are pushed to the target's `registry`, pinned by their digest.
    #[default]
    Registry,
    /// They are loaded into the container daemon that the dashboard uses.
    LocalDaemon,
}

/// What the dashboard runs functions on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Installation {
    /// One container for each function, by Docker: `-platform local`. It keeps no limits and no number of replicas.
    #[default]
    Local,
    /// Kubernetes.
    Kubernetes,
}

/// What a function's image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// The native binary alone, which serves HTTP and the probes itself.
    #[default]
    Image,
    /// Nuclio's processor with the native binary as the wrapper of its runtime `nodejs`.
    Processor,
}

/// How functions are administered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Through {
    /// Through Nuclio's dashboard, at the endpoint.
    #[default]
    Dashboard,
    /// As custom resources (`nuclio.io/v1beta1`), by the Kubernetes API at the endpoint, as `kubectl proxy` gives it.
    CustomResource,
}

/// How functions are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// At the function's own port.
    #[default]
    Direct,
    /// Through the dashboard.
    Dashboard,
}

/// How a target on Nuclio is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// The namespace of functions and projects.
    pub namespace: String,
    /// The project that all functions are in: lower-case letters, digits and `-`. It is made when it is not there; one that
    /// faasbench did not make is used, and left.
    pub project: String,
    /// What the dashboard runs functions on.
    pub installation: Installation,
    /// How functions are administered.
    pub through: Through,
    /// What a function's image is.
    pub shape: Shape,
    /// Nuclio's program `processor`, for `shape = "processor"`: static, as built with `CGO_ENABLED=0`.
    pub processor: Option<PathBuf>,
    /// Where Nuclio gets its images from.
    pub image: ImageSource,
    /// The container daemon that the dashboard uses, `unix:///PATH` or `tcp://HOST:PORT`: for `image = "local-daemon"`.
    /// Absent: what `DOCKER_HOST` says, else Docker's usual socket.
    pub docker: Option<String>,
    /// How functions are called.
    pub way: Way,
    /// The host of the functions' ports. Absent: the endpoint's.
    pub functions_host: Option<String>,
    /// A Docker network that functions are put into, where they find each other by name: for `installation = "local"`.
    pub network: Option<String>,
    /// How functions call each other, with `{name}`. Absent: on Kubernetes `http://nuclio-{name}.NAMESPACE.svc:8080`, else
    /// with a `network` the container's name of Nuclio 1.3, `http://NAMESPACE-{name}:8080` (later ones:
    /// `http://nuclio-NAMESPACE-{name}:8080`); without a network not at all.
    pub instances_url: Option<String>,
    /// How long Nuclio waits until a function is ready, s.
    pub readiness_timeout_s: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            namespace: "nuclio".to_owned(),
            project: "faasbench".to_owned(),
            installation: Installation::default(),
            through: Through::default(),
            shape: Shape::default(),
            processor: None,
            image: ImageSource::default(),
            docker: None,
            way: Way::default(),
            functions_host: None,
            network: None,
            instances_url: None,
            readiness_timeout_s: 60,
        }
    }
}
