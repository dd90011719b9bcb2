//! What `thumbnailer` does with a bucket.
#![allow(clippy::unwrap_used, reason = "tests")]

mod memory_lab;
mod pictures;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::RgbImage;
use lab::{Error, ErrorKind, ObjectDigest};
use memory_lab::MemoryLab;
use pictures::{encode_png, photograph};
use serde_json::Value;

const EVENT: &str = r#"{"object": {"key": "a.jpg", "width": 200, "height": 200},
                        "bucket": {"bucket": "bucket", "input": "in", "output": "out"}}"#;

fn run(lab: &MemoryLab, event: &str) -> Result<Value, Error> {
    thumbnailer::handle(lab, event).map(|response| serde_json::from_str(&response).unwrap())
}

/// The file that a response names.
fn written(lab: &MemoryLab, response: &Value) -> Vec<u8> {
    let result = &response["result"];
    lab.objects.borrow()[&(result["bucket"].as_str().unwrap().into(), result["key"].as_str().unwrap().into())].clone()
}

fn thumbnail_file(object: &[u8]) -> Result<Vec<u8>, Error> {
    let lab = MemoryLab::new(&[("in/a.jpg", object)]);
    let result = run(&lab, EVENT);
    if result.is_err() {
        assert!(lab.keys("bucket", "out/").is_empty());
    }
    result.map(|response| written(&lab, &response))
}

fn thumbnail(object: &[u8]) -> RgbImage {
    image::load_from_memory(&thumbnail_file(object).unwrap()).unwrap().to_rgb8()
}

/// Mean absolute difference of two pictures of the same size.
fn difference(left: &RgbImage, right: &RgbImage) -> f64 {
    assert_eq!(left.dimensions(), right.dimensions());
    let sum: u64 = left.as_raw().iter().zip(right.as_raw()).map(|(l, r)| u64::from(l.abs_diff(*r))).sum();
    sum as f64 / left.as_raw().len() as f64
}

fn shrunk(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    image::imageops::resize(picture, width, height, image::imageops::FilterType::CatmullRom)
}

