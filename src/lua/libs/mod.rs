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
use super::interp::{Limited, State};
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

/// The table that holds what `table` shows, where that is another: the one behind a table that scripts may only read.
fn behind(lua: &Lua, table: &Table) -> Result<Option<Table>> {
    if table.metatable().is_none() {
        return Ok(None);
    }
    let real: Table = lua.named_registry_value(READONLY)?;
    real.raw_get(table)
}

/// Texts of more bytes are read under the limit of memory. Without it each value is made at half the cost, as no failure
/// has to be caught; what shorter ones become takes some 2 MiB at most.
const UNLIMITED_MAX: usize = 64 * 1024;

/// Lifts the limit of memory while a text of `len` bytes is read, if it is short.
fn lifted<'a>(lua: &'a Lua, state: &State, len: usize) -> Option<Limited<'a>> {
    (len <= UNLIMITED_MAX).then(|| Limited::lifted(lua, state))
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
