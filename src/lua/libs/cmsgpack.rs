//! `cmsgpack`: MessagePack. Whole numbers become integers of the least size, others floats where these are exact;
//! tables whose keys are 1 to n become arrays; what has no form becomes nil, tables 16 deep too.

use super::{DEPTH_MAX, behind, integer, lifted, text};
use crate::lua::api::{bad_argument, mistake, unplaced};
use crate::lua::interp::State;
use mlua::{IntoLua, Lua, MultiValue, Result, Table, Value};
use std::rc::Rc;

/// How deep tables are packed.
const NESTED_MAX: usize = 16;
/// Values that one call may give.
const VALUES_MAX: usize = 7000;

/// The library.
pub fn library(lua: &Lua, state: &Rc<State>) -> Result<Table> {
    let library = lua.create_table()?;
    library.set("_NAME", "cmsgpack")?;
    library.set("_VERSION", "lua-cmsgpack 0.4.0")?;
    library.set("_COPYRIGHT", "Synap")?;
    library.set("_DESCRIPTION", "MessagePack for Lua")?;
    library.set("pack", lua.create_function(pack)?)?;
    let add = |name: &str, part: fn(&Lua, &MultiValue) -> Result<Part>| {
        let state = state.clone();
        let f = move |lua: &Lua, args: MultiValue| {
            let part = part(lua, &args)?;
            unpack(lua, &state, &args, part)
        };
        library.set(name, lua.create_function(f)?)
    };
    add("unpack", |_, _| Ok(Part { limit: None, from: 0 }))?;
    add("unpack_one", |lua, args| Ok(Part { limit: Some(1), from: integer(lua, args, 2, Some(0))? }))?;
    add("unpack_limit", |lua, args| {
        let limit = integer(lua, args, 2, None)?;
        Ok(Part { limit: Some(limit), from: integer(lua, args, 3, Some(0))? })
    })?;
    Ok(library)
}

/// What is unpacked of a text.
struct Part {
    /// How many values at most.
    limit: Option<i64>,
    /// From which byte on.
    from: i64,
}

