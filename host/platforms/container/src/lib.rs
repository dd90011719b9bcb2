//! The platform container: Docker or Podman, over the API that both serve.
//!
//! An instance is a container of the scratch image. Where the engine shares this machine's kernel and file system it has no
//! network at all: the host calls it over a unix socket in a folder that is mounted into it, and its nested calls and its
//! storage come in the same way. The root is read-only, the scratch folder is a bounded file system in memory, all
//! capabilities are dropped, and memory (without swap), processors and processes are bounded by its control group.

mod address;
mod body;
mod connections;
mod container;
mod driver;
mod engine;
mod exit;
mod failure;
mod instance;
mod options;
mod output;
mod prepared;
mod process;
mod ready;
mod remove;

pub use driver::ContainerDriver;
pub use options::{Connection, ContainerOptions};
