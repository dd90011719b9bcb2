//! Carrying out the steps of a script.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use load::{Arrivals, Shape};
use platform::{ColdStart, Deployment, Invocation, Scale};
use tokio::time::Instant;

use super::format::{Most, ScriptFile};
use super::rows::{End, Measured, Reason, Row};
use super::step::{Invoke, LoadShape, RepeatUntil, ScaleStep, Step, Until, Vary};
use super::value::Number;
use super::variables::Variables;
use crate::{Bench, Call, CallNumber, ExperimentError, SchedulePlan};

/// How long an answer is waited for where the deployment has no limit of time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Calls of a schedule under way at once.
const MOST_IN_FLIGHT: u64 = 2_048;
/// The calls of so long are saved together.
const SAVED_EVERY: Duration = Duration::from_secs(60);

/// A script that is being carried out.
pub(super) struct Play<'a> {
    pub(super) file: &'a ScriptFile,
    pub(super) most: Most,
    pub(super) bench: &'a Bench<'a>,
    /// By their names in steps.
    pub(super) deployments: BTreeMap<String, Deployment>,
    /// The deployment that steps mean which name none.
    pub(super) first: String,
    /// The events that are sent where a step gives none, by the deployments' names.
    pub(super) events: BTreeMap<String, Bytes>,
    pub(super) measured: Measured,
    /// How many calls each label has.
    pub(super) repetitions: BTreeMap<String, u32>,
    pub(super) begin: Instant,
    pub(super) saved: Saved,
}

/// How much of what was measured is saved, and when that was done.
pub(super) struct Saved {
    pub(super) rows: usize,
    pub(super) ends: usize,
    pub(super) dropped: u64,
    pub(super) at: Instant,
}

fn wrong(reason: String) -> ExperimentError {
    ExperimentError::NoAnswer(reason)
}

