//! From an object's bytes to planes of about twice the thumbnail's size or more.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, Limits};
use jpeg_decoder::PixelFormat;

use crate::budget::{Budget, check_size};
use crate::error::ThumbnailError;
use crate::fit::{fit, reduction, samples_of_8};
use crate::jpeg::{self, Model, Picture, Process};
use crate::orientation::swaps_sides;
use crate::pixels::{Layout, cmyk_to_rgb};
use crate::reduce::Reducer;
use crate::webp;

/// Deflate makes at most 1,032 bytes of one, and a decoder 32 bits of one: a palette's index with 2 entries becomes RGBA.
const PNG_RATIO_MAX: u64 = 1032 * 32;

/// A picture on its way to a thumbnail.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) picture: Picture,
    /// Size of the thumbnail before it is turned upright.
    pub(crate) target: (u32, u32),
    pub(crate) orientation: Orientation,
}

/// Decodes an image, its format told by its content, for a thumbnail within `bounds`.
pub(crate) fn decode(object: &[u8], bounds: (u32, u32), budget: Budget) -> Result<Decoded, ThumbnailError> {
    let budget = budget.beside(object);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(budget.bytes());
    let reader = Cursor::new(object);
    match image::guess_format(object).map_err(|_| ThumbnailError::NotAnImage)? {
        ImageFormat::Jpeg => decode_jpeg(object, bounds, budget),
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(reader, limits).map_err(ThumbnailError::Image)?;
            let size = decoder.dimensions();
            check_size(size)?;
            if decoder.total_bytes() / PNG_RATIO_MAX > object.len() as u64 {
                return Err(ThumbnailError::TooShort(size.0, size.1));
            }
            // Some rows, and what an ancillary chunk unpacks to.
            let beside = decoder.total_bytes();
            decode_other(decoder, beside, bounds, budget)
        }
        ImageFormat::WebP => {
            let decoder = WebPDecoder::new(reader).map_err(ThumbnailError::Image)?;
            check_size(decoder.dimensions())?;
            let beside = webp::bytes_beside(&decoder, object);
            decode_other(decoder, beside, bounds, budget)
        }
        ImageFormat::Gif => {
            let mut decoder = GifDecoder::new(reader).map_err(ThumbnailError::Image)?;
            check_size(decoder.dimensions())?;
            // A frame may be larger than the picture; its buffer is beside the picture's.
            let beside = decoder.total_bytes();
            limits.max_alloc = Some(budget.bytes().saturating_sub(beside));
            decoder.set_limits(limits).map_err(ThumbnailError::Image)?;
            decode_other(decoder, beside, bounds, budget)
        }
        _ => Err(ThumbnailError::NotAnImage),
    }
}

/// The thumbnail's size before it is turned upright.
fn target(size: (u32, u32), bounds: (u32, u32), orientation: Orientation) -> (u32, u32) {
    if swaps_sides(orientation) { fit(size, (bounds.1, bounds.0)) } else { fit(size, bounds) }
}

/// Samples of 8 bits of a picture.
fn bytes(size: (u32, u32), channels: usize) -> u64 {
    u64::from(size.0) * u64::from(size.1) * channels as u64
}

/// What it takes to make the thumbnail beside the planes that it is made from: its own planes, one more to turn, and all
/// of them joined.
fn bytes_to_resize(target: (u32, u32), channels: usize) -> u64 {
    bytes(target, 2 * channels + 1)
}

