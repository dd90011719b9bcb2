//! From an OCI layout to the archive that every engine loads: Docker before 25 takes no layouts.

use std::fs;
use std::path::Path;

use image_kind::Image;
use platform::PlatformError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::engine::oci_architecture;

/// Largest document of a layout, bytes.
const DOCUMENT_BYTES: u64 = 4 << 20;

/// An image as `docker save` would write it.
pub(crate) struct Archive {
    /// The digest of the image's configuration, which is its name in most engines.
    pub(crate) configuration_digest: String,
    /// The archive.
    pub(crate) tar: Vec<u8>,
}

/// Reads the image of this architecture from its layout and names it `reference`. Every blob is checked against its digest.
pub(crate) fn archive(image: &Image, architecture: &str, reference: &str) -> Result<Archive, PlatformError> {
    let layout = Layout { image, folder: &image.path };
    let index = layout.document("index.json")?;
    let manifest = layout.manifest(&index, architecture, 0)?;
    let configuration_digest = layout.digest(&manifest["config"])?.to_owned();
    let configuration = layout.blob(&manifest["config"])?;
    let document: Value = serde_json::from_slice(&configuration).map_err(|error| layout.corrupted(&error))?;
    let found = document["architecture"].as_str().unwrap_or_default();
    if oci_architecture(found) != architecture {
        return Err(layout.foreign(&[found], architecture));
    }
    let mut files = vec![(file_name(&configuration_digest, "json"), configuration)];
    let mut layers = Vec::new();
    for layer in manifest["layers"].as_array().map_or(&[][..], Vec::as_slice) {
        let name = file_name(layout.digest(layer)?, "tar");
        files.push((name.clone(), layout.blob(layer)?));
        layers.push(name);
    }
    let contents = json!([{ "Config": files[0].0, "RepoTags": [reference], "Layers": layers }]);
    files.insert(0, ("manifest.json".to_owned(), contents.to_string().into_bytes()));
    Ok(Archive { configuration_digest, tar: tar(&files).map_err(|error| layout.corrupted(&error))? })
}

fn file_name(digest: &str, extension: &str) -> String {
    format!("{}.{extension}", digest.trim_start_matches("sha256:"))
}

fn tar(files: &[(String, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_slice())?;
    }
    builder.into_inner()
}

fn named_architecture(entry: &Value) -> Option<&str> {
    entry["platform"]["architecture"].as_str().map(oci_architecture)
}

struct Layout<'a> {
    image: &'a Image,
    folder: &'a Path,
}

impl Layout<'_> {
    /// The image of that architecture, through as many indexes as a layout may have.
    fn manifest(&self, index: &Value, architecture: &str, depth: u8) -> Result<Value, PlatformError> {
        let entries = index["manifests"].as_array().map_or(&[][..], Vec::as_slice);
        // An entry that names no architecture is told by what it leads to.
        let chosen = entries
            .iter()
            .find(|entry| named_architecture(entry) == Some(architecture))
            .or_else(|| entries.iter().find(|entry| named_architecture(entry).is_none()));
        let Some(chosen) = chosen else {
            let found: Vec<_> = entries.iter().filter_map(named_architecture).collect();
            return Err(self.foreign(&found, architecture));
        };
        let document: Value = serde_json::from_slice(&self.blob(chosen)?).map_err(|error| self.corrupted(&error))?;
        if document.get("manifests").is_some() && depth < 2 {
            return self.manifest(&document, architecture, depth + 1);
        }
        Ok(document)
    }

    fn document(&self, name: &str) -> Result<Value, PlatformError> {
        let path = self.folder.join(name);
        let size = fs::metadata(&path).map_err(|error| self.unreadable(&path, &error))?.len();
        if size > DOCUMENT_BYTES {
            return Err(self.corrupted(&format!("{name} has {size} bytes")));
        }
        let content = fs::read(&path).map_err(|error| self.unreadable(&path, &error))?;
        serde_json::from_slice(&content).map_err(|error| self.corrupted(&error))
    }

    /// The digest that a descriptor names. It becomes a path, so it is nothing but a digest.
    fn digest<'v>(&self, descriptor: &'v Value) -> Result<&'v str, PlatformError> {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        let is_digest = digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if is_digest { Ok(digest) } else { Err(self.corrupted(&format!("{digest:?} is no digest"))) }
    }

    fn blob(&self, descriptor: &Value) -> Result<Vec<u8>, PlatformError> {
        let digest = self.digest(descriptor)?;
        let path = self.folder.join("blobs").join(digest.replacen(':', "/", 1));
        let content = fs::read(&path).map_err(|error| self.unreadable(&path, &error))?;
        if format!("sha256:{}", hex::encode(Sha256::digest(&content))) != digest.to_lowercase() {
            return Err(self.corrupted(&format!("{} does not have its digest", path.display())));
        }
        Ok(content)
    }

    fn unreadable(&self, path: &Path, error: &std::io::Error) -> PlatformError {
        self.corrupted(&format!("{} can't be read: {error}", path.display()))
    }

    fn corrupted(&self, reason: &dyn std::fmt::Display) -> PlatformError {
        PlatformError::Invalid(format!(
            "the image of {} at {} is not whole: {reason}; remove it and run `faasbench build --platform container {}`",
            self.image.function,
            self.folder.display(),
            self.image.function,
        ))
    }

    fn foreign(&self, found: &[&str], wanted: &str) -> PlatformError {
        let found = if found.is_empty() { "no architecture".to_owned() } else { found.join(", ") };
        PlatformError::Invalid(format!(
            "the image of {} is for {found}, and the container engine runs {wanted}; build it with `--architecture {}`",
            self.image.function,
            match wanted {
                "amd64" => "x86_64",
                "arm64" => "aarch64",
                other => other,
            },
        ))
    }
}
