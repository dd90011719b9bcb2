//! OCI image layouts, which are also what `docker load` of Docker before 25 understands.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::{CALLER, layer, sha256};
use crate::cache::write;
use crate::error::BuildError;
use crate::kind::tag;
use crate::options::Architecture;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Images are the same whenever they are made.
const CREATED: &str = "1970-01-01T00:00:00Z";
const SECOND_NS: u64 = 1_000_000_000;

/// A native binary for one architecture.
pub(crate) struct Code {
    pub(crate) architecture: Architecture,
    pub(crate) binary: Vec<u8>,
    pub(crate) digest: String,
    /// The program that carries nested calls, for images that have it.
    pub(crate) caller: Option<Vec<u8>>,
}

/// A document or a layer, under its digest.
struct Blob {
    digest: String,
    content: Vec<u8>,
}

impl Blob {
    fn new(content: Vec<u8>) -> Blob {
        Blob { digest: sha256(&content), content }
    }

    fn path(&self) -> String {
        blob_path(&self.digest)
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.content.len() })
    }
}

/// Where a layout has the blob of a digest.
pub(crate) fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

/// Writes the layout of one function's image to the folder `FUNCTION` below `folder` and the same as an archive to
/// `FUNCTION.tar`; gives the digest of the manifest, or of the index over several.
pub(crate) fn write_layout(
    folder: &Path,
    function: &str,
    codes: &[Code],
    with_health_check: bool,
) -> Result<String, BuildError> {
    let files = layout(function, codes, with_health_check).map_err(BuildError::at("package", folder))?;
    let digest = files.digest;
    let root = folder.join(function);
    for (path, content) in &files.files {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(BuildError::at("make", parent))?;
        }
        write(&path, content)?;
    }
    let files: Vec<(String, &[u8])> =
        files.files.iter().map(|(path, content)| (path.clone(), content.as_slice())).collect();
    let archive = layer::archive(&files).map_err(BuildError::at("package", folder))?;
    write(&folder.join(format!("{function}.tar")), &archive)?;
    Ok(digest)
}

struct Layout {
    digest: String,
    /// By their paths, sorted.
    files: Vec<(String, Vec<u8>)>,
}

fn layout(function: &str, codes: &[Code], with_health_check: bool) -> io::Result<Layout> {
    let mut blobs = Vec::new();
    let mut manifests = Vec::new();
    let mut loadable = None;
    for code in codes {
        let mut layers = vec![layer::layer(&code.binary)?];
        if let Some(caller) = &code.caller {
            layers.push(layer::program_layer(CALLER, caller)?);
        }
        let uncompressed: Vec<String> = layers.iter().map(|layer| sha256(&layer.tar)).collect();
        let layers: Vec<Blob> = layers.into_iter().map(|layer| Blob::new(layer.gzip)).collect();
        let config = Blob::new(json_bytes(config(function, code, &uncompressed, with_health_check)));
        let manifest = Blob::new(json_bytes(json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(CONFIG),
            "layers": layers.iter().map(|layer| layer.descriptor(LAYER)).collect::<Vec<_>>(),
            "annotations": labels(function, &code.digest),
        })));
        let mut descriptor = manifest.descriptor(MANIFEST);
        descriptor["platform"] = json!({ "architecture": code.architecture.oci_name(), "os": "linux" });
        manifests.push(descriptor);
        // Docker before 25 loads one image: the first architecture's.
        loadable.get_or_insert_with(|| (config.path(), layers.iter().map(Blob::path).collect::<Vec<_>>()));
        blobs.extend(layers);
        blobs.extend([config, manifest]);
    }
    let mut top = match manifests.as_slice() {
        [one] => one.clone(),
        _ => {
            let index = Blob::new(json_bytes(json!({
                "schemaVersion": 2,
                "mediaType": INDEX,
                "manifests": manifests,
            })));
            let descriptor = index.descriptor(INDEX);
            blobs.push(index);
            descriptor
        }
    };
    let digest = top["digest"].as_str().unwrap_or_default().to_owned();
    let reference = format!("faasbench/{function}:{}", tag(&digest));
    top["annotations"] = json!({
        "io.containerd.image.name": format!("docker.io/{reference}"),
        "org.opencontainers.image.ref.name": tag(&digest),
    });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [top] });
    let mut files = vec![
        ("oci-layout".to_owned(), json_bytes(json!({ "imageLayoutVersion": "1.0.0" }))),
        ("index.json".to_owned(), json_bytes(index)),
    ];
    if let Some((config, layers)) = loadable {
        let manifest = json!([{ "Config": config, "RepoTags": [reference], "Layers": layers }]);
        files.push(("manifest.json".to_owned(), json_bytes(manifest)));
    }
    files.extend(blobs.into_iter().map(|blob| (blob.path(), blob.content)));
    files.sort();
    files.dedup();
    Ok(Layout { digest, files })
}

fn config(function: &str, code: &Code, uncompressed_layers: &[String], with_health_check: bool) -> Value {
    let mut run = json!({
        "Entrypoint": ["/fn"],
        "ExposedPorts": { "8080/tcp": {} },
        "Labels": labels(function, &code.digest),
        "StopSignal": "SIGTERM",
        "WorkingDir": "/",
    });
    if with_health_check {
        // Docker's extension of the format.
        run["Healthcheck"] = json!({
            "Test": ["CMD", "/fn", "--hc", "127.0.0.1:8082/ready"],
            "Interval": SECOND_NS,
            "Timeout": SECOND_NS,
            "Retries": 3,
        });
    }
    let made = json!({ "created": CREATED, "created_by": "faasbench build" });
    json!({
        "architecture": code.architecture.oci_name(),
        "os": "linux",
        "created": CREATED,
        "config": run,
        "rootfs": { "type": "layers", "diff_ids": uncompressed_layers },
        "history": uncompressed_layers.iter().map(|_| made.clone()).collect::<Vec<_>>(),
    })
}

fn labels(function: &str, code_digest: &str) -> Value {
    json!({
        "faasbench.code": code_digest,
        "faasbench.function": function,
        "org.opencontainers.image.title": function,
        "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
    })
}

/// The document with its keys sorted, whatever this build's `serde_json` keeps them in.
pub(super) fn json_bytes(mut document: Value) -> Vec<u8> {
    document.sort_all_objects();
    document.to_string().into_bytes()
}
