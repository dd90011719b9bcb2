//! Writing JSON straight to text. Small, because this is linked into every component: the whole of function1 is to stay
//! below 150 kB, and serde_json's serializers (compact and indented, for each kind of output) take a tenth of that.

use std::fmt::{Display, Write as _};

use serde_json::{Map, Value};

/// Writes one JSON object, key by key.
pub(crate) struct JsonObject<'a> {
    out: &'a mut String,
    separator: char,
}

impl JsonObject<'_> {
    pub(crate) fn open(out: &mut String) -> JsonObject<'_> {
        JsonObject { out, separator: '{' }
    }

    #[inline(never)]
    fn key(&mut self, key: &str) {
        self.out.push(self.separator);
        self.separator = ',';
        write_text(self.out, key);
        self.out.push(':');
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        write_text(self.out, text);
    }

    pub(crate) fn integer(&mut self, key: &str, number: u64) {
        self.key(key);
        write_display(self.out, &number);
    }

    pub(crate) fn boolean(&mut self, key: &str, truth: bool) {
        self.key(key);
        self.out.push_str(if truth { "true" } else { "false" });
    }

    /// `null` for what is absent.
    pub(crate) fn optional_integer(&mut self, key: &str, number: Option<u64>) {
        match number {
            Some(number) => self.integer(key, number),
            None => self.value(key, &Value::Null),
        }
    }

    pub(crate) fn value(&mut self, key: &str, value: &Value) {
        self.key(key);
        write_value(self.out, value);
    }

    /// Every key of `keys` except those `without`.
    pub(crate) fn all_of(&mut self, keys: &Map<String, Value>, without: &[&str]) {
        for (key, value) in keys {
            if !without.contains(&key.as_str()) {
                self.value(key, value);
            }
        }
    }

    /// An object inside this one.
    pub(crate) fn object(&mut self, key: &str, write: impl FnOnce(&mut JsonObject<'_>)) {
        self.key(key);
        let mut inner = JsonObject::open(self.out);
        write(&mut inner);
        inner.close();
    }

    /// Entries that are written already, separated by commas.
    pub(crate) fn entries(&mut self, entries: &str) {
        if !entries.is_empty() {
            self.out.push(self.separator);
            self.separator = ',';
            self.out.push_str(entries);
        }
    }

    pub(crate) fn close(self) {
        if self.separator == '{' {
            self.out.push('{');
        }
        self.out.push('}');
    }
}

/// A JSON value, compact. It recurses no deeper than serde_json's parser allows (127 levels).
pub(crate) fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => write_display(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(keys) => {
            let mut object = JsonObject::open(out);
            object.all_of(keys, &[]);
            object.close();
        }
    }
}

/// A JSON string. Only what RFC 8259 section 7 demands is escaped.
#[inline(never)]
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        for character in text.chars() {
            match character {
                '"' | '\\' => {
                    out.push('\\');
                    out.push(character);
                }
                '\0'..' ' => {
                    let hex = |digit: u32| char::from_digit(digit, 16).unwrap_or('0');
                    out.push_str("\\u00");
                    out.push(hex(u32::from(character) / 16));
                    out.push(hex(u32::from(character) % 16));
                }
                other => out.push(other),
            }
        }
    } else {
        out.push_str(text);
    }
    out.push('"');
}

#[inline(never)]
fn write_display(out: &mut String, value: &dyn Display) {
    // A String takes all that it is given, so there is no error to hand on.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let value = json!({
            "": null, "plain": true, "Größe ✓": [false, 1, -2, 0.1, 1e300, 18_446_744_073_709_551_615_u64],
            "a \"quoted\" \\ path": "line\nbreak\u{1}\u{1f}\u{7f}\t", "empty": [{}, []], "deep": {"a": {"b": [[1]]}},
        });
        let mut out = String::new();
        write_value(&mut out, &value);
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), value);
    }

    #[test]
    fn plain_values_are_written_as_serde_json_writes_them() {
        for value in [json!({"a": [1, 2.5, "x"], "b": {}}), json!([]), json!("✓"), json!(0.0), json!(1e-7)] {
            let mut out = String::new();
            write_value(&mut out, &value);
            assert_eq!(out, value.to_string());
        }
    }
}
