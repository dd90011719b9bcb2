//! Making the figures from a stored run.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::figure::{Absence, Failure, Figure, Measure, Ratio, ReportedRun, RunReport, SCHEMA, State};
use crate::results::row::{Counter, Invocation, Metric, Note, Outcome, Reading};
use crate::results::{Filter, Run, Store, StoreError};
use crate::stats::{Bootstrap, Clusters, Confidence, clustered_median, clustered_ratio_of_medians, summarise};

/// Why there is no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The stored run could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose figure a value belongs to. The order of its fields is the order of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    experiment: String,
    function: String,
    size: String,
    state: State,
    measure: Measure,
    engine: String,
}

/// The values of one figure.
#[derive(Debug, Default)]
struct Values {
    in_order: Vec<f64>,
    by_process: BTreeMap<u32, Vec<f64>>,
    multiplexed: usize,
    absences: BTreeMap<String, usize>,
}

impl Values {
    fn add(&mut self, process: u32, value: Reading<f64>) {
        match value {
            Reading::Value(value) if value.is_finite() => {
                self.in_order.push(value);
                self.by_process.entry(process).or_default().push(value);
            }
            Reading::Value(_) => *self.absences.entry("not a finite number".to_owned()).or_default() += 1,
            Reading::Absent(reason) => *self.absences.entry(reason).or_default() += 1,
        }
    }

    fn clusters(&self) -> Option<Clusters> {
        Clusters::new(self.by_process.values().cloned().collect()).ok()
    }
}

/// What is needed of an invocation to place what belongs to it.
struct Place {
    experiment: String,
    function: String,
    size: String,
    engine: String,
    state: State,
    process: u32,
}

/// What of a metric's name tells that its invocation came after a compilation.
const COMPILE_PHASE: &str = "phase:compile";

/// The report of a stored run.
///
/// # Errors
/// When the database can't be read.
pub async fn collect(store: &Store, run: &Run) -> Result<RunReport, ReportError> {
    let everything = Filter::default();
    let compiled: BTreeSet<i64> = store
        .rows::<Metric>(run.number, &Filter { name: Some(COMPILE_PHASE.to_owned()), ..Filter::default() })
        .await?
        .into_iter()
        .filter_map(|metric| metric.row.invocation.map(|id| id.get()))
        .collect();

    let mut places: BTreeMap<i64, Place> = BTreeMap::new();
    let mut values: BTreeMap<Key, Values> = BTreeMap::new();
    let mut failures: Vec<Failure> = Vec::new();
    for stored in store.rows::<Invocation>(run.number, &everything).await? {
        let row = stored.row;
        let state = match (row.is_cold, compiled.contains(&stored.id)) {
            (false, _) => State::Warm,
            (true, false) => State::Cold,
            (true, true) => State::ColdCompiled,
        };
        if let Outcome::Error { kind, message } = &row.outcome {
            fail(&mut failures, &row, kind, message);
            continue;
        }
        let place = Place {
            experiment: row.experiment.clone(),
            function: row.function.clone(),
            size: row.size.clone(),
            engine: row.engine.clone(),
            state,
            process: row.process.unwrap_or(0),
        };
        for (name, nanoseconds) in [("wall", row.wall_ns), ("user", row.user_ns), ("system", row.system_ns)] {
            if let Some(nanoseconds) = nanoseconds {
                let measure = measure(name, "ns");
                values.entry(key(&place, measure)).or_default().add(place.process, Reading::Value(nanoseconds as f64));
            }
        }
        places.insert(stored.id, place);
    }
    for stored in store.rows::<Metric>(run.number, &everything).await? {
        let metric = stored.row;
        let Some(place) = metric.invocation.and_then(|id| places.get(&id.get())) else { continue };
        let measure = Measure {
            file: metric.labels.get("file").cloned(),
            instances: metric.labels.get("instances").and_then(|count| count.parse().ok()),
            ..measure(&metric.name, &metric.unit)
        };
        values.entry(key(place, measure)).or_default().add(place.process, metric.value);
    }
    for stored in store.rows::<Counter>(run.number, &everything).await? {
        let counter = stored.row;
        let Some(place) = places.get(&counter.invocation.get()) else { continue };
        // The kernel's two clocks are the only events that count time.
        let unit = if matches!(counter.name.as_str(), "task-clock" | "cpu-clock") { "ns" } else { "1" };
        let measure = Measure { source: Some(counter.source.clone()), ..measure(&counter.name, unit) };
        let entry = values.entry(key(place, measure)).or_default();
        entry.multiplexed += usize::from(counter.is_multiplexed);
        let scaled = counter.scaled();
        let value = match (&counter.value, scaled) {
            (Reading::Absent(reason), _) => Reading::Absent(reason.clone()),
            (Reading::Value(_), Some(value)) => Reading::Value(value),
            (Reading::Value(_), None) => Reading::Absent("the counter never ran".to_owned()),
        };
        entry.add(place.process, value);
    }
    let notes = store.rows::<Note>(run.number, &everything).await?.into_iter().map(|note| note.row.text).collect();
    let ratios = ratios(&values);
    Ok(RunReport {
        schema: SCHEMA.to_owned(),
        run: reported(run),
        figures: values.into_iter().map(|(key, values)| figure(key, &values)).collect(),
        ratios,
        failures,
        notes,
    })
}

