//! Images in a container daemon, for platforms that run them from there: Fn and Nuclio's local platform.
//!
//! [`LocalDaemon`] is a [`Registry`](remote_platform::Registry): pushing an image loads it into the daemon, under a name that
//! carries the deployment's id and the beginning of the image's digest.

mod daemon;
mod failure;
mod log;

pub use daemon::{DEFAULT_SOCKET, LocalDaemon};
