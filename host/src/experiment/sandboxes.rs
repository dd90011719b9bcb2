//! Instances of a platform on this machine in one round: a deployment of their own, invoked as anybody would, and looked at
//! from outside.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use image_build::Image;
use native::DirectoryStorage;
use platform::{
    Answer as PlatformAnswer, Deployment, DeploymentId, DeploymentSpec, Invocation, Limits, Platform, PlatformError,
    Scale, Timings,
};

use super::crew::ColdStart;
use super::outside::{Before, Outside};
use crate::deployments::{DeployError, Deploying, deploy, remove};
use crate::probe::clock::{monotonic_ns, unix_ns};
use crate::probe::disk_io::drop_tree;
use crate::results::{DurableLedger, RunNumber};
use crate::worker::{Answer, Measured, Outcome, PageCacheReport, PlatformTimes, ProbeRequest, Readings, remove_output};

/// Longer than any round, so that an instance stays from its first invocation to its last.
const KEEP_ALIVE: Duration = Duration::from_secs(24 * 60 * 60);
/// How much longer than the function's own limit an answer is waited for: the platform's limit acts first.
const GRACE: Duration = Duration::from_secs(5);
/// How long a deployment may take to be ready.
const READY: Duration = Duration::from_secs(60);

/// What a round on a platform needs.
pub(super) struct Round<'a> {
    pub(super) platform: Arc<dyn Platform>,
    pub(super) ledger: Arc<DurableLedger>,
    pub(super) run: RunNumber,
    pub(super) image: &'a Image,
    pub(super) event: &'a str,
    /// The folder or file of the workload's input objects.
    pub(super) inputs: Option<PathBuf>,
    /// Where its outputs go, which are removed after each invocation.
    pub(super) objects: PathBuf,
    pub(super) instances: u32,
    pub(super) timeout: Duration,
    pub(super) memory_limit_bytes: u64,
}

/// Instances that are invoked together.
pub(super) struct Sandboxes {
    platform: Arc<dyn Platform>,
    ledger: Arc<DurableLedger>,
    deployment: Deployment,
    invocation: Invocation,
    inputs: Option<PathBuf>,
    storage: Option<DirectoryStorage>,
    instances: u32,
    /// The instances that have served, by identity.
    seen: BTreeMap<String, Outside>,
    /// When the first call's parts happened.
    first: Option<Timings>,
}

impl Sandboxes {
    /// Deploys the function. Its instances are started by their first invocations.
    pub(super) async fn start(round: Round<'_>) -> Result<Sandboxes, DeployError> {
        let id = DeploymentId::new();
        let spec = DeploymentSpec {
            name: format!("{}-{id}", round.image.function),
            id,
            function: round.image.function.clone(),
            image: round.image.clone(),
            scale: Scale {
                minimum_instances: Some(0),
                // The one by which the deployment was seen to work may still be ending, and nobody is to wait for that.
                maximum_instances: Some(round.instances + 1),
                concurrency: Some(1),
                keep_alive: Some(KEEP_ALIVE),
                queue: Some(round.instances),
            },
            limits: Limits {
                memory_bytes: Some(round.memory_limit_bytes),
                time: Some(round.timeout),
                ..Limits::default()
            },
            environment: BTreeMap::new(),
        };
        let id = spec.id.clone();
        let how = Deploying { run: Some(round.run), on_this_machine: true, ready_within: READY };
        let deployment = match deploy(&*round.platform, &round.ledger, spec, how).await {
            Ok(deployed) => deployed.deployment,
            Err(error) => {
                // What was made of it is removed; what can't be stays in the ledger, for `faasbench undeploy --all`.
                let _ = remove(&*round.platform, &round.ledger, &id).await;
                return Err(error);
            }
        };
        Ok(Sandboxes {
            deployment,
            invocation: Invocation {
                patience: Some(round.timeout + GRACE),
                ..Invocation::new(round.event.to_owned().into_bytes())
            },
            inputs: round.inputs,
            storage: DirectoryStorage::new(round.objects).ok(),
            instances: round.instances,
            seen: BTreeMap::new(),
            first: None,
            platform: round.platform,
            ledger: round.ledger,
        })
    }

