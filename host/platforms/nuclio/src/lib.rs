//! The platform Nuclio, through its dashboard's API or its custom resources in Kubernetes.
//!
//! A deployment is one function in a project. Its image is either ours alone, served by the native binary's own HTTP
//! ([`Shape::Image`]), or Nuclio's processor with the binary as its worker ([`Shape::Processor`]). A function is ready when the
//! dashboard says so of the state with this deployment's own revision, and, on Kubernetes, when the replicas from before are
//! gone.

mod check;
mod compose;
mod connect;
mod control;
mod nuclio_platform;
mod objects;
mod options;
mod place;
mod plan;
mod ready;
mod remove;

pub use connect::connect;
pub use options::{ImageSource, Installation, Options, Shape, Through, Way};
