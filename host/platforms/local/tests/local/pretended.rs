//! A driver whose instances sleep as long as an event says, and count themselves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use image_kind::{Image, ImageKind};
use local_platform::{
    Driver, Instance, InstanceExit, LocalOptions, LocalPlatform, Prepared, Served, StartRequest, Surroundings,
};
use native::NoStorage;
use platform::{
    Answer, Capabilities, ColdStart, Deployment, DeploymentId, DeploymentSpec, InstanceIdentity, Invocation, Ledger,
    Limits, LogStream, MemoryLedger, Platform, PlatformError, Reached, Resource, Scale,
};
use tempfile::TempDir;
use tokio::sync::watch;

/// What all instances of a driver write down together.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) alive: AtomicU32,
    pub(crate) most_alive: AtomicU32,
    pub(crate) started: AtomicU32,
    pub(crate) served: AtomicU64,
    /// Events in the order of their serving.
    pub(crate) order: Mutex<Vec<String>>,
    pub(crate) start_fails: AtomicBool,
    pub(crate) surroundings: Mutex<Option<Surroundings>>,
    /// Ends the instance of that identity, as if it had died.
    pub(crate) deaths: Mutex<BTreeMap<String, watch::Sender<bool>>>,
}

pub(crate) struct Pretended {
    pub(crate) counts: Arc<Counts>,
    pub(crate) start: Duration,
    pub(crate) stop: Duration,
}

struct Ready {
    counts: Arc<Counts>,
    start: Duration,
    stop: Duration,
    image: String,
}

struct Pretender {
    id: String,
    image: String,
    counts: Arc<Counts>,
    invocations: AtomicU64,
    stop: Duration,
    is_stopped: AtomicBool,
    death: watch::Receiver<bool>,
    log: local_platform::Log,
}

#[async_trait]
impl Driver for Pretended {
    fn platform(&self) -> &'static str {
        "pretended"
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Component
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Always,
            scale: false,
            keep_alive: false,
            memory_limit: false,
            cpu_limit: false,
            concurrency: true,
            logs: false,
            metrics: false,
            billing: false,
            nested_calls: false,
            local_processes: false,
        }
    }

    fn defaults(&self) -> (Scale, Limits) {
        let scale = Scale {
            minimum_instances: Some(0),
            maximum_instances: Some(2),
            concurrency: Some(1),
            keep_alive: Some(Duration::from_secs(10)),
            queue: Some(2),
        };
        let limits =
            Limits { memory_bytes: Some(1_000_000_000), time: Some(Duration::from_secs(30)), ..Limits::default() };
        (scale, limits)
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        Ok(Reached { version: "1".to_owned(), remarks: Vec::new() })
    }

    async fn prepare(
        &self,
        spec: &DeploymentSpec,
        surroundings: &Surroundings,
        _: &dyn Ledger,
    ) -> Result<Arc<dyn Prepared>, PlatformError> {
        *self.counts.surroundings.lock().unwrap() = Some(surroundings.clone());
        Ok(Arc::new(Ready {
            counts: self.counts.clone(),
            start: self.start,
            stop: self.stop,
            image: spec.image.digest.clone(),
        }))
    }

    async fn remove(&self, _: &Resource) -> Result<(), PlatformError> {
        Ok(())
    }
}

#[async_trait]
impl Prepared for Ready {
    async fn start(&self, request: StartRequest) -> Result<Arc<dyn Instance>, PlatformError> {
        let alive = self.counts.alive.fetch_add(1, Ordering::SeqCst) + 1;
        self.counts.most_alive.fetch_max(alive, Ordering::SeqCst);
        self.counts.started.fetch_add(1, Ordering::SeqCst);
        if !self.start.is_zero() {
            tokio::time::sleep(self.start).await;
        }
        if self.counts.start_fails.load(Ordering::SeqCst) || self.image == "broken" {
            self.counts.alive.fetch_sub(1, Ordering::SeqCst);
            return Err(PlatformError::ExitedAtStart {
                name: "pretender".to_owned(),
                reason: "exit status 3".to_owned(),
                logs: "oh".to_owned(),
            });
        }
        let (sender, death) = watch::channel(false);
        self.counts.deaths.lock().unwrap().insert(request.id.clone(), sender);
        Ok(Arc::new(Pretender {
            id: request.id,
            image: self.image.clone(),
            counts: self.counts.clone(),
            invocations: AtomicU64::new(0),
            stop: self.stop,
            is_stopped: AtomicBool::new(false),
            death,
            log: request.log,
        }))
    }
}

