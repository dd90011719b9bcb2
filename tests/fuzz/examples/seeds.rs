//! Writes the corpora's first members: small events and small images of every kind, all made here.

use std::fs;
use std::io::{self, Cursor};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

const EVENTS: [(&str, &str); 10] = [
    ("empty", "{}"),
    ("work", r#"{"StatusCode": 200, "sleep": 0.0001, "throughput_time": 0.0001}"#),
    (
        "nested",
        r#"{"parallel": true, "invoke_nested": [
            {"function_name": "d-function2", "invoke_payload": {"sleep": 0}, "code": "x"},
            {"function_name": "function3", "invoke_payload": "{\"throughput_time\": 0}"},
            {"function_name": "absent", "invoke_payload": {}}]}"#,
    ),
    ("callee", r#"{"parent": "function1-x", "level": 3}"#),
    ("matrix", r#"{"run_function": "matrix_mult", "args": 3, "seed": 42}"#),
    ("drawn", r#"{"run_function": "random", "args": 2, "seed": 7}"#),
    (
        "thumbnail",
        r#"{"object": {"key": "photo.png", "width": 4, "height": 4}, "bucket": {"bucket": "bucket", "input": "in", "output": "out"}}"#,
    ),
    ("archive", r#"{"object": {"key": "tree"}, "bucket": {"bucket": "bucket", "input": "in", "output": "out"}}"#),
    ("deep", r#"{"object": {"key": "deep"}, "bucket": {"bucket": "bucket", "input": "in", "output": "out"}}"#),
    ("older", r#"{"object": {"key": "root"}, "bucket": {"input": "in", "output": "out"}}"#),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, event) in EVENTS {
        write(&corpus.join("event"), name, event.as_bytes())?;
    }
    for (name, file) in images()? {
        write(&corpus.join("image"), &name, &file)?;
    }
    Ok(())
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(name), bytes)
}

fn images() -> image::ImageResult<Vec<(String, Vec<u8>)>> {
    let picture = RgbImage::from_fn(37, 29, |x, y| Rgb([x as u8 * 6, (x * y) as u8, y as u8 * 8]));
    let colour = DynamicImage::from(picture);
    let kinds = [
        ("grey", DynamicImage::from(colour.to_luma8())),
        ("deep", DynamicImage::from(colour.to_rgb16())),
        ("transparent", DynamicImage::from(colour.to_rgba8())),
        ("colour", colour),
    ];
    let mut files = Vec::new();
    for (name, picture) in &kinds {
        for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
            let mut file = Cursor::new(Vec::new());
            // Not every format has every kind of pixel.
            if picture.write_to(&mut file, format).is_ok() {
                files.push((format!("{name}.{}", format.extensions_str()[0]), file.into_inner()));
            }
        }
    }
    for (name, picture) in [("grey", &kinds[0].1), ("colour", &kinds[3].1)] {
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 60).encode_image(picture)?;
        files.push((format!("{name}.progressive.jpg"), with_frame(&jpeg, |frame| frame[1] = 0xC2)));
        // Luminance with twice the samples each way; what follows is then read as other blocks.
        files.push((format!("{name}.subsampled.jpg"), with_frame(&jpeg, |frame| frame[11] = 0x22)));
        // A restart marker after each block: DRI, of 4 bytes, with an interval of 1.
        let restarting = [&jpeg[..2], &[0xFF, 0xDD, 0, 4, 0, 1], &jpeg[2..]].concat();
        files.push((format!("{name}.restarting.jpg"), restarting));
        // Behind the end stands what chooses the thumbnail's bounds.
        for choice in 0..8 {
            files.push((format!("{name}.{choice}.jpg"), [jpeg.as_slice(), &[choice]].concat()));
        }
    }
    files.extend(lossy_webps().map(|(name, file)| (name.to_owned(), file)));
    Ok(files)
}

/// What the image crate doesn't write: lossy WebP, plain, with transparency, and animated. The coefficients mean nothing.
fn lossy_webps() -> [(&'static str, Vec<u8>); 3] {
    // A key frame of 32 x 32 whose first partition has 40 bytes.
    let mut frame = vec![0x10, 5, 0, 0x9D, 0x01, 0x2A, 32, 0, 32, 0];
    frame.extend((0..160_u8).map(|byte| byte.wrapping_mul(73)));
    let frame = chunk(b"VP8 ", &frame);
    let alpha = chunk(b"ALPH", &[&[0_u8], [200; 32 * 32].as_slice()].concat());
    let canvas = |flags: u8| chunk(b"VP8X", &[flags, 0, 0, 0, 31, 0, 0, 31, 0, 0]);
    // At 0, 0, of 32 x 32, for 1 ms.
    let placed = [&[0_u8; 6][..], &[31, 0, 0, 31, 0, 0, 1, 0, 0, 0], &alpha, &frame].concat();
    let animation = [canvas(0x12), chunk(b"ANIM", &[255, 255, 255, 255, 0, 0]), chunk(b"ANMF", &placed)].concat();
    let file = |chunks: &[u8]| chunk(b"RIFF", &[b"WEBP", chunks].concat());
    [
        ("lossy.webp", file(&frame)),
        ("lossy.transparent.webp", file(&[canvas(0x10), alpha.clone(), frame.clone()].concat())),
        ("lossy.animated.webp", file(&animation)),
    ]
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0_u8][..data.len() % 2];
    [name, (data.len() as u32).to_le_bytes().as_slice(), data, padding].concat()
}

/// `jpeg` with its frame header, from the marker on, changed.
fn with_frame(jpeg: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut changed = jpeg.to_vec();
    if let Some(start) = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]) {
        change(&mut changed[start..]);
    }
    changed
}
