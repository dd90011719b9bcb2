//! A small OCI layout.

use std::fs;
use std::path::Path;

use image_kind::{Image, ImageKind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An image of this architecture with one small file, in a layout in `folder`.
pub(crate) fn image(folder: &Path, architecture: &str, content: &str) -> Image {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let write = |bytes: &[u8], kind: &str| {
        let hex = hex::encode(Sha256::digest(bytes));
        fs::write(blobs.join(&hex), bytes).unwrap();
        json!({ "mediaType": kind, "digest": format!("sha256:{hex}"), "size": bytes.len() })
    };
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, "fn", content.as_bytes()).unwrap();
    let layer = write(&tar.into_inner().unwrap(), "application/vnd.oci.image.layer.v1.tar");
    let configuration = json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Entrypoint": ["/fn"] },
        "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
    });
    let configuration = write(configuration.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": configuration,
        "layers": [layer],
    });
    let mut manifest = write(manifest.to_string().as_bytes(), "application/vnd.oci.image.manifest.v1+json");
    manifest["platform"] = json!({ "architecture": architecture, "os": "linux" });
    fs::write(folder.join("index.json"), json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Image {
        function: "function1".to_owned(),
        kind: ImageKind::Oci,
        path: folder.to_owned(),
        digest: text(&manifest["digest"]),
        code_digest: text(&layer["digest"]),
        bytes: 1,
        code_bytes: 1,
        architecture: "x86_64".to_owned(),
    }
}
