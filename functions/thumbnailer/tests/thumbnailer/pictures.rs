//! Pictures to make thumbnails of, and files of them.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// Gradients, edges and texture in colour.
pub(crate) fn photograph(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        let edge = if (u - 0.3).hypot(v - 0.6) < 0.2 { 90.0 } else { 0.0 };
        let texture = 15.0 * ((u * 40.0).sin() + (v * 25.0).cos());
        let noise = (x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)) >> 13 & 15) as f32;
        let channel = |base: f32| (base + texture + noise).clamp(0.0, 255.0) as u8;
        Rgb([channel(40.0 + 150.0 * u + edge), channel(60.0 + 120.0 * v), channel(180.0 - 120.0 * u * v - edge)])
    })
}

pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

pub(crate) fn encode_png(picture: &RgbImage) -> Vec<u8> {
    encode(&picture.clone().into(), ImageFormat::Png)
}

pub(crate) fn encode_webp(picture: &RgbImage) -> Vec<u8> {
    encode(&picture.clone().into(), ImageFormat::WebP)
}

pub(crate) fn encode_gif(picture: &RgbImage) -> Vec<u8> {
    let rgba = DynamicImage::from(picture.clone()).to_rgba8();
    encode(&rgba.into(), ImageFormat::Gif)
}

pub(crate) fn encode_jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut file = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, quality).encode_image(picture).unwrap();
    file
}

/// What a camera stores that says `exif` of a picture which is this one when upright.
pub(crate) fn stored_for_orientation(upright: &RgbImage, exif: u8) -> RgbImage {
    // Each transformation but the two quarter turns undoes itself.
    let inverse = match exif {
        6 => 8,
        8 => 6,
        other => other,
    };
    let mut stored = DynamicImage::from(upright.clone());
    stored.apply_orientation(Orientation::from_exif(inverse).unwrap());
    stored.to_rgb8()
}

/// A TIFF structure with the orientation as its only entry.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    tiff
}

pub(crate) fn with_jpeg_exif(file: &[u8], orientation: u8) -> Vec<u8> {
    let payload = [b"Exif\0\0", exif(orientation).as_slice()].concat();
    let size = (payload.len() as u16 + 2).to_be_bytes();
    [&file[..2], &[0xFF, 0xE1], &size, &payload, &file[2..]].concat()
}

pub(crate) fn with_png_exif(file: &[u8], orientation: u8) -> Vec<u8> {
    // Behind the signature and the header chunk.
    [&file[..33], &png_chunk(b"eXIf", &exif(orientation)), &file[33..]].concat()
}

fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind.as_slice(), data].concat();
    [(data.len() as u32).to_be_bytes().as_slice(), &body, &crc32(&body).to_be_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

/// Small files of every format that declare the given size.
pub(crate) fn bombs(width: u16, height: u16) -> Vec<(&'static str, Vec<u8>)> {
    let small = photograph(64, 64);
    let mut jpeg = encode_jpeg(&small, 75);
    let frame = jpeg.windows(2).position(|bytes| bytes == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    let mut progressive = jpeg.clone();
    progressive[frame + 1] = 0xC2;

    let mut header = [u32::from(width).to_be_bytes(), u32::from(height).to_be_bytes()].concat();
    header.extend([8, 6, 0, 0, 0]);
    let png = encode_png(&small);
    let png = [&png[..8], &png_chunk(b"IHDR", &header), &png[33..]].concat();

    let mut gif = encode_gif(&small);
    gif[6..8].copy_from_slice(&width.to_le_bytes());
    gif[8..10].copy_from_slice(&height.to_le_bytes());

    // VP8L: a signature byte, then 14 bits of width - 1 and of height - 1; its most is 16,384.
    let mut webp = encode_webp(&small);
    let start = webp.windows(4).position(|bytes| bytes == b"VP8L").unwrap() + 9;
    let sides = (u32::from(width - 1) & 0x3FFF) | (u32::from(height - 1) & 0x3FFF) << 14;
    webp[start..start + 4].copy_from_slice(&sides.to_le_bytes());
    vec![("jpeg", jpeg), ("progressive jpeg", progressive), ("png", png), ("gif", gif), ("webp", webp)]
}

/// A WebP of 16 x 16 pixels whose only frame, a lossy one, says that it has 16,383 x 16,383.
pub(crate) fn lossy_webp_whose_frame_is_larger() -> Vec<u8> {
    let extended = b"VP8X\x0A\0\0\0\0\0\0\0\x0F\0\0\x0F\0\0";
    let frame = b"VP8 \x0A\0\0\0\x10\0\0\x9D\x01\x2A\xFF\x3F\xFF\x3F";
    let body = [b"WEBP".as_slice(), extended, frame].concat();
    [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat()
}

/// A GIF of 5,000 x 5,000 pixels with a frame of the given size.
pub(crate) fn gif_whose_frame_is_larger(width: u16, height: u16) -> Vec<u8> {
    let mut gif = encode_gif(&photograph(64, 64));
    gif[6..8].copy_from_slice(&5000_u16.to_le_bytes());
    gif[8..10].copy_from_slice(&5000_u16.to_le_bytes());
    // The descriptor of the encoder's only frame: at 0, 0, of 64 x 64.
    let start = gif.windows(9).position(|bytes| bytes == [0x2C, 0, 0, 0, 0, 64, 0, 64, 0]).unwrap();
    gif[start + 5..start + 7].copy_from_slice(&width.to_le_bytes());
    gif[start + 7..start + 9].copy_from_slice(&height.to_le_bytes());
    gif
}
