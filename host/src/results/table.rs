//! How rows stand in their tables: one list of columns per type, for writing and for reading.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::row::{Counter, Invocation, Labels, Level, Metric, NestedRecord, Note, Outcome, Reading, Sample};
use super::run::unreadable;
use super::{InvocationId, RunNumber};

/// A row with its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stored<T> {
    /// Unique in its table; rows of a run rise in the order in which they were recorded.
    pub id: i64,
    /// The row.
    pub row: T,
}

impl Stored<Invocation> {
    /// The invocation's id, by which counters, samples and the rest refer to it.
    pub fn invocation(&self) -> InvocationId {
        InvocationId(self.id)
    }
}

impl<T> Stored<T> {
    /// The run that recorded it.
    pub fn run(&self) -> RunNumber {
        InvocationId(self.id).run()
    }
}

/// A value of one column, for any database.
#[derive(Debug)]
pub enum Value<'a> {
    /// An integer.
    Integer(Option<i64>),
    /// A floating point number, finite.
    Real(Option<f64>),
    /// True or false.
    Boolean(Option<bool>),
    /// Text.
    Text(Option<Cow<'a, str>>),
}

/// A type whose values are rows of a table. Sealed by its column values, which only this module makes.
pub trait Table: Sized + Serialize + Send + Sync {
    /// The table.
    const NAME: &'static str;
    /// Its columns without `id`.
    const COLUMNS: &'static [&'static str];
    /// The column that [`super::Filter::name`] applies to.
    const NAMED_BY: Option<&'static str>;

    /// The values in the order of the columns.
    fn values(&self) -> Vec<Value<'_>>;

    /// Reads the columns.
    ///
    /// # Errors
    /// When a column holds what this program doesn't write.
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error>;

    /// Memory that the value holds beside itself, bytes, about.
    fn heap_bytes(&self) -> usize;
}

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

/// An integer column, narrowed to what the type holds.
fn whole<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    optional_whole(row, column)?.ok_or_else(|| unreadable(column, "no value"))
}

fn optional_whole<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error> {
    let value: Option<i64> = row.try_get(column)?;
    let narrow = |value| T::try_from(value).map_err(|_| unreadable(column, format!("{value} is out of range")));
    value.map(narrow).transpose()
}

fn read_invocation(row: &SqliteRow) -> Result<Option<InvocationId>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>("invocation")?.map(InvocationId))
}

fn read_own_invocation(row: &SqliteRow) -> Result<InvocationId, sqlx::Error> {
    Ok(InvocationId(row.try_get("invocation")?))
}

fn read_labels(row: &SqliteRow) -> Result<Labels, sqlx::Error> {
    let json: Option<String> = row.try_get("labels")?;
    json.map_or(Ok(Labels::new()), |json| serde_json::from_str(&json).map_err(|error| unreadable("labels", error)))
}

fn read_reading<T>(row: &SqliteRow, value: Option<T>) -> Result<Reading<T>, sqlx::Error> {
    Ok(match value {
        Some(value) => Reading::Value(value),
        None => Reading::Absent(row.try_get("absent_reason")?),
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
            integer(self.is_cold),
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

    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let kind: Option<String> = row.try_get("error_kind")?;
        let outcome = match kind {
            None => Outcome::Ok { result_digest: row.try_get("result_digest")? },
            Some(kind) => {
                let message: Option<String> = row.try_get("error_message")?;
                Outcome::Error { kind, message: message.unwrap_or_default() }
            }
        };
        Ok(Self {
            experiment: row.try_get("experiment")?,
            function: row.try_get("function")?,
            size: row.try_get("size")?,
            engine: row.try_get("engine")?,
            platform: row.try_get("platform")?,
            deployment: row.try_get("deployment")?,
            process: optional_whole(row, "process")?,
            round: whole(row, "round")?,
            repetition: whole(row, "repetition")?,
            is_cold: row.try_get("is_cold")?,
            intended_unix_ns: row.try_get("intended_unix_ns")?,
            start_unix_ns: row.try_get("start_unix_ns")?,
            wall_ns: optional_whole(row, "wall_ns")?,
            user_ns: optional_whole(row, "user_ns")?,
            system_ns: optional_whole(row, "system_ns")?,
            time_absent_reason: row.try_get("time_absent_reason")?,
            outcome,
            instance_identifier: row.try_get("instance_identifier")?,
            response: row.try_get("response")?,
        })
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
            Value::Integer(self.is_cold.map(i64::from)),
            Value::Integer(self.execution_start_ns),
            unsigned(self.execution_us),
            unsigned(self.invocation_us),
            optional_text(&self.error_kind),
            text(&self.record),
        ]
    }

    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_own_invocation(row)?,
            identifier: row.try_get("identifier")?,
            function: row.try_get("function")?,
            parent: row.try_get("parent")?,
            level: whole(row, "level")?,
            is_cold: row.try_get("is_cold")?,
            execution_start_ns: row.try_get("execution_start_ns")?,
            execution_us: optional_whole(row, "execution_us")?,
            invocation_us: optional_whole(row, "invocation_us")?,
            error_kind: row.try_get("error_kind")?,
            record: row.try_get("record")?,
        })
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

    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_invocation(row)?,
            series: row.try_get("series")?,
            unix_ns: row.try_get("unix_ns")?,
            elapsed_ns: optional_whole(row, "elapsed_ns")?,
            value: read_reading(row, row.try_get("value")?)?,
            unit: row.try_get("unit")?,
            labels: read_labels(row)?,
        })
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
            integer(self.is_multiplexed),
        ]
    }

    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_own_invocation(row)?,
            name: row.try_get("name")?,
            pass: whole(row, "pass")?,
            value: read_reading(row, optional_whole(row, "value")?)?,
            source: row.try_get("source")?,
            event_code: row.try_get("event_code")?,
            time_enabled_ns: optional_whole(row, "time_enabled_ns")?,
            time_running_ns: optional_whole(row, "time_running_ns")?,
            is_multiplexed: row.try_get("is_multiplexed")?,
        })
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

    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            invocation: read_invocation(row)?,
            name: row.try_get("name")?,
            value: read_reading(row, row.try_get("value")?)?,
            unit: row.try_get("unit")?,
            labels: read_labels(row)?,
        })
    }

    fn heap_bytes(&self) -> usize {
        heap(&[&self.name, &self.unit]) + reading_heap(&self.value) + labels_heap(&self.labels)
    }
}

impl Table for Note {
    const NAME: &'static str = "notes";
    const COLUMNS: &'static [&'static str] = &["invocation", "created_unix_ns", "level", "text"];
    const NAMED_BY: Option<&'static str> = Some("level");

    fn values(&self) -> Vec<Value<'_>> {
        vec![invocation(self.invocation), integer(self.created_unix_ns), text(level_name(self.level)), text(&self.text)]
    }

    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let name: String = row.try_get("level")?;
        let level = [Level::Remark, Level::Warning, Level::Error].into_iter().find(|level| level_name(*level) == name);
        Ok(Self {
            invocation: read_invocation(row)?,
            created_unix_ns: row.try_get("created_unix_ns")?,
            level: level.ok_or_else(|| unreadable("level", format!("`{name}` is no level")))?,
            text: row.try_get("text")?,
        })
    }

    fn heap_bytes(&self) -> usize {
        self.text.len()
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Remark => "remark",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}