#[test]
fn the_response_says_what_was_written_and_what_it_took() {
    let object = pictures::encode_jpeg(&photograph(640, 480), 90);
    let lab = MemoryLab::new(&[("in/folder/a.b.png", &object)]);
    let response = run(&lab, &EVENT.replace("a.jpg", "folder/a.b.png")).unwrap();
    let file = written(&lab, &response);
    assert_eq!(response["digest"], ObjectDigest::of(&file));
    let key = response["result"]["key"].as_str().unwrap();
    let suffix = key.strip_prefix("out/a.b.").and_then(|rest| rest.strip_suffix(".jpg")).unwrap();
    assert!(suffix.len() == 8 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
    let measurement = &response["measurement"];
    assert_eq!(measurement["download_bytes"], object.len());
    assert_eq!(measurement["upload_bytes"], file.len());
    assert_eq!((measurement["width"].as_u64(), measurement["height"].as_u64()), (Some(200), Some(150)));
    for key in ["download_us", "compute_us", "decode_us", "resize_us", "encode_us", "upload_us"] {
        assert!(measurement[key].is_u64(), "{key}");
    }
    assert!(measurement["compute_us"].as_u64() >= measurement["decode_us"].as_u64());
    assert_eq!(image::load_from_memory(&file).unwrap().width(), 200);

    let again = run(&lab, &EVENT.replace("a.jpg", "folder/a.b.png")).unwrap();
    assert_eq!(again["digest"], response["digest"]);
    assert_ne!(again["result"]["key"], response["result"]["key"]);
}

#[test]
fn input_and_output_may_be_buckets_and_sizes_have_defaults() {
    let lab = MemoryLab::new(&[]);
    lab.insert("photos", "a.png", &encode_png(&photograph(300, 600)));
    let event = r#"{"object": {"key": "a.png"}, "bucket": {"input": "photos", "output": "thumbs"}}"#;
    let response = run(&lab, event).unwrap();
    assert_eq!(response["result"]["bucket"], "thumbs");
    assert_eq!(
        (response["measurement"]["width"].as_u64(), response["measurement"]["height"].as_u64()),
        (Some(100), Some(200))
    );
}

#[test]
fn every_scale_shows_the_same_picture() {
    // 1/8, 1/4, 1/2 and full; odd sizes, so that the last blocks are cut.
    for (width, height) in [(1701, 1603), (1001, 950), (807, 811), (401, 399)] {
        let picture = photograph(width, height);
        let thumbnail = thumbnail(&pictures::encode_jpeg(&picture, 95));
        let expected = shrunk(&picture, thumbnail.width(), thumbnail.height());
        let difference = difference(&thumbnail, &expected);
        assert!(difference < 4.0, "{width} x {height}: {difference}");
    }
}

#[test]
fn lossless_formats_and_webp_and_gif_show_the_same_picture() {
    let picture = photograph(700, 500);
    let expected = shrunk(&picture, 200, 143);
    for (name, object) in [("png", encode_png(&picture)), ("webp", pictures::encode_webp(&picture))] {
        let difference = difference(&thumbnail(&object), &expected);
        assert!(difference < 4.0, "{name}: {difference}");
    }
    // A palette of 256 colours is coarse.
    let difference = difference(&thumbnail(&pictures::encode_gif(&picture)), &expected);
    assert!(difference < 12.0, "gif: {difference}");
}

#[test]
fn a_grey_picture_stays_grey_and_transparency_becomes_white() {
    let grey = image::DynamicImage::from(photograph(640, 480)).to_luma8();
    let file = thumbnail_file(&pictures::encode(&grey.into(), image::ImageFormat::Jpeg)).unwrap();
    assert_eq!(image::load_from_memory(&file).unwrap().color(), image::ColorType::L8);

    let transparent = image::RgbaImage::from_pixel(300, 300, image::Rgba([10, 20, 30, 0]));
    let white = thumbnail(&pictures::encode(&transparent.into(), image::ImageFormat::Png));
    assert!(white.pixels().all(|pixel| pixel.0 == [255, 255, 255]));
}

#[test]
fn a_small_picture_is_not_enlarged() {
    assert_eq!(thumbnail(&pictures::encode_jpeg(&photograph(50, 30), 90)).dimensions(), (50, 30));
    assert_eq!(thumbnail(&encode_png(&photograph(1, 1))).dimensions(), (1, 1));
}

#[test]
fn the_exif_orientation_is_honoured_in_jpeg_and_png() {
    let upright = photograph(400, 240);
    let expected = shrunk(&upright, 200, 120);
    for exif in 1..=8 {
        let stored = pictures::stored_for_orientation(&upright, exif);
        let jpeg = pictures::with_jpeg_exif(&pictures::encode_jpeg(&stored, 95), exif);
        let png = pictures::with_png_exif(&encode_png(&stored), exif);
        for object in [jpeg, png] {
            let difference = difference(&thumbnail(&object), &expected);
            assert!(difference < 4.0, "{exif}: {difference}");
        }
    }
}

#[test]
fn a_truncated_image_is_an_error_wherever_it_ends() {
    let picture = photograph(900, 700);
    let jpeg = pictures::encode_jpeg(&picture, 85);
    let objects = [jpeg.clone(), encode_png(&picture), pictures::encode_webp(&picture), pictures::encode_gif(&picture)];
    for object in objects {
        for end in [10, 30, 200, object.len() / 2, object.len() * 9 / 10] {
            let error = thumbnail_file(&object[..end]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest, "{error}");
        }
    }
    // Also when an end marker makes it look whole.
    let ended = [&jpeg[..jpeg.len() / 2], &[0xFF, 0xD9]].concat();
    assert!(thumbnail_file(&ended).unwrap_err().message.contains("truncated"));
}

#[test]
fn what_is_no_image_is_refused() {
    let text = b"A text, not a picture. ".repeat(100);
    let bmp = [b"BM", [0_u8; 100].as_slice()].concat();
    let cases: [&[u8]; 6] = [b"", b"\xFF", b"\xFF\xD8\xFF", &text, &bmp, b"\x89PNG\r\n\x1a\n"];
    for object in cases {
        let error = thumbnail_file(object).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest, "{error}");
        assert!(error.message.contains("in/a.jpg"), "{error}");
    }
}

