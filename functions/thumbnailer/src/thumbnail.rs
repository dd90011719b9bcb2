//! From planes to the thumbnail, and its file.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::decode::Decoded;
use crate::error::ThumbnailError;
use crate::jpeg::Model;
use crate::orientation::{swaps_sides, upright};
use crate::pixels::ycbcr_to_rgb;
use crate::resample::resample;

/// The quality of the JPEG, of 100, in the scale of the Independent JPEG Group.
const QUALITY: u8 = 75;

/// A thumbnail, upright.
#[derive(Debug)]
pub(crate) struct Thumbnail {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Grey or interleaved RGB.
    pixels: Vec<u8>,
    is_grey: bool,
}

/// Resamples each plane to the thumbnail's size, turns it upright, and joins them. Subsampled colour so needs no step of
/// its own to the full size.
pub(crate) fn resize(decoded: Decoded) -> Thumbnail {
    let Decoded { picture, target: (width, height), orientation } = decoded;
    let planes = picture.planes.iter().map(|plane| upright(resample(plane, width, height), width, height, orientation));
    let mut planes: Vec<Vec<u8>> = planes.collect();
    let pixels = match (picture.model, planes.as_mut_slice()) {
        (Model::YCbCr, [luma, blue, red]) => ycbcr_to_rgb(luma, blue, red),
        (Model::Rgb, [red, green, blue]) => {
            red.iter().zip(green).zip(blue).flat_map(|((&red, &mut green), &mut blue)| [red, green, blue]).collect()
        }
        (_, [grey, ..]) => std::mem::take(grey),
        (_, []) => Vec::new(),
    };
    let (width, height) = if swaps_sides(orientation) { (height, width) } else { (width, height) };
    Thumbnail { width, height, pixels, is_grey: picture.model == Model::Grey }
}

impl Thumbnail {
    /// The thumbnail as a JPEG file.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, ThumbnailError> {
        let colour = if self.is_grey { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, QUALITY)
            .encode(&self.pixels, self.width, self.height, colour)
            .map_err(ThumbnailError::Encode)?;
        Ok(file)
    }
}
