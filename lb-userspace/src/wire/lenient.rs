// SPDX-License-Identifier: MIT OR Apache-2.0
//! Readers for `deserialize_with` that take what clouds and clients really send: `"10"` for 10, `"true"` for true, `null`
//! for nothing. A field that may be absent says so by `serde(default)`.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use super::Patch;

/// A field that a value may be missing from: a plain one takes its default then.
pub trait Slot<T> {
    /// The field with that value, or with the explicit absence of one.
    fn holding(value: Option<T>) -> Self;
}

impl<T: Default> Slot<T> for T {
    fn holding(value: Option<T>) -> Self {
        value.unwrap_or_default()
    }
}

impl<T> Slot<T> for Option<T> {
    fn holding(value: Option<T>) -> Self {
        value
    }
}

impl<T> Slot<T> for Patch<T> {
    fn holding(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }
}

/// An integer, or its decimal digits as a string. An empty string is none.
pub fn number<'de, D: Deserializer<'de>, S: Slot<i64>>(deserializer: D) -> Result<S, D::Error> {
    deserializer.deserialize_any(Scalar("an integer")).and_then(|scalar| match scalar {
        Some(Found::Integer(number)) => Ok(S::holding(Some(number))),
        Some(Found::Text(text)) if !text.is_empty() => match text.parse() {
            Ok(number) => Ok(S::holding(Some(number))),
            Err(_) => Err(unexpected(&Found::Text(text), "an integer")),
        },
        None | Some(Found::Text(_)) => Ok(S::holding(None)),
        Some(other) => Err(unexpected(&other, "an integer")),
    })
}

/// A boolean, or the words and numbers that stand for one.
pub fn boolean<'de, D: Deserializer<'de>, S: Slot<bool>>(deserializer: D) -> Result<S, D::Error> {
    deserializer.deserialize_any(Scalar("true or false")).and_then(|scalar| {
        let Some(found) = scalar else { return Ok(S::holding(None)) };
        let value = match &found {
            Found::Boolean(value) => Some(*value),
            Found::Integer(0) => Some(false),
            Found::Integer(1) => Some(true),
            Found::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        value.map(|value| S::holding(Some(value))).ok_or_else(|| unexpected(&found, "true or false"))
    })
}

/// A string, or a number written without quotes, as ids and sizes sometimes are.
pub fn text<'de, D: Deserializer<'de>, S: Slot<String>>(deserializer: D) -> Result<S, D::Error> {
    deserializer.deserialize_any(Scalar("a string")).and_then(|scalar| match scalar {
        None => Ok(S::holding(None)),
        Some(Found::Text(text)) => Ok(S::holding(Some(text))),
        Some(Found::Integer(number)) => Ok(S::holding(Some(number.to_string()))),
        Some(other) => Err(unexpected(&other, "a string")),
    })
}

/// Anything whose `null` is as good as its absence: lists, objects.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What an ill-typed scalar turned out to be.
#[derive(Debug, Serialize)]
enum Found {
    Boolean(bool),
    Integer(i64),
    Fraction(f64),
    Text(String),
}

fn unexpected<E: Error>(found: &Found, expected: &str) -> E {
    let found = match found {
        Found::Boolean(value) => Unexpected::Bool(*value),
        Found::Integer(number) => Unexpected::Signed(*number),
        Found::Fraction(number) => Unexpected::Float(*number),
        Found::Text(text) => Unexpected::Str(text),
    };
    E::invalid_type(found, &expected)
}

/// Reads any scalar; holds what was hoped for, for messages about lists and objects.
struct Scalar(&'static str);

impl Visitor<'_> for Scalar {
    type Value = Option<Found>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Found::Boolean(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(Found::Integer(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let number =
            i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?;
        Ok(Some(Found::Integer(number)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(Found::Fraction(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(Found::Text(value.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "number")]
        number: i64,
        #[serde(deserialize_with = "number")]
        change: Patch<i64>,
        #[serde(deserialize_with = "boolean")]
        flag: Option<bool>,
        #[serde(deserialize_with = "text")]
        text: String,
        #[serde(deserialize_with = "or_default")]
        list: Vec<String>,
    }

    fn read(json: &str) -> Result<Sample, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_meant_is_taken() {
        let expected = Sample {
            number: 10,
            change: Patch::Value(-3),
            flag: Some(true),
            text: "7".to_owned(),
            list: Vec::new(),
        };
        let quoted = r#"{"number":"10","change":"-3","flag":"True","text":7,"list":null}"#;
        assert_eq!(read(quoted), Ok(expected));
        let nothing = r#"{"number":null,"change":null,"flag":null,"text":null}"#;
        assert_eq!(read(nothing), Ok(Sample { change: Patch::Null, ..Sample::default() }));
        assert_eq!(read("{}"), Ok(Sample::default()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, expected) in [
            (r#"{"number":"ten"}"#, "invalid type: string \"ten\", expected an integer"),
            (r#"{"number":1.5}"#, "invalid type: floating point `1.5`, expected an integer"),
            (r#"{"number":[1]}"#, "invalid type: sequence, expected an integer"),
            (r#"{"number":18446744073709551615}"#, "invalid value: integer `18446744073709551615`"),
            (r#"{"flag":2}"#, "invalid type: integer `2`, expected true or false"),
            (r#"{"flag":"on"}"#, "invalid type: string \"on\", expected true or false"),
            (r#"{"text":{}}"#, "invalid type: map, expected a string"),
            (r#"{"list":"a"}"#, "invalid type: string \"a\", expected a sequence"),
        ] {
            assert!(read(json).unwrap_err().starts_with(expected), "{json}: {:?}", read(json));
        }
    }
}
