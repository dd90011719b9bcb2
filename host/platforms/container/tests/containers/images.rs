//! Images from the native binaries, in the layout that `faasbench build` writes.

use std::fs;
use std::path::{Path, PathBuf};

use image_kind::{Image, ImageKind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The folder of the native images, beside the hostile one, which is built for these tests.
fn binaries() -> PathBuf {
    Path::new(hostile_artifacts::NATIVE).parent().unwrap().to_owned()
}

/// The image of a lab function or of the hostile one; `None`, having said so, when its binary was not built.
pub(crate) fn image(function: &str, folder: &Path) -> Option<Image> {
    let binary = binaries().join(function);
    let Ok(code) = fs::read(&binary) else {
        eprintln!(
            "skipped: {} is missing; `cargo build --profile image --target x86_64-unknown-linux-musl -p images` makes it",
            binary.display()
        );
        return None;
    };
    Some(layout(function, &code, "amd64", &folder.join(function)))
}

/// Writes the layout of an image with this program.
pub(crate) fn layout(function: &str, code: &[u8], architecture: &str, folder: &Path) -> Image {
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(code.len() as u64);
    header.set_mode(0o755);
    layer.append_data(&mut header, "fn", code).unwrap();
    let layer = layer.into_inner().unwrap();
    let configuration = json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Entrypoint": ["/fn"], "StopSignal": "SIGTERM" },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "config": blob(folder, &configuration),
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(&layer), "size": layer.len() }],
    });
    write(folder, &layer);
    let mut entry = blob(folder, &manifest);
    entry["platform"] = json!({ "architecture": architecture, "os": "linux" });
    let digest_of_it = entry["digest"].as_str().unwrap().to_owned();
    let index = json!({ "schemaVersion": 2, "manifests": [entry] });
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    Image {
        function: function.to_owned(),
        kind: ImageKind::Oci,
        path: folder.to_owned(),
        digest: digest_of_it,
        code_digest: digest(code),
        bytes: layer.len() as u64,
        code_bytes: code.len() as u64,
        architecture: "x86_64".to_owned(),
    }
}

fn blob(folder: &Path, document: &Value) -> Value {
    let content = document.to_string().into_bytes();
    write(folder, &content);
    json!({ "digest": digest(&content), "size": content.len() })
}

fn write(folder: &Path, content: &[u8]) {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(digest(content).trim_start_matches("sha256:")), content).unwrap();
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}
