//! The lab function `compression`: zips all objects under a prefix and stores the archive.
//!
//! It works through files of its scratch folder on purpose: objects are streamed into files, the files are zipped into a
//! file, and that file is streamed out. The function is there to show a platform's disk.

mod archive;
mod deflate;
mod download;
mod key;
mod scratch;
mod spread;

use std::fs::File;
use std::time::Instant;

use lab::{Error, Lab, ObjectEvent};
use serde::Serialize;

use crate::scratch::{ScratchDirectory, on_file};

/// Where the archive is and what it took.
#[derive(Debug, Serialize)]
struct Response {
    result: ResultObject,
    /// SHA-256 of the archive.
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
    files: u64,
    compute_us: u64,
    upload_us: u64,
    upload_bytes: u64,
}

/// Serves one invocation.
pub fn handle(lab: &dyn Lab, event: &str) -> Result<String, Error> {
    let event = ObjectEvent::parse(event)?;
    let prefix = event.key.trim_end_matches('/');
    key::check(prefix)
        .map_err(|reason| Error::bad_request(format!("`object.key` is {}, {reason}", key::shown(prefix))))?;
    let scratch = ScratchDirectory::create(lab.scratch())?;

    let start = Instant::now();
    let objects = download::download(lab, &event.input, prefix, &scratch.files())?;
    let download_us = elapsed_us(start);

    let start = Instant::now();
    let path = scratch.archive();
    let digest = archive::write(&objects.names, &scratch.files(), &path)?;
    let compute_us = elapsed_us(start);

    let start = Instant::now();
    let name = format!("{prefix}.{}.zip", lab::unique_suffix());
    let result = ResultObject { key: event.output.key(&name), bucket: event.output.bucket };
    let mut archive = File::open(&path).map_err(|error| on_file("open", &path, error))?;
    let mut writer = lab.create(&result.bucket, &result.key)?;
    lab::stream(&mut archive, &mut writer, |_| {})?;
    let upload_bytes = writer.finish()?;
    let upload_us = elapsed_us(start);

    scratch.remove()?;
    let measurement = Measurement {
        download_us,
        download_bytes: objects.bytes,
        files: objects.names.len() as u64,
        compute_us,
        upload_us,
        upload_bytes,
    };
    let response = Response { result, digest, measurement };
    serde_json::to_string(&response).map_err(|error| Error::internal(format!("the response is not JSON: {error}")))
}

fn elapsed_us(start: Instant) -> u64 {
    start.elapsed().as_micros() as u64
}

lab::export!(handle);
