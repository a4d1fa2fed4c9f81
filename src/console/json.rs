//! Replies as JSON.

use crate::resp::read::Frame;
use serde_json::{Map, Number, Value, json};

/// A reply as JSON. Text is cut at `len_max` bytes, which it then says; bytes that are no UTF-8 are escaped.
pub(super) fn of(frame: &Frame, len_max: usize) -> Value {
    match frame {
        Frame::BlobString { data, .. }
        | Frame::BlobError { data, .. }
        | Frame::VerbatimString { data, .. } => text(data, len_max).into(),
        Frame::SimpleString { data, .. } => text(data, len_max).into(),
        Frame::SimpleError { data, .. } => data.to_string().into(),
        Frame::Number { data, .. } => (*data).into(),
        Frame::Double { data, .. } => Number::from_f64(*data).map_or(Value::Null, Value::Number),
        Frame::Boolean { data, .. } => (*data).into(),
        Frame::BigNumber { data, .. } => text(data, len_max).into(),
        Frame::Array { data, .. } | Frame::Push { data, .. } => {
            data.iter().map(|item| of(item, len_max)).collect()
        }
        Frame::Set { data, .. } => data.iter().map(|item| of(item, len_max)).collect(),
        Frame::Map { data, .. } => {
            let pair = |(name, value): (&Frame, &Frame)| {
                let name = of(name, len_max);
                let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
                (name, of(value, len_max))
            };
            Value::Object(data.iter().map(pair).collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}

/// What was asked for, or why there is none.
pub(super) fn told(result: Result<Frame, String>, len_max: usize) -> Value {
    match result {
        Ok(frame) => of(&frame, len_max),
        Err(why) => json!({ "refused": why }),
    }
}

/// Bytes as text to be shown.
pub(super) fn text(bytes: &[u8], len_max: usize) -> String {
    let shown = &bytes[..bytes.len().min(len_max)];
    let mut text = match std::str::from_utf8(shown) {
        Ok(text) => text.to_owned(),
        // The cut may have hit a character.
        Err(error) if error.error_len().is_none() && shown.len() < bytes.len() => {
            String::from_utf8_lossy(&shown[..error.valid_up_to()]).into_owned()
        }
        Err(_) => shown.escape_ascii().to_string(),
    };
    if shown.len() < bytes.len() {
        text.push_str(&format!("… ({} bytes)", bytes.len()));
    }
    text
}
