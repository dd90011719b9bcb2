//! Writing JSON straight to text. Small, because this is linked into every component: the whole of function1 is to stay
//! below 150 kB, and serde_json's serializers take a tenth of that, and so do its tables for printing fractions.

use std::fmt::{Display, Write as _};

use serde_json::{Map, Number, Value};

/// Writes one JSON object, key by key. Its methods are kept from being inlined into the thirty places that call them.
pub(crate) struct JsonObject<'a> {
    out: &'a mut String,
    separator: &'static str,
}

impl JsonObject<'_> {
    pub(crate) fn open(out: &mut String) -> JsonObject<'_> {
        JsonObject { out, separator: "{" }
    }

    #[inline(never)]
    fn key(&mut self, key: &str) {
        self.out.push_str(self.separator);
        self.separator = ",";
        write_text(self.out, key);
        self.out.push(':');
    }

    #[inline(never)]
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        write_text(self.out, text);
    }

    #[inline(never)]
    pub(crate) fn integer(&mut self, key: &str, number: u64) {
        self.key(key);
        write_integer(self.out, &number);
    }

    #[inline(never)]
    pub(crate) fn boolean(&mut self, key: &str, truth: bool) {
        self.key(key);
        self.out.push_str(if truth { "true" } else { "false" });
    }

    /// `null` for what is absent.
    #[inline(never)]
    pub(crate) fn optional_integer(&mut self, key: &str, number: Option<u64>) {
        match number {
            Some(number) => self.integer(key, number),
            None => self.value(key, &Value::Null),
        }
    }

    #[inline(never)]
    pub(crate) fn value(&mut self, key: &str, value: &Value) {
        self.key(key);
        write_value(self.out, value);
    }

    /// Every key of `keys` except those `without`.
    #[inline(never)]
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
            self.out.push_str(self.separator);
            self.separator = ",";
            self.out.push_str(entries);
        }
    }

    pub(crate) fn close(self) {
        if self.separator == "{" {
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
        Value::Number(number) => write_number(out, number),
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

/// A JSON number. Fractions are printed by `ryu` with its small tables: those of serde_json's printer take 16 kB, and the
/// standard library's printer is larger still. The digits are the same, the shortest that read back.
fn write_number(out: &mut String, number: &Number) {
    match number.as_f64() {
        Some(fraction) if number.is_f64() => out.push_str(ryu::Buffer::new().format_finite(fraction)),
        _ => match number.as_u64() {
            Some(natural) => write_integer(out, &natural),
            None => write_integer(out, &number.as_i64().unwrap_or_default()),
        },
    }
}

/// A JSON string. Only what RFC 8259 section 7 demands is escaped.
#[inline(never)]
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        // What is escaped is ASCII, so the text is cut between characters.
        out.push_str(text.get(plain..index).unwrap_or_default());
        const HEX: [&str; 16] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];
        out.push_str(match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            _ if byte < 16 => "\\u000",
            _ => "\\u001",
        });
        if byte < b' ' {
            out.push_str(HEX[usize::from(byte % 16)]);
        }
        plain = index + 1;
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

#[inline(never)]
fn write_integer(out: &mut String, value: &dyn Display) {
    // A String takes all that it is given, so there is no error to hand on.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn text_of(value: &Value) -> String {
        let mut out = String::new();
        write_value(&mut out, value);
        out
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let value = json!({
            "": null, "plain": true, "Größe ✓": [false, 1, -2, 0.1, 1e300, 18_446_744_073_709_551_615_u64],
            "a \"quoted\" \\ path": "line\nbreak\u{1}\u{1f}\u{7f}\t", "empty": [{}, []], "deep": {"a": {"b": [[1]]}},
        });
        assert_eq!(serde_json::from_str::<Value>(&text_of(&value)).unwrap(), value);
    }

    #[test]
    fn every_number_reads_back_the_same() {
        let mut bits = 1_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            for value in [json!(bits), json!(bits as i64)] {
                assert_eq!(text_of(&value), value.to_string());
            }
            for value in [f64::from_bits(bits), bits as u16 as f64 / 1e3].into_iter().filter(|value| value.is_finite())
            {
                // By the standard library, because serde_json's own reading is off by one digit now and then.
                assert_eq!(text_of(&json!(value)).parse::<f64>().unwrap(), value);
            }
        }
    }

    #[test]
    fn plain_values_are_written_as_serde_json_writes_them() {
        for value in [json!({"a": [1, 2.5, "x"], "b": {}}), json!([]), json!("✓"), json!(0.0), json!(0.25), json!(-3)]
        {
            assert_eq!(text_of(&value), value.to_string());
        }
    }
}