impl Play<'_> {
    /// Carries out steps one after another, until one is the last that may be.
    pub(super) fn steps<'s>(
        &'s mut self,
        steps: &'s [Step],
        values: &'s Variables,
        varied: &'s Variables,
    ) -> BoxFuture<'s, Result<(), ExperimentError>> {
        Box::pin(async move {
            for step in steps {
                if self.is_over() {
                    break;
                }
                self.step(step, values, varied).await?;
                self.save_in_time()?;
            }
            Ok(())
        })
    }

    async fn step(&mut self, step: &Step, values: &Variables, varied: &Variables) -> Result<(), ExperimentError> {
        match step {
            Step::Invoke(invoke) => self.invoke(step, invoke, values, varied).await,
            Step::Burst(burst) => {
                let left = self.most.calls.saturating_sub(self.made());
                let size = values.count(&burst.size).map_err(wrong)?.min(left);
                self.at_once(step, size, values, varied).await
            }
            Step::Ramp(_) | Step::Load(_) => self.on_schedule(step, values, varied).await,
            Step::Wait(wait) => {
                let time = values.seconds(&wait.seconds).map_err(wrong)?;
                self.bench.wait(time.min(self.left())).await
            }
            Step::ForceCold(_) => {
                let deployment = self.deployment(step)?;
                if self.bench.site.platform.capabilities().cold_start == ColdStart::Always {
                    return Ok(());
                }
                self.bench.force_cold(deployment).await
            }
            Step::Scale(scale) => self.scale(step, scale, values).await,
            Step::Repeat(repeat) => {
                let times = values.count(&repeat.times).map_err(wrong)?;
                let mut number = begin(repeat.vary.as_ref(), values)?;
                for _ in 0..times {
                    if self.is_over() {
                        break;
                    }
                    let (inner, varied) = within(repeat.vary.as_ref(), number, values, varied);
                    self.steps(&repeat.steps, &inner, &varied).await?;
                    number = next(repeat.vary.as_ref(), number, values)?;
                }
                Ok(())
            }
            Step::RepeatUntil(repeat) => self.until(repeat, values, varied).await,
        }
    }

    async fn until(
        &mut self,
        repeat: &RepeatUntil,
        values: &Variables,
        varied: &Variables,
    ) -> Result<(), ExperimentError> {
        let times = values.count(&repeat.most_times).map_err(wrong)?;
        let (began, first_row) = (Instant::now(), self.measured.rows.len());
        let mut number = begin(repeat.vary.as_ref(), values)?;
        let (mut before, mut done) = (None, 0);
        let mut reason = Reason::Times;
        let mut last = number;
        while done < times && !self.is_over() {
            let from = self.measured.rows.len();
            let (inner, inner_varied) = within(repeat.vary.as_ref(), number, values, varied);
            self.steps(&repeat.steps, &inner, &inner_varied).await?;
            if self.measured.cut.is_some() {
                // A repetition that was cut says nothing.
                reason = Reason::Cut;
                break;
            }
            done += 1;
            (before, last) = (if done > 1 { last } else { None }, number);
            let rows = &self.measured.rows;
            let preceding = from.checked_sub(1).and_then(|index| rows.get(index));
            if repeat
                .until
                .is_so(&inner, began.elapsed(), (&rows[first_row..], &rows[from..]), preceding)
                .map_err(wrong)?
            {
                reason = Reason::Condition;
                break;
            }
            if matches!(repeat.until, Until::Seconds(_)) {
                // Steps that take no time leave the others their turn.
                tokio::task::yield_now().await;
            }
            number = next(repeat.vary.as_ref(), number, values)?;
        }
        let varied = repeat.vary.as_ref().zip(last).map(|(vary, last)| (vary.name.clone(), last, before));
        self.measured.ends.push(End { until: repeat.until.in_words(), reason, times: done, varied });
        Ok(())
    }

    async fn invoke(
        &mut self,
        step: &Step,
        invoke: &Invoke,
        values: &Variables,
        varied: &Variables,
    ) -> Result<(), ExperimentError> {
        let times = values.count(&invoke.times).map_err(wrong)?;
        let pause = values.seconds(&invoke.pause_s).map_err(wrong)?;
        for number in 0..times {
            if self.is_over() {
                break;
            }
            if number > 0 && !pause.is_zero() {
                self.bench.wait(pause.min(self.left())).await?;
            }
            self.at_once(step, 1, values, varied).await?;
            self.save_in_time()?;
        }
        Ok(())
    }

    /// Saves when it is time to: a minute after the last time.
    fn save_in_time(&mut self) -> Result<(), ExperimentError> {
        if self.saved.at.elapsed() >= SAVED_EVERY { self.save() } else { Ok(()) }
    }

    /// Saves what was measured since this was done last.
    pub(super) fn save(&mut self) -> Result<(), ExperimentError> {
        let part = Measured {
            variables: self.measured.variables.clone(),
            rows: self.measured.rows.get(self.saved.rows..).unwrap_or_default().to_vec(),
            ends: self.measured.ends.get(self.saved.ends..).unwrap_or_default().to_vec(),
            dropped: self.measured.dropped - self.saved.dropped,
            cut: None,
        };
        self.saved = Saved {
            rows: self.measured.rows.len(),
            ends: self.measured.ends.len(),
            dropped: self.measured.dropped,
            at: Instant::now(),
        };
        if part.rows.is_empty() && part.ends.is_empty() && part.dropped == 0 {
            return Ok(());
        }
        self.bench.save_more(&part)
    }

    /// Calls at one instant.
    async fn at_once(
        &mut self,
        step: &Step,
        size: u32,
        values: &Variables,
        varied: &Variables,
    ) -> Result<(), ExperimentError> {
        let label = values.text(step.label().unwrap_or_default());
        let (name, event) = (self.name(step), self.event(step, values));
        let deployment = self.deployment(step)?;
        let patience = patience(deployment);
        let first = self.repetitions.get(&label).copied().unwrap_or(0);
        let (bench, label) = (self.bench, label.as_str());
        let calls = join_all((0..size).map(async |number| {
            let invocation = Invocation { patience: Some(patience), ..Invocation::new(event.clone()) };
            bench.invoke(deployment, &invocation, label, first + number).await
        }))
        .await;
        self.repetitions.insert(label.to_owned(), first.saturating_add(size));
        for call in calls {
            let (call, number) = call?;
            self.keep(&name, &call, Some(number), varied)?;
        }
        Ok(())
    }

    async fn on_schedule(
        &mut self,
        step: &Step,
        values: &Variables,
        varied: &Variables,
    ) -> Result<(), ExperimentError> {
        let (shape, length) = shape(step, values).map_err(|(key, reason)| wrong(format!("{key}: {reason}")))?;
        let left = self.most.calls.saturating_sub(self.made()) as usize;
        let length = length.min(self.left());
        let label = values.text(step.label().unwrap_or_default());
        let (name, event) = (self.name(step), self.event(step, values));
        let deployment = self.deployment(step)?.clone();
        let plan = SchedulePlan {
            times_ns: Arrivals::new(&shape, length, self.bench.request.seed).take(left).collect(),
            events: Arc::from(vec![event]),
            most_in_flight: MOST_IN_FLIGHT,
            patience: patience(&deployment),
            label: label.clone(),
        };
        let first = self.repetitions.get(&label).copied().unwrap_or(0);
        let (mut most, dropped_before) = (first, self.measured.dropped);
        let bench = self.bench;
        let seen = |call: &Call, dropped: u64| {
            let mut call = call.clone();
            call.repetition = call.repetition.saturating_add(first);
            most = most.max(call.repetition.saturating_add(1));
            self.measured.dropped = dropped_before + dropped;
            self.keep(&name, &call, None, varied)?;
            self.save_in_time()
        };
        let scheduled = bench.on_schedule_seen(&deployment, plan, seen).await?;
        self.measured.dropped = dropped_before + scheduled.dropped;
        self.repetitions.insert(label, most);
        Ok(())
    }

    async fn scale(&mut self, step: &Step, scale: &ScaleStep, values: &Variables) -> Result<(), ExperimentError> {
        let count =
            |number: &Option<Number>| number.as_ref().map(|number| values.count(number)).transpose().map_err(wrong);
        let to = Scale {
            minimum_instances: count(&scale.minimum)?,
            maximum_instances: count(&scale.maximum)?,
            ..Scale::default()
        };
        let deployment = self.deployment(step)?;
        self.bench.going_on()?;
        Ok(self.bench.site.platform.scale(deployment, &to).await?)
    }

    /// Keeps a call, and what is recorded of it.
    fn keep(
        &mut self,
        deployment: &str,
        call: &Call,
        number: Option<CallNumber>,
        varied: &Variables,
    ) -> Result<(), ExperimentError> {
        for record in &self.file.records {
            let labels = [("label", call.label.as_str()), ("deployment", deployment)];
            let unit = super::metric::unit(self.file, &record.name);
            self.bench.sink().metric(number, &record.name, record.read(call), &unit, &labels)?;
        }
        self.measured.rows.push(Row::of(self.file, call, deployment, varied.0.clone()));
        Ok(())
    }

    fn name(&self, step: &Step) -> String {
        step.deployment().unwrap_or(&self.first).to_owned()
    }

    fn deployment(&self, step: &Step) -> Result<&Deployment, ExperimentError> {
        let name = step.deployment().unwrap_or(&self.first);
        self.deployments.get(name).ok_or_else(|| wrong(format!("there is no deployment `{name}`")))
    }

    fn event(&self, step: &Step, values: &Variables) -> Bytes {
        match step.event() {
            Some(event) => Bytes::from(values.event(event).to_string()),
            None => self.events.get(&self.name(step)).cloned().unwrap_or_else(|| Bytes::from_static(b"{}")),
        }
    }

    fn made(&self) -> u32 {
        u32::try_from(self.measured.rows.len()).unwrap_or(u32::MAX)
    }

    fn left(&self) -> Duration {
        Duration::from_secs_f64(self.most.seconds).saturating_sub(self.begin.elapsed())
    }

    /// Whether a bound is reached; writes down which.
    fn is_over(&mut self) -> bool {
        if self.measured.cut.is_none() {
            if self.left().is_zero() {
                self.measured.cut = Some(format!("the {} s of most.seconds were over", self.most.seconds));
            } else if self.made() >= self.most.calls {
                self.measured.cut = Some(format!("the {} calls of most.calls were made", self.most.calls));
            }
        }
        self.measured.cut.is_some()
    }
}

