//! The lab function `thumbnailer`: makes a JPEG thumbnail of a stored image and stores it.
//!
//! All arithmetic on pixels is that of integers, so that the thumbnail is the same on every engine and processor.

mod budget;
mod decode;
mod error;
mod fit;
mod jpeg;
mod orientation;
mod pixels;
mod plane;
mod reduce;
mod resample;
mod thumbnail;
mod webp;

use std::io::Write as _;
use std::time::Instant;

use lab::{Error, Lab, ObjectDigest, ObjectEvent};
use serde::Serialize;

use crate::budget::Budget;

/// Side of the thumbnail where the event names none, pixels.
const SIDE_DEFAULT: u32 = 200;
/// The largest side that a JPEG can have, pixels.
const SIDE_MAX: u32 = 65_535;

/// Where the thumbnail is and what it took.
#[derive(Debug, Serialize)]
struct Response {
    result: ResultObject,
    /// SHA-256 of the thumbnail's file.
    digest: String,
    measurement: Measurement,
}

#[derive(Debug, Serialize)]
struct ResultObject {
    bucket: String,
    key: String,
}

#[derive(Debug, Serialize)]
struct Measurement {
    download_us: u64,
    download_bytes: u64,
    compute_us: u64,
    decode_us: u64,
    resize_us: u64,
    encode_us: u64,
    upload_us: u64,
    upload_bytes: u64,
    /// The thumbnail's.
    width: u32,
    height: u32,
}

/// Serves one invocation.
pub fn handle(lab: &dyn Lab, event: &str) -> Result<String, Error> {
    let event = ObjectEvent::parse(event)?;
    let bounds = (event.size("width", SIDE_DEFAULT, SIDE_MAX)?, event.size("height", SIDE_DEFAULT, SIDE_MAX)?);
    let budget = Budget::of(lab);

    let start = Instant::now();
    let key = event.input.key(&event.key);
    let object = lab::read_object(lab, &event.input.bucket, &key, budget.object_bytes_max())?;
    let download_us = elapsed_us(start);

    let start = Instant::now();
    let decoded = decode::decode(&object, bounds, budget).map_err(|error| error.on_object(&key))?;
    let decode_us = elapsed_us(start);

    let start_resize = Instant::now();
    let thumbnail = thumbnail::resize(decoded);
    let resize_us = elapsed_us(start_resize);

    let start_encode = Instant::now();
    let file = thumbnail.encode().map_err(|error| error.on_object(&key))?;
    let digest = ObjectDigest::of(&file);
    let encode_us = elapsed_us(start_encode);
    let compute_us = elapsed_us(start);

    let start = Instant::now();
    let name = format!("{}.{}.jpg", stem(&event.key), lab::unique_suffix());
    let result = ResultObject { key: event.output.key(&name), bucket: event.output.bucket };
    let mut writer = lab.create(&result.bucket, &result.key)?;
    writer.write_all(&file)?;
    let upload_bytes = writer.finish()?;
    let upload_us = elapsed_us(start);

    let measurement = Measurement {
        download_us,
        download_bytes: object.len() as u64,
        compute_us,
        decode_us,
        resize_us,
        encode_us,
        upload_us,
        upload_bytes,
        width: thumbnail.width,
        height: thumbnail.height,
    };
    let response = Response { result, digest, measurement };
    serde_json::to_string(&response).map_err(|error| Error::internal(format!("the response is not JSON: {error}")))
}

/// The last part of a key without its ending.
fn stem(key: &str) -> &str {
    let name = key.trim_end_matches('/').rsplit('/').next().unwrap_or(key);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

fn elapsed_us(start: Instant) -> u64 {
    start.elapsed().as_micros() as u64
}

lab::export!(handle);

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn a_stem_is_the_name_without_folders_and_ending() {
        let cases =
            [("a/b/photo.large.jpg", "photo.large"), ("photo", "photo"), (".hidden", ".hidden"), ("a.b/c", "c")];
        for (key, expected) in cases {
            assert_eq!(stem(key), expected);
        }
    }
}
