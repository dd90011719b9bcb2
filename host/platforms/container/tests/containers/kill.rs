//! A process that is killed at any point leaves nothing that its ledger does not know.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use container_platform::Connection;
use local_platform::{Driver, StartRequest};
use platform::{DeploymentId, Ledger, LedgerError, Resource, ResourceEntry, ResourceId};
use serde_json::{Value, json};

use crate::engines::{Engine, on_both};
use crate::images::image;
use crate::scene::{LONG, driver, invoke, specification, surroundings};

on_both!(whenever_it_is_killed_the_ledger_knows_all_that_is_left);

/// Tells a process that it is the one to be killed: the engine's address.
const ADDRESS: &str = "FAASBENCH_TEST_KILLED_ADDRESS";
/// Where it works.
const FOLDER: &str = "FAASBENCH_TEST_KILLED_FOLDER";

/// A ledger in a file: a line for each thing that is written down.
struct FileLedger {
    file: Mutex<(File, i64)>,
}

impl FileLedger {
    fn open(path: &Path) -> FileLedger {
        FileLedger { file: Mutex::new((OpenOptions::new().create(true).append(true).open(path).unwrap(), 0)) }
    }

    fn write(&self, line: &Value) -> Result<(), LedgerError> {
        // One system call: a line is whole or not there.
        self.file.lock().unwrap().0.write_all(format!("{line}\n").as_bytes()).unwrap();
        Ok(())
    }

    /// What may be left, in the order of creation.
    fn left(path: &Path) -> Vec<Resource> {
        let mut left: Vec<(i64, Resource)> = Vec::new();
        for line in fs::read_to_string(path).unwrap_or_default().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let id = line["id"].as_i64().unwrap();
            if let Ok(resource) = serde_json::from_value(line["intended"].clone()) {
                left.push((id, resource));
            } else if line["removed"] == true {
                left.retain(|(entry, _)| *entry != id);
            } else if let Some((_, resource)) = left.iter_mut().find(|(entry, _)| *entry == id) {
                resource.details = line["created"].clone();
            }
        }
        left.into_iter().map(|(_, resource)| resource).collect()
    }
}

#[async_trait]
impl Ledger for FileLedger {
    async fn intend(&self, resource: &Resource) -> Result<ResourceId, LedgerError> {
        let id = {
            let mut file = self.file.lock().unwrap();
            file.1 += 1;
            file.1
        };
        self.write(&json!({"id": id, "intended": resource}))?;
        Ok(ResourceId(id))
    }

    async fn created(&self, id: ResourceId, details: &Value) -> Result<(), LedgerError> {
        self.write(&json!({"id": id, "created": details}))
    }

    async fn removed(&self, id: ResourceId) -> Result<(), LedgerError> {
        self.write(&json!({"id": id, "removed": true}))
    }

    async fn resources(&self, _: &DeploymentId) -> Result<Vec<ResourceEntry>, LedgerError> {
        Ok(Vec::new())
    }
}

async fn whenever_it_is_killed_the_ledger_knows_all_that_is_left(engine: &Engine) {
    let folder = tempfile::TempDir::new().unwrap();
    if image("hostile", folder.path()).is_none() {
        return;
    }
    let driver = driver(engine, Connection::Detect);
    // A line of the ledger, and so long after it.
    for (round, (lines, after_ms)) in
        [(1, 0), (1, 30), (3, 5), (3, 60), (4, 120), (5, 15), (7, 40)].into_iter().enumerate()
    {
        let work = folder.path().join(round.to_string());
        fs::create_dir(&work).unwrap();
        let ledger = work.join("ledger");
        let mut killed = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::the_one_that_is_killed", "--nocapture"])
            .envs([(ADDRESS, engine.address.as_str()), (FOLDER, &work.display().to_string())])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while fs::read_to_string(&ledger).map_or(0, |text| text.lines().count()) < lines {
            assert!(begin.elapsed() < LONG && killed.try_wait().unwrap().is_none(), "it does not get that far");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(after_ms));
        killed.kill().unwrap();
        assert_eq!(killed.wait().unwrap().signal(), Some(9));
        let left = FileLedger::left(&ledger);
        let deployment = left[0].deployment.clone();
        for resource in left.iter().rev() {
            driver.remove(resource).await.unwrap();
        }
        let marked = driver.find_marked().await.unwrap();
        let ours: Vec<_> = marked.iter().filter(|found| found.deployment == deployment.as_str()).collect();
        assert!(ours.is_empty(), "killed {after_ms} ms after line {lines}, left {ours:?} of {left:?}");
        let sockets = fs::read_dir(work.join("state/c")).map_or(0, Iterator::count);
        assert!(sockets <= 1, "{sockets} folders of sockets are left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_that_is_killed() {
    let (Ok(address), Ok(folder)) = (std::env::var(ADDRESS), std::env::var(FOLDER)) else { return };
    let folder = PathBuf::from(folder);
    let driver = driver(&Engine { address, kind: "", _used: None }, Connection::Detect);
    let spec = specification(&driver, image("hostile", &folder).unwrap());
    let surroundings = surroundings(&folder);
    let ledger = std::sync::Arc::new(FileLedger::open(&folder.join("ledger")));
    let prepared = driver.prepare(&spec, &surroundings, &*ledger).await.unwrap();
    loop {
        let start = || {
            let id = uuid::Uuid::new_v4().to_string();
            prepared.start(StartRequest { id, log: std::sync::Arc::new(|_, _| {}), ledger: ledger.clone() })
        };
        let (first, second) = tokio::try_join!(start(), start()).unwrap();
        invoke(&*first, &json!({"do": "echo"}), LONG).await;
        first.stop().await;
        drop(second);
    }
}
