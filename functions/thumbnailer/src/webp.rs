//! How much memory the decoder of WebP takes beside the pixels that it is asked for. It has no limit of its own.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder};

/// Start code of a lossy frame (RFC 6386, section 9.1), behind 3 bytes of other things.
const START_CODE: [u8; 3] = [0x9D, 0x01, 0x2A];

/// The most bytes that image-webp holds beside its output.
pub(crate) fn bytes_beside(decoder: &WebPDecoder<Cursor<&[u8]>>, object: &[u8]) -> u64 {
    let (width, height) = decoder.dimensions();
    // For each pixel. A lossless picture is decoded to RGBA first, with a quarter of its size for each of two transforms and
    // for the choice of codes. A lossy one has planes of 1.5 bytes, and its transparency is decoded like a lossless picture.
    // An animation has a canvas and a frame, both RGBA.
    let each = match decoder.color_type() {
        _ if decoder.has_animation() => 9,
        ColorType::Rgba8 => 8,
        _ => 5,
    };
    // The planes are made for the size in the frame, before that is compared with the picture's.
    (u64::from(width) * u64::from(height) * each).max(lossy_pixels_max(object) * 3 / 2)
}

/// The pixels of the largest lossy frame of a file, in whichever order its chunks stand.
fn lossy_pixels_max(object: &[u8]) -> u64 {
    let chunk = |name: &'static [u8; 4]| {
        object.windows(4).enumerate().filter(move |(_, window)| window == name).map(|(start, _)| start)
    };
    // image-webp takes the chunk behind an animation's transparency for a lossy frame, whatever its name.
    let behind_alpha = chunk(b"ALPH").filter_map(|start| {
        let size = u32::from_le_bytes(*object.get(start + 4..)?.first_chunk()?) as usize;
        size.checked_next_multiple_of(2)?.checked_add(start + 8)
    });
    chunk(b"VP8 ").chain(behind_alpha).filter_map(|start| lossy_pixels(object.get(start + 8..)?)).max().unwrap_or(0)
}

/// Width times height of the lossy frame that `frame` begins with.
fn lossy_pixels(frame: &[u8]) -> Option<u64> {
    let header: &[u8; 10] = frame.first_chunk()?;
    let side = |low, high| u64::from(u16::from_le_bytes([low, high]) & 0x3FFF).next_multiple_of(16);
    (header[3..6] == START_CODE).then(|| side(header[6], header[7]) * side(header[8], header[9]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_lossy_frame_is_found_behind_any_chunk() {
        // 14 bits of 16,383 and 2 of scale, and 100.
        let frame = [0x10, 2, 3, 0x9D, 0x01, 0x2A, 0xFF, 0x7F, 100, 0, 0, 0];
        let lossy = [b"RIFF....WEBPVP8 ....".as_slice(), &frame].concat();
        assert_eq!(lossy_pixels_max(&lossy), 16_384 * 112);
        let behind_alpha = [b"ANMF........ALPH\x01\0\0\0a.????....".as_slice(), &frame].concat();
        assert_eq!(lossy_pixels_max(&behind_alpha), 16_384 * 112);
        assert_eq!(lossy_pixels_max(&lossy[..25]), 0);
        assert_eq!(lossy_pixels_max(b"ALPH\xFF\xFF\xFF\xFF"), 0);
    }
}
