//! A platform wasm with functions on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::wasm::ArtefactCache;
use image_kind::{Image, ImageKind};
use local_platform::{LocalOptions, LocalPlatform};
use native::DirectoryStorage;
use platform::{
    Answer, Deployment, DeploymentId, DeploymentSpec, Invocation, Limits, LogLine, MemoryLedger, Platform, Scale,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wasm_platform::{WasmDriver, WasmOptions};

pub(crate) struct Stage {
    pub(crate) platform: Arc<LocalPlatform>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) storage: PathBuf,
    pub(crate) folder: TempDir,
}

/// A place for compiled components that lives as long as the build does, as compiling takes seconds without optimisation.
fn cache() -> ArtefactCache {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm-platform-components");
    ArtefactCache::open(folder).unwrap()
}

pub(crate) fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("objects");
    std::fs::create_dir(&storage).unwrap();
    let ledger = Arc::new(MemoryLedger::new());
    let driver = WasmDriver::new(WasmOptions { cache: Some(cache()), instances: 100 }).unwrap();
    let options = LocalOptions {
        target: None,
        storage: Arc::new(DirectoryStorage::new(&storage).unwrap()),
        storage_location: storage.display().to_string(),
        state: folder.path().to_owned(),
        ledger: ledger.clone(),
    };
    let platform = Arc::new(LocalPlatform::new(Arc::new(driver), options).unwrap());
    Stage { platform, ledger, storage, folder }
}

impl Stage {
    pub(crate) fn image(&self, function: &str, bytes: &[u8]) -> Image {
        let path = self.folder.path().join(format!("{function}.wasm"));
        std::fs::write(&path, bytes).unwrap();
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
        Image {
            function: function.to_owned(),
            kind: ImageKind::Component,
            path,
            digest: digest.clone(),
            code_digest: digest,
            bytes: bytes.len() as u64,
            code_bytes: bytes.len() as u64,
            architecture: "wasm32".to_owned(),
        }
    }

    pub(crate) fn spec(&self, function: &str, scale: Scale, limits: Limits) -> DeploymentSpec {
        let image = match function {
            "hostile" => self.image(function, &std::fs::read(hostile_artifacts::COMPONENT).unwrap()),
            _ => self.image(function, artifacts::component(function).unwrap()),
        };
        DeploymentSpec {
            id: DeploymentId::new(),
            function: function.to_owned(),
            name: function.to_owned(),
            image,
            scale,
            limits,
            environment: BTreeMap::new(),
        }
    }

    pub(crate) async fn deploy(&self, function: &str, scale: Scale, limits: Limits) -> Deployment {
        let spec = self.spec(function, scale, limits);
        let deployment = self.platform.deploy(&spec, &*self.ledger).await.unwrap();
        self.platform.wait_until_ready(&deployment, Duration::from_secs(60)).await.unwrap();
        deployment
    }

    pub(crate) async fn invoke(&self, deployment: &Deployment, event: &str) -> Answer {
        self.platform.invoke(deployment, &Invocation::new(event.to_owned())).await.unwrap()
    }

    pub(crate) async fn logs(&self, deployment: &Deployment) -> Vec<LogLine> {
        self.platform.logs(deployment, 0).await.unwrap()
    }
}

pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}
