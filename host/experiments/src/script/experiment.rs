//! A script as an experiment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Capabilities, ColdStart, DeploymentSpec};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::bounds::{MOST_COMBINATIONS, MOST_ROUNDS};
use super::check::check;
use super::estimate::taken;
use super::finding::finding;
use super::format::{DeploymentRule, Most, ScriptFile};
use super::play::{Play, Saved};
use super::rows::Measured;
use super::step::Step;
use super::value::Scalar;
use super::variables::{Variables, combinations, name};
use crate::experiments::deploying_s;
use crate::{
    Bench, Estimate, Experiment, ExperimentError, Finding, Outcome, PlannedTarget, Request, RequestError, Subject,
    Unit, settings,
};

/// An experiment of the user's own: read from a file, and carried out like a built-in one.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    file: ScriptFile,
    /// With what there is where the file has none.
    deployments: Vec<DeploymentRule>,
}

impl Script {
    /// Of a file that was checked.
    pub(super) fn new(file: ScriptFile) -> Script {
        let deployments =
            if file.deployments.is_empty() { vec![DeploymentRule::of_the_run()] } else { file.deployments.clone() };
        Script { file, deployments }
    }

    /// What its file says.
    pub fn file(&self) -> &ScriptFile {
        &self.file
    }

    /// Whether it looks at the functions that a run names; otherwise it names all of its own.
    pub fn takes_functions(&self) -> bool {
        self.deployments.iter().any(|rule| rule.function.is_none())
    }

    /// The script with what the request sets of its variables, and its rounds.
    fn with_settings(&self, request: &Request) -> Result<(ScriptFile, u32), RequestError> {
        let Value::Object(defaults) = self.defaults(request.quick) else { return Ok((self.file.clone(), 1)) };
        let mut set: Map<String, Value> = settings(&self.file.name, &defaults, request)?;
        let wrong =
            |reason: String| RequestError(format!("the settings of {} can't be used: {reason}", self.file.name));
        let rounds = set.remove("rounds").unwrap_or_default();
        let rounds = rounds.as_u64().and_then(|rounds| u32::try_from(rounds).ok()).unwrap_or(0);
        if !(1..=MOST_ROUNDS).contains(&rounds) {
            return Err(wrong(format!("rounds is not 1 to {MOST_ROUNDS}")));
        }
        let mut file = self.file.clone();
        for (name, values) in set {
            let values = match values {
                Value::Array(values) => values,
                one => vec![one],
            };
            let scalars = values.into_iter().map(|value| match value {
                Value::Number(_) | Value::String(_) | Value::Bool(_) => Ok(Scalar(value)),
                other => Err(wrong(format!("{name} has a value {other}, which is no number, text, true or false"))),
            });
            let scalars = scalars.collect::<Result<_, _>>()?;
            file.variables.insert(name, scalars);
        }
        file.most = self.most(request.quick);
        file.quick = None;
        // Values that the user gives may be such that a step can't be carried out.
        check(&file).map_err(|(place, reason)| wrong(format!("`{place}`: {reason}")))?;
        Ok((file, rounds))
    }

    /// What a unit may take at most.
    fn most(&self, quick: bool) -> Most {
        let changed = self.file.quick.as_ref().filter(|_| quick);
        changed.and_then(|quick| quick.most).unwrap_or(self.file.most)
    }

    /// Function, size and event of each unit's workload.
    fn workloads(&self, request: &Request) -> Result<Vec<Subject>, RequestError> {
        if self.takes_functions() {
            if request.subjects.is_empty() {
                return Err(RequestError(format!("{} needs a function: name one or more", self.file.name)));
            }
            return Ok(request.subjects.clone());
        }
        let function = self.deployments.iter().find_map(|rule| rule.function.clone()).unwrap_or_default();
        let known = request.subjects.iter().find(|subject| subject.function == function);
        Ok(vec![known.cloned().unwrap_or(Subject {
            function,
            size: "script".to_owned(),
            event: Bytes::from_static(b"{}"),
            calls: Vec::new(),
        })])
    }

    fn estimate(&self, file: &ScriptFile, values: &Variables, target: &PlannedTarget) -> Estimate {
        let taken = taken(file, values);
        let deployments = self.deployments.len() as f64;
        let gigabytes = self.deployments.first().and_then(|rule| rule.memory_mib.as_ref());
        let gigabytes = gigabytes.and_then(|mib| values.number(mib).ok()).map_or(0.25, |mib| mib * 1_048_576.0 / 1e9);
        Estimate {
            seconds: taken.seconds + deployments * deploying_s(target),
            invocations: taken.calls as u64,
            gigabyte_seconds: taken.calls * 0.1 * gigabytes,
        }
    }
}

