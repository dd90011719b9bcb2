//! Our server with the platform wasm and function1, in a process of its own: this program again.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gateway::{ServeOptions, serve};
use image_kind::{Image, ImageKind};
use local_platform::{LocalOptions, LocalPlatform};
use native::NoStorage;
use platform::{DeploymentId, DeploymentSpec, Limits, MemoryLedger, Scale};
use sha2::{Digest, Sha256};
use wasm_platform::{WasmDriver, WasmOptions};

/// The argument that makes this program the server; behind it `fresh` or `kept`.
pub(crate) const SERVER: &str = "--server";

/// A running server, ended when this is dropped.
pub(crate) struct Ours {
    pub(crate) url: String,
    child: Child,
}

impl Ours {
    pub(crate) fn start(scale: &str) -> Ours {
        let program = std::env::current_exe().expect("it is running");
        let mut child = Command::new(program)
            .args([SERVER, scale])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be run again");
        let mut url = String::new();
        let output = child.stdout.take().expect("it is a pipe");
        BufReader::new(output).read_line(&mut url).expect("it is text");
        assert!(!url.is_empty(), "our server ended at its start: {:?}", child.wait());
        Ours { url: format!("{}/function/function1", url.trim()), child }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Serves until the end of the input.
pub(crate) fn be_a_server(scale: &str) {
    let keep_alive = if scale == "fresh" { Duration::ZERO } else { Duration::from_secs(60) };
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        let driver = WasmDriver::new(WasmOptions::default()).expect("wasmtime works here");
        let options = LocalOptions {
            target: None,
            storage: Arc::new(NoStorage),
            storage_location: folder.path().display().to_string(),
            state: folder.path().to_owned(),
            ledger: Arc::new(MemoryLedger::new()),
        };
        let platform = Arc::new(LocalPlatform::new(Arc::new(driver), options).expect("its socket can be made"));
        let mut options = ServeOptions::new();
        options.deployments = vec![spec(folder.path(), keep_alive)];
        let running = serve(platform.clone(), options).await.expect("a port is free");
        println!("{}", running.addresses[0]);
        let input = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = input.await;
        running.stop();
        running.ended().await;
        platform.shut_down(Duration::from_secs(5)).await;
    });
}

fn spec(folder: &Path, keep_alive: Duration) -> DeploymentSpec {
    let component = artifacts::component("function1").expect("it exists");
    let path = folder.join("function1.wasm");
    std::fs::write(&path, component).expect("there is room for it");
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(component)));
    let bytes = component.len() as u64;
    let image = Image {
        function: "function1".to_owned(),
        kind: ImageKind::Component,
        path,
        digest: digest.clone(),
        code_digest: digest,
        bytes,
        code_bytes: bytes,
        architecture: "wasm32".to_owned(),
    };
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".to_owned(),
        name: "function1".to_owned(),
        image,
        scale: Scale { keep_alive: Some(keep_alive), ..Scale::default() },
        limits: Limits::default(),
        environment: Default::default(),
    }
}
