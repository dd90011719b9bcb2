//! What an image is. In a crate of its own, so that platforms need not be built again whenever building changes.

pub use image_kind::{Image, ImageKind, tag};