/// `SECONDS` or `SECONDS bad`, after which the instance is of no use.
#[async_trait]
impl Instance for Pretender {
    fn id(&self) -> &str {
        &self.id
    }

    async fn invoke(&self, invocation: &Invocation, deadline: Instant) -> Served {
        let index = self.invocations.fetch_add(1, Ordering::SeqCst) + 1;
        let event = String::from_utf8(invocation.event.to_vec()).unwrap();
        self.counts.order.lock().unwrap().push(event.clone());
        let mut words = event.split(' ');
        let seconds: f64 = words.next().unwrap().parse().unwrap();
        let is_usable = words.next() != Some("bad");
        let end = (tokio::time::Instant::now() + Duration::from_secs_f64(seconds)).min(deadline.into());
        tokio::time::sleep_until(end).await;
        (self.log)(LogStream::Output, &format!("served {event}"));
        self.counts.served.fetch_add(1, Ordering::SeqCst);
        let is_over = end == tokio::time::Instant::from_std(deadline);
        Served {
            status: if is_over { 504 } else { 200 },
            body: Bytes::from(self.image.clone()),
            instance: Some(InstanceIdentity { id: self.id.clone(), invocation_index: index, age_us: 1 }),
            start: None,
            execution: Duration::from_secs_f64(seconds),
            peak_memory_bytes: None,
            is_usable: is_usable && !is_over,
        }
    }

    async fn ended(&self) -> InstanceExit {
        let mut death = self.death.clone();
        if death.wait_for(|dead| *dead).await.is_err() {
            std::future::pending::<()>().await;
        }
        InstanceExit { reason: "signal 9".to_owned() }
    }

    async fn stop(&self) {
        if !self.stop.is_zero() {
            tokio::time::sleep(self.stop).await;
        }
        if !self.is_stopped.swap(true, Ordering::SeqCst) {
            self.counts.alive.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Pretender {
    fn drop(&mut self) {
        assert!(
            self.is_stopped.load(Ordering::SeqCst) || std::thread::panicking(),
            "an instance was dropped, not ended"
        );
    }
}

/// A platform over such a driver.
pub(crate) struct Stage {
    pub(crate) platform: Arc<LocalPlatform>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) folder: TempDir,
}

pub(crate) fn stage() -> Stage {
    slow_stage(Duration::ZERO, Duration::ZERO)
}

pub(crate) fn slow_stage(start: Duration, stop: Duration) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let counts = Arc::new(Counts::default());
    let ledger = Arc::new(MemoryLedger::new());
    let driver = Arc::new(Pretended { counts: counts.clone(), start, stop });
    let options = LocalOptions {
        target: None,
        storage: Arc::new(NoStorage),
        storage_location: "/nowhere".to_owned(),
        state: folder.path().to_owned(),
        ledger: ledger.clone(),
    };
    let platform = Arc::new(LocalPlatform::new(driver, options).unwrap());
    Stage { platform, counts, ledger, folder }
}

impl Stage {
    pub(crate) async fn deploy(&self, name: &str, scale: Scale) -> Deployment {
        let spec = spec(name, scale);
        let deployment = self.platform.deploy(&spec, &*self.ledger).await.unwrap();
        self.platform.wait_until_ready(&deployment, Duration::from_secs(60)).await.unwrap();
        deployment
    }

    pub(crate) async fn invoke(&self, deployment: &Deployment, event: &str) -> Result<Answer, PlatformError> {
        self.platform.invoke(deployment, &Invocation::new(event.to_owned())).await
    }

    pub(crate) fn alive(&self) -> u32 {
        self.counts.alive.load(Ordering::SeqCst)
    }
}

pub(crate) fn spec(name: &str, scale: Scale) -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".to_owned(),
        name: name.to_owned(),
        image: image("first"),
        scale,
        limits: Limits::default(),
        environment: BTreeMap::new(),
    }
}

pub(crate) fn image(digest: &str) -> Image {
    Image {
        function: "function1".to_owned(),
        kind: ImageKind::Component,
        path: Path::new("/nowhere").to_owned(),
        digest: digest.to_owned(),
        code_digest: digest.to_owned(),
        bytes: 1,
        code_bytes: 1,
        architecture: "wasm32".to_owned(),
    }
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
