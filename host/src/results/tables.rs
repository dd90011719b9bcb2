//! The columns of each table, in one order for writing and for reading.

use std::borrow::Cow;

use super::InvocationId;
use super::row::{Counter, Document, Invocation, Labels, Level, Metric, NestedRecord, Note, Outcome, Reading, Sample};
use super::table::{Moved, Table};
use super::value::{Columns, Value};

fn text(value: &str) -> Value<'_> {
    Value::Text(Some(Cow::Borrowed(value)))
}

fn optional_text(value: &Option<String>) -> Value<'_> {
    Value::Text(value.as_deref().map(Cow::Borrowed))
}

fn integer(value: impl Into<i64>) -> Value<'static> {
    Value::Integer(Some(value.into()))
}

/// Durations of over 292 years are stored as 292 years.
fn unsigned(value: Option<u64>) -> Value<'static> {
    Value::Integer(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
}

fn invocation(value: Option<InvocationId>) -> Value<'static> {
    Value::Integer(value.map(|value| value.0))
}

fn labels(value: &Labels) -> Value<'static> {
    // A map from text to text always has its JSON.
    let json = (!value.is_empty()).then(|| serde_json::to_string(value).unwrap_or_default());
    Value::Text(json.map(Cow::Owned))
}

/// Value and reason; SQLite has neither NaN nor infinities that others can read.
fn real(reading: &Reading<f64>) -> [Value<'_>; 2] {
    match reading {
        Reading::Value(value) if value.is_finite() => [Value::Real(Some(*value)), Value::Text(None)],
        Reading::Value(value) => {
            [Value::Real(None), Value::Text(Some(Cow::Owned(format!("{value} is not a finite number"))))]
        }
        Reading::Absent(reason) => [Value::Real(None), text(reason)],
    }
}

fn count(reading: &Reading<u64>) -> [Value<'_>; 2] {
    match reading {
        Reading::Value(value) => match i64::try_from(*value) {
            Ok(value) => [Value::Integer(Some(value)), Value::Text(None)],
            Err(_) => {
                [Value::Integer(None), Value::Text(Some(Cow::Owned(format!("the count {value} exceeds 63 bits"))))]
            }
        },
        Reading::Absent(reason) => [Value::Integer(None), text(reason)],
    }
}

fn read_invocation(row: &mut Columns<'_>) -> Result<Option<InvocationId>, sqlx::Error> {
    Ok(row.get::<Option<i64>>()?.map(InvocationId))
}

fn read_own_invocation(row: &mut Columns<'_>) -> Result<InvocationId, sqlx::Error> {
    Ok(InvocationId(row.get()?))
}

fn read_labels(row: &mut Columns<'_>) -> Result<Labels, sqlx::Error> {
    let json: Option<String> = row.get()?;
    json.map_or(Ok(Labels::new()), |json| serde_json::from_str(&json).map_err(|error| row.unreadable(error)))
}

/// A value and, after it, why there is none.
fn read_real(row: &mut Columns<'_>) -> Result<Reading<f64>, sqlx::Error> {
    let value = row.get()?;
    read_reason(row, value)
}

fn read_count(row: &mut Columns<'_>) -> Result<Reading<u64>, sqlx::Error> {
    let value = row.optional_whole()?;
    read_reason(row, value)
}

fn read_reason<T>(row: &mut Columns<'_>, value: Option<T>) -> Result<Reading<T>, sqlx::Error> {
    let reason: Option<String> = row.get()?;
    match (value, reason) {
        (Some(value), _) => Ok(Reading::Value(value)),
        (None, Some(reason)) => Ok(Reading::Absent(reason)),
        (None, None) => Err(row.unreadable("no value and no reason")),
    }
}

/// The columns `status`, `error_kind`, `error_message` and `result_digest`.
fn read_outcome(row: &mut Columns<'_>) -> Result<Outcome, sqlx::Error> {
    // The kind of error says all that the status does.
    let _: String = row.get()?;
    let kind: Option<String> = row.get()?;
    let message: Option<String> = row.get()?;
    let result_digest = row.get()?;
    Ok(match kind {
        None => Outcome::Ok { result_digest },
        Some(kind) => Outcome::Error { kind, message: message.unwrap_or_default() },
    })
}

fn heap(texts: &[&str]) -> usize {
    texts.iter().map(|text| text.len()).sum()
}

fn optional_heap(texts: &[&Option<String>]) -> usize {
    texts.iter().filter_map(|text| text.as_deref()).map(str::len).sum()
}

fn reading_heap<T>(reading: &Reading<T>) -> usize {
    if let Reading::Absent(reason) = reading { reason.len() } else { 0 }
}

fn labels_heap(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len() + 64).sum()
}

