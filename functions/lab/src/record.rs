//! The response of the record functions, written straight to text: no tree of values is built on the way, because the
//! empty event is answered in microseconds.

use std::time::Duration;

use serde_json::Value;

use crate::json::{JsonObject, write_text};
use crate::request::Request;
use crate::throughput::{RANDOM_SEED, Throughput};
use crate::{Error, Instance, Outcome};

/// Fields that one function adds to its own record.
pub type OwnFields = Vec<(&'static str, Value)>;

/// Room for one record of the usual size, bytes.
const RECORD_BYTES: usize = 1400;

/// What an invocation has to say of itself.
pub(crate) struct Record<'a> {
    pub(crate) identifier: &'a str,
    pub(crate) function_name: &'a str,
    pub(crate) request: &'a Request<'a>,
    pub(crate) instance: &'a Instance,
    /// Unix time, ns; `None` where the clock stands before 1970.
    pub(crate) execution_start_ns: Option<u64>,
    pub(crate) execution_end_ns: Option<u64>,
    pub(crate) execution_us: u64,
    pub(crate) process_cpu_us: Option<u64>,
    /// The loop's count and its processor time, us.
    pub(crate) throughput: Option<(Throughput, Option<u64>)>,
    pub(crate) own_fields: OwnFields,
}

impl Record<'_> {
    fn write(&self, object: &mut JsonObject<'_>) {
        object.text("identifier", self.identifier);
        object.text("function_name", self.function_name);
        object.text("parent", self.request.parent);
        object.integer("level", self.request.level);
        object.text("platform", &self.instance.platform);
        object.text("engine", &self.instance.engine);
        object.text("arch", &self.instance.arch);
        object.text("instance_identifier", &self.instance.identifier);
        object.integer("invocation_index", self.instance.invocation_index);
        object.boolean("is_cold", self.instance.invocation_index == 1);
        object.integer("sandbox_age_us", self.instance.age_us);
        object.integer("function_cores", self.instance.cores.into());
        object.optional_integer("memory_limit_bytes", self.instance.memory_limit_bytes);
        object.optional_integer("execution_start_ns", self.execution_start_ns);
        object.optional_integer("execution_end_ns", self.execution_end_ns);
        object.integer("execution_us", self.execution_us);
        object.optional_integer("process_cpu_us", self.process_cpu_us);
        // As in the original system, work that was not asked for counts 0, and what describes it is absent.
        object.value("sleep", self.request.sleep.map_or(&Value::from(0.0), |sleep| sleep.given));
        object.value("throughput_time", self.request.throughput_time.map_or(&Value::Null, |time| time.given));
        let (done, cpu_us) = self.throughput.unzip();
        object.integer("throughput", done.map_or(0, |done| done.iterations));
        object.optional_integer("throughput_running_us", done.map(|done| microseconds(done.running)));
        object.optional_integer("throughput_cpu_us", cpu_us.flatten());
        object.optional_integer("random_seed", done.map(|_| RANDOM_SEED));
        for (key, value) in &self.own_fields {
            object.value(key, value);
        }
    }
}

/// The records of all descendants, in the order in which their calls were made.
#[derive(Default)]
pub(crate) struct Descendants {
    /// `"id":{...}` entries, separated by commas.
    entries: String,
}

impl Descendants {
    /// Adds the record of `identifier`, which `write` fills.
    pub(crate) fn add(&mut self, identifier: &str, write: &dyn Fn(&mut JsonObject<'_>)) {
        if !self.entries.is_empty() {
            self.entries.push(',');
        }
        write_text(&mut self.entries, identifier);
        self.entries.push(':');
        let mut record = JsonObject::open(&mut self.entries);
        write(&mut record);
        record.close();
    }
}

/// The whole response: `{"identifier": ..., "records": {id: record, ...}}`.
pub(crate) fn response(root: &Record<'_>, descendants: Descendants) -> String {
    let mut out = String::with_capacity(RECORD_BYTES + descendants.entries.len());
    let mut whole = JsonObject::open(&mut out);
    whole.text("identifier", root.identifier);
    whole.object("records", |records| {
        records.object(root.identifier, |record| root.write(record));
        records.entries(&descendants.entries);
    });
    whole.close();
    out
}

/// The keys that the caller adds to the record of a function that it called directly.
pub(crate) const INVOCATION_KEYS: [&str; 3] = ["invocation_start_ns", "invocation_end_ns", "invocation_us"];

/// Adds what the caller measured to the record of a function that it called directly.
pub(crate) fn write_invocation(record: &mut JsonObject<'_>, outcome: Option<&Outcome>) {
    if let Some(outcome) = outcome {
        let readings = [outcome.start_ns, outcome.end_ns, outcome.elapsed_us];
        for (key, reading) in INVOCATION_KEYS.into_iter().zip(readings) {
            record.integer(key, reading);
        }
    }
}

/// Adds the `error` of a call that failed.
pub(crate) fn write_error(record: &mut JsonObject<'_>, error: &Error) {
    record.object("error", |object| {
        object.text("type", error.kind.name());
        object.text("message", &error.message);
    });
}

/// Whole microseconds; they are 64 bits for the next 500,000 years.
pub(crate) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_keep_their_order() {
        let mut descendants = Descendants::default();
        for identifier in ["b", "a \"x\""] {
            descendants.add(identifier, &|record| record.text("identifier", identifier));
        }
        assert_eq!(descendants.entries, r#""b":{"identifier":"b"},"a \"x\"":{"identifier":"a \"x\""}"#);
    }
}
