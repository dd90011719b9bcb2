//! Platforms on Kubernetes: plain Deployments, Knative, Fission, Riff.
//!
//! A function to connect for each. They share the cluster's API (through the crate `kube`: kubeconfig, contexts, TLS and the commands
//! that fetch credentials), marks on everything that they make, pods, logs and the proof that it is the new image that answers;
//! what each does in its own way is a `Flavour`.
//!
//! **Marks.** Everything carries the label `faasbench/deployment` with the deployment's id, and is made by server-side apply under
//! a field manager of that id: an object of somebody else's with the same name is a conflict, also when both are made at once.
//!
//! **Proof.** Images are named by their digest. Each update gives the instances a new `FAASBENCH_REVISION`, which reaches the pods
//! of every platform; a deployment is ready when its platform says so, and no pod of another revision is left.

mod cluster;
mod connect;
mod deploy;
mod flavours;
mod interface;
mod logs;
mod mark;
mod metrics;
mod object;
mod options;
mod plan;
mod platform_on_cluster;
mod pods;
mod quantity;
mod ready;
mod remove;
mod route;
mod workload;

pub use connect::{connect_fission, connect_knative, connect_kubernetes, connect_riff};
pub use options::{FissionOptions, KnativeOptions, KubernetesOptions, PullPolicy, Reach, RiffOptions, RiffRuntime};
