//! Builds and packages a function's image for each platform.

mod kind;

pub use kind::{Image, ImageKind};
