//! What an image is. In a crate of its own, so that platforms need not be built again whenever building changes.

pub(crate) use image_kind::tag;
pub use image_kind::{Image, ImageKind};
