//! A host that is killed at any point leaves nothing that could not be removed by another process.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use local_platform::{Driver, StartRequest};
use platform::{DeploymentId, Ledger, LedgerError, Resource, ResourceEntry, ResourceId};
use process_platform::ProcessDriver;
use rand::Rng;

use crate::support::{assert_nothing_left, eventually, processes_of, spec, surroundings};

/// Where the process that is to be killed works.
const FOLDER: &str = "PROCESS_TEST_FOLDER";

/// A ledger that is a file with a resource on each line, which outlives its process.
struct FileLedger(PathBuf);

#[async_trait]
impl Ledger for FileLedger {
    async fn intend(&self, resource: &Resource) -> Result<ResourceId, LedgerError> {
        let mut line = serde_json::to_string(resource).unwrap();
        line.push('\n');
        let file = fs::OpenOptions::new().append(true).create(true).open(&self.0);
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|error| LedgerError(error.to_string()))?;
        Ok(ResourceId(0))
    }

    async fn created(&self, _: ResourceId, _: &serde_json::Value) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn removed(&self, _: ResourceId) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn resources(&self, _: &DeploymentId) -> Result<Vec<ResourceEntry>, LedgerError> {
        Ok(Vec::new())
    }
}

/// Not a test: the host that is killed. It starts instances without end.
#[tokio::test]
#[ignore = "the other test of this file starts it as a process of its own"]
async fn host() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let ledger = Arc::new(FileLedger(folder.join("ledger")));
    let surroundings = surroundings(&folder, &folder.join("state"));
    let driver = ProcessDriver::new().unwrap();
    fs::write(folder.join("begun"), "").unwrap();
    loop {
        let prepared = driver.prepare(&spec(), &surroundings, &*ledger).await.unwrap();
        let start = |id: &str| StartRequest { id: id.to_owned(), log: Arc::new(|_, _| ()), ledger: ledger.clone() };
        let (first, second) = tokio::join!(prepared.start(start("a")), prepared.start(start("b")));
        std::mem::forget(first.unwrap());
        second.unwrap().stop().await;
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_host_that_was_killed_at_any_point() {
    let driver = ProcessDriver::new().unwrap();
    let mut removed = 0;
    for _ in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new(own);
        command.args(["--exact", "killed::host", "--ignored", "--nocapture"]).env(FOLDER, folder.path());
        let mut host = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually(|| folder.path().join("begun").exists()).await;
        tokio::time::sleep(Duration::from_micros(rand::rng().random_range(0..60_000))).await;
        host.kill().unwrap();
        host.wait().unwrap();
        for resource in ledger(&folder.path().join("ledger")) {
            // The kernel kills the instances of a host that is gone.
            eventually(|| processes_of(&resource.name).is_empty()).await;
            driver.remove(&resource).await.unwrap();
            driver.remove(&resource).await.unwrap();
            assert_nothing_left(&resource.name, &resource.details);
            removed += 1;
        }
        assert_eq!(fs::read_dir(folder.path().join("state")).unwrap().count(), 0);
    }
    eprintln!("{removed} deployments were removed");
}

fn ledger(path: &Path) -> Vec<Resource> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The last line may be half written; then nothing was made for it.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