    /// Invokes once in every instance at once: none serves two calls at a time, so as many calls are as many instances.
    pub(super) async fn invoke(&mut self, probe: &ProbeRequest) -> Result<Vec<Measured>, PlatformError> {
        let page_cache = self.drop_page_cache(probe);
        let before: BTreeMap<String, Before> =
            self.seen.iter_mut().map(|(id, outside)| (id.clone(), outside.before(probe))).collect();
        let start_unix_ns = unix_ns();
        let start_monotonic_ns = monotonic_ns();
        let calls = (0..self.instances).map(|_| self.platform.invoke(&self.deployment, &self.invocation));
        let answers = join_all(calls).await;
        let end_monotonic_ns = monotonic_ns();
        let answers: Vec<PlatformAnswer> = answers.into_iter().collect::<Result<_, _>>()?;
        // Read before anything else is asked for, while the instances rest.
        let mut readings = BTreeMap::new();
        for answer in &answers {
            let Some(instance) = &answer.instance else { continue };
            if let (Some(outside), Some(before)) = (self.seen.get_mut(&instance.id), before.get(&instance.id)) {
                let read = outside.after(probe, before, answer.timings.total_ns, page_cache.clone());
                readings.insert(instance.id.clone(), read);
            }
        }
        if self.first.is_none() {
            self.first = answers.first().map(|answer| answer.timings);
        }
        self.look_for_new(&answers).await?;
        let mut measured = Vec::new();
        for answer in answers {
            let id = answer.instance.as_ref().map(|instance| instance.id.clone()).unwrap_or_default();
            let read = match readings.remove(&id) {
                Some(read) => read,
                // It was started by this very call: all that its process ever did is this call's.
                None => match self.seen.get_mut(&id) {
                    Some(outside) => outside.since_its_start(probe, answer.timings.total_ns, page_cache.clone()),
                    None => {
                        let reason = match self.platform.capabilities().local_processes {
                            true => "the instance ended with this invocation",
                            false => "the platform's instances have no processes of their own on this machine",
                        };
                        Outside::nothing(probe, answer.timings.total_ns, reason)
                    }
                },
            };
            measured.push(self.measured(answer, read, start_unix_ns, start_monotonic_ns, end_monotonic_ns));
        }
        Ok(measured)
    }

    fn measured(
        &self,
        answer: PlatformAnswer,
        readings: Readings,
        start_unix_ns: u64,
        start_monotonic_ns: u64,
        end_monotonic_ns: u64,
    ) -> Measured {
        let outcome = match answer.response() {
            Ok(body) => {
                if let Some(storage) = &self.storage {
                    remove_output(storage, body);
                }
                Outcome::Response { body: body.to_owned() }
            }
            Err(error) => Outcome::Error { kind: error.kind.name().to_owned(), message: error.message },
        };
        let (instance, invocation_index) =
            answer.instance.map_or_else(|| (String::new(), 0), |instance| (instance.id, instance.invocation_index));
        Measured {
            start_unix_ns,
            start_monotonic_ns,
            end_monotonic_ns,
            answers: vec![Answer { instance, invocation_index, outcome }],
            readings,
            platform: Some(PlatformTimes {
                queue_ns: answer.timings.queue_ns,
                start_instance_ns: answer.timings.start_instance_ns,
                execution_ns: answer.timings.execution_ns,
            }),
        }
    }

    /// Takes in the processes of instances that answered for the first time, and forgets those that are gone.
    async fn look_for_new(&mut self, answers: &[PlatformAnswer]) -> Result<(), PlatformError> {
        let ids = || answers.iter().filter_map(|answer| Some(&answer.instance.as_ref()?.id));
        if ids().all(|id| self.seen.contains_key(id)) && answers.iter().all(|answer| answer.status < 300) {
            return Ok(());
        }
        let status = self.platform.status(&self.deployment).await?;
        let instances = status.instances.unwrap_or_default();
        self.seen.retain(|id, _| instances.iter().any(|instance| instance.id == *id));
        for instance in instances {
            if let Some(pid) = instance.processes.first() {
                let outside = Outside::new(*pid, instance.cgroup.as_deref());
                self.seen.entry(instance.id).or_insert(outside);
            }
        }
        Ok(())
    }

    fn drop_page_cache(&self, probe: &ProbeRequest) -> Option<PageCacheReport> {
        let inputs = self.inputs.as_deref().filter(|_| matches!(probe, ProbeRequest::DiskIo { cold_cache: true }))?;
        Some(PageCacheReport::of(&drop_tree(inputs)))
    }

    /// The processes of the instances that have served.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.seen.values().map(Outside::pid).collect()
    }

    pub(super) fn cold_start(&self, first_call_ns: Option<u64>) -> ColdStart {
        let times = self.first.unwrap_or_default();
        let phases = [("queue", times.queue_ns), ("start-instance", times.start_instance_ns)];
        ColdStart {
            phases: phases.into_iter().filter_map(|(name, ns)| Some((name.to_owned(), ns?))).collect(),
            // The call waited for all of them.
            total_ns: first_call_ns.or(self.first.map(|first| first.total_ns)),
            empty_bracket_ns: None,
        }
    }

    /// Removes the deployment.
    pub(super) async fn finish(self) -> Result<(), DeployError> {
        let left = remove(&*self.platform, &self.ledger, &self.deployment.spec.id).await?;
        match left.into_iter().next() {
            None => Ok(()),
            Some(left) => Err(left.error.into()),
        }
    }
}
