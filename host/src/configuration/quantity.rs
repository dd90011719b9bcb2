//! Amounts of memory and of time, as people write them.

use std::time::Duration;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// Bytes: `256MiB`, `1.5 GB`; a bare number counts MiB.
///
/// # Errors
/// What is accepted.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let accepted =
        || format!("`{text}` is no amount of memory; give a number of MiB, or one with its unit: 256MiB, 1GB");
    let text = text.trim();
    if let Ok(mebibytes) = text.parse::<u64>() {
        return mebibytes.checked_mul(1 << 20).ok_or_else(accepted);
    }
    text.parse::<ByteSize>().map(|size| size.as_u64()).map_err(|_| accepted())
}

/// A time: `30s`, `500ms`, `2m 30s`; a bare number counts seconds.
///
/// # Errors
/// What is accepted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let accepted = || format!("`{text}` is no time; give a number of seconds, or one with its unit: 500ms, 30s, 10m");
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| accepted());
    }
    humantime::parse_duration(text).map_err(|_| accepted())
}

/// An amount of memory in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Bytes(pub(super) u64);

/// A time in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Time(pub(super) Duration);

/// What both look like, for the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum NumberOrText {
    Number(f64),
    Text(String),
}

macro_rules! quantity {
    ($name:ident, $parse:ident, $expected:literal) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $parse(text).map($name).map_err(E::custom)
                    }

                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }

                    fn visit_f64<E: de::Error>(self, number: f64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = NumberOrText::json_schema(generator);
                schema.insert("description".to_owned(), $expected.into());
                schema
            }
        }
    };
}

quantity!(Bytes, parse_bytes, "a number of MiB, or text with a unit such as \"256MiB\"");
quantity!(Time, parse_duration, "a number of seconds, or text with a unit such as \"30s\"");

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn memory_is_mebibytes_or_has_its_unit() {
        for (text, bytes) in [("128", 128 << 20), ("64MiB", 64 << 20), ("1GB", 1_000_000_000), (" 2 GiB ", 2 << 30)] {
            assert_eq!(parse_bytes(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "much", "-1", "1e99", "99999999999999999999", "MiB"] {
            assert!(parse_bytes(text).is_err_and(|error| error.contains("256MiB")), "{text}");
        }
    }

    #[test]
    fn a_time_is_seconds_or_has_its_unit() {
        for (text, ms) in [("1.5", 1_500), ("0", 0), ("500ms", 500), ("2m 30s", 150_000), ("1h", 3_600_000)] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(ms), "{text}");
        }
        for text in ["", "-1", "nan", "inf", "soon", "1e300"] {
            assert!(parse_duration(text).is_err_and(|error| error.contains("30s")), "{text}");
        }
    }
}
