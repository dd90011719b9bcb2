//! Images that are broken, or that lie about their size.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use crate::support::{Bench, faasbench, files};

/// A real JPEG of 64 x 48 pixels.
fn jpeg() -> Vec<u8> {
    let image = RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 4, y as u8 * 5, (x * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// The same JPEG, its header declaring 60,000 x 60,000 pixels.
fn jpeg_bomb() -> Vec<u8> {
    let mut bytes = jpeg();
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    // Marker, length, precision; then height and width.
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    bytes
}

fn png_bomb() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(60_000_u32.to_be_bytes());
    header.extend(60_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    // A deflate stream that goes on; the decoder is not to get there.
    for (kind, data) in [(b"IHDR", header.as_slice()), (b"IDAT", &[0x78, 0x9c, 0xed, 0xc1]), (b"IEND", &[])] {
        bytes.extend((data.len() as u32).to_be_bytes());
        let body = [kind.as_slice(), data].concat();
        bytes.extend(&body);
        bytes.extend(crc32(&body).to_be_bytes());
    }
    bytes
}

/// The checksum of PNG chunks, bit by bit (PNG specification, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

fn gif_bomb() -> Vec<u8> {
    let side = 60_000_u16.to_le_bytes();
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend([side, side].concat());
    // A palette of two colours; one frame as large as the screen.
    bytes.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2c, 0, 0, 0, 0]);
    bytes.extend([side, side].concat());
    bytes.extend([0, 2, 2, 0x4c, 0x01, 0, 0x3b]);
    bytes
}

fn webp_bomb() -> Vec<u8> {
    // The extended form: sides minus one, 24 bits each; and a lossless image of one pixel that contradicts it.
    let side = &59_999_u32.to_le_bytes()[..3];
    let extended = [&[0, 0, 0, 0], side, side].concat();
    let lossless = [0x2f, 0, 0, 0, 0, 0x07, 0xd0, 0xff, 0xfe, 0xf7, 0xbf, 0xff, 0x81, 0x88, 0x88, 0x08, 0x08, 0x00];
    let mut chunks = b"WEBP".to_vec();
    for (name, data) in [(b"VP8X", extended.as_slice()), (b"VP8L", &lossless)] {
        chunks.extend(name);
        chunks.extend((data.len() as u32).to_le_bytes());
        chunks.extend(data);
    }
    [b"RIFF".as_slice(), &(chunks.len() as u32).to_le_bytes(), &chunks].concat()
}

/// The thumbnailer's answer to an object, on both engines: an error that names the object, and no thumbnail.
#[track_caller]
fn is_refused(content: &[u8], parts: &[&str]) {
    let bench = Bench::new();
    bench.store("hostile.image", content);
    let storage = bench.objects();
    let event = Bench::event("hostile.image");
    for engine in ["native", "wasm"] {
        let folder = storage.to_str().unwrap();
        let arguments = ["invoke", "thumbnailer", "--engine", engine, "--payload", &event, "--storage", folder];
        let ended = faasbench(&arguments);
        // A limit is not the user's mistake; a broken image is.
        let code = if ended.stderr.contains("thumbnailer: limit:") { 1 } else { 2 };
        ended.fails_with(code, &["hostile.image"]);
        assert!(!ended.stderr.contains("internal"), "{ended:#?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{part:?} is missing: {ended:#?}");
        }
        let stored = files(&storage);
        assert_eq!(stored.len(), 1, "{stored:?}");
    }
}

#[test]
fn a_jpeg_that_declares_3600_megapixels_is_refused() {
    is_refused(&jpeg_bomb(), &["limit", "60000 x 60000"]);
}

#[test]
fn a_png_that_declares_3600_megapixels_is_refused() {
    is_refused(&png_bomb(), &["limit"]);
}

#[test]
fn a_gif_that_declares_3600_megapixels_is_refused() {
    is_refused(&gif_bomb(), &["limit", "60000 x 60000"]);
}

#[test]
fn a_webp_that_declares_3600_megapixels_is_refused() {
    is_refused(&webp_bomb(), &[]);
}

#[test]
fn a_truncated_image_is_refused() {
    let whole = jpeg();
    for length in [3, 20, whole.len() / 2, whole.len() - 40] {
        is_refused(&whole[..length], &["bad-request"]);
    }
}

#[test]
fn what_is_no_image_is_refused() {
    is_refused(b"", &["bad-request", "not an image"]);
    is_refused(b"just a text", &["bad-request", "not an image"]);
    is_refused(&[0; 100_000], &["bad-request", "not an image"]);
}
