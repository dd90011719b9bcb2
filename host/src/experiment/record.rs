//! Turning what workers answer into rows.

use std::collections::BTreeMap;

use super::crew::{ColdStart, CrewError};
use super::journal::Journal;
use super::schedule::Unit;
use super::venue::Venue;
use crate::probe::counters::{CounterSeries, CounterValue, Derived, PassValues, Source, cpu_utilisation, derive};
use crate::probe::disk_io::IoCounters;
use crate::probe::memory::{MemorySample, MemorySeries};
use crate::results::row::{
    Counter, Invocation, Labels, Metric, NestedRecord, Outcome as StoredOutcome, Reading, Sample,
};
use crate::results::{InvocationId, RecordError};
use crate::worker::{Answer, CounterReadings, DiskIoReadings, Measured, MemoryReadings, Outcome, Readings};
use crate::workload::result_digest;

/// A figure's name, and how it is read from what was measured.
type Column<'a, From, To> = (&'a str, fn(&From) -> To);

/// Shortest invocation whose CPU utilisation is given, ns.
const LEAST_UTILISATION_WALL_NS: u64 = 1_000_000;

/// Where an invocation stands in its run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) unit: Unit,
    pub(super) function: &'static str,
    pub(super) size: &'a str,
    pub(super) venue: Venue,
    pub(super) process: u32,
    pub(super) repetition: u32,
}

