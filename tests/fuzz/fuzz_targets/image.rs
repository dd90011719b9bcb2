//! Any bytes as the object of thumbnailer: it answers with a thumbnail or a clear error, within the instance's memory.
#![no_main]

use std::io::Cursor;

use fuzz::{MemoryLab, PeakAllocator};
use image::ImageReader;
use lab::ErrorKind;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The instance's memory.
const MEMORY_LIMIT_BYTES: usize = 256 << 20;
/// Bounds of the thumbnail, pixels: with small pictures, small ones reach every reduction.
const BOUNDS: [(u32, u32); 8] = [(200, 200), (1, 1), (2, 3), (5, 4), (8, 8), (17, 9), (3, 100), (65535, 65535)];

#[global_allocator]
static MEMORY: PeakAllocator = PeakAllocator::new();

fuzz_target!(|data: &[u8]| {
    // What stands behind an image belongs to no format, so the last byte is free to choose.
    let (width, height) = BOUNDS[usize::from(data.last().copied().unwrap_or_default()) % BOUNDS.len()];
    let mut lab = MemoryLab::new(Some(MEMORY_LIMIT_BYTES as u64)).expect("a temporary folder");
    lab.insert("in", "object", data);
    let event = format!(
        r#"{{"object": {{"key": "object", "width": {width}, "height": {height}}}, "bucket": {{"input": "in", "output": "out"}}}}"#
    );
    let (response, peak_bytes) = MEMORY.measure(|| thumbnailer::handle(&lab, &event));
    let written = lab.take_written();
    assert!(peak_bytes <= MEMORY_LIMIT_BYTES, "{peak_bytes} bytes were held at once");
    match response {
        Ok(text) => {
            let response: Value = serde_json::from_str(&text).expect("the response is JSON");
            let reader = ImageReader::new(Cursor::new(&written[0])).with_guessed_format().expect("a format");
            let size = reader.into_dimensions().expect("the thumbnail is an image");
            let told = (&response["measurement"]["width"], &response["measurement"]["height"]);
            assert_eq!((&Value::from(size.0), &Value::from(size.1)), told);
            assert!(size.0 <= width && size.1 <= height, "{size:?} is beyond {width} x {height}");
        }
        Err(error) => {
            assert!(matches!(error.kind, ErrorKind::BadRequest | ErrorKind::Limit), "{error}");
            assert!(written.is_empty(), "it failed and wrote");
        }
    }
});
