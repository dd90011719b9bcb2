//! The platforms: a catalogue, and how each is made for a target.

mod catalogue;

pub use catalogue::{CATALOGUE, PlatformKind, UnknownPlatform, find, names};
