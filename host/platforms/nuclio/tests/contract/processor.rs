//! The image with Nuclio's processor.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use emulation::PretendedRegistry;
use image_kind::{Image, ImageKind};
use nuclio_platform::connect;
use platform::{DeploymentId, MemoryLedger, PlatformError};
use remote_platform::{PushedImage, Registry};
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::scene::{connection, spec};

/// A registry that looks at what it is given.
struct Looking {
    tags: PretendedRegistry,
    seen: Mutex<Vec<(Value, Value)>>,
}

#[async_trait]
impl Registry for Looking {
    fn reference(&self, image: &Image, deployment: &DeploymentId) -> PushedImage {
        self.tags.reference(image, deployment)
    }

    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError> {
        let read = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
            serde_json::from_slice::<Value>(&fs::read(image.path.join("blobs").join(digest)).unwrap()).unwrap()
        };
        let index: Value = serde_json::from_slice(&fs::read(image.path.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["manifests"][0]["digest"], *image.digest);
        let manifest = read(&index["manifests"][0]);
        for layer in manifest["layers"].as_array().unwrap() {
            let blob = image.path.join("blobs").join(layer["digest"].as_str().unwrap().replace(':', "/"));
            assert_eq!(fs::metadata(blob).unwrap().len(), layer["size"].as_u64().unwrap());
        }
        self.seen.lock().unwrap().push((read(&manifest["config"]), manifest));
        self.tags.push(image, deployment).await
    }

    async fn remove(&self, tagged: &str) -> Result<(), PlatformError> {
        self.tags.remove(tagged).await
    }
}

/// A small layout: one layer of a few bytes.
fn layout(folder: &Path) -> Image {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    // The names are not digests of what is in them, which nobody here looks at.
    let write = |digit: char, content: &str| {
        fs::write(blobs.join(digit.to_string().repeat(64)), content).unwrap();
        json!({ "digest": format!("sha256:{}", digit.to_string().repeat(64)), "size": content.len() })
    };
    let layer = write('1', "a layer");
    let configuration = json!({ "architecture": "amd64", "config": { "Entrypoint": ["/fn"],
        "Healthcheck": { "Test": ["CMD", "/fn", "--hc", "127.0.0.1:8082/ready"] } },
        "rootfs": { "type": "layers", "diff_ids": ["sha256:x"] } });
    let configuration = write('2', &configuration.to_string());
    let manifest = write('3', &json!({ "config": configuration, "layers": [layer] }).to_string());
    fs::write(folder.join("index.json"), json!({ "manifests": [manifest] }).to_string()).unwrap();
    Image { path: folder.to_owned(), ..crate::scene::image("function1", '3') }
}

#[tokio::test]
async fn the_processor_starts_the_binary_as_its_worker() {
    let folder = tempfile::tempdir().unwrap();
    let processor = folder.path().join("processor");
    fs::write(&processor, b"\x7fELF and so on").unwrap();
    let emulator = Emulator::start(false).await;
    let registry = Arc::new(Looking { tags: PretendedRegistry::new("registry.test"), seen: Mutex::default() });
    let options = json!({ "shape": "processor", "processor": processor });
    let mut connection = connection(&emulator.endpoint, options, None);
    connection.registry = Some(registry.clone());
    let platform = connect(connection).unwrap();
    let mut spec = spec("function1", '3');
    spec.image = layout(&folder.path().join("image"));
    spec.scale.concurrency = Some(3);
    spec.limits.time = Some(std::time::Duration::from_millis(1500));
    let ledger = MemoryLedger::new();
    platform.deploy(&spec, &ledger).await.unwrap();

    let (configuration, manifest) = registry.seen.lock().unwrap()[0].clone();
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
    assert_eq!(configuration["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
    assert_eq!(configuration["config"]["Entrypoint"], json!(["/usr/local/bin/processor"]));
    assert_eq!(configuration["config"]["Healthcheck"]["Test"][1], "/fn");
    assert!(configuration["config"]["Env"].as_array().unwrap().contains(&json!("NUCLIO_NODEJS_EXE=/fn")));
    let function = emulator.function("function1").unwrap();
    assert_eq!(function["triggers"]["http"]["maxWorkers"], 3);
    assert_eq!(function["triggers"]["http"]["numWorkers"], 3);
    assert_eq!(function["eventTimeout"], "1500ms");
    // A dry run names the same image.
    let planned = platform.requests(&spec).unwrap();
    let pushed = planned.iter().find(|request| request.method == "PUSH").unwrap();
    assert_eq!(registry.tags.tags().keys().next().unwrap(), &pushed.address);

    fs::write(&processor, b"#!/bin/sh").unwrap();
    let error = platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(error.to_string().contains("no program of Linux"), "{error}");
    assert_eq!(spec.image.kind, ImageKind::OciWithHealthCheck);
}
