//! What a unit is carried out with.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::join_all;
use platform::{Deployment, DeploymentId, DeploymentSpec, Invocation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use crate::dispatch::{SchedulePlan, Scheduled, dispatch};
use crate::{Call, CallNumber, Deployer, ExperimentError, Request, Sink, SinkError, Site, Subject, Unit};

/// How long an answer is waited for where the experiment does not say.
const PATIENCE: Duration = Duration::from_secs(60);

/// One unit's hands: deploys, calls, waits and records, on one target.
pub struct Bench<'a> {
    /// Where it takes place.
    pub site: &'a Site,
    /// What the run was asked.
    pub request: &'a Request,
    unit: &'a Unit,
    sink: &'a dyn Sink,
    deployer: &'a dyn Deployer,
    stop: watch::Receiver<bool>,
    first_round: (u32, tokio::time::Instant),
    deployed: Mutex<Vec<DeploymentId>>,
    /// What an earlier process saved of the unit.
    earlier: &'a [Value],
    /// What this one saved, by part, as JSON: a tree of the same takes several times the memory.
    saved: Mutex<Vec<String>>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        site: &'a Site,
        request: &'a Request,
        unit: &'a Unit,
        (sink, deployer): (&'a dyn Sink, &'a dyn Deployer),
        stop: watch::Receiver<bool>,
        first_round: (u32, tokio::time::Instant),
        earlier: &'a [Value],
    ) -> Bench<'a> {
        let (deployed, saved) = (Mutex::default(), Mutex::default());
        Bench { site, request, unit, sink, deployer, stop, first_round, deployed, earlier, saved }
    }

    /// Where numbers that the calls themselves don't carry are recorded.
    pub fn sink(&self) -> &dyn Sink {
        self.sink
    }

    /// What an earlier process saved of this unit with [`Bench::save`], when it was cut: a unit that can goes on from there.
    /// `None` where there is nothing, or another version wrote it otherwise: then it is begun again.
    pub fn earlier<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(self.earlier.first()?.clone()).ok()
    }

    /// Saves what the unit has measured until now in place of what it saved before, so that it is not lost when the unit is cut.
    /// When this has returned it is durable: the disk is waited for, so nothing may be measured meanwhile. It is written whole
    /// each time; the unit bounds how often.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub fn save(&self, measured: &impl Serialize) -> Result<(), ExperimentError> {
        self.save_as(0, measured)
    }

    /// The same, beside what it saved before: only what was measured since. An experiment that does so finds an outcome for each
    /// part in what it answers from, and a unit of it that was cut is begun again.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub fn save_more(&self, measured: &impl Serialize) -> Result<(), ExperimentError> {
        let parts = self.saved.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.save_as(parts, measured)
    }

    fn save_as(&self, part: usize, measured: &impl Serialize) -> Result<(), ExperimentError> {
        let measured = serde_json::to_value(measured).map_err(|error| SinkError(error.to_string()))?;
        self.sink.saved(self.unit, u32::try_from(part).unwrap_or(u32::MAX), &measured)?;
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        match saved.get_mut(part) {
            Some(before) => *before = measured.to_string(),
            None => saved.push(measured.to_string()),
        }
        Ok(())
    }

    /// What there is of the unit now that it was cut: what was saved last.
    pub(crate) fn into_saved(self) -> Vec<Value> {
        let saved = self.saved.into_inner().unwrap_or_else(PoisonError::into_inner);
        if saved.is_empty() {
            return self.earlier.to_vec();
        }
        // Each was a value a moment ago.
        saved.iter().filter_map(|part| serde_json::from_str(part).ok()).collect()
    }

    /// The unit's workload.
    ///
    /// # Errors
    /// When the request has no such workload.
    pub fn subject(&self) -> Result<&Subject, ExperimentError> {
        let is_its = |subject: &&Subject| subject.function == self.unit.function && subject.size == self.unit.size;
        self.request.subjects.iter().find(is_its).ok_or_else(|| {
            ExperimentError::NoAnswer(format!("there is no workload {}/{}", self.unit.function, self.unit.size))
        })
    }

    /// Deploys a function under a name of its own, with the target's settings after `change`, and waits until it serves.
    /// The runner removes it after the unit.
    ///
    /// # Errors
    /// When it could not be deployed.
    pub async fn deploy(
        &self,
        function: &str,
        change: impl FnOnce(&mut DeploymentSpec),
    ) -> Result<Deployment, ExperimentError> {
        self.going_on()?;
        let image = self.site.images.get(function).ok_or_else(|| {
            ExperimentError::NoAnswer(format!("there is no image of {function} for {}", self.site.target))
        })?;
        let id = DeploymentId::new();
        let mut spec = DeploymentSpec {
            // Nested calls find each other by the functions' own names, so these are not changed where they are called.
            name: format!("{function}-{id}"),
            id: id.clone(),
            function: function.to_owned(),
            image: image.clone(),
            scale: self.site.scale,
            limits: self.site.limits,
            environment: self.site.environment.clone(),
        };
        change(&mut spec);
        spec.id = id.clone();
        self.deployed.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        Ok(self.deployer.deploy(self.site, spec).await?)
    }

    /// Deploys the functions that a workload calls, under their own names, where nested calls find them. The runner removes
    /// them after the unit.
    ///
    /// # Errors
    /// When one could not be deployed.
    pub async fn deploy_called(
        &self,
        functions: &[String],
        change: impl Fn(&mut DeploymentSpec),
    ) -> Result<BTreeMap<String, Deployment>, ExperimentError> {
        let mut deployments = BTreeMap::new();
        for function in functions {
            let deployment = self
                .deploy(function, |spec| {
                    change(spec);
                    spec.name = function.clone();
                })
                .await?;
            deployments.insert(function.clone(), deployment);
        }
        Ok(deployments)
    }

    /// Changes a deployment: its settings, its environment, its image.
    ///
    /// # Errors
    /// When it could not be changed.
    pub async fn update(
        &self,
        deployment: &Deployment,
        change: impl FnOnce(&mut DeploymentSpec),
    ) -> Result<Deployment, ExperimentError> {
        self.going_on()?;
        let mut spec = deployment.spec.clone();
        change(&mut spec);
        spec.id = deployment.spec.id.clone();
        Ok(self.deployer.update(self.site, spec).await?)
    }

    /// Removes a deployment before the unit ends.
    ///
    /// # Errors
    /// When something of it is, or may be, still there.
    pub async fn remove(&self, deployment: &Deployment) -> Result<(), ExperimentError> {
        self.deployer.remove(self.site, &deployment.spec.id).await?;
        self.deployed.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| *id != deployment.spec.id);
        Ok(())
    }

    /// Makes the next call a cold one.
    ///
    /// # Errors
    /// When the platform could not.
    pub async fn force_cold(&self, deployment: &Deployment) -> Result<(), ExperimentError> {
        self.going_on()?;
        Ok(self.site.platform.force_cold(deployment).await?)
    }

    /// Makes one call, records it, and returns it: a failure is a call too.
    ///
    /// # Errors
    /// When it was stopped, or could not be recorded.
    pub async fn call(
        &self,
        deployment: &Deployment,
        event: Bytes,
        label: &str,
        repetition: u32,
    ) -> Result<Call, ExperimentError> {
        let invocation = Invocation { patience: Some(self.patience(deployment)), ..Invocation::new(event) };
        Ok(self.invoke(deployment, &invocation, label, repetition).await?.0)
    }

    /// The same with every choice of an invocation, and the number that metrics of it are recorded under.
    ///
    /// # Errors
    /// When it was stopped, or could not be recorded.
    pub async fn invoke(
        &self,
        deployment: &Deployment,
        invocation: &Invocation,
        label: &str,
        repetition: u32,
    ) -> Result<(Call, CallNumber), ExperimentError> {
        self.going_on()?;
        let (start_unix_ns, begin) = (unix_ns(), Instant::now());
        let outcome = self.site.platform.invoke(deployment, invocation).await;
        let call = Call::new(label, repetition, start_unix_ns, begin.elapsed(), outcome);
        let number = self.record(deployment, &call)?;
        Ok((call, number))
    }

    /// Makes all calls at one instant; returns them in the order of the events.
    ///
    /// # Errors
    /// When it was stopped, or they could not be recorded.
    pub async fn at_once(
        &self,
        deployment: &Deployment,
        events: Vec<Bytes>,
        label: &str,
    ) -> Result<Vec<Call>, ExperimentError> {
        self.going_on()?;
        let patience = Some(self.patience(deployment));
        let calls = events.into_iter().enumerate().map(async |(number, event)| {
            let invocation = Invocation { patience, ..Invocation::new(event) };
            let (start_unix_ns, begin) = (unix_ns(), Instant::now());
            let outcome = self.site.platform.invoke(deployment, &invocation).await;
            Call::new(label, u32::try_from(number).unwrap_or(u32::MAX), start_unix_ns, begin.elapsed(), outcome)
        });
        let calls = join_all(calls).await;
        for call in &calls {
            self.record(deployment, call)?;
        }
        Ok(calls)
    }

    /// Makes calls at the times of a schedule, whether or not those before were answered.
    ///
    /// # Errors
    /// When it was stopped, or they could not be recorded or made.
    pub async fn on_schedule(&self, deployment: &Deployment, plan: SchedulePlan) -> Result<Scheduled, ExperimentError> {
        self.on_schedule_seen(deployment, plan, |_, _| Ok(())).await
    }

    /// The same; `seen` is told of each call when it has ended, and how many were dropped until then, also when there is no
    /// whole schedule in the end.
    ///
    /// # Errors
    /// When it was stopped, or they could not be recorded or made, or `seen` failed.
    pub async fn on_schedule_seen(
        &self,
        deployment: &Deployment,
        plan: SchedulePlan,
        mut seen: impl FnMut(&Call, u64) -> Result<(), ExperimentError>,
    ) -> Result<Scheduled, ExperimentError> {
        self.going_on()?;
        dispatch(self.site.platform.clone(), deployment, plan, self.stop.clone(), |call, dropped| {
            self.record(deployment, call)?;
            seen(call, dropped)
        })
        .await
    }

    /// Waits; ends early when the run is stopped.
    ///
    /// # Errors
    /// When it was stopped.
    pub async fn wait(&self, time: Duration) -> Result<(), ExperimentError> {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(time) => self.going_on(),
            // A run whose signal's sender is gone is not stopped.
            Ok(_) = stop.wait_for(|stopped| *stopped) => Err(ExperimentError::Stopped),
        }
    }

    /// Waits until the unit's round is due, where rounds follow each other after `every`. They count from the first round that
    /// this process carries out, so a run that was cut goes on at once; a round that is late does not wait.
    ///
    /// # Errors
    /// When it was stopped.
    pub async fn wait_for_round(&self, every: Duration) -> Result<(), ExperimentError> {
        let (first, began) = self.first_round;
        let due = every.checked_mul(self.unit.round.saturating_sub(first)).and_then(|after| began.checked_add(after));
        match due.map(|due| due.saturating_duration_since(tokio::time::Instant::now())) {
            Some(left) if left.is_zero() => self.going_on(),
            Some(left) => self.wait(left).await,
            None => Err(ExperimentError::NoAnswer("the round is due later than clocks can tell".to_owned())),
        }
    }

    /// Whether the run goes on.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn going_on(&self) -> Result<(), ExperimentError> {
        if *self.stop.borrow() { Err(ExperimentError::Stopped) } else { Ok(()) }
    }

    fn patience(&self, deployment: &Deployment) -> Duration {
        deployment.spec.limits.time.map_or(PATIENCE, |limit| limit + Duration::from_secs(10))
    }

    fn record(&self, deployment: &Deployment, call: &Call) -> Result<CallNumber, ExperimentError> {
        Ok(self.sink.call(self.unit, &deployment.spec.id, call)?)
    }

    /// Removes what is still deployed, the last first, and returns what could not be.
    pub(crate) async fn clear(&self) -> Vec<String> {
        let left: Vec<DeploymentId> =
            std::mem::take(&mut *self.deployed.lock().unwrap_or_else(PoisonError::into_inner));
        let mut troubles = Vec::new();
        for id in left.iter().rev() {
            if let Err(error) = self.deployer.remove(self.site, id).await {
                troubles.push(error.to_string());
            }
        }
        troubles
    }
}

/// Unix time, ns.
pub(crate) fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
