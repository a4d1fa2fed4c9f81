//! What an expression computes with, and how values are compared.

use super::json;
use crate::base::number;
use crate::base::text::until_nul;
use memchr::memmem;
use std::borrow::Cow;

/// A value of an expression or of the attributes.
#[derive(Clone, Debug)]
pub enum Value<'v> {
    /// `null`
    Null,
    /// A number; truth values are 1 and 0.
    Number(f64),
    /// A string.
    Text(Cow<'v, [u8]>),
    /// A list of the expression.
    List(&'v [Value<'v>]),
    /// The text of an array of the attributes, brackets included.
    Array(&'v [u8]),
}

/// A longer text is no number.
const NUMBER_LEN_MAX: usize = 255;

impl<'v> Value<'v> {
    /// A string.
    pub fn text(text: &'v [u8]) -> Self {
        Value::Text(Cow::Borrowed(text))
    }

    /// The same value, without a copy of its text.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Text(text) => Value::text(text),
            other => other.clone(),
        }
    }

    /// The number it is, or that a string spells as C's `strtod` reads it; else 0.
    pub fn number(&self) -> f64 {
        match self {
            Value::Number(n) => *n,
            Value::Text(text) if text.len() <= NUMBER_LEN_MAX => {
                number::parse_f64_loosely(until_nul(text)).unwrap_or(0.0)
            }
            _ => 0.0,
        }
    }

    /// Whether it counts as true: all but 0, the empty string and `null`.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Number(n) => *n != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(_) | Value::Array(_) => true,
        }
    }

    /// Whether it equals `other`: strings by their bytes, all else by the numbers they are; `null` only equals itself.
    pub fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Null, Value::Null) => true,
            (Value::Null, _) | (_, Value::Null) => false,
            (a, b) => a.number() == b.number(),
        }
    }

    /// Whether `whole`, a list or a string, contains it.
    pub fn is_in(&self, whole: &Value<'_>) -> bool {
        match (self, whole) {
            (_, Value::List(values)) => values.iter().any(|value| self.equals(value)),
            (_, Value::Array(text)) => json::items(text).any(|value| self.equals(&value)),
            (Value::Text(part), Value::Text(text)) => memmem::find(text, part).is_some(),
            _ => false,
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Value::Number(truth.into())
    }
}
