//! What the platforms on Kubernetes do differently.

mod fission;
mod flavour;
mod knative;
mod plain;
mod riff;

pub(crate) use fission::Fission;
pub(crate) use flavour::{ColdWay, Flavour, Place, Progress};
pub(crate) use knative::Knative;
pub(crate) use plain::Plain;
pub(crate) use riff::Riff;
