//! The values of a stored run, sorted into what a report has a figure for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::figure::{Failure, Measure, State, venue};
use crate::results::row::{Counter, Invocation, Metric, Note, Outcome, Reading};
use crate::results::{BriefGroup, Filter, Run, Store, StoreError};
use crate::stats::Clusters;

/// Whose figure a value belongs to. The order of its fields is the order of a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) experiment: String,
    pub(super) function: String,
    pub(super) size: String,
    pub(super) state: State,
    pub(super) measure: Measure,
    pub(super) engine: String,
    pub(super) platform: String,
}

impl Key {
    /// How a report calls the place where it was measured.
    pub(super) fn venue(&self) -> &str {
        venue(&self.engine, &self.platform)
    }
}

/// The values of one figure, in the order measured: twelve bytes each, so that a million fit anywhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) in_order: Vec<f64>,
    processes: Vec<u32>,
    pub(super) multiplexed: usize,
    pub(super) absences: BTreeMap<String, usize>,
}

impl Values {
    fn add(&mut self, process: u32, value: Reading<f64>) {
        match value {
            Reading::Value(value) if value.is_finite() => {
                self.in_order.push(value);
                self.processes.push(process);
            }
            Reading::Value(_) => *self.absences.entry("not a finite number".to_owned()).or_default() += 1,
            Reading::Absent(reason) => *self.absences.entry(reason).or_default() += 1,
        }
    }

    /// The values of each process in the order measured, by process.
    pub(super) fn by_process(&self) -> BTreeMap<u32, Vec<f64>> {
        let mut by_process: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (process, value) in self.processes.iter().zip(&self.in_order) {
            by_process.entry(*process).or_default().push(*value);
        }
        by_process
    }

    /// The values in their processes; none where nothing was read.
    pub(super) fn clusters(&self) -> Option<Clusters> {
        Clusters::new(self.by_process().into_values().collect()).ok()
    }
}

/// What one run recorded.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) values: BTreeMap<Key, Values>,
    pub(super) failures: Vec<Failure>,
    pub(super) notes: Vec<String>,
    pub(super) places: Places,
}

/// What of a metric's name tells that its invocation came after a compilation.
const COMPILE_PHASE: &str = "phase:compile";

/// Invocations of one kind: all but what was measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) experiment: String,
    pub(super) function: String,
    pub(super) size: String,
    pub(super) state: State,
    pub(super) engine: String,
    pub(super) platform: String,
}

impl Group {
    fn key(&self, measure: Measure) -> Key {
        Key {
            experiment: self.experiment.clone(),
            function: self.function.clone(),
            size: self.size.clone(),
            state: self.state,
            measure,
            engine: self.engine.clone(),
            platform: self.platform.clone(),
        }
    }
}

/// Where each successful invocation belongs, by its id.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) groups: Vec<Group>,
    numbers: BTreeMap<(u32, State), u32>,
    /// Id, group and process, in the order of the ids.
    invocations: Vec<(i64, u32, u32)>,
}

impl Places {
    /// The number of the invocations of one stored kind that were in one state.
    fn group(&mut self, stored: u32, kind: &BriefGroup, state: State) -> u32 {
        if let Some(number) = self.numbers.get(&(stored, state)) {
            return *number;
        }
        let BriefGroup { experiment, function, size, engine, platform } = kind.clone();
        let group = Group { experiment, function, size, state, engine, platform };
        let number = match self.groups.iter().position(|known| *known == group) {
            Some(position) => position as u32,
            None => {
                self.groups.push(group);
                self.groups.len() as u32 - 1
            }
        };
        self.numbers.insert((stored, state), number);
        number
    }

    /// The group and the process of an invocation; none for one that failed.
    pub(super) fn of(&self, invocation: i64) -> Option<(u32, u32)> {
        let position = self.invocations.binary_search_by_key(&invocation, |(id, ..)| *id).ok()?;
        let (_, group, process) = self.invocations[position];
        Some((group, process))
    }
}

/// Values by group and measure while they are read: one look-up by two small numbers for each.
#[derive(Default)]
struct Reader {
    measures: Vec<Measure>,
    numbers: BTreeMap<Measure, u32>,
    values: BTreeMap<(u32, u32), Values>,
}

impl Reader {
    fn measure(&mut self, measure: &Measure) -> u32 {
        if let Some(number) = self.numbers.get(measure) {
            return *number;
        }
        let number = self.measures.len() as u32;
        self.numbers.insert(measure.clone(), number);
        self.measures.push(measure.clone());
        number
    }

    fn of(&mut self, group: u32, measure: u32) -> &mut Values {
        self.values.entry((group, measure)).or_default()
    }
}