impl Place<'_> {
    fn invocation(self, start_unix_ns: u64, outcome: StoredOutcome) -> Invocation {
        Invocation {
            experiment: self.unit.experiment.name().to_owned(),
            function: self.function.to_owned(),
            size: self.size.to_owned(),
            engine: self.venue.engine().name().to_owned(),
            platform: self.venue.platform().to_owned(),
            deployment: None,
            process: Some(self.process),
            round: self.unit.process,
            repetition: self.repetition,
            is_cold: false,
            intended_unix_ns: None,
            start_unix_ns: signed(start_unix_ns),
            wall_ns: None,
            user_ns: None,
            system_ns: None,
            time_absent_reason: None,
            outcome,
            instance_identifier: None,
            response: None,
        }
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What came of one recorded invocation.
pub(super) struct Recorded {
    /// Its id: of the first instance, where there are several.
    pub(super) id: InvocationId,
    /// The digest of its result.
    pub(super) digest: Option<String>,
    /// The class and text of its error.
    pub(super) error: Option<(String, String)>,
    /// Its wall time, when it was the `time` experiment's.
    pub(super) wall_ns: Option<u64>,
}

/// Records what one worker measured.
pub(super) fn measured(recorder: &Journal<'_>, place: Place<'_>, measured: &Measured) -> Result<Recorded, RecordError> {
    let mut first: Option<Recorded> = None;
    for answer in &measured.answers {
        let id = recorder.reserve();
        let (invocation, digest) = invocation(place, measured, answer);
        let wall_ns = invocation.wall_ns;
        recorder.record((id, invocation))?;
        let error = match &answer.outcome {
            Outcome::Response { body } => {
                nested_records(recorder, id, body)?;
                None
            }
            Outcome::Error { kind, message } => Some((kind.clone(), message.clone())),
        };
        first.get_or_insert(Recorded { id, digest, error, wall_ns });
    }
    let recorded = match first {
        Some(recorded) => recorded,
        None => {
            let error = ("internal".to_owned(), "the worker answered for no instance".to_owned());
            Recorded { id: recorder.reserve(), digest: None, error: Some(error), wall_ns: None }
        }
    };
    readings(recorder, recorded.id, measured)?;
    Ok(recorded)
}

/// Records an invocation that got no answer.
pub(super) fn failed(
    recorder: &Journal<'_>,
    place: Place<'_>,
    error: &CrewError,
    unix_ns: u64,
) -> Result<(), RecordError> {
    let outcome = StoredOutcome::Error { kind: error.kind().to_owned(), message: error.to_string() };
    let mut row = place.invocation(unix_ns, outcome);
    row.time_absent_reason = Some("there was no answer".to_owned());
    recorder.record((recorder.reserve(), row))
}

fn invocation(place: Place<'_>, measured: &Measured, answer: &Answer) -> (Invocation, Option<String>) {
    let (outcome, digest) = match &answer.outcome {
        Outcome::Response { body } => {
            let digest = result_digest(body);
            (StoredOutcome::Ok { result_digest: digest.clone() }, digest)
        }
        Outcome::Error { kind, message } => {
            (StoredOutcome::Error { kind: kind.clone(), message: message.clone() }, None)
        }
    };
    let mut row = place.invocation(measured.start_unix_ns, outcome);
    row.is_cold = answer.invocation_index == 1;
    row.instance_identifier = Some(answer.instance.clone());
    match &measured.readings {
        Readings::Time { wall_ns, user_us, system_us, .. } => {
            row.wall_ns = Some(*wall_ns);
            row.user_ns = user_us.map(|us| us * 1_000);
            row.system_ns = system_us.map(|us| us * 1_000);
        }
        _ => row.time_absent_reason = Some("only the time experiment times: other probes disturb".to_owned()),
    }
    (row, digest)
}

fn nested_records(recorder: &Journal<'_>, invocation: InvocationId, body: &str) -> Result<(), RecordError> {
    let response: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let Some(records) = response["records"].as_object().filter(|records| records.len() > 1) else {
        return Ok(());
    };
    for (identifier, record) in records {
        recorder.record(NestedRecord::of(invocation, identifier, record))?;
    }
    Ok(())
}

fn readings(recorder: &Journal<'_>, id: InvocationId, measured: &Measured) -> Result<(), RecordError> {
    match &measured.readings {
        Readings::Time { cpu_ns, unread, .. } => {
            metric(recorder, id, "cpu-time", or_absent(*cpu_ns, unread.as_ref()), "ns", &[])?;
            platform_times(recorder, id, measured)
        }
        Readings::Memory(memory) => memory_readings(recorder, id, measured, memory),
        Readings::DiskIo(disk_io) => disk_io_readings(recorder, id, disk_io),
        Readings::Counters(counters) => counter_readings(recorder, id, measured, counters),
        Readings::Simulation => Ok(()),
    }
}

pub(super) fn metric(
    recorder: &Journal<'_>,
    id: InvocationId,
    name: &str,
    value: Reading<f64>,
    unit: &str,
    labels: &[(&str, &str)],
) -> Result<(), RecordError> {
    recorder.record(Metric {
        invocation: Some(id),
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    })
}

fn or_absent(value: Option<u64>, reason: Option<&String>) -> Reading<f64> {
    match value {
        Some(value) => Reading::Value(value as f64),
        None => Reading::Absent(reason.cloned().unwrap_or_else(|| "not measured".to_owned())),
    }
}

/// Records how a platform divides the time of a call.
fn platform_times(recorder: &Journal<'_>, id: InvocationId, measured: &Measured) -> Result<(), RecordError> {
    let Some(times) = &measured.platform else { return Ok(()) };
    let silent = "the platform does not tell".to_owned();
    metric(recorder, id, "queue", or_absent(times.queue_ns, Some(&silent)), "ns", &[])?;
    metric(recorder, id, "in-instance", or_absent(times.execution_ns, Some(&silent)), "ns", &[])
}

fn memory_readings(
    recorder: &Journal<'_>,
    id: InvocationId,
    measured: &Measured,
    memory: &MemoryReadings,
) -> Result<(), RecordError> {
    let figures = [
        ("peak-rss", memory.peak_rss_bytes),
        ("rss-before", memory.rss_before_bytes),
        ("rss-after", memory.rss_after_bytes),
        ("pss-after", memory.pss_after_bytes),
        ("uss-after", memory.uss_after_bytes),
    ];
    for (name, value) in figures {
        metric(recorder, id, name, or_absent(value, memory.unread.as_ref()), "bytes", &[])?;
    }
    let linear = match memory.linear_memory_peak_bytes {
        Some(bytes) => Reading::Value(bytes as f64),
        None => Reading::Absent("native code has no linear memory".to_owned()),
    };
    metric(recorder, id, "linear-memory-peak", linear, "bytes", &[])?;
    if measured.platform.is_some() {
        let reason = memory.unread.clone().unwrap_or_else(|| "the instance has no control group of its own".to_owned());
        metric(recorder, id, "group-peak", or_absent(memory.group_peak_bytes, Some(&reason)), "bytes", &[])?;
    }
    metric(recorder, id, "minor-faults", or_absent(memory.minor_faults, memory.unread.as_ref()), "1", &[])?;
    metric(recorder, id, "major-faults", or_absent(memory.major_faults, memory.unread.as_ref()), "1", &[])?;
    for growth in &memory.growth {
        let value = Reading::Value(growth.linear_memory_bytes as f64);
        sample(recorder, id, measured, "linear-memory", growth.monotonic_ns, value, "bytes", BTreeMap::new())?;
    }
    Ok(())
}

/// Records the series that was sampled around an invocation, with a mark where the invocation began and ended.
pub(super) fn memory_series(
    recorder: &Journal<'_>,
    id: InvocationId,
    measured: &Measured,
    series: &MemorySeries,
) -> Result<(), RecordError> {
    let marks = [("begin", measured.start_monotonic_ns), ("end", measured.end_monotonic_ns)];
    for (mark, monotonic_ns) in marks {
        let labels = BTreeMap::from([("mark".to_owned(), mark.to_owned())]);
        sample(recorder, id, measured, "repetition", monotonic_ns, Reading::Value(1.0), "1", labels)?;
    }
    let absent = |name: &str| series.absent.get(name).cloned().unwrap_or_else(|| "not read".to_owned());
    let figures: [Column<'_, MemorySample, Option<u64>>; 3] =
        [("rss", |sample| sample.rss_bytes), ("pss", |sample| sample.pss_bytes), ("uss", |sample| sample.uss_bytes)];
    for taken in &series.samples {
        for (name, read) in figures {
            let value = read(taken).map_or_else(|| Reading::Absent(absent(name)), |value| Reading::Value(value as f64));
            sample(recorder, id, measured, name, taken.monotonic_ns, value, "bytes", BTreeMap::new())?;
        }
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "one for each column that differs")]
fn sample(
    recorder: &Journal<'_>,
    id: InvocationId,
    measured: &Measured,
    series: &str,
    monotonic_ns: u64,
    value: Reading<f64>,
    unit: &str,
    labels: Labels,
) -> Result<(), RecordError> {
    let since_begin = signed(monotonic_ns) - signed(measured.start_monotonic_ns);
    recorder.record(Sample {
        invocation: Some(id),
        series: series.to_owned(),
        unix_ns: signed(measured.start_unix_ns) + since_begin,
        // Samples before the invocation began have a time and no place in it.
        elapsed_ns: u64::try_from(since_begin).ok(),
        value,
        unit: unit.to_owned(),
        labels,
    })
}

fn disk_io_readings(recorder: &Journal<'_>, id: InvocationId, disk_io: &DiskIoReadings) -> Result<(), RecordError> {
    let figures: [(&str, Column<'_, IoCounters, u64>); 7] = [
        ("bytes", ("read", |io| io.rchar)),
        ("bytes", ("written", |io| io.wchar)),
        ("1", ("read-calls", |io| io.syscr)),
        ("1", ("write-calls", |io| io.syscw)),
        ("bytes", ("device-read", |io| io.read_bytes)),
        ("bytes", ("device-written", |io| io.write_bytes)),
        ("bytes", ("device-write-cancelled", |io| io.cancelled_write_bytes)),
    ];
    for (unit, (name, read)) in figures {
        let value = or_absent(disk_io.io.as_ref().map(read), disk_io.unread.as_ref());
        metric(recorder, id, name, value, unit, &[])?;
    }
    for (path, count) in disk_io.files.iter().flatten() {
        let figures = [
            ("file-opens", "1", count.opens),
            ("file-reads", "1", count.reads),
            ("file-read", "bytes", count.read_bytes),
            ("file-writes", "1", count.writes),
            ("file-written", "bytes", count.written_bytes),
        ];
        for (name, unit, value) in figures {
            metric(recorder, id, name, Reading::Value(value as f64), unit, &[("file", path)])?;
        }
    }
    if let Some(dropped) = &disk_io.page_cache {
        let value = or_absent(dropped.resident_bytes, dropped.failure.as_ref());
        metric(recorder, id, "input-resident-before", value, "bytes", &[])?;
        metric(recorder, id, "input", Reading::Value(dropped.input_bytes as f64), "bytes", &[])?;
    }
    Ok(())
}

fn counter_readings(
    recorder: &Journal<'_>,
    id: InvocationId,
    measured: &Measured,
    counters: &CounterReadings,
) -> Result<(), RecordError> {
    if let Some(values) = &counters.values {
        self::counters(recorder, id, values)?;
        let wall_ns = measured.end_monotonic_ns.saturating_sub(measured.start_monotonic_ns);
        // In less, the bracket's own microseconds make it look busier than it was.
        if let Some(utilisation) = cpu_utilisation(values, wall_ns).filter(|_| wall_ns >= LEAST_UTILISATION_WALL_NS) {
            derived_metric(recorder, id, &utilisation)?;
        }
    }
    if let Some(series) = &counters.series {
        counter_series(recorder, id, measured, series)?;
    }
    if let Some(reason) = &counters.unread {
        metric(recorder, id, "counters", Reading::Absent(reason.clone()), "1", &[])?;
    }
    Ok(())
}

/// Records the counts of one pass, and what follows from them.
pub(super) fn counters(recorder: &Journal<'_>, id: InvocationId, values: &PassValues) -> Result<(), RecordError> {
    for value in &values.values {
        recorder.record(counter(id, value))?;
    }
    for derived in derive(std::slice::from_ref(values)) {
        derived_metric(recorder, id, &derived)?;
    }
    Ok(())
}

fn counter(invocation: InvocationId, value: &CounterValue) -> Counter {
    let absent = || value.absent_reason.clone().unwrap_or_else(|| "not counted".to_owned());
    Counter {
        invocation,
        name: value.name.clone(),
        pass: value.pass,
        value: value.unscaled.map_or_else(|| Reading::Absent(absent()), Reading::Value),
        source: source_name(value.source).to_owned(),
        event_code: Some(value.code.clone()),
        time_enabled_ns: Some(value.time_enabled_ns),
        time_running_ns: Some(value.time_running_ns),
        is_multiplexed: value.multiplexed,
    }
}

/// The name that results carry.
fn source_name(source: Source) -> &'static str {
    match source {
        Source::Hardware => "hardware",
        Source::Raw => "raw",
        Source::Software => "software",
        Source::Simulated => "simulated",
    }
}

fn derived_metric(recorder: &Journal<'_>, id: InvocationId, derived: &Derived) -> Result<(), RecordError> {
    let labels = [("formula", derived.formula.as_str()), ("label", derived.label.as_str())];
    metric(recorder, id, &derived.name, Reading::Value(derived.value), "1", &labels)
}

fn counter_series(
    recorder: &Journal<'_>,
    id: InvocationId,
    measured: &Measured,
    series: &CounterSeries,
) -> Result<(), RecordError> {
    for taken in &series.samples {
        for (event, value) in series.events.iter().zip(&taken.values) {
            let value =
                value.map_or_else(|| Reading::Absent("not counted".to_owned()), |value| Reading::Value(value as f64));
            let labels = BTreeMap::from([("multiplexed".to_owned(), taken.multiplexed.to_string())]);
            sample(recorder, id, measured, event, taken.monotonic_ns, value, "1", labels)?;
        }
    }
    let losses = [
        ("samples-lost", series.lost),
        ("samples-throttled", series.throttled),
        ("samples-unreadable", series.unreadable),
    ];
    for (name, count) in losses {
        metric(recorder, id, name, Reading::Value(count as f64), "1", &[])?;
    }
    Ok(())
}

/// Records the steps of a cold start.
pub(super) fn cold_start(recorder: &Journal<'_>, id: InvocationId, cold: &ColdStart) -> Result<(), RecordError> {
    for (name, duration_ns) in &cold.phases {
        metric(recorder, id, &format!("phase:{name}"), Reading::Value(*duration_ns as f64), "ns", &[])?;
    }
    metric(recorder, id, "cold-total", or_absent(cold.total_ns, None), "ns", &[])?;
    let unbracketed = "a platform's instance has no bracket of ours in it".to_owned();
    metric(recorder, id, "empty-bracket", or_absent(cold.empty_bracket_ns, Some(&unbracketed)), "ns", &[])
}
