//! Values of a script: written out, or named.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A number, or `"$name"` of a variable that is one.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// A number.
    Fixed(f64),
    /// The variable's name.
    Variable(String),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or \"$NAME\" of a variable")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number::Fixed(number as f64))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number::Fixed(number as f64))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                if number.is_finite() {
                    return Ok(Number::Fixed(number));
                }
                Err(E::custom(format!("{number} is no number to work with")))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                match text.strip_prefix('$') {
                    Some(name) if !name.is_empty() => Ok(Number::Variable(name.to_owned())),
                    _ => Err(E::custom(format!("`{text}` is neither a number nor \"$NAME\" of a variable"))),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Number::Fixed(number) => serializer.serialize_f64(*number),
            Number::Variable(name) => serializer.serialize_str(&format!("${name}")),
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, or \"$NAME\" of a variable that is one.",
            "anyOf": [{ "type": "number" }, { "type": "string", "pattern": "^\\$.+" }],
        })
    }
}

/// What a variable can be: a number, a text, or true or false.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Scalar(pub Value);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text, true or false")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.into()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.into()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                match serde_json::Number::from_f64(number) {
                    Some(number) => Ok(Scalar(Value::Number(number))),
                    None => Err(E::custom(format!("{number} is no number to work with"))),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.into()))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, a text, true or false.",
            "type": ["number", "string", "boolean"],
        })
    }
}