impl Table for Invocation {
    const NAME: &'static str = "invocations";
    const COLUMNS: &'static [&'static str] = &[
        "experiment",
        "function",
        "size",
        "engine",
        "platform",
        "deployment",
        "process",
        "round",
        "repetition",
        "is_cold",
        "intended_unix_ns",
        "start_unix_ns",
        "wall_ns",
        "user_ns",
        "system_ns",
        "time_absent_reason",
        "status",
        "error_kind",
        "error_message",
        "result_digest",
        "instance_identifier",
        "response",
    ];
    const NAMED_BY: Option<&'static str> = None;

    fn values(&self) -> Vec<Value<'_>> {
        let (status, kind, message, digest) = match &self.outcome {
            Outcome::Ok { result_digest } => ("ok", None, None, result_digest.as_deref()),
            Outcome::Error { kind, message } => ("error", Some(kind.as_str()), Some(message.as_str()), None),
        };
        vec![
            text(&self.experiment),
            text(&self.function),
            text(&self.size),
            text(&self.engine),
            text(&self.platform),
            Value::Integer(self.deployment),
            Value::Integer(self.process.map(i64::from)),
            integer(self.round),
            integer(self.repetition),
            Value::Boolean(Some(self.is_cold)),
            Value::Integer(self.intended_unix_ns),
            integer(self.start_unix_ns),
            unsigned(self.wall_ns),
            unsigned(self.user_ns),
            unsigned(self.system_ns),
            optional_text(&self.time_absent_reason),
            text(status),
            Value::Text(kind.map(Cow::Borrowed)),
            Value::Text(message.map(Cow::Borrowed)),
            Value::Text(digest.map(Cow::Borrowed)),
            optional_text(&self.instance_identifier),
            optional_text(&self.response),
        ]
    }

    fn read(row: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            experiment: row.get()?,
            function: row.get()?,
            size: row.get()?,
            engine: row.get()?,
            platform: row.get()?,
            deployment: row.get()?,
            process: row.optional_whole()?,
            round: row.whole()?,
            repetition: row.whole()?,
            is_cold: row.get()?,
            intended_unix_ns: row.get()?,
            start_unix_ns: row.get()?,
            wall_ns: row.optional_whole()?,
            user_ns: row.optional_whole()?,
            system_ns: row.optional_whole()?,
            time_absent_reason: row.get()?,
            outcome: read_outcome(row)?,
            instance_identifier: row.get()?,
            response: row.get()?,
        })
    }

    fn refer(&mut self, moved: &Moved) {
        if let Some(id) = &mut self.deployment {
            *id = moved.deployments.get(id).copied().unwrap_or(*id);
        }
    }

    fn heap_bytes(&self) -> usize {
        let outcome = match &self.outcome {
            Outcome::Ok { result_digest } => optional_heap(&[result_digest]),
            Outcome::Error { kind, message } => kind.len() + message.len(),
        };
        heap(&[&self.experiment, &self.function, &self.size, &self.engine, &self.platform])
            + optional_heap(&[&self.time_absent_reason, &self.instance_identifier, &self.response])
            + outcome
    }
}

impl Table for NestedRecord {
    const NAME: &'static str = "records";
    const COLUMNS: &'static [&'static str] = &[
        "invocation",
        "identifier",
        "function",
        "parent",
        "level",
        "is_cold",
        "execution_start_ns",
        "execution_us",
        "invocation_us",
        "error_kind",
        "record",
    ];
    const NAMED_BY: Option<&'static str> = Some("function");

    fn values(&self) -> Vec<Value<'_>> {
        vec![
            invocation(Some(self.invocation)),
            text(&self.identifier),
            text(&self.function),
            text(&self.parent),
            integer(self.level),
            Value::Boolean(self.is_cold),
            Value::Integer(self.execution_start_ns),
            unsigned(self.execution_us),
            unsigned(self.invocation_us),
            optional_text(&self.error_kind),
            text(&self.record),
        ]
    }

    fn read(row: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_own_invocation(row)?,
            identifier: row.get()?,
            function: row.get()?,
            parent: row.get()?,
            level: row.whole()?,
            is_cold: row.get()?,
            execution_start_ns: row.get()?,
            execution_us: row.optional_whole()?,
            invocation_us: row.optional_whole()?,
            error_kind: row.get()?,
            record: row.get()?,
        })
    }

    fn refer(&mut self, moved: &Moved) {
        self.invocation = moved.invocation(self.invocation);
    }

    fn heap_bytes(&self) -> usize {
        heap(&[&self.identifier, &self.function, &self.parent, &self.record]) + optional_heap(&[&self.error_kind])
    }
}

impl Table for Sample {
    const NAME: &'static str = "samples";
    const COLUMNS: &'static [&'static str] =
        &["invocation", "series", "unix_ns", "elapsed_ns", "value", "absent_reason", "unit", "labels"];
    const NAMED_BY: Option<&'static str> = Some("series");

    fn values(&self) -> Vec<Value<'_>> {
        let [value, reason] = real(&self.value);
        vec![
            invocation(self.invocation),
            text(&self.series),
            integer(self.unix_ns),
            unsigned(self.elapsed_ns),
            value,
            reason,
            text(&self.unit),
            labels(&self.labels),
        ]
    }

    fn read(row: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_invocation(row)?,
            series: row.get()?,
            unix_ns: row.get()?,
            elapsed_ns: row.optional_whole()?,
            value: read_real(row)?,
            unit: row.get()?,
            labels: read_labels(row)?,
        })
    }

    fn refer(&mut self, moved: &Moved) {
        self.invocation = self.invocation.map(|id| moved.invocation(id));
    }

    fn heap_bytes(&self) -> usize {
        heap(&[&self.series, &self.unit]) + reading_heap(&self.value) + labels_heap(&self.labels)
    }
}

