//! A sink and a deployer in memory: for tests, and for whatever ends with this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use platform::{Deployment, DeploymentId, DeploymentSpec, Ledger, PlatformError, undeploy};

use crate::{Call, CallNumber, Deployer, Measured, Sink, SinkError, Site, Span, Unit};

/// How long a deployment may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// Keeps everything.
#[derive(Debug, Default)]
pub struct MemorySink {
    kept: Mutex<Kept>,
}

/// What was recorded.
#[derive(Debug, Default, Clone)]
pub struct Kept {
    /// Calls with the key of their unit.
    pub calls: Vec<(String, Call)>,
    /// Metrics: name, value, unit.
    pub metrics: Vec<(String, Measured, String)>,
    /// Series, Unix time, value.
    pub samples: Vec<(String, u64, Measured)>,
    /// Parts of traces.
    pub spans: Vec<Span>,
    /// Notes.
    pub notes: Vec<String>,
    /// What units saved, the latest of each part, by their keys.
    pub saved: BTreeMap<String, BTreeMap<u32, serde_json::Value>>,
    /// Keys of the units that are done.
    pub done: Vec<String>,
}

impl MemorySink {
    /// What was recorded until now.
    pub fn kept(&self) -> Kept {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing in here panics half way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for MemorySink {
    fn call(&self, unit: &Unit, _: &DeploymentId, call: &Call) -> Result<CallNumber, SinkError> {
        let mut kept = self.lock();
        kept.calls.push((unit.key(), call.clone()));
        Ok(CallNumber(i64::try_from(kept.calls.len()).unwrap_or(i64::MAX)))
    }

    fn metric(
        &self,
        _: Option<CallNumber>,
        name: &str,
        value: Measured,
        unit: &str,
        _: &[(&str, &str)],
    ) -> Result<(), SinkError> {
        self.lock().metrics.push((name.to_owned(), value, unit.to_owned()));
        Ok(())
    }

    fn sample(
        &self,
        series: &str,
        unix_ns: u64,
        value: Measured,
        _: &str,
        _: &[(&str, &str)],
    ) -> Result<(), SinkError> {
        self.lock().samples.push((series.to_owned(), unix_ns, value));
        Ok(())
    }

    fn span(&self, _: &Unit, span: &Span) -> Result<(), SinkError> {
        self.lock().spans.push(span.clone());
        Ok(())
    }

    fn note(&self, text: &str) -> Result<(), SinkError> {
        self.lock().notes.push(text.to_owned());
        Ok(())
    }

    fn saved(&self, unit: &Unit, part: u32, measured: &serde_json::Value) -> Result<(), SinkError> {
        self.lock().saved.entry(unit.key()).or_default().insert(part, measured.clone());
        Ok(())
    }

    fn done(&self, unit: &Unit, _: &serde_json::Value) -> Result<(), SinkError> {
        self.lock().done.push(unit.key());
        Ok(())
    }
}

/// Deploys with any ledger and nothing around it.
pub struct MemoryDeployer {
    ledger: Arc<dyn Ledger>,
}

impl MemoryDeployer {
    /// With this ledger.
    pub fn new(ledger: Arc<dyn Ledger>) -> MemoryDeployer {
        MemoryDeployer { ledger }
    }
}

#[async_trait]
impl Deployer for MemoryDeployer {
    async fn deploy(&self, site: &Site, spec: DeploymentSpec) -> Result<Deployment, PlatformError> {
        let deployment = site.platform.deploy(&spec, &*self.ledger).await?;
        site.platform.wait_until_ready(&deployment, READY_WITHIN).await?;
        Ok(deployment)
    }

    async fn update(&self, site: &Site, spec: DeploymentSpec) -> Result<Deployment, PlatformError> {
        self.deploy(site, spec).await
    }

    async fn remove(&self, site: &Site, id: &DeploymentId) -> Result<(), PlatformError> {
        let left = undeploy(&*site.platform, id, &*self.ledger).await?;
        match left.into_iter().next() {
            Some(left) => Err(left.error),
            None => Ok(()),
        }
    }
}
