//! A platform whose functions do what their events say, at once: the server's own behaviour is what is tested.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use image_kind::{Image, ImageKind};
use platform::{
    Answer, Billing, CallId, Capabilities, ColdStart, Deployment, DeploymentId, DeploymentSpec, InstanceIdentity,
    InstanceStatus, Invocation, Ledger, Limits, LogLine, LogStream, Platform, PlatformError, ProviderMetric, Reached,
    Readiness, Resource, Scale, Status, Timings,
};
use tokio::sync::Notify;

/// Invocations at once; further ones are refused.
pub(crate) const CAPACITY: u32 = 8;

/// What every call costs.
const BILLING: Billing = Billing {
    billed_us: 1000,
    start_us: None,
    wait_us: Some(0),
    memory_bytes: Some(1_000_000_000),
    gigabyte_seconds: Some(0.001),
    peak_memory_bytes: None,
};

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) served: AtomicU64,
    pub(crate) active: AtomicU32,
    /// Lets those go on that wait for it.
    pub(crate) gate: Notify,
    pub(crate) last: Mutex<Option<Invocation>>,
    pub(crate) scaled: Mutex<Option<Scale>>,
    pub(crate) removed: Mutex<Vec<Resource>>,
    pub(crate) there: Mutex<HashMap<String, Deployment>>,
}

pub(crate) fn spec(name: &str) -> DeploymentSpec {
    let image = Image {
        function: "function1".to_owned(),
        kind: ImageKind::Component,
        path: PathBuf::from("/nowhere/function1.wasm"),
        digest: format!("sha256:{}", "0".repeat(64)),
        code_digest: format!("sha256:{}", "0".repeat(64)),
        bytes: 1,
        code_bytes: 1,
        architecture: "wasm32".to_owned(),
    };
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".to_owned(),
        name: name.to_owned(),
        image,
        scale: Scale::default(),
        limits: Limits::default(),
        environment: Default::default(),
    }
}

struct Active<'a>(&'a AtomicU32);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Platform for Fake {
    fn name(&self) -> &str {
        "fake"
    }

    fn target(&self) -> &str {
        "fake"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Forced,
            scale: true,
            keep_alive: true,
            memory_limit: true,
            cpu_limit: false,
            concurrency: true,
            logs: true,
            metrics: true,
            billing: true,
            nested_calls: false,
            local_processes: false,
        }
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Component
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        Ok(Reached { version: "fake 1".to_owned(), remarks: Vec::new() })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        let resource = Resource {
            deployment: spec.id.clone(),
            platform: "fake".to_owned(),
            target: "fake".to_owned(),
            kind: "thing".to_owned(),
            name: format!("thing-{}", spec.id),
            details: serde_json::Value::Null,
        };
        let id = ledger.intend(&resource).await?;
        if spec.environment.contains_key("FAIL") {
            return Err(PlatformError::Failed {
                platform: "fake".to_owned(),
                doing: "deploying".to_owned(),
                reason: "as asked".to_owned(),
            });
        }
        ledger.created(id, &resource.details).await?;
        let deployment = Deployment {
            spec: spec.clone(),
            platform: "fake".to_owned(),
            target: "fake".to_owned(),
            url: None,
            details: serde_json::Value::Null,
        };
        self.there.lock().unwrap().insert(spec.name.clone(), deployment.clone());
        Ok(deployment)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        match deployment.spec.environment.get("NEVER_READY") {
            Some(_) => Err(PlatformError::NotReady {
                name: deployment.spec.name.clone(),
                waited: patience,
                logs: "still busy".to_owned(),
            }),
            None => Ok(()),
        }
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        *self.last.lock().unwrap() = Some(invocation.clone());
        let name = || deployment.spec.name.clone();
        let active = self.active.fetch_add(1, Ordering::SeqCst) + 1;
        let _active = Active(&self.active);
        if active > CAPACITY {
            return Err(PlatformError::Overloaded { name: name(), waiting: active - 1 });
        }
        let index = self.served.fetch_add(1, Ordering::SeqCst) + 1;
        let mut status = 200;
        let mut body = invocation.event.clone();
        match &*invocation.event {
            b"\"wait\"" => self.gate.notified().await,
            b"\"sleep\"" => tokio::time::sleep(Duration::from_millis(20)).await,
            b"\"refuse\"" => {
                status = 400;
                body = Bytes::from_static(br#"{"error":{"type":"bad-request","message":"as asked"}}"#);
            }
            b"\"no answer\"" => {
                return Err(PlatformError::NoAnswer { name: name(), waited: Duration::from_secs(1) });
            }
            b"\"panic\"" => panic!("as asked"),
            _ => {}
        }
        Ok(Answer {
            status,
            body,
            call: Some(CallId("platforms-own".to_owned())),
            instance: Some(InstanceIdentity { id: "one".to_owned(), invocation_index: index, age_us: 5 }),
            timings: Timings {
                queue_ns: Some(1001),
                start_instance_ns: (index == 1).then_some(2_000_000),
                execution_ns: Some(30),
                ..Timings::default()
            },
            billing: Some(BILLING),
        })
    }

    async fn force_cold(&self, _: &Deployment) -> Result<(), PlatformError> {
        self.served.store(0, Ordering::SeqCst);
        Ok(())
    }

    async fn scale(&self, _: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        *self.scaled.lock().unwrap() = Some(*scale);
        Ok(())
    }

    async fn status(&self, _: &Deployment) -> Result<Status, PlatformError> {
        let instance = InstanceStatus {
            id: "one".to_owned(),
            age_us: 5,
            invocations: Some(self.served.load(Ordering::SeqCst)),
            active: Some(self.active.load(Ordering::SeqCst).min(1)),
            processes: Vec::new(),
            cgroup: None,
        };
        Ok(Status {
            readiness: Readiness::Ready,
            message: None,
            instances: Some(vec![instance]),
            waiting: Some(3),
            image_digest: None,
        })
    }

    async fn logs(&self, _: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        let line = |unix_ns, text: &str| LogLine {
            unix_ns,
            instance: "one".to_owned(),
            stream: LogStream::Output,
            text: text.to_owned(),
        };
        let lines = [line(1_000_000_000, "first"), line(2_000_000_000, "second \"quoted\"")];
        Ok(lines.into_iter().filter(|line| line.unix_ns >= since_unix_ns).collect())
    }

    async fn metrics(&self, _: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        Ok(vec![ProviderMetric { name: "speed".to_owned(), value: 1.5, unit: "m/s".to_owned() }])
    }

    async fn billing(&self, _: &Deployment, call: &CallId) -> Result<Option<Billing>, PlatformError> {
        Ok((call.0 == "platforms-own").then_some(BILLING))
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.there.lock().unwrap().retain(|_, deployment| deployment.spec.id != resource.deployment);
        self.removed.lock().unwrap().push(resource.clone());
        Ok(())
    }
}
