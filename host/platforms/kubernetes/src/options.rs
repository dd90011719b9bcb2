//! The tables `[targets.NAME.options]` of the platforms on Kubernetes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a node pulls an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// At every start of an instance.
    Always,
    /// When the node does not have it. Images are named by their digest, so what it has is the right one.
    #[default]
    IfNotPresent,
    /// Never: the image was loaded into the nodes.
    Never,
}

impl PullPolicy {
    /// Its name in Kubernetes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            PullPolicy::Always => "Always",
            PullPolicy::IfNotPresent => "IfNotPresent",
            PullPolicy::Never => "Never",
        }
    }
}

/// How functions of the platform `kubernetes` are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Through the API server: needs nothing but the kubeconfig, and is the slowest.
    #[default]
    Proxy,
    /// A port of the nodes.
    NodePort,
    /// At the option `address`, or the target's `endpoint`.
    Address,
}

/// Which of its runtimes Riff deploys to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RiffRuntime {
    /// A Deployment of one replica.
    #[default]
    Core,
    /// A Configuration and a Route of Knative.
    Knative,
}

/// What the four platforms have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClusterOptions {
    pub(crate) kubeconfig: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) cluster_domain: Option<String>,
    pub(crate) image_pull_policy: PullPolicy,
    pub(crate) image_pull_secret: Option<String>,
    pub(crate) pull_from: Option<String>,
    pub(crate) preloaded: bool,
    pub(crate) node_address: Option<String>,
    pub(crate) request_timeout_seconds: Option<u32>,
}

/// Options can't be nested without another table, so each type has the common ones.
macro_rules! options {
    ($(#[$documentation:meta])* $name:ident { $($(#[$field_documentation:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
        pub struct $name {
            /// The kubeconfig; without it, the files in `KUBECONFIG`, or `~/.kube/config`, or inside a cluster its service account.
            pub kubeconfig: Option<String>,
            /// The context in it; without it, its current one.
            pub context: Option<String>,
            /// The namespace, which must be there; without it, the context's, or `default`.
            pub namespace: Option<String>,
            /// The domain of the cluster's own names; without it, `cluster.local`.
            pub cluster_domain: Option<String>,
            /// When a node pulls an image.
            pub image_pull_policy: PullPolicy,
            /// A Secret of the namespace with the credentials of the registry.
            pub image_pull_secret: Option<String>,
            /// The registry as the nodes name it, where that differs from how it is reached here: `kind-registry:5000`.
            pub pull_from: Option<String>,
            /// The images are loaded into the nodes (`kind load image-archive`), so that no registry is needed.
            pub preloaded: bool,
            /// The address of a node as it is reached from here, for ports of the nodes; without it, the first node's own.
            pub node_address: Option<String>,
            /// The longest that one request to the API server may take, s; without it, 30.
            pub request_timeout_seconds: Option<u32>,
            $($(#[$field_documentation])* pub $field: $type,)*
        }

        impl $name {
            /// The common ones.
            pub(crate) fn cluster(&self) -> ClusterOptions {
                ClusterOptions {
                    kubeconfig: self.kubeconfig.clone(),
                    context: self.context.clone(),
                    namespace: self.namespace.clone(),
                    cluster_domain: self.cluster_domain.clone(),
                    image_pull_policy: self.image_pull_policy,
                    image_pull_secret: self.image_pull_secret.clone(),
                    pull_from: self.pull_from.clone(),
                    preloaded: self.preloaded,
                    node_address: self.node_address.clone(),
                    request_timeout_seconds: self.request_timeout_seconds,
                }
            }
        }
    };
}

options! {
    /// Options of the platform `kubernetes`.
    KubernetesOptions {
        /// How functions are reached.
        reach: Reach,
        /// Where functions are reached with `reach = "address"`, with `{name}` and `{namespace}`: `http://{name}.example.test`.
        address: Option<String>,
    }
}

options! {
    /// Options of the platform `knative`.
    KnativeOptions {
        /// Where the ingress is reached: `http://127.0.0.1:8080`; without it, the target's `endpoint`, or the service of Kourier,
        /// Istio or Contour.
        ingress: Option<String>,
        /// The namespace of Knative Serving; without it, `knative-serving`.
        knative_namespace: Option<String>,
    }
}

options! {
    /// Options of the platform `fission`.
    FissionOptions {
        /// Where the router is reached: `http://127.0.0.1:8888`; without it, the target's `endpoint`, or the service `router`.
        router: Option<String>,
        /// The namespace of Fission; without it, `fission`.
        fission_namespace: Option<String>,
    }
}

options! {
    /// Options of the platform `riff`.
    RiffOptions {
        /// Which of its runtimes is used.
        runtime: RiffRuntime,
        /// With the runtime `knative`, where the ingress is reached; see [`KnativeOptions::ingress`].
        ingress: Option<String>,
        /// With the runtime `core`, where functions are reached, with `{name}` and `{namespace}`; without it, the target's
        /// `endpoint`, or through the API server.
        address: Option<String>,
    }
}
