//! What a registry is sent of an image.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::oci::{blob_path, json_bytes};
use super::sha256;
use crate::error::BuildError;
use crate::kind::Image;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM: &str = "application/wasm";

/// An image as a registry holds it.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// Of the last manifest.
    pub(crate) digest: String,
    /// Layers and configurations.
    pub(crate) blobs: Vec<Content>,
    /// Those that others refer to come first.
    pub(crate) manifests: Vec<Content>,
}

/// A document or a layer.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) content: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

/// What the layout in `folder` holds; everything is checked against its digest.
pub(crate) fn layout_artifact(folder: &Path) -> Result<Artifact, BuildError> {
    let path = folder.join("index.json");
    let text = fs::read(&path).map_err(BuildError::at("read", &path))?;
    let index: Index = parse(&path, &text)?;
    let [top] = index.manifests.as_slice() else {
        return Err(damaged(&path, "it does not name one image".to_owned()));
    };
    let mut artifact = Artifact { digest: top.digest.clone(), blobs: Vec::new(), manifests: Vec::new() };
    let content = read_blob(folder, top)?;
    if top.media_type == INDEX {
        let index: Index = parse(&path, &content.content)?;
        for descriptor in &index.manifests {
            let manifest = read_blob(folder, descriptor)?;
            add_manifest(folder, manifest, &mut artifact)?;
        }
        artifact.manifests.push(content);
    } else {
        add_manifest(folder, content, &mut artifact)?;
    }
    Ok(artifact)
}

/// A component as an artifact, in the form of the CNCF's working group for WASM.
pub(crate) fn component_artifact(image: &Image) -> Result<Artifact, BuildError> {
    let component = fs::read(&image.path).map_err(BuildError::at("read", &image.path))?;
    let digest = sha256(&component);
    if digest != image.digest {
        return Err(damaged(&image.path, format!("its digest is {digest} and not {}", image.digest)));
    }
    let layer = Content { media_type: WASM.to_owned(), digest, content: component };
    let config = json_bytes(json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer.digest],
    }));
    let config = Content { media_type: WASM_CONFIG.to_owned(), digest: sha256(&config), content: config };
    let describe = |content: &Content| json!({ "mediaType": content.media_type, "digest": content.digest, "size": content.content.len() });
    let manifest = json_bytes(json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": describe(&config),
        "layers": [describe(&layer)],
        "annotations": { "org.opencontainers.image.title": image.function },
    }));
    let manifest = Content { media_type: MANIFEST.to_owned(), digest: sha256(&manifest), content: manifest };
    Ok(Artifact { digest: manifest.digest.clone(), blobs: vec![layer, config], manifests: vec![manifest] })
}

fn add_manifest(folder: &Path, content: Content, artifact: &mut Artifact) -> Result<(), BuildError> {
    let manifest: Manifest = parse(&folder.join(blob_path(&content.digest)), &content.content)?;
    for descriptor in manifest.layers.iter().chain([&manifest.config]) {
        artifact.blobs.push(read_blob(folder, descriptor)?);
    }
    artifact.manifests.push(content);
    Ok(())
}

fn read_blob(folder: &Path, descriptor: &Descriptor) -> Result<Content, BuildError> {
    let digits = descriptor.digest.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(damaged(folder, format!("{:?} is no digest", descriptor.digest)));
    }
    let path = folder.join(blob_path(&descriptor.digest));
    let content = fs::read(&path).map_err(BuildError::at("read", &path))?;
    if content.len() as u64 != descriptor.size || sha256(&content) != descriptor.digest {
        return Err(damaged(&path, "its content does not have the digest of its name".to_owned()));
    }
    Ok(Content { media_type: descriptor.media_type.clone(), digest: descriptor.digest.clone(), content })
}

fn parse<'a, T: Deserialize<'a>>(path: &Path, text: &'a [u8]) -> Result<T, BuildError> {
    serde_json::from_slice(text).map_err(|error| damaged(path, error.to_string()))
}

fn damaged(path: &Path, reason: String) -> BuildError {
    BuildError::Damaged { path: path.to_owned(), reason }
}
