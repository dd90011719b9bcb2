//! A workload of one of the three sizes: its event, and its input in the object storage.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cache::{BUCKET, INPUT, InputCache, Manifest, OUTPUT};
use super::generate::{self, TreeShape};
use super::{Size, WorkloadError};

/// Sides of a thumbnail, pixels.
const THUMBNAIL_PIXELS: u32 = 200;
/// Seed of the matrices: they are the same in every run, for results to be compared.
const MATRIX_SEED: u32 = 42;
const PHOTOGRAPH: &str = "photograph.jpg";

/// A workload that is ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// How results name it: the size's name, `input`, or `input:` with a file's path.
    pub label: String,
    /// The event of every invocation.
    pub event: Value,
    /// The bucket of its objects, below the storage's folder.
    pub bucket: String,
    /// Its objects' sizes together, bytes; 0 for a function that has an event only.
    pub input_bytes: u64,
    /// How many objects it has; 0 for a function that has an event only.
    pub files: u64,
    /// `sha256:` and 64 hexadecimal digits: of the lines that `sha256sum` prints for the objects, sorted by key, or of the
    /// event where there are no objects.
    pub input_digest: String,
}

/// Makes the input of a function at a size, unless it is in the storage already. It follows from the seed alone and is the
/// same on every machine.
///
/// # Errors
/// When no function has that name, or the storage can't be written.
pub fn prepare(function_name: &str, size: Size, seed: u64, storage_root: &Path) -> Result<Prepared, WorkloadError> {
    let label = size.name().to_owned();
    let name = format!("{function_name}-{size}-{seed}-v{}", generate::VERSION);
    match function_name {
        "function1" | "function2" | "function3" => {
            let seconds = match size {
                Size::Test => 0.001,
                Size::Small => 0.01,
                Size::Large => 0.1,
            };
            Ok(of_event(label, json!({ "throughput_time": seconds })))
        }
        "monolith" => {
            let width = match size {
                Size::Test => 20,
                Size::Small => 100,
                Size::Large => 220,
            };
            let event = json!({ "run_function": "matrix_mult", "args": width, "seed": MATRIX_SEED });
            Ok(of_event(label, event))
        }
        "thumbnailer" => {
            let (width, height) = match size {
                Size::Test => (672, 448),
                Size::Small => (2448, 1632),
                Size::Large => (6000, 4000),
            };
            let manifest = InputCache::open(storage_root)?.ensure(&name, |sink| {
                let photograph =
                    generate::photograph(width, height, seed).map_err(|source| WorkloadError::Encoding { source })?;
                sink.add(PHOTOGRAPH, &photograph)
            })?;
            Ok(of_objects(label, thumbnailer_event(&format!("{name}/{PHOTOGRAPH}")), &manifest))
        }
        "compression" => {
            let shape = match size {
                Size::Test => TreeShape { text_files: 5, binary_files: 1, media_files: 2, bytes: 500_000 },
                Size::Small => TreeShape { text_files: 26, binary_files: 4, media_files: 10, bytes: 10_000_000 },
                Size::Large => TreeShape { text_files: 960, binary_files: 100, media_files: 140, bytes: 100_000_000 },
            };
            let manifest = InputCache::open(storage_root)?.ensure(&name, |sink| {
                let generator = generate::Tree::new(shape, seed);
                generator.files().iter().try_for_each(|file| sink.add(&file.path, &generator.content(file)))
            })?;
            Ok(of_objects(label, compression_event(&name), &manifest))
        }
        _ => Err(WorkloadError::UnknownFunction { name: function_name.to_owned() }),
    }
}

pub(super) fn thumbnailer_event(key: &str) -> Value {
    json!({
        "object": { "key": key, "width": THUMBNAIL_PIXELS, "height": THUMBNAIL_PIXELS },
        "bucket": { "bucket": BUCKET, "input": INPUT, "output": OUTPUT },
    })
}

pub(super) fn compression_event(prefix: &str) -> Value {
    json!({ "object": { "key": prefix }, "bucket": { "bucket": BUCKET, "input": INPUT, "output": OUTPUT } })
}

pub(super) fn of_objects(label: String, event: Value, manifest: &Manifest) -> Prepared {
    Prepared {
        label,
        event,
        bucket: BUCKET.to_owned(),
        input_bytes: manifest.bytes(),
        files: manifest.file_count(),
        input_digest: manifest.digest(),
    }
}

fn of_event(label: String, event: Value) -> Prepared {
    let input_digest = format!("sha256:{}", hex::encode(Sha256::digest(event.to_string())));
    Prepared { label, event, bucket: BUCKET.to_owned(), input_bytes: 0, files: 0, input_digest }
}
