//! The response of the record functions, written straight to text: no tree of values is built on the way, because the
//! empty event is answered in microseconds.

use std::fmt::{Display, Write as _};

use serde_json::{Map, Value};

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
    pub(crate) request: &'a Request,
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
    fn write(&self, out: &mut String) {
        let mut object = JsonObject::open(out);
        object.text("identifier", self.identifier);
        object.text("function_name", self.function_name);
        object.text("parent", &self.request.parent);
        object.plain("level", self.request.level);
        object.text("platform", &self.instance.platform);
        object.text("engine", &self.instance.engine);
        object.text("arch", &self.instance.arch);
        object.text("instance_identifier", &self.instance.identifier);
        object.plain("invocation_index", self.instance.invocation_index);
        object.plain("is_cold", self.instance.invocation_index == 1);
        object.plain("sandbox_age_us", self.instance.age_us);
        object.plain("function_cores", self.instance.cores);
        object.optional("memory_limit_bytes", self.instance.memory_limit_bytes);
        object.optional("execution_start_ns", self.execution_start_ns);
        object.optional("execution_end_ns", self.execution_end_ns);
        object.plain("execution_us", self.execution_us);
        object.optional("process_cpu_us", self.process_cpu_us);
        // As in the original system, the work that was not asked for counts 0, and what describes it is absent.
        match &self.request.sleep {
            Some(sleep) => object.plain("sleep", &sleep.given),
            None => object.plain("sleep", "0.0"),
        }
        object.optional("throughput_time", self.request.throughput_time.as_ref().map(|time| &time.given));
        let throughput = self.throughput.as_ref();
        object.plain("throughput", throughput.map_or(0, |(done, _)| done.iterations));
        object.optional("throughput_running_us", throughput.map(|(done, _)| done.running.as_micros()));
        object.optional("throughput_cpu_us", throughput.and_then(|(_, cpu_us)| *cpu_us));
        object.optional("random_seed", throughput.map(|_| RANDOM_SEED));
        for (key, value) in &self.own_fields {
            object.plain(key, value);
        }
        object.close();
    }
}

/// The records of all descendants, in the order in which their calls were made.
#[derive(Default)]
pub(crate) struct Descendants {
    /// `"id":{...}` entries, separated by commas.
    entries: String,
}

impl Descendants {
    /// A callee's own record and those below it, as they came.
    pub(crate) fn add(&mut self, identifier: &str, record: &Map<String, Value>) {
        self.entry(identifier, |out| write_object(out, record));
    }

    fn entry(&mut self, identifier: &str, write: impl FnOnce(&mut String)) {
        if !self.entries.is_empty() {
            self.entries.push(',');
        }
        write_text(&mut self.entries, identifier);
        self.entries.push(':');
        write(&mut self.entries);
    }
}

/// The whole response: `{"identifier": ..., "records": {id: record, ...}}`.
pub(crate) fn response(root: &Record<'_>, descendants: Descendants) -> String {
    let mut out = String::with_capacity(RECORD_BYTES + descendants.entries.len());
    out.push_str("{\"identifier\":");
    write_text(&mut out, root.identifier);
    out.push_str(",\"records\":{");
    write_text(&mut out, root.identifier);
    out.push(':');
    root.write(&mut out);
    if !descendants.entries.is_empty() {
        out.push(',');
        out.push_str(&descendants.entries);
    }
    out.push_str("}}");
    out
}

/// Adds what the caller measured to the record of a function that it called directly.
pub(crate) fn add_invocation(record: &mut Map<String, Value>, outcome: Option<&Outcome>) {
    let Some(outcome) = outcome else { return };
    record.insert("invocation_start_ns".to_owned(), outcome.start_ns.into());
    record.insert("invocation_end_ns".to_owned(), outcome.end_ns.into());
    record.insert("invocation_us".to_owned(), outcome.elapsed_us.into());
}

/// The `error` of a record.
pub(crate) fn error_value(error: &Error) -> Value {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), error.kind.name().into());
    fields.insert("message".to_owned(), error.message.as_str().into());
    Value::Object(fields)
}

/// Writes one JSON object, key by key.
struct JsonObject<'a> {
    out: &'a mut String,
    separator: char,
}

impl JsonObject<'_> {
    fn open(out: &mut String) -> JsonObject<'_> {
        JsonObject { out, separator: '{' }
    }

    /// Our keys need no escape.
    fn key(&mut self, key: &str) {
        self.out.push(self.separator);
        self.separator = ',';
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        write_text(self.out, text);
    }

    /// A value whose text is JSON already: a number, a boolean, a [`Value`].
    fn plain(&mut self, key: &str, value: impl Display) {
        self.key(key);
        write_display(self.out, value);
    }

    fn optional(&mut self, key: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.plain(key, value),
            None => self.plain(key, "null"),
        }
    }

    fn close(self) {
        self.out.push('}');
    }
}

fn write_object(out: &mut String, keys: &Map<String, Value>) {
    out.push('{');
    for (index, (key, value)) in keys.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(out, key);
        out.push(':');
        write_display(out, value);
    }
    out.push('}');
}

/// A JSON string.
fn write_text(out: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        write_display(out, Value::from(text));
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

fn write_display(out: &mut String, value: impl Display) {
    // A String takes all that it is given, so there is no error to hand on.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_serde_json_writes_it() {
        for text in ["", "plain", "Größe ✓", "a \"quoted\" \\ path", "line\nbreak\u{1}"] {
            let mut out = String::new();
            write_text(&mut out, text);
            assert_eq!(out, serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn descendants_keep_their_order_and_their_text() {
        let mut descendants = Descendants::default();
        for identifier in ["b", "a \"x\""] {
            let mut record = Map::new();
            record.insert("identifier".to_owned(), identifier.into());
            descendants.add(identifier, &record);
        }
        assert_eq!(descendants.entries, r#""b":{"identifier":"b"},"a \"x\"":{"identifier":"a \"x\""}"#);
    }
}