fn patience(deployment: &Deployment) -> Duration {
    deployment.spec.limits.time.map_or(PATIENCE, |limit| limit + Duration::from_secs(10))
}

/// The first value of what changes.
pub(super) fn begin(vary: Option<&Vary>, values: &Variables) -> Result<Option<f64>, ExperimentError> {
    vary.map(|vary| values.number(&vary.from)).transpose().map_err(wrong)
}

/// The next.
pub(super) fn next(
    vary: Option<&Vary>,
    number: Option<f64>,
    values: &Variables,
) -> Result<Option<f64>, ExperimentError> {
    let Some((vary, number)) = vary.zip(number) else { return Ok(None) };
    let (factor, add) = (values.number(&vary.factor).map_err(wrong)?, values.number(&vary.add).map_err(wrong)?);
    Ok(Some(number * factor + add))
}

/// All values within a repetition, and those of them that change in repetitions.
pub(super) fn within(
    vary: Option<&Vary>,
    number: Option<f64>,
    values: &Variables,
    varied: &Variables,
) -> (Variables, Variables) {
    let (mut values, mut varied) = (values.clone(), varied.clone());
    if let Some((vary, number)) = vary.zip(number) {
        // A whole number is written as one.
        let value = match number.fract() == 0.0 && number.abs() < 1e15 {
            true => serde_json::json!(number as i64),
            false => serde_json::json!(number),
        };
        values.0.insert(vary.name.clone(), value.clone());
        varied.0.insert(vary.name.clone(), value);
    }
    (values, varied)
}