impl Table for Counter {
    const NAME: &'static str = "counters";
    const COLUMNS: &'static [&'static str] = &[
        "invocation",
        "name",
        "pass",
        "value",
        "absent_reason",
        "source",
        "event_code",
        "time_enabled_ns",
        "time_running_ns",
        "is_multiplexed",
    ];
    const NAMED_BY: Option<&'static str> = Some("name");

    fn values(&self) -> Vec<Value<'_>> {
        let [value, reason] = count(&self.value);
        vec![
            invocation(Some(self.invocation)),
            text(&self.name),
            integer(self.pass),
            value,
            reason,
            text(&self.source),
            optional_text(&self.event_code),
            unsigned(self.time_enabled_ns),
            unsigned(self.time_running_ns),
            Value::Boolean(Some(self.is_multiplexed)),
        ]
    }

    fn read(row: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_own_invocation(row)?,
            name: row.get()?,
            pass: row.whole()?,
            value: read_count(row)?,
            source: row.get()?,
            event_code: row.get()?,
            time_enabled_ns: row.optional_whole()?,
            time_running_ns: row.optional_whole()?,
            is_multiplexed: row.get()?,
        })
    }

    fn refer(&mut self, moved: &Moved) {
        self.invocation = moved.invocation(self.invocation);
    }

    fn heap_bytes(&self) -> usize {
        heap(&[&self.name, &self.source]) + optional_heap(&[&self.event_code]) + reading_heap(&self.value)
    }
}

impl Table for Metric {
    const NAME: &'static str = "metrics";
    const COLUMNS: &'static [&'static str] = &["invocation", "name", "value", "absent_reason", "unit", "labels"];
    const NAMED_BY: Option<&'static str> = Some("name");

    fn values(&self) -> Vec<Value<'_>> {
        let [value, reason] = real(&self.value);
        vec![invocation(self.invocation), text(&self.name), value, reason, text(&self.unit), labels(&self.labels)]
    }

    fn read(row: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_invocation(row)?,
            name: row.get()?,
            value: read_real(row)?,
            unit: row.get()?,
            labels: read_labels(row)?,
        })
    }

    fn refer(&mut self, moved: &Moved) {
        self.invocation = self.invocation.map(|id| moved.invocation(id));
    }

    fn heap_bytes(&self) -> usize {
        heap(&[&self.name, &self.unit]) + reading_heap(&self.value) + labels_heap(&self.labels)
    }
}

impl Table for Document {
    const NAME: &'static str = "documents";
    const COLUMNS: &'static [&'static str] = &["invocation", "experiment", "kind", "name", "document"];
    const NAMED_BY: Option<&'static str> = Some("kind");

    fn values(&self) -> Vec<Value<'_>> {
        vec![
            invocation(self.invocation),
            text(&self.experiment),
            text(&self.kind),
            text(&self.name),
            text(&self.document),
        ]
    }

    fn read(row: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_invocation(row)?,
            experiment: row.get()?,
            kind: row.get()?,
            name: row.get()?,
            document: row.get()?,
        })
    }

    fn refer(&mut self, moved: &Moved) {
        self.invocation = self.invocation.map(|id| moved.invocation(id));
    }

    fn heap_bytes(&self) -> usize {
        heap(&[&self.experiment, &self.kind, &self.name, &self.document])
    }
}

impl Table for Note {
    const NAME: &'static str = "notes";
    const COLUMNS: &'static [&'static str] = &["invocation", "created_unix_ns", "level", "text"];
    const NAMED_BY: Option<&'static str> = Some("level");

    fn values(&self) -> Vec<Value<'_>> {
        vec![invocation(self.invocation), integer(self.created_unix_ns), text(level_name(self.level)), text(&self.text)]
    }

    fn read(row: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_invocation(row)?,
            created_unix_ns: row.get()?,
            level: read_level(row)?,
            text: row.get()?,
        })
    }

    fn refer(&mut self, moved: &Moved) {
        self.invocation = self.invocation.map(|id| moved.invocation(id));
    }

    fn heap_bytes(&self) -> usize {
        self.text.len()
    }
}

fn read_level(row: &mut Columns<'_>) -> Result<Level, sqlx::Error> {
    let name: String = row.get()?;
    let level = [Level::Remark, Level::Warning, Level::Error].into_iter().find(|level| level_name(*level) == name);
    level.ok_or_else(|| row.unreadable(format!("`{name}` is no level")))
}

pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Remark => "remark",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}
