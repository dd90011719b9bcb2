//! The platform process: one native image per instance, over a unix socket.
//!
//! [`ProcessDriver`] starts each instance through the launcher, a small program that sets the limits in its own process and
//! then becomes the image. What holds a limit is whatever this machine allows: control groups of version 1 or 2, a mount
//! namespace with a root in memory, Landlock, seccomp, or else resource limits and a watch. [`ProcessDriver`] finds out at
//! its making and tells it in [`local_platform::Driver::reach`].

mod cgroup;
mod driver;
mod exit;
mod facilities;
mod hierarchies;
mod http;
mod image_file;
mod instance;
mod launcher;
mod leftovers;
mod limits;
mod logs;
mod monitor;
mod names;
mod prepared;
mod process_table;
mod starter;
mod storage;
mod watch;

pub use driver::ProcessDriver;
pub use facilities::Mechanism;