fn decode_jpeg(object: &[u8], bounds: (u32, u32), budget: Budget) -> Result<Decoded, ThumbnailError> {
    let decoder = jpeg::Decoder::new(object)?;
    let size = decoder.size();
    check_size(size)?;
    if decoder.bytes_min() > object.len() as u64 {
        return Err(ThumbnailError::TooShort(size.0, size.1));
    }
    let orientation = decoder.exif().and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    let target = target(size, bounds, orientation);
    let scale = samples_of_8(size, target);
    let samples = bytes(size, decoder.component_count());
    let planes = samples * u64::from(scale * scale) / 64;
    budget.check(planes + bytes_to_resize(target, decoder.component_count()))?;
    let picture = match decoder.process() {
        Process::Sequential => {
            budget.check(planes)?;
            match scale {
                1 => decoder.decode::<1>(),
                2 => decoder.decode::<2>(),
                4 => decoder.decode::<4>(),
                _ => decoder.decode::<8>(),
            }?
        }
        Process::Other => {
            // Progressive: all coefficients, of 16 bits, are held until the last scan; and then the result, first in planes.
            budget.check(samples * 2 + planes * 2)?;
            decode_other_jpeg(object, size, scale)?
        }
    };
    Ok(Decoded { picture, target, orientation })
}

/// Decodes kinds of JPEG that [`jpeg`] does not, with `scale` samples for each 8.
fn decode_other_jpeg(object: &[u8], size: (u32, u32), scale: u32) -> Result<Picture, ThumbnailError> {
    let mut decoder = jpeg_decoder::Decoder::new(object);
    let scaled = |side: u32| (side * scale).div_ceil(8) as u16;
    let (width, height) = decoder.scale(scaled(size.0), scaled(size.1))?;
    let pixels = decoder.decode()?;
    let format = decoder.info().map(|info| info.pixel_format);
    let channels = match format {
        Some(PixelFormat::L8) => 1,
        Some(PixelFormat::RGB24 | PixelFormat::CMYK32) => 3,
        Some(PixelFormat::L16) | None => {
            return Err(ThumbnailError::Jpeg(jpeg::JpegError::Corrupt("samples of more than 8 bits are not accepted")));
        }
    };
    let mut reducer = Reducer::new((u32::from(width), u32::from(height)), channels, (1, 1));
    let mut rgb = Vec::new();
    for row in pixels.chunks_exact(usize::from(width) * format.map_or(1, |format| format.pixel_bytes())) {
        if format == Some(PixelFormat::CMYK32) {
            cmyk_to_rgb(row, &mut rgb);
            reducer.row(&rgb);
        } else {
            reducer.row(row);
        }
    }
    let model = if channels == 1 { Model::Grey } else { Model::Rgb };
    Ok(Picture { model, planes: reducer.finish() })
}

/// Decodes all else, whole, and reduces it by whole factors. The decoder holds up to `beside` bytes beside its output.
fn decode_other(
    mut decoder: impl ImageDecoder,
    beside: u64,
    bounds: (u32, u32),
    budget: Budget,
) -> Result<Decoded, ThumbnailError> {
    let size = decoder.dimensions();
    check_size(size)?;
    let orientation = decoder.orientation().map_err(ThumbnailError::Image)?;
    let target = target(size, bounds, orientation);
    let layout = Layout::of(decoder.color_type()).ok_or(ThumbnailError::NotAnImage)?;
    let needed = decoder.total_bytes();
    budget.check(needed.saturating_add(beside))?;
    let factor = reduction(size, target);
    let reduced = (size.0.div_ceil(factor.0), size.1.div_ceil(factor.1));
    let planes = bytes(reduced, layout.channels());
    // The decoder is gone when the reduced planes are made.
    budget.check(needed.saturating_add(planes))?;
    budget.check(planes + bytes_to_resize(target, layout.channels()))?;
    let mut pixels = vec![0; usize::try_from(needed).map_err(|_| ThumbnailError::TooManyPixels(size.0, size.1))?];
    decoder.read_image(&mut pixels).map_err(ThumbnailError::Image)?;

    let mut reducer = Reducer::new(size, layout.channels(), factor);
    let mut row_of_8_bits = Vec::new();
    for row in pixels.chunks_exact(size.0 as usize * layout.pixel_bytes()) {
        if layout.is_plain() {
            reducer.row(row);
        } else {
            layout.flatten(row, &mut row_of_8_bits);
            reducer.row(&row_of_8_bits);
        }
    }
    let model = if layout.channels() == 1 { Model::Grey } else { Model::Rgb };
    Ok(Decoded { picture: Picture { model, planes: reducer.finish() }, target, orientation })
}
