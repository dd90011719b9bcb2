//! Time series of a stored run: one process of every workload and engine, with its repetitions.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::detail::{Point, Repetition, TimeSeries};
use super::gather::{Group, Places};
use super::thin::evenly;
use crate::results::row::{Invocation, Metric, Reading, Sample};
use crate::results::{Filter, Run, Store, StoreError};

/// Most points of one series that are drawn.
const MOST_POINTS: usize = 2_000;
/// The sample that marks where an invocation begins and ends.
const MARK: &str = "repetition";
/// What the `disk-io` experiment shows over time.
const DISK_IO: [&str; 2] = ["read", "written"];

/// A workload in a venue under an experiment, cold and warm together.
type Subject = (String, String, String, String, String);

fn subject(group: &Group) -> Subject {
    let Group { experiment, function, size, engine, platform, .. } = group.clone();
    (experiment, function, size, engine, platform)
}

/// The process that is drawn of each subject: its first.
#[derive(Default)]
struct Drawn {
    process: u32,
    processes: Vec<u32>,
    /// By invocation: repetition, begin and end, Unix time, ns.
    repetitions: BTreeMap<i64, (u32, i64, Option<i64>)>,
    /// Unix time and value by name and unit.
    points: BTreeMap<(String, String), Vec<(i64, f64)>>,
}

/// The series of every experiment that has some.
pub(super) async fn collect(store: &Store, run: &Run, places: &Places) -> Result<Vec<TimeSeries>, StoreError> {
    let mut subjects: BTreeMap<Subject, Drawn> = BTreeMap::new();
    let everything = Filter::default();
    store
        .for_each::<Invocation>(run.number, &everything, |stored| {
            let row = stored.row;
            // The `time` experiment reads nothing but its invocations.
            if row.experiment == "time" {
                return ControlFlow::Continue(());
            }
            let process = row.process.unwrap_or(0);
            let subject = (row.experiment, row.function, row.size, row.engine, row.platform);
            let drawn = subjects.entry(subject).or_insert_with(|| Drawn { process, ..Drawn::default() });
            if !drawn.processes.contains(&process) {
                drawn.processes.push(process);
            }
            if drawn.process == process {
                let end = row.wall_ns.and_then(|wall| row.start_unix_ns.checked_add_unsigned(wall));
                drawn.repetitions.insert(stored.id, (row.repetition, row.start_unix_ns, end));
            }
            ControlFlow::Continue(())
        })
        .await?;
    let find = |invocation: i64| {
        let (group, process) = places.of(invocation)?;
        Some((subject(&places.groups[group as usize]), process))
    };
    store
        .for_each::<Sample>(run.number, &everything, |stored| {
            let sample = stored.row;
            let Some(invocation) = sample.invocation.map(|id| id.get()) else { return ControlFlow::Continue(()) };
            let Some((subject, process)) = find(invocation) else { return ControlFlow::Continue(()) };
            let Some(drawn) = subjects.get_mut(&subject).filter(|drawn| drawn.process == process) else {
                return ControlFlow::Continue(());
            };
            if sample.series == MARK {
                if let Some((_, begin, end)) = drawn.repetitions.get_mut(&invocation) {
                    match sample.labels.get("mark").map(String::as_str) {
                        Some("begin") => *begin = sample.unix_ns,
                        Some("end") => *end = Some(sample.unix_ns),
                        _ => {}
                    }
                }
            } else if let Reading::Value(value) = sample.value {
                drawn.points.entry((sample.series, sample.unit)).or_default().push((sample.unix_ns, value));
            }
            ControlFlow::Continue(())
        })
        .await?;
    for name in DISK_IO {
        let filter =
            Filter { experiment: Some("disk-io".to_owned()), name: Some(name.to_owned()), ..Filter::default() };
        store
            .for_each::<Metric>(run.number, &filter, |stored| {
                let metric = stored.row;
                let Some(invocation) = metric.invocation.map(|id| id.get()) else { return ControlFlow::Continue(()) };
                if let (Some((subject, process)), Reading::Value(value)) = (find(invocation), metric.value)
                    && let Some(drawn) = subjects.get_mut(&subject).filter(|drawn| drawn.process == process)
                    && let Some((_, begin, _)) = drawn.repetitions.get(&invocation)
                {
                    let begin = *begin;
                    drawn.points.entry((metric.name, metric.unit)).or_default().push((begin, value));
                }
                ControlFlow::Continue(())
            })
            .await?;
    }
    Ok(subjects.into_iter().flat_map(|(subject, drawn)| series(&subject, drawn)).collect())
}

fn series(subject: &Subject, drawn: Drawn) -> Vec<TimeSeries> {
    let Drawn { processes, repetitions, points, .. } = drawn;
    let begins = repetitions.values().map(|(_, begin, _)| *begin);
    let first = begins.chain(points.values().flatten().map(|(unix_ns, _)| *unix_ns)).min().unwrap_or(0);
    let since = |unix_ns: i64| u64::try_from(unix_ns.saturating_sub(first)).unwrap_or(0);
    let repetitions: Vec<Repetition> = repetitions
        .values()
        .map(|(index, begin, end)| Repetition { index: *index, begin_ns: since(*begin), end_ns: end.map(since) })
        .collect();
    points
        .into_iter()
        .map(|((name, unit), mut points)| {
            points.sort_by_key(|(unix_ns, _)| *unix_ns);
            let points: Vec<Point> =
                points.iter().map(|(unix_ns, value)| Point { elapsed_ns: since(*unix_ns), value: *value }).collect();
            TimeSeries {
                experiment: subject.0.clone(),
                function: subject.1.clone(),
                size: subject.2.clone(),
                engine: subject.3.clone(),
                platform: subject.4.clone(),
                name,
                unit,
                process: (1, processes.len()),
                n: points.len(),
                points: evenly(&points, MOST_POINTS),
                repetitions: repetitions.clone(),
            }
        })
        .collect()
}