/// The shape and the length of a schedule; an error names the key.
pub(super) fn shape(step: &Step, values: &Variables) -> Result<(Shape, Duration), (&'static str, String)> {
    let number = |key: &'static str, number: &Option<Number>| match number {
        Some(number) => values.number(number).map_err(|reason| (key, reason)),
        None => Err((key, "it is not given, and the shape takes it".to_owned())),
    };
    let count = |key: &'static str, number: &Option<Number>| match number {
        Some(number) => values.count(number).map_err(|reason| (key, reason)),
        None => Err((key, "it is not given, and the shape takes it".to_owned())),
    };
    let (shape, seconds) = match step {
        Step::Ramp(ramp) => {
            let fixed = |key: &'static str, number: &Number| values.number(number).map_err(|reason| (key, reason));
            (Shape::Ramp { from: fixed("from", &ramp.from)?, to: fixed("to", &ramp.to)? }, &ramp.seconds)
        }
        Step::Load(load) => {
            let shape = match load.shape {
                LoadShape::Constant => Shape::Constant { rate: number("rate", &load.rate)? },
                LoadShape::Poisson => Shape::Poisson { rate: number("rate", &load.rate)? },
                LoadShape::Stairs => Shape::Step {
                    from: number("from", &load.from)?,
                    to: number("to", &load.to)?,
                    steps: count("steps", &load.steps)?,
                },
                LoadShape::Spike => Shape::Spike {
                    rate: number("rate", &load.rate)?,
                    peak: number("peak", &load.peak)?,
                    share: number("share", &load.share)?,
                },
                LoadShape::Pyramid => {
                    Shape::Pyramid { rate: number("rate", &load.rate)?, peak: number("peak", &load.peak)? }
                }
                LoadShape::Bursts => {
                    let every = number("every-s", &load.every_s)?;
                    if !(0.001..=86_400.0).contains(&every) {
                        return Err(("every-s", format!("{every} is not 0.001 to 86400")));
                    }
                    Shape::Burst { size: count("size", &load.size)?, every_ms: (every * 1e3).round() as u64 }
                }
            };
            (shape, &load.seconds)
        }
        _ => return Err(("step", "it has no schedule".to_owned())),
    };
    shape.validate().map_err(|error| ("shape", error.to_string()))?;
    let length = values.seconds(seconds).map_err(|reason| ("seconds", reason))?;
    if length.is_zero() {
        return Err(("seconds", "it is nothing".to_owned()));
    }
    Ok((shape, length))
}
