//! Sequential JPEG (ITU-T T.81, baseline and extended Huffman, 8 bits) decoded at a reduced scale.
//!
//! At 1/8 scale a block of 8x8 samples becomes one, its mean, which is the DC coefficient: the other 63 need not be
//! computed, only their codes stepped over. At 1/4 and 1/2 scale the lowest 2x2 and 4x4 coefficients are enough. This is
//! what makes thumbnails of photographs cheap. Other kinds of JPEG are told apart here and left to others.

mod bits;
mod header;
mod huffman;
mod inverse;
mod scan;

pub(crate) use header::{Decoder, Process};
pub(crate) use scan::{Model, Picture};

/// Why a JPEG can't be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JpegError {
    /// The data end before the picture is complete.
    #[error("the JPEG is truncated: its data end before the picture is complete")]
    Truncated,
    /// The data break the format's rules.
    #[error("the JPEG is corrupt: {0}")]
    Corrupt(&'static str),
}