#[test]
fn a_declared_size_of_60000_by_60000_is_refused_before_anything_is_allocated() {
    for (name, object) in pictures::bombs(60_000, 60_000) {
        let start = Instant::now();
        let error = thumbnail_file(&object).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Limit | ErrorKind::BadRequest), "{name}: {error}");
        assert!(start.elapsed().as_secs() < 2, "{name}");
    }
}

#[test]
fn what_needs_more_memory_than_the_instance_has_is_refused() {
    for (name, object) in pictures::bombs(12_000, 12_000) {
        let mut lab = MemoryLab::new(&[("in/a.jpg", &object)]);
        lab.memory_limit_bytes = Some(64 << 20);
        let error = run(&lab, EVENT).unwrap_err();
        let truncated = error.kind == ErrorKind::BadRequest && error.message.contains("too short");
        assert!(error.kind == ErrorKind::Limit || truncated, "{name}: {error}");
    }
    let mut lab = MemoryLab::new(&[("in/a.jpg", &vec![0; 30 << 20])]);
    lab.memory_limit_bytes = Some(64 << 20);
    assert_eq!(run(&lab, EVENT).unwrap_err().kind, ErrorKind::Limit);
}

#[test]
fn what_a_decoder_holds_beside_its_pixels_counts_too() {
    // Each found by fuzzing, or after it: a picture or a thumbnail within the limit, that takes more to make.
    let lossy = pictures::lossy_webp_whose_frame_is_larger();
    let gif = pictures::gif_whose_frame_is_larger(6500, 6500);
    let wide = EVENT.replace("200", "65535");
    for (name, object, event) in [
        ("webp, RGBA first", pictures::bombs(5413, 7169).pop().unwrap().1, EVENT),
        ("webp, a frame of 16,383 x 16,383", lossy, EVENT),
        ("gif, a frame larger than the picture", gif, EVENT),
        ("a thumbnail as large as the picture", pictures::bombs(5500, 5400).swap_remove(2).1, &wide),
    ] {
        let mut lab = MemoryLab::new(&[("in/a.jpg", &object)]);
        lab.memory_limit_bytes = Some(256 << 20);
        let error = run(&lab, event).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit, "{name}: {error}");
    }
}

#[test]
fn no_change_of_a_byte_makes_it_panic() {
    let picture = photograph(420, 410);
    let objects = [
        pictures::with_jpeg_exif(&pictures::encode_jpeg(&picture, 60), 6),
        encode_png(&photograph(60, 40)),
        pictures::encode_webp(&photograph(60, 40)),
        pictures::encode_gif(&photograph(60, 40)),
    ];
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for object in objects {
        for round in 0..150 {
            let mut changed = object.clone();
            for _ in 0..=round % 4 {
                // Headers are what is trusted most, and they stand in front.
                let reach = if round % 2 == 0 { 700.min(changed.len()) } else { changed.len() };
                changed[random(reach)] = random(256) as u8;
            }
            let _ = thumbnail_file(&changed);
        }
    }
}

#[test]
fn wrong_sizes_and_a_missing_object_are_errors() {
    let lab = MemoryLab::new(&[("in/a.jpg", &encode_png(&photograph(10, 10)))]);
    for wrong in ["0", "-5", "1.5", "\"200\"", "65536"] {
        let error = run(&lab, &EVENT.replace("\"width\": 200", &format!("\"width\": {wrong}"))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.contains("object.width"), "{error}");
    }
    assert_eq!(run(&lab, &EVENT.replace("a.jpg", "b.jpg")).unwrap_err().kind, ErrorKind::NotFound);
    assert!(lab.keys("bucket", "out/").is_empty());
}

#[test]
fn photographs_look_as_the_full_decoder_shows_them() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/210.thumbnailer");
    let Ok(entries) = fs::read_dir(&directory) else {
        eprintln!("skipped: there are no photographs at {}", directory.display());
        return;
    };
    // The smallest one: the full decoder is slow in a debug build.
    let path: PathBuf =
        entries.map(|entry| entry.unwrap().path()).min_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let object = fs::read(path).unwrap();
    let thumbnail = thumbnail(&object);
    let full = image::load_from_memory(&object).unwrap().to_rgb8();
    let expected = shrunk(&full, thumbnail.width(), thumbnail.height());
    let difference = difference(&thumbnail, &expected);
    assert!(difference < 3.0, "{difference}");
}
