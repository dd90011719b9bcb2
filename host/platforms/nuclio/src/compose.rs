//! An image with Nuclio's processor: the function's own image, one more layer, and another start.

use std::fs;
use std::path::{Path, PathBuf};

use image_kind::{Image, ImageKind};
use platform::PlatformError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Where the processor is in the image.
const PROCESSOR: &str = "usr/local/bin/processor";
/// The native binary in a function's image.
const BINARY: &str = "/fn";

/// An image that lasts as long as this.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) image: Image,
    _folder: TempDir,
}

/// The image of `image`'s function with the processor at `processor`, of one architecture.
///
/// # Errors
/// When either can't be read, or is not what it should be.
pub(crate) fn compose(image: &Image, processor: &Path) -> Result<Composed, PlatformError> {
    let program = fs::read(processor).map_err(|error| {
        PlatformError::Invalid(format!(
            "Nuclio's processor {} can't be read: {error}; the option `processor` names the program",
            processor.display()
        ))
    })?;
    if !program.starts_with(b"\x7fELF") {
        return Err(PlatformError::Invalid(format!("{} is no program of Linux", processor.display())));
    }
    let folder = tempfile::tempdir().map_err(|error| broken(image, &error))?;
    let layout = Layout { image, from: image.path.clone(), to: folder.path().to_owned() };
    let digest = layout.compose(&program)?;
    let image = Image {
        kind: ImageKind::OciWithHealthCheck,
        path: folder.path().to_owned(),
        digest,
        bytes: image.bytes + program.len() as u64,
        ..image.clone()
    };
    Ok(Composed { image, _folder: folder })
}

struct Layout<'a> {
    image: &'a Image,
    from: PathBuf,
    to: PathBuf,
}

impl Layout<'_> {
    fn compose(&self, program: &[u8]) -> Result<String, PlatformError> {
        let wrong = |error: &dyn std::fmt::Display| broken(self.image, error);
        let index: Value = self.read(&self.from.join("index.json"))?;
        let [entry] = index["manifests"].as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(wrong(&"with the processor an image is of one architecture; give one with `--arch`"));
        };
        let mut manifest: Value = self.read(&self.blob(&self.from, entry)?)?;
        let mut configuration: Value = self.read(&self.blob(&self.from, &manifest["config"])?)?;
        fs::create_dir_all(self.to.join("blobs/sha256")).map_err(|error| wrong(&error))?;
        for layer in manifest["layers"].as_array().map_or(&[][..], Vec::as_slice) {
            fs::copy(self.blob(&self.from, layer)?, self.blob(&self.to, layer)?).map_err(|error| wrong(&error))?;
        }
        let tar = layer(program).map_err(|error| wrong(&error))?;
        let mut added = self.write(&tar)?;
        added["mediaType"] = "application/vnd.oci.image.layer.v1.tar".into();
        push(&mut configuration["rootfs"]["diff_ids"], added["digest"].clone());
        push(&mut configuration["history"], json!({ "created_by": "faasbench: Nuclio's processor" }));
        push(&mut manifest["layers"], added);
        start_processor(&mut configuration["config"]);
        let mut described = self.write(configuration.to_string().as_bytes())?;
        described["mediaType"] = manifest["config"]["mediaType"].clone();
        manifest["config"] = described;
        let mut entry = entry.clone();
        let written = self.write(manifest.to_string().as_bytes())?;
        for key in ["digest", "size"] {
            entry[key] = written[key].clone();
        }
        // The name is that of the image without the processor.
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("annotations");
        }
        let index = json!({ "schemaVersion": 2, "mediaType": index["mediaType"], "manifests": [entry] });
        let files = [("index.json", index.to_string()), ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#.to_owned())];
        for (name, content) in files {
            fs::write(self.to.join(name), content).map_err(|error| wrong(&error))?;
        }
        Ok(written["digest"].as_str().unwrap_or_default().to_owned())
    }

    /// The path of a blob. A digest from outside becomes a path, so it is nothing but a digest.
    fn blob(&self, folder: &Path, descriptor: &Value) -> Result<PathBuf, PlatformError> {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        match digest.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(folder.join("blobs/sha256").join(hex))
            }
            _ => Err(broken(self.image, &format!("{digest:?} is no digest"))),
        }
    }

    fn read(&self, path: &Path) -> Result<Value, PlatformError> {
        let content = fs::read(path).map_err(|error| broken(self.image, &format!("{}: {error}", path.display())))?;
        serde_json::from_slice(&content).map_err(|error| broken(self.image, &error))
    }

    /// Writes a blob and describes it.
    fn write(&self, content: &[u8]) -> Result<Value, PlatformError> {
        let hex = hex::encode(Sha256::digest(content));
        let path = self.to.join("blobs/sha256").join(&hex);
        fs::write(path, content).map_err(|error| broken(self.image, &error))?;
        Ok(json!({ "digest": format!("sha256:{hex}"), "size": content.len() }))
    }
}

/// The processor starts the binary as its wrapper, once for each worker. Its own health is asked by the binary, as there is no
/// other program: <https://nuclio.io/docs/latest/reference/runtimes/nodejs/>, `pkg/processor/runtime/nodejs/runtime.go`.
fn start_processor(configuration: &mut Value) {
    configuration["Entrypoint"] = json!([format!("/{PROCESSOR}")]);
    let environment =
        [("NUCLIO_NODEJS_EXE", BINARY), ("NUCLIO_NODEJS_WRAPPER_PATH", BINARY), ("NUCLIO_HANDLER_DIR", "/")];
    for (name, value) in environment {
        push(&mut configuration["Env"], format!("{name}={value}").into());
    }
}

fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(list) => list.push(item),
        None => *list = json!([item]),
    }
}

/// The processor, and the folder in which it meets its workers.
fn layer(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut folder = |name: &str, mode: u32| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        builder.append_data(&mut header, name, std::io::empty())
    };
    folder("tmp/", 0o1777)?;
    folder("usr/", 0o755)?;
    folder("usr/local/", 0o755)?;
    folder("usr/local/bin/", 0o755)?;
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    builder.append_data(&mut header, PROCESSOR, program)?;
    builder.into_inner()
}

fn broken(image: &Image, reason: &dyn std::fmt::Display) -> PlatformError {
    PlatformError::Invalid(format!(
        "the image of {} at {} can't be joined with Nuclio's processor: {reason}",
        image.function,
        image.path.display()
    ))
}