/// Reads a run, a few thousand rows at a time.
///
/// # Errors
/// When the database can't be read.
pub(super) async fn gather(store: &Store, run: &Run) -> Result<Gathered, StoreError> {
    let everything = Filter::default();
    let compilations = Filter { name: Some(COMPILE_PHASE.to_owned()), ..Filter::default() };
    let mut compiled = BTreeSet::new();
    store
        .for_each::<Metric>(run.number, &compilations, |metric| {
            compiled.extend(metric.row.invocation.map(|id| id.get()));
            ControlFlow::Continue(())
        })
        .await?;

    let mut reader = Reader::default();
    let mut places = Places::default();
    let mut failures = Vec::new();
    let [wall, user, system] = ["wall", "user", "system"].map(|name| reader.measure(&measure(name, "ns")));
    let mut has_failures = false;
    store
        .for_each_brief(run.number, &everything, |row, kind| {
            if row.is_error {
                has_failures = true;
                return ControlFlow::Continue(());
            }
            let state = match (row.is_cold, compiled.contains(&row.id.get())) {
                (false, _) => State::Warm,
                (true, false) => State::Cold,
                (true, true) => State::ColdCompiled,
            };
            let group = places.group(row.group, kind, state);
            let process = row.process.unwrap_or(0);
            for (measure, nanoseconds) in [(wall, row.wall_ns), (user, row.user_ns), (system, row.system_ns)] {
                if let Some(nanoseconds) = nanoseconds {
                    reader.of(group, measure).add(process, Reading::Value(nanoseconds as f64));
                }
            }
            places.invocations.push((row.id.get(), group, process));
            ControlFlow::Continue(())
        })
        .await?;
    if has_failures {
        failures = failed(store, run).await?;
    }
    store
        .for_each::<Metric>(run.number, &everything, |stored| {
            let metric = stored.row;
            if let Some((group, process)) = metric.invocation.and_then(|id| places.of(id.get())) {
                let measure = reader.measure(&Measure {
                    file: metric.labels.get("file").cloned(),
                    instances: metric.labels.get("instances").and_then(|count| count.parse().ok()),
                    ..measure(&metric.name, &metric.unit)
                });
                reader.of(group, measure).add(process, metric.value);
            }
            ControlFlow::Continue(())
        })
        .await?;
    store
        .for_each::<Counter>(run.number, &everything, |stored| {
            let counter = stored.row;
            if let Some((group, process)) = places.of(counter.invocation.get()) {
                // The kernel's two clocks are the only events that count time.
                let unit = if matches!(counter.name.as_str(), "task-clock" | "cpu-clock") { "ns" } else { "1" };
                let measure =
                    reader.measure(&Measure { source: Some(counter.source.clone()), ..measure(&counter.name, unit) });
                let values = reader.of(group, measure);
                values.multiplexed += usize::from(counter.is_multiplexed);
                let scaled = counter.scaled();
                values.add(
                    process,
                    match (counter.value, scaled) {
                        (Reading::Absent(reason), _) => Reading::Absent(reason),
                        (Reading::Value(_), Some(value)) => Reading::Value(value),
                        (Reading::Value(_), None) => Reading::Absent("the counter never ran".to_owned()),
                    },
                );
            }
            ControlFlow::Continue(())
        })
        .await?;
    let mut notes = Vec::new();
    store
        .for_each::<Note>(run.number, &everything, |note| {
            notes.push(note.row.text);
            ControlFlow::Continue(())
        })
        .await?;
    let Reader { measures, values, .. } = reader;
    let values = values
        .into_iter()
        .map(|((group, measure), values)| {
            (places.groups[group as usize].key(measures[measure as usize].clone()), values)
        })
        .collect();
    Ok(Gathered { values, failures, notes, places })
}

fn measure(name: &str, unit: &str) -> Measure {
    Measure { name: name.to_owned(), unit: unit.to_owned(), source: None, instances: None, file: None }
}

/// The failures of a run, alike ones together.
async fn failed(store: &Store, run: &Run) -> Result<Vec<Failure>, StoreError> {
    let mut failures = Vec::new();
    store
        .for_each::<Invocation>(run.number, &Filter::default(), |stored| {
            if let Outcome::Error { kind, message } = &stored.row.outcome {
                fail(&mut failures, &stored.row, kind, message);
            }
            ControlFlow::Continue(())
        })
        .await?;
    Ok(failures)
}

fn fail(failures: &mut Vec<Failure>, row: &Invocation, kind: &str, message: &str) {
    let same = |failure: &&mut Failure| {
        failure.experiment == row.experiment
            && failure.function == row.function
            && failure.size == row.size
            && failure.engine == row.engine
            && failure.platform == row.platform
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
            platform: row.platform.clone(),
            kind: kind.to_owned(),
            message: message.to_owned(),
            n: 1,
        }),
    }
}
