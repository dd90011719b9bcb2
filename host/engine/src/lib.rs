//! Running a function in this process, natively or as a WASM component.

mod instance;
mod launcher;
mod limits;
mod native;
pub mod wasm;

pub use instance::{GrowthEvent, Instance};
pub use launcher::{EngineKind, LaunchTimes, Launcher, LauncherOptions};
pub use limits::{Limits, MAX_ANSWER_BYTES, MAX_EVENT_BYTES, check_event_size};
