//! Lua values to JSON.

use super::json::Settings;
use super::{DEPTH_MAX, IS_ARRAY, behind};
use crate::base::digits::write_g;
use crate::lua::api::{placed, type_name, unplaced};
use mlua::{Lua, Result, Table, Value};

/// Encodes one value.
pub struct Encoder<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    out: Vec<u8>,
}

impl<'a> Encoder<'a> {
    /// An encoder that does what `settings` say.
    pub fn new(lua: &'a Lua, settings: &'a Settings) -> Self {
        Self { lua, settings, out: Vec::new() }
    }

    /// The JSON of `value`.
    ///
    /// # Errors
    /// When a part of it has no form.
    pub fn encode(mut self, value: &Value) -> Result<Vec<u8>> {
        let lua = self.lua;
        self.value(value, 0).map_err(|error| placed(lua, error))?;
        Ok(self.out)
    }

    fn refuse(value: &Value, why: &str) -> mlua::Error {
        unplaced(format!("Cannot serialise {}: {why}", type_name(Some(value))))
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Integer(n) => self.number(*n as f64, value)?,
            Value::Number(n) => self.number(*n, value)?,
            Value::Boolean(value) => self.out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Value::Table(table) => self.table(table, depth + 1)?,
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(pointer) if pointer.0.is_null() => self.out.extend_from_slice(b"null"),
            value => return Err(Self::refuse(value, "type not supported")),
        }
        Ok(())
    }

    fn number(&mut self, n: f64, value: &Value) -> Result<()> {
        if !n.is_finite() {
            match self.settings.encode_invalid {
                0 => return Err(Self::refuse(value, "must not be NaN or Inf")),
                2 => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                _ => {}
            }
        }
        // C writes the sign of a NaN, Redis does not.
        let n = if n.is_nan() { f64::NAN } else { n };
        write_g(n, self.settings.precision as usize, &mut self.out);
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        for byte in text {
            match byte {
                b'"' | b'\\' | b'/' => self.out.extend([b'\\', *byte]),
                0x08 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0x0C => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                0..=0x1F | 0x7F => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.out.push(*byte),
            }
        }
        self.out.push(b'"');
    }

    /// The length of a table that is an array; `None` when it is an object.
    fn array_len(&self, table: &Table) -> Result<Option<i64>> {
        if let Some(meta) = table.metatable()
            && behind(self.lua, &meta)?.unwrap_or(meta).raw_get(IS_ARRAY)?
        {
            return Ok(Some(table.raw_len() as i64));
        }
        // The highest index as a C `int` holds it: one too large for that makes an object of the table.
        let (mut max, mut items, mut array) = (0i32, 0i64, true);
        // Values are not looked at: as booleans they need not be kept.
        table.for_each(|key: Value, _: bool| {
            let n = match key {
                Value::Integer(n) => n as f64,
                Value::Number(n) => n,
                _ => f64::NAN,
            };
            if n >= 1.0 && n.floor() == n {
                if n > f64::from(max) {
                    max = if n <= f64::from(i32::MAX) { n as i32 } else { i32::MIN };
                }
                items += 1;
            } else {
                array = false;
            }
            Ok(())
        })?;
        let max = i64::from(max);
        if !array || max <= 0 {
            return Ok(None);
        }
        let Settings { sparse_convert, sparse_ratio, sparse_safe, .. } = *self.settings;
        if sparse_ratio > 0 && max > items.saturating_mul(sparse_ratio) && max > sparse_safe {
            if !sparse_convert {
                return Err(Self::refuse(&Value::Table(table.clone()), "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(Some(max))
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<()> {
        if depth as i64 > self.settings.encode_depth || depth > DEPTH_MAX {
            return Err(unplaced(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        let behind = behind(self.lua, table)?;
        let table = behind.as_ref().unwrap_or(table);
        if let Some(len) = self.array_len(table)? {
            self.out.push(b'[');
            for at in 1..=len {
                if at > 1 {
                    self.out.push(b',');
                }
                self.value(&table.raw_get(at)?, depth)?;
            }
            self.out.push(b']');
            return Ok(());
        }
        self.out.push(b'{');
        let mut first = true;
        table.for_each(|key: Value, value: Value| {
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            match &key {
                Value::String(text) => self.string(&text.as_bytes()),
                Value::Integer(_) | Value::Number(_) => {
                    self.out.push(b'"');
                    self.value(&key, depth)?;
                    self.out.push(b'"');
                }
                _ => {
                    return Err(Self::refuse(&key, "table key must be a number or string"));
                }
            }
            self.out.push(b':');
            self.value(&value, depth)
        })?;
        self.out.push(b'}');
        Ok(())
    }
}
