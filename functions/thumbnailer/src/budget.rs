//! How much memory may be used.

use lab::Lab;

use crate::error::{PIXELS_MAX, ThumbnailError};

/// Where the platform sets no limit: enough for the greatest RGB image, and no more than any machine has.
const DEFAULT_BYTES: u64 = 1 << 30;
/// What the code, its stack and small buffers take.
const RESERVED_BYTES: u64 = 8 << 20;

/// The memory that an invocation may use for its image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    bytes: u64,
}

impl Budget {
    pub(crate) fn of(lab: &dyn Lab) -> Budget {
        let limit = lab.instance().memory_limit_bytes.unwrap_or(DEFAULT_BYTES);
        Budget { bytes: limit.saturating_sub(RESERVED_BYTES) }
    }

    /// The largest object that may be read into memory: while it grows there, old and new buffer exist side by side, and
    /// the decoded picture needs room too.
    pub(crate) fn object_bytes_max(self) -> u64 {
        self.bytes / 3
    }

    /// What is left beside the object itself.
    pub(crate) fn beside(self, object: &[u8]) -> Budget {
        Budget { bytes: self.bytes.saturating_sub(object.len() as u64) }
    }

    pub(crate) fn bytes(self) -> u64 {
        self.bytes
    }

    /// An error where `needed` bytes are more than there are.
    pub(crate) fn check(self, needed: u64) -> Result<(), ThumbnailError> {
        if needed > self.bytes {
            return Err(ThumbnailError::TooMuchMemory { needed, available: self.bytes });
        }
        Ok(())
    }
}

/// An error where an image declares too many pixels, or none.
pub(crate) fn check_size(size: (u32, u32)) -> Result<(), ThumbnailError> {
    if u64::from(size.0) * u64::from(size.1) > PIXELS_MAX {
        return Err(ThumbnailError::TooManyPixels(size.0, size.1));
    }
    if size.0 == 0 || size.1 == 0 {
        return Err(ThumbnailError::NotAnImage);
    }
    Ok(())
}
