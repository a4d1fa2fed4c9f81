//! The libraries that scripts know from Redis: `bit`, `struct`, `cmsgpack`, `cjson`. Written in safe Rust; what they
//! do at the edges is compared with Redis' own by the tests.

pub mod bit;
pub mod cmsgpack;
mod decode;
mod encode;
pub mod json;
pub mod packed;
pub mod pattern;

use super::api::{bad_argument, number, type_name};
use super::writing::truncated;
use mlua::{Lua, LuaString, MultiValue, Result, Table, Value};

/// How deep values may be in each other, whatever a script asks for.
const DEPTH_MAX: usize = 2500;

/// Where the registry keeps the table of what is behind the tables that scripts may only read.
pub(super) const READONLY: &str = "readonly";

/// Where the registry keeps the metatable of arrays that are marked as such; scripts may only read it.
pub(super) const ARRAY: &str = "array";

/// What such a metatable holds, which is true.
const IS_ARRAY: &str = "__is_cjson_array";

/// The table that holds what `table` shows: for one that scripts may only read, the one behind it.
fn behind(lua: &Lua, table: &Table) -> Result<Table> {
    if table.metatable().is_none() {
        return Ok(table.clone());
    }
    let real: Table = lua.named_registry_value(READONLY)?;
    Ok(real.raw_get::<Option<Table>>(table)?.unwrap_or_else(|| table.clone()))
}

/// The argument `at` (from 1) as text; numbers are text too.
pub(super) fn text(lua: &Lua, args: &MultiValue, at: usize) -> Result<LuaString> {
    let given = args.get(at - 1);
    match given {
        Some(Value::String(text)) => return Ok(text.clone()),
        Some(value @ (Value::Integer(_) | Value::Number(_))) => {
            if let Some(text) = lua.coerce_string(value.clone())? {
                return Ok(text);
            }
        }
        _ => {}
    }
    let why = format!("string expected, got {}", type_name(given));
    Err(bad_argument(lua, at, &why))
}

/// The argument `at` (from 1) as a whole number, or `default` where it is absent or nil.
fn integer(lua: &Lua, args: &MultiValue, at: usize, default: Option<i64>) -> Result<i64> {
    match (args.get(at - 1), default) {
        (None | Some(Value::Nil), Some(default)) => Ok(default),
        _ => number(lua, args, at).map(truncated),
    }
}