fn pack(lua: &Lua, args: MultiValue) -> Result<Value> {
    if args.is_empty() {
        return Err(bad_argument(lua, 0, "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for value in &args {
        encode(lua, value, 0, &mut out)?;
    }
    lua.create_string(out).map(Value::String)
}

/// Writes the head of something of `len` parts: in the code itself if `len` is at most `short`, or else behind
/// one of the codes for lengths of 8, 16 and 32 bits.
fn head(len: usize, short: (usize, u8), codes: [Option<u8>; 3], out: &mut Vec<u8>) {
    match (len, codes) {
        (len, _) if len <= short.0 => out.push(short.1 | len as u8),
        (len, [Some(code), ..]) if len <= 0xFF => out.extend([code, len as u8]),
        (len, [_, Some(code), _]) if len <= 0xFFFF => {
            out.push(code);
            out.extend((len as u16).to_be_bytes());
        }
        (len, codes) => {
            out.extend(codes[2]);
            out.extend((len as u32).to_be_bytes());
        }
    }
}

fn encode(lua: &Lua, value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::String(text) => {
            let text = text.as_bytes();
            head(text.len(), (31, 0xA0), [Some(0xD9), Some(0xDA), Some(0xDB)], out);
            out.extend_from_slice(&text);
        }
        Value::Boolean(value) => out.push(if *value { 0xC3 } else { 0xC2 }),
        Value::Integer(n) => encode_integer(*n, out),
        Value::Number(n) if n.fract() == 0.0 && n.abs() < (1u64 << 63) as f64 => {
            encode_integer(*n as i64, out)
        }
        Value::Number(n) if f64::from(*n as f32) == *n => {
            out.push(0xCA);
            out.extend((*n as f32).to_be_bytes());
        }
        Value::Number(n) => {
            out.push(0xCB);
            out.extend(n.to_be_bytes());
        }
        Value::Table(table) if depth < NESTED_MAX => encode_table(lua, table, depth, out)?,
        _ => out.push(0xC0),
    }
    Ok(())
}

fn encode_integer(n: i64, out: &mut Vec<u8>) {
    match n {
        0..=0x7F => out.push(n as u8),
        0x80..=0xFF => out.extend([0xCC, n as u8]),
        0x100..=0xFFFF => {
            out.push(0xCD);
            out.extend((n as u16).to_be_bytes());
        }
        0x1_0000..=0xFFFF_FFFF => {
            out.push(0xCE);
            out.extend((n as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xCF);
            out.extend(n.to_be_bytes());
        }
        -32..=-1 => out.push(n as u8),
        -0x80..=-33 => out.extend([0xD0, n as u8]),
        -0x8000..=-0x81 => {
            out.push(0xD1);
            out.extend((n as i16).to_be_bytes());
        }
        -0x8000_0000..=-0x8001 => {
            out.push(0xD2);
            out.extend((n as i32).to_be_bytes());
        }
        _ => {
            out.push(0xD3);
            out.extend(n.to_be_bytes());
        }
    }
}

fn encode_table(lua: &Lua, table: &Table, depth: usize, out: &mut Vec<u8>) -> Result<()> {
    let behind = behind(lua, table)?;
    let table = behind.as_ref().unwrap_or(table);
    let (mut count, mut max, mut array) = (0usize, 0i64, true);
    // Values are not looked at: as booleans they need not be kept.
    table.for_each(|key: Value, _: bool| {
        count += 1;
        match key {
            Value::Integer(n) if n > 0 => max = max.max(n),
            _ => array = false,
        }
        Ok(())
    })?;
    if array && max == count as i64 {
        head(count, (15, 0x90), [None, Some(0xDC), Some(0xDD)], out);
        return (1..=count).try_for_each(|at| encode(lua, &table.raw_get(at)?, depth + 1, out));
    }
    head(count, (15, 0x80), [None, Some(0xDE), Some(0xDF)], out);
    table.for_each(|key: Value, value: Value| {
        encode(lua, &key, depth + 1, out)?;
        encode(lua, &value, depth + 1, out)
    })
}

fn unpack(lua: &Lua, state: &State, args: &MultiValue, part: Part) -> Result<MultiValue> {
    let Part { limit, from } = part;
    let data = text(lua, args, 1)?;
    let data = data.as_bytes();
    let _lifted = lifted(lua, state, data.len());
    // Told as an `int` of C.
    let (told, len) = (from as i32, data.len());
    if from < 0 || limit.is_some_and(|limit| limit < 0) {
        let why = format!("Invalid request to unpack with offset of {told} and limit of {len}.");
        return Err(mistake(lua, &why));
    }
    let Some(rest) = data.get(from as usize..) else {
        return Err(mistake(lua, &format!("Start offset {told} greater than input length {len}.")));
    };
    // Neither a limit nor an offset: everything, as `unpack`.
    let limit = limit.filter(|limit| *limit != 0 || from != 0);
    let mut reader = Reader { rest, lua };
    let mut values = Vec::new();
    while !reader.rest.is_empty() && limit.is_none_or(|limit| (values.len() as i64) < limit) {
        if values.len() >= VALUES_MAX {
            return Err(mistake(lua, "stack overflow (in function mp_unpack_full)"));
        }
        values.push(reader.value(0)?);
    }
    if limit.is_some() {
        let at = if reader.rest.is_empty() { -1 } else { (data.len() - reader.rest.len()) as i64 };
        values.insert(0, at.into_lua(lua)?);
    }
    Ok(values.into_iter().collect())
}

struct Reader<'a> {
    rest: &'a [u8],
    lua: &'a Lua,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(n) else {
            return Err(mistake(self.lua, "Missing bytes in input."));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|i| taken[i]))
    }

    fn len(&mut self, bytes: usize) -> Result<usize> {
        Ok(self.take(bytes)?.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)))
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        let code = self.take(1)?[0];
        match code {
            0..=0x7F => i64::from(code).into_lua(self.lua),
            0xE0.. => i64::from(code as i8).into_lua(self.lua),
            0xC0 => Ok(Value::Nil),
            0xC2 | 0xC3 => Ok(Value::Boolean(code == 0xC3)),
            0xCA => f64::from(f32::from_be_bytes(self.array()?)).into_lua(self.lua),
            0xCB => f64::from_be_bytes(self.array()?).into_lua(self.lua),
            0xCC => self.array().map(u8::from_be_bytes)?.into_lua(self.lua),
            0xCD => self.array().map(u16::from_be_bytes)?.into_lua(self.lua),
            0xCE => self.array().map(u32::from_be_bytes)?.into_lua(self.lua),
            // Beyond the signed ones they become negative, as in Redis.
            0xCF => (self.array().map(i64::from_be_bytes)? as f64).into_lua(self.lua),
            0xD0 => self.array().map(i8::from_be_bytes)?.into_lua(self.lua),
            0xD1 => self.array().map(i16::from_be_bytes)?.into_lua(self.lua),
            0xD2 => self.array().map(i32::from_be_bytes)?.into_lua(self.lua),
            0xD3 => (self.array().map(i64::from_be_bytes)? as f64).into_lua(self.lua),
            0xA0..=0xBF => self.text((code & 31).into()),
            0xD9 => self.len(1).and_then(|len| self.text(len)),
            0xDA => self.len(2).and_then(|len| self.text(len)),
            0xDB => self.len(4).and_then(|len| self.text(len)),
            0x90..=0x9F => self.list((code & 15).into(), depth),
            0xDC => self.len(2).and_then(|len| self.list(len, depth)),
            0xDD => self.len(4).and_then(|len| self.list(len, depth)),
            0x80..=0x8F => self.map((code & 15).into(), depth),
            0xDE => self.len(2).and_then(|len| self.map(len, depth)),
            0xDF => self.len(4).and_then(|len| self.map(len, depth)),
            _ => Err(mistake(self.lua, "Bad data format in input.")),
        }
    }

    fn text(&mut self, len: usize) -> Result<Value> {
        self.lua.create_string(self.take(len)?).map(Value::String)
    }

    fn deeper(&self, depth: usize, function: &str) -> Result<()> {
        match depth < DEPTH_MAX {
            true => Ok(()),
            false => Err(mistake(self.lua, &format!("stack overflow (in function {function})"))),
        }
    }

    fn list(&mut self, len: usize, depth: usize) -> Result<Value> {
        self.deeper(depth, "mp_decode_to_lua_array")?;
        // The announced length reserves nothing.
        let table = self.lua.create_table()?;
        for at in 1..=len {
            table.raw_set(at, self.value(depth + 1)?)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, len: usize, depth: usize) -> Result<Value> {
        self.deeper(depth, "mp_decode_to_lua_hash")?;
        let table = self.lua.create_table()?;
        for _ in 0..len {
            let key = self.value(depth + 1)?;
            let value = self.value(depth + 1)?;
            match key {
                Value::Nil => return Err(unplaced("table index is nil".into())),
                Value::Number(n) if n.is_nan() => return Err(unplaced("table index is NaN".into())),
                key => table.raw_set(key, value)?,
            }
        }
        Ok(Value::Table(table))
    }
}
