//! Why no thumbnail can be made of an object.

use crate::jpeg::JpegError;

/// Most pixels that an image may declare. It is checked before anything is allocated for them.
pub(crate) const PIXELS_MAX: u64 = 268_000_000;

/// Why no thumbnail can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ThumbnailError {
    #[error("it is not an image in a format that is accepted: JPEG, PNG, WebP, GIF")]
    NotAnImage,
    #[error("it declares {0} x {1} pixels; at most {PIXELS_MAX} pixels are accepted")]
    TooManyPixels(u32, u32),
    #[error(
        "it takes {needed} bytes of memory to decode, and there are {available}; give the instance more memory or the \
         function a smaller image"
    )]
    TooMuchMemory { needed: u64, available: u64 },
    #[error("{0}")]
    Jpeg(#[from] JpegError),
    #[error("the JPEG can't be decoded: {0}")]
    OtherJpeg(#[from] jpeg_decoder::Error),
    #[error("the image is truncated: it is too short for the {0} x {1} pixels that it declares")]
    TooShort(u32, u32),
    #[error("the image can't be decoded: {0}")]
    Image(image::ImageError),
    #[error("the thumbnail can't be encoded: {0}")]
    Encode(image::ImageError),
}

impl ThumbnailError {
    /// The error of the invocation whose object `key` this happened to.
    pub(crate) fn on_object(self, key: &str) -> lab::Error {
        let message = format!("no thumbnail of object '{key}': {self}");
        match self {
            ThumbnailError::TooManyPixels(..) | ThumbnailError::TooMuchMemory { .. } => lab::Error::limit(message),
            ThumbnailError::Image(image::ImageError::Limits(_)) => lab::Error::limit(message),
            ThumbnailError::Encode(_) => lab::Error::internal(message),
            _ => lab::Error::bad_request(message),
        }
    }
}
