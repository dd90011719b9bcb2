//! The platform Apache OpenWhisk, through the API of its controller.
//!
//! An action is a container of any registry (`blackbox`) or an archive that a runtime's proxy starts (`native`). Each call is
//! an activation, whose record tells how long it waited, how long a cold start took and what is billed.

mod action;
mod activation;
mod calls;
mod credentials;
mod deploy;
mod options;
mod place;
mod platform;

pub use options::{Kind, NestedCalls, Options};
pub use platform::{connect, connect_with};
