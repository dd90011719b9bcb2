//! Pretended platforms as the experiments see them, and running an experiment on them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use experiments::{
    Cell, Earlier, Experiment, Finding, Kept, KnownLives, Life, MemoryDeployer, MemorySink, PlannedTarget, Request,
    Runner, Site, Subject, Summary,
};
use image_kind::{Image, ImageKind};
use local_platform::{InstanceChange, LocalOptions, LocalPlatform};
use native::NoStorage;
use platform::{DeploymentId, Limits, MemoryLedger, ResourceState, Scale};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::pretended::{Counts, Manner, Pretended};

/// The functions that a stage has images of, each larger than the one before.
const FUNCTIONS: [&str; 4] = ["function1", "function2", "function3", "monolith"];

/// One pretended platform.
pub(crate) struct Stage {
    pub(crate) site: Site,
    pub(crate) counts: Arc<Counts>,
    /// The folder of its sockets and images, which must outlive it.
    _folder: TempDir,
}

impl Stage {
    pub(crate) fn new(target: &str, manner: Manner) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let counts = Arc::new(Counts::default());
        let options = LocalOptions {
            target: Some(target.to_owned()),
            storage: Arc::new(NoStorage),
            storage_location: "/nowhere".to_owned(),
            state: folder.path().to_owned(),
            ledger: Arc::new(MemoryLedger::new()),
        };
        let driver = Arc::new(Pretended::new(manner, counts.clone()));
        let platform = Arc::new(LocalPlatform::new(driver, options).unwrap());
        let images = FUNCTIONS.iter().zip(1..).map(|(name, number)| {
            // The preamble of an empty component.
            std::fs::write(folder.path().join(name), b"\0asm\x0d\0\x01\0").unwrap();
            let image = image(name, number * 1_000_000);
            ((*name).to_owned(), Image { path: folder.path().join(name), ..image })
        });
        let site = Site {
            target: target.to_owned(),
            platform: platform.clone(),
            images: images.collect(),
            scale: Scale::default(),
            limits: Limits::default(),
            environment: BTreeMap::new(),
            known: Some(Arc::new(Known(platform))),
        };
        Stage { site, counts, _folder: folder }
    }

    /// The same with what its configuration gives every deployment.
    pub(crate) fn configured(mut self, change: impl FnOnce(&mut Scale, &mut Limits)) -> Stage {
        change(&mut self.site.scale, &mut self.site.limits);
        self
    }

    pub(crate) fn planned(&self) -> PlannedTarget {
        PlannedTarget {
            target: self.site.target.clone(),
            platform: self.site.platform.name().to_owned(),
            capabilities: self.site.platform.capabilities(),
            region: None,
            memory_bytes: self.site.platform.memory_bytes_allowed(),
            cpus: self.site.platform.cpus_allowed(),
        }
    }

    /// Calls that came to its instances.
    pub(crate) fn calls(&self) -> u64 {
        self.counts.calls.load(Ordering::SeqCst)
    }

    /// Those of them that went wrong.
    pub(crate) fn troubles(&self) -> u64 {
        self.counts.troubles.load(Ordering::SeqCst)
    }
}

struct Known(Arc<LocalPlatform>);

impl KnownLives for Known {
    fn lives(&self, id: &DeploymentId) -> Vec<Life> {
        let deployment = self.0.deployments().into_iter().find(|deployment| deployment.spec.id == *id);
        let events = deployment.and_then(|deployment| self.0.history(&deployment, 0).ok()).unwrap_or_default();
        let mut lives: Vec<Life> = Vec::new();
        for event in events {
            match event.change {
                InstanceChange::Started => lives.push(Life {
                    instance: event.instance.to_string(),
                    start_unix_ns: event.unix_ns,
                    end_unix_ns: None,
                }),
                InstanceChange::Ended => {
                    if let Some(life) = lives.iter_mut().find(|life| *life.instance == *event.instance) {
                        life.end_unix_ns = Some(event.unix_ns);
                    }
                }
            }
        }
        lives
    }
}

pub(crate) fn image(function: &str, bytes: u64) -> Image {
    Image {
        function: function.to_owned(),
        kind: ImageKind::Component,
        path: Path::new("/nowhere").to_owned(),
        digest: format!("sha256:{function}"),
        code_digest: format!("sha256:{function}"),
        bytes,
        code_bytes: bytes,
        architecture: "wasm32".to_owned(),
    }
}

