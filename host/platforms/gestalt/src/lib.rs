//! The platform Gestalt of GalacticFog, through the REST of Meta or of Laser.
//!
//! Gestalt is dead: its company ended in 2020, Laser's source was never public, and nothing of it can be run. This was
//! written from what is left (Meta's source, the installers, the examples) and tested against an emulator of that contract only.
//! An executor runs the packaged binary once for each call.

mod calls;
mod check;
mod documents;
mod lambdas;
mod options;
mod platform;
mod token;

pub use options::{Api, Options};
pub use platform::{connect, connect_with};