#[async_trait]
impl Experiment for Script {
    fn name(&self) -> &str {
        &self.file.name
    }

    fn question(&self) -> &str {
        &self.file.question
    }

    fn missing(&self, capabilities: &Capabilities) -> Option<&'static str> {
        missing(&self.file.steps, capabilities).or_else(|| {
            let has = |read: &dyn Fn(&DeploymentRule) -> bool| self.deployments.iter().any(read);
            let needs = [
                (has(&|rule| rule.memory_mib.is_some()) && !capabilities.memory_limit, "limit memory"),
                (has(&|rule| rule.cpus.is_some()) && !capabilities.cpu_limit, "limit processors"),
                (
                    has(&|rule| rule.concurrency.is_some()) && !capabilities.concurrency,
                    "serve several calls at once in one instance",
                ),
                (
                    has(&|rule| rule.keep_alive_s.is_some()) && !capabilities.keep_alive,
                    "set how long idle instances are kept",
                ),
                (
                    has(&|rule| rule.minimum_instances.is_some() || rule.maximum_instances.is_some())
                        && !capabilities.scale,
                    "set the number of instances",
                ),
            ];
            needs.into_iter().find_map(|(lacks, what)| lacks.then_some(what))
        })
    }

    fn functions(&self, request: &Request) -> BTreeSet<String> {
        let mut functions = BTreeSet::new();
        if self.takes_functions() {
            for subject in &request.subjects {
                functions.insert(subject.function.clone());
                functions.extend(subject.calls.iter().cloned());
            }
        }
        functions.extend(self.deployments.iter().filter_map(|rule| rule.function.clone()));
        let Ok((file, _)) = self.with_settings(request) else { return functions };
        for values in combinations(&file.variables) {
            functions.extend(self.deployments.iter().filter_map(|rule| Some(values.text(rule.image.as_ref()?))));
        }
        functions
    }

    fn defaults(&self, quick: bool) -> Value {
        let changed = self.file.quick.as_ref().filter(|_| quick);
        let rounds = changed.and_then(|quick| quick.rounds).or(self.file.rounds).unwrap_or(1);
        let mut all: BTreeMap<&String, &Vec<Scalar>> = self.file.variables.iter().collect();
        all.extend(changed.into_iter().flat_map(|quick| &quick.variables));
        let mut defaults = Map::from_iter([("rounds".to_owned(), Value::from(rounds))]);
        for (name, values) in all {
            defaults.insert(name.clone(), values.iter().map(|value| value.0.clone()).collect());
        }
        Value::Object(defaults)
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let (file, rounds) = self.with_settings(request)?;
        let combinations = combinations(&file.variables);
        if combinations.len() > MOST_COMBINATIONS {
            return Err(RequestError(format!(
                "{} would have {} combinations of values",
                self.file.name,
                combinations.len()
            )));
        }
        let mut units = Vec::new();
        for round in 0..rounds {
            for target in &request.targets {
                for subject in self.workloads(request)? {
                    for values in &combinations {
                        units.push(Unit {
                            experiment: self.file.name.clone(),
                            target: target.target.clone(),
                            function: subject.function.clone(),
                            size: subject.size.clone(),
                            variant: name(values),
                            round,
                            parameters: serde_json::json!({ "variables": values.0 }),
                            estimate: self.estimate(&file, values, target),
                        });
                    }
                }
            }
        }
        Ok(units)
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<Value, ExperimentError> {
        let variables = unit.parameters.get("variables").cloned().unwrap_or_default();
        let values = serde_json::from_value(variables)
            .map_err(|error| ExperimentError::NoAnswer(format!("the plan of {} can't be read: {error}", unit.key())))?;
        let values = Variables(values);
        let mut play = self.prepare(unit, bench, &values).await?;
        play.begin = Instant::now();
        if let Err(error) = play.steps(&self.file.steps, &values, &Variables::default()).await {
            play.save()?;
            return Err(error);
        }
        serde_json::to_value(play.measured).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(&self.file, outcomes)
    }
}

