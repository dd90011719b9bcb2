//! The platforms: a catalogue, and how each is come by for a target.

mod catalogue;
mod changing;
mod connectors;
mod drivers;
mod images;
mod in_this_process;
mod registry;
mod remote;
mod servers;
mod state;
mod stopped;
mod storage;

pub use catalogue::{CATALOGUE, PlatformKind, UnknownPlatform, find, names};
pub use changing::Changing;
pub use drivers::MakeDriver;
pub use images::LabImages;
pub use in_this_process::{InProcessOptions, in_this_process};
pub use remote::{Connect, Purpose, connection};
pub use servers::Servers;
pub use state::{NoStateFolder, state_folder, temporary_state_folder};
pub use storage::{default_storage, storage_location};