fn reported(run: &Run) -> ReportedRun {
    ReportedRun {
        id: run.id.clone(),
        created_unix_ns: run.created_unix_ns,
        finished_unix_ns: run.finished_unix_ns,
        status: run.status,
        command: run.command.clone(),
        plan: run.plan.clone(),
        environment: run.environment.clone(),
        seed: run.seed,
        version: run.version.clone(),
    }
}

fn measure(name: &str, unit: &str) -> Measure {
    Measure { name: name.to_owned(), unit: unit.to_owned(), source: None, instances: None, file: None }
}

fn key(place: &Place, measure: Measure) -> Key {
    Key {
        experiment: place.experiment.clone(),
        function: place.function.clone(),
        size: place.size.clone(),
        state: place.state,
        measure,
        engine: place.engine.clone(),
    }
}

fn fail(failures: &mut Vec<Failure>, row: &Invocation, kind: &str, message: &str) {
    let same = |failure: &&mut Failure| {
        failure.experiment == row.experiment
            && failure.function == row.function
            && failure.size == row.size
            && failure.engine == row.engine
            && failure.kind == kind
            && failure.message == message
    };
    match failures.iter_mut().find(same) {
        Some(failure) => failure.n += 1,
        None => failures.push(Failure {
            experiment: row.experiment.clone(),
            function: row.function.clone(),
            size: row.size.clone(),
            engine: row.engine.clone(),
            kind: kind.to_owned(),
            message: message.to_owned(),
            n: 1,
        }),
    }
}

fn figure(key: Key, values: &Values) -> Figure {
    let summary = summarise(&values.in_order, Confidence::NINETY_FIVE).ok();
    let median = values.clusters().map(|clusters| clustered_median(&clusters, &Bootstrap::default()));
    let absences = values.absences.iter().map(|(reason, n)| Absence { reason: reason.clone(), n: *n }).collect();
    Figure {
        experiment: key.experiment,
        function: key.function,
        size: key.size,
        engine: key.engine,
        state: key.state,
        measure: key.measure,
        median,
        p95: summary.as_ref().and_then(|summary| summary.p95),
        p99: summary.as_ref().and_then(|summary| summary.p99),
        min: summary.as_ref().map(|summary| summary.min),
        max: summary.as_ref().map(|summary| summary.max),
        mad: summary.as_ref().map(|summary| summary.mad),
        outliers: summary.map(|summary| summary.outliers),
        multiplexed: values.multiplexed,
        absences,
    }
}

/// WASM against native for everything that both have. Files have no counterpart on the other side.
fn ratios(values: &BTreeMap<Key, Values>) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for (above_key, above) in values.iter().filter(|(key, _)| key.engine == "wasm" && key.measure.file.is_none()) {
        let below_key = Key { engine: "native".to_owned(), ..above_key.clone() };
        let Some(below) = values.get(&below_key) else { continue };
        let (Some(above), Some(below)) = (above.clusters(), below.clusters()) else { continue };
        let Some(ratio) = clustered_ratio_of_medians(&above, &below, &Bootstrap::default()) else { continue };
        ratios.push(Ratio {
            experiment: above_key.experiment.clone(),
            function: above_key.function.clone(),
            size: above_key.size.clone(),
            state: above_key.state,
            measure: above_key.measure.clone(),
            numerator: "wasm".to_owned(),
            denominator: "native".to_owned(),
            ratio,
        });
    }
    ratios
}