impl Script {
    /// Deploys what the script names.
    async fn prepare<'a>(
        &'a self,
        unit: &Unit,
        bench: &'a Bench<'a>,
        values: &Variables,
    ) -> Result<Play<'a>, ExperimentError> {
        let known = bench.subject().ok();
        if self.takes_functions()
            && let Some(subject) = known
        {
            // Those that the script deploys to be called itself are its own matter.
            let own: Vec<&String> =
                self.deployments.iter().filter(|rule| rule.called).filter_map(|rule| rule.function.as_ref()).collect();
            let others: Vec<String> = subject.calls.iter().filter(|name| !own.contains(name)).cloned().collect();
            bench.deploy_called(&others, |_| {}).await?;
        }
        let mut play = Play {
            file: &self.file,
            most: self.most(bench.request.quick),
            bench,
            deployments: BTreeMap::new(),
            first: self.deployments.first().map(|rule| rule.name.clone()).unwrap_or_default(),
            events: BTreeMap::new(),
            measured: Measured { variables: values.0.clone(), ..Measured::default() },
            repetitions: BTreeMap::new(),
            begin: Instant::now(),
            saved: Saved { rows: 0, ends: 0, dropped: 0, at: Instant::now() },
        };
        for rule in &self.deployments {
            let function = rule.function.as_ref().unwrap_or(&unit.function);
            let image = match &rule.image {
                Some(image) => {
                    let image = values.text(image);
                    let found = bench.site.images.get(&image).cloned();
                    Some(found.ok_or_else(|| {
                        ExperimentError::NoAnswer(format!("there is no image `{image}` for {}", bench.site.target))
                    })?)
                }
                None => None,
            };
            let mut refused = None;
            let deployment = bench
                .deploy(function, |spec| {
                    if let Some(image) = image {
                        spec.image = image;
                    }
                    refused = configure(rule, values, spec).err();
                })
                .await?;
            if let Some(reason) = refused {
                return Err(ExperimentError::NoAnswer(format!("the deployment `{}`: {reason}", rule.name)));
            }
            let workload = bench.request.subjects.iter().find(|subject| subject.function == *function);
            let workload = known.filter(|subject| subject.function == *function).or(workload);
            if let Some(subject) = workload {
                play.events.insert(rule.name.clone(), subject.event.clone());
            }
            play.deployments.insert(rule.name.clone(), deployment);
        }
        Ok(play)
    }
}

/// Changes a specification to what the rule says.
fn configure(rule: &DeploymentRule, values: &Variables, spec: &mut DeploymentSpec) -> Result<(), String> {
    let number =
        |number: &Option<super::value::Number>| number.as_ref().map(|number| values.number(number)).transpose();
    let count = |number: &Option<super::value::Number>| number.as_ref().map(|number| values.count(number)).transpose();
    let time = |number: &Option<super::value::Number>| -> Result<Option<Duration>, String> {
        number.as_ref().map(|number| values.seconds(number)).transpose()
    };
    // Where the rule says nothing, not the target's either: instances that are kept ready would be nobody's cold start.
    spec.scale.minimum_instances = count(&rule.minimum_instances)?;
    spec.scale.maximum_instances = count(&rule.maximum_instances)?.or(spec.scale.maximum_instances);
    spec.scale.concurrency = count(&rule.concurrency)?.or(spec.scale.concurrency);
    spec.scale.keep_alive = time(&rule.keep_alive_s)?.or(spec.scale.keep_alive);
    spec.scale.queue = count(&rule.queue)?.or(spec.scale.queue);
    spec.limits.memory_bytes =
        number(&rule.memory_mib)?.map(|mib| (mib * 1_048_576.0) as u64).or(spec.limits.memory_bytes);
    spec.limits.cpus = number(&rule.cpus)?.or(spec.limits.cpus);
    spec.limits.time = time(&rule.time_s)?.or(spec.limits.time);
    for (name, value) in &rule.environment {
        spec.environment.insert(name.clone(), values.text(value));
    }
    if rule.called {
        spec.name.clone_from(&spec.function);
    }
    Ok(())
}

/// What steps need and a platform lacks.
fn missing(steps: &[Step], capabilities: &Capabilities) -> Option<&'static str> {
    steps.iter().find_map(|step| match step {
        Step::ForceCold(_) if capabilities.cold_start == ColdStart::ByWaiting => Some("force a cold start"),
        Step::Scale(_) if !capabilities.scale => Some("change the number of instances"),
        other => missing(other.inner(), capabilities),
    })
}
