//! From an OCI layout to the archive that every daemon loads, as `docker save` would write it: Docker before 25 takes no
//! layouts.

use std::fs;
use std::path::Path;

use image_kind::Image;
use platform::PlatformError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Largest document of a layout, bytes.
const DOCUMENT_BYTES: u64 = 4 << 20;
/// How deep indexes are in one another at most.
const DEPTH: u8 = 2;

/// An image to load.
#[derive(Debug)]
pub struct Archive {
    /// The digest of the image's configuration: its id in most daemons.
    pub configuration_digest: String,
    /// The digest of its manifest: its id in daemons with containerd's store.
    pub manifest_digest: String,
    /// The archive.
    pub tar: Vec<u8>,
}

/// Reads the image of this architecture (`amd64`, `arm64`) from its layout and names it `reference`. Every blob is checked
/// against its digest. `platform` is who runs it: its images are what the advice in an error builds.
///
/// # Errors
/// When the layout is not whole, or has no image for that architecture.
pub fn archive(image: &Image, platform: &str, architecture: &str, reference: &str) -> Result<Archive, PlatformError> {
    let layout = Layout { image, platform };
    let (manifest, manifest_digest) = layout.manifest(&layout.index()?, architecture, 0)?;
    let configuration_digest = layout.digest(&manifest["config"])?.to_owned();
    let configuration = layout.blob(&manifest["config"])?;
    let document: Value = serde_json::from_slice(&configuration).map_err(|error| layout.broken(&error))?;
    let found = oci_architecture(document["architecture"].as_str().unwrap_or_default());
    if found != architecture {
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
    let tar = tar(&files).map_err(|error| layout.broken(&error))?;
    Ok(Archive { configuration_digest, manifest_digest, tar })
}

/// OCI's word for an architecture.
pub fn oci_architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
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
    platform: &'a str,
}

impl Layout<'_> {
    fn index(&self) -> Result<Value, PlatformError> {
        let path = self.image.path.join("index.json");
        let size = fs::metadata(&path).map_err(|error| self.unreadable(&path, &error))?.len();
        if size > DOCUMENT_BYTES {
            return Err(self.broken(&format!("index.json has {size} bytes")));
        }
        let content = fs::read(&path).map_err(|error| self.unreadable(&path, &error))?;
        serde_json::from_slice(&content).map_err(|error| self.broken(&error))
    }

    /// The manifest of that architecture and its digest, through as many indexes as a layout may have.
    fn manifest(&self, index: &Value, architecture: &str, depth: u8) -> Result<(Value, String), PlatformError> {
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
        let document: Value = serde_json::from_slice(&self.blob(chosen)?).map_err(|error| self.broken(&error))?;
        if document.get("manifests").is_some() && depth < DEPTH {
            return self.manifest(&document, architecture, depth + 1);
        }
        Ok((document, self.digest(chosen)?.to_owned()))
    }

    /// The digest that a descriptor names. It becomes a path, so it is nothing but a digest.
    fn digest<'v>(&self, descriptor: &'v Value) -> Result<&'v str, PlatformError> {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        let is_digest = digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if is_digest { Ok(digest) } else { Err(self.broken(&format!("{digest:?} is no digest"))) }
    }

    fn blob(&self, descriptor: &Value) -> Result<Vec<u8>, PlatformError> {
        let digest = self.digest(descriptor)?;
        let path = self.image.path.join("blobs").join(digest.replacen(':', "/", 1));
        let content = fs::read(&path).map_err(|error| self.unreadable(&path, &error))?;
        if format!("sha256:{}", hex::encode(Sha256::digest(&content))) != digest.to_lowercase() {
            return Err(self.broken(&format!("{} does not have its digest", path.display())));
        }
        Ok(content)
    }

    fn unreadable(&self, path: &Path, error: &std::io::Error) -> PlatformError {
        self.broken(&format!("{} can't be read: {error}", path.display()))
    }

    fn broken(&self, reason: &dyn std::fmt::Display) -> PlatformError {
        PlatformError::Invalid(format!(
            "the image of {} at {} is not whole: {reason}; remove it and run `faasbench build --platform {} {}`",
            self.image.function,
            self.image.path.display(),
            self.platform,
            self.image.function,
        ))
    }

    fn foreign(&self, found: &[&str], wanted: &str) -> PlatformError {
        let found = if found.is_empty() { "no architecture".to_owned() } else { found.join(", ") };
        let arch = match wanted {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            other => other,
        };
        PlatformError::Invalid(format!(
            "the image of {} is for {found}, and the container engine runs {wanted}; give `--arch {arch}`",
            self.image.function,
        ))
    }
}