/// A workload of that function, without other functions that it calls.
pub(crate) fn subject(function: &str) -> Subject {
    Subject {
        function: function.to_owned(),
        size: "test".to_owned(),
        event: Bytes::from_static(br#"{"throughput_time": 0.001}"#),
        calls: Vec::new(),
    }
}

/// What a run on these is asked, with that many settings changed.
pub(crate) fn request(stages: &[&Stage], functions: &[&str], settings: &[(&str, Value)]) -> Request {
    Request {
        seed: 1,
        quick: false,
        subjects: functions.iter().map(|function| subject(function)).collect(),
        targets: stages.iter().map(|stage| stage.planned()).collect(),
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }
}

/// What came of a run.
pub(crate) struct Carried {
    pub(crate) summary: Summary,
    pub(crate) kept: Kept,
    /// What was deployed and is not removed.
    pub(crate) left: usize,
}

impl Carried {
    /// What a run that goes on with this one has of it, where no unit was done.
    pub(crate) fn earlier(&self) -> Earlier {
        assert!(self.kept.done.is_empty(), "{:?}", self.kept.done);
        let saved = self.kept.saved.iter().map(|(key, parts)| (key.clone(), parts.values().cloned().collect()));
        Earlier { done: BTreeMap::new(), saved: saved.collect() }
    }

    /// Whether the answer says that it has only a part of this unit.
    pub(crate) fn says_cut(&self, key: &str) -> bool {
        let said = format!("{key} was cut before its end: ");
        self.summary.finding.as_ref().unwrap().notes.iter().any(|note| note.starts_with(&said))
    }

    /// The answer of a run in which nothing failed.
    pub(crate) fn finding(&self) -> &experiments::Finding {
        assert!(self.summary.failed.is_empty(), "{:?}", self.summary.failed);
        assert_eq!(self.left, 0);
        self.summary.finding.as_ref().unwrap()
    }
}

/// Runs an experiment on these from its beginning to its end.
pub(crate) async fn carry_out(experiment: &dyn Experiment, request: Request, stages: &[&Stage]) -> Carried {
    let (_sender, stop) = watch::channel(false);
    carry_out_until(experiment, request, stages, &Earlier::default(), stop).await
}

/// The same, going on from `earlier`, until it is stopped after so long by the test's clock.
pub(crate) async fn cut_after(
    time: Duration,
    experiment: &dyn Experiment,
    request: Request,
    stages: &[&Stage],
    earlier: &Earlier,
) -> Carried {
    let (sender, stop) = watch::channel(false);
    let cutting = async {
        tokio::time::sleep(time).await;
        sender.send_replace(true);
    };
    let (carried, ()) = tokio::join!(carry_out_until(experiment, request, stages, earlier, stop), cutting);
    assert!(carried.summary.stopped && carried.left == 0, "{:?}", carried.summary);
    carried
}

/// The same, going on from `earlier`, and until it is stopped.
pub(crate) async fn carry_out_until(
    experiment: &dyn Experiment,
    request: Request,
    stages: &[&Stage],
    earlier: &Earlier,
    stop: watch::Receiver<bool>,
) -> Carried {
    let runner = Runner::new(experiment, request).unwrap();
    let (sink, ledger) = (MemorySink::default(), Arc::new(MemoryLedger::new()));
    let deployer = MemoryDeployer::new(ledger.clone());
    let sites: Vec<Site> = stages.iter().map(|stage| stage.site.clone()).collect();
    let summary = runner.run(&sites, earlier, &sink, &deployer, stop, |_| {}).await.unwrap();
    let left = ledger.entries().iter().filter(|entry| entry.state != ResourceState::Removed).count();
    Carried { summary, kept: sink.kept(), left }
}

/// Waits until something is so; the time that passes is that of the test's clock.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{what} never came");
}

/// The number in that column of that row.
pub(crate) fn number(finding: &Finding, table: usize, row: usize, name: &str) -> f64 {
    let table = &finding.tables[table];
    let column = table.columns.iter().position(|column| column.name == name).unwrap();
    match &table.rows[row][column] {
        Cell::Estimate { value, .. } | Cell::Number(value) => *value,
        other => panic!("{name} is {other:?}"),
    }
}
