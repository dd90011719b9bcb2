//! After how long idle is an instance reclaimed?
//!
//! Several deployments are left idle for the same time and called again; whether the same instance answers is what its
//! identity says. The idle times double until an instance is gone, then the two that enclose the boundary are bisected. What
//! is found is an interval: up to its lower end every instance was kept, from its upper end on every one was gone.

mod bisection;
mod experiment;
mod finding;
mod probe;
mod survival;

pub(crate) use experiment::KeepAlive;
