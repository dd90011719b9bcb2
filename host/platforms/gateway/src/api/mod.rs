//! Administration over HTTP: OpenFaaS's interface, and our own for what that lacks.

mod openfaas;
mod own;
mod quantity;
mod query;
mod system;

pub(crate) use own::{PlatformDescription, own};
pub(crate) use system::system;
