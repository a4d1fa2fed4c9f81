//! `cjson`: JSON. Its settings last beyond the script that made them, as in Redis: those of scripts and those of functions, for
//! all threads of a server, until SCRIPT FLUSH or FUNCTION FLUSH.

use super::decode::Decoder;
use super::encode::Encoder;
use super::{integer, lifted, text};
use crate::base::text::until_nul;
use crate::lua::api::bad_argument;
use crate::lua::interp::State;
use mlua::{Lua, MultiValue, Result, Table, Value};
use parking_lot::Mutex;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the functions of the library are told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether a table that is too sparse for an array becomes an object; otherwise it is an error.
    pub sparse_convert: bool,
    /// How many times more places than items make a table too sparse; 0 for any number.
    pub sparse_ratio: i64,
    /// Up to this many places no table is too sparse.
    pub sparse_safe: i64,
    /// How deep tables may be encoded.
    pub encode_depth: i64,
    /// How deep text may be decoded.
    pub decode_depth: i64,
    /// Digits of a number.
    pub precision: i64,
    /// Whether infinity and NaN are encoded: 0 no, 1 yes, 2 as null.
    pub encode_invalid: i64,
    /// Whether numbers that are no JSON are decoded.
    pub decode_invalid: bool,
    /// Whether arrays that are decoded are marked as such, so that they are encoded as arrays when they are empty, too.
    pub decode_marked: bool,
    /// What `encode_keep_buffer` answers; it changes nothing.
    pub keep_buffer: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth: 1000,
            decode_depth: 1000,
            precision: 14,
            encode_invalid: 0,
            decode_invalid: true,
            decode_marked: false,
            keep_buffer: true,
        }
    }
}

/// The settings that last: a server's, of its scripts or of its functions.
#[derive(Default)]
pub struct Lasting {
    /// The number of the last change, 0 before the first.
    change: AtomicU64,
    settings: Mutex<Settings>,
}

impl Lasting {
    fn set(&self, settings: Settings) {
        /// Changes of all settings have numbers of their own, so that a thread knows by them what it has seen.
        static CHANGES: AtomicU64 = AtomicU64::new(0);
        *self.settings.lock() = settings;
        self.change.store(CHANGES.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Release);
    }

    /// Forgets what was set.
    pub fn clear(&self) {
        self.set(Settings::default());
    }
}

/// The settings that last, as a thread has seen them.
#[derive(Clone, Copy, Default)]
pub(in crate::lua) struct Seen {
    change: u64,
    settings: Settings,
}

impl Seen {
    /// The settings with which a script begins.
    pub fn of(&mut self, lasting: &Lasting) -> Settings {
        let change = lasting.change.load(Ordering::Acquire);
        if self.change != change {
            *self = Self { change, settings: *lasting.settings.lock() };
        }
        self.settings
    }

    /// Keeps those with which it ends.
    pub fn keep(&self, settings: Settings, lasting: &Lasting) {
        if settings != self.settings {
            lasting.set(settings);
        }
    }
}

/// The library, which goes by `settings`.
pub fn library(lua: &Lua, state: &Rc<State>, settings: &Rc<Cell<Settings>>) -> Result<Table> {
    let json = lua.create_table()?;
    // In this order, which is that in which scripts walk it.
    let add = |name: &str, f: fn(&Lua, &mut Settings, &MultiValue) -> Result<MultiValue>| {
        let here = settings.clone();
        let f = move |lua: &Lua, args: MultiValue| {
            let mut settings = here.get();
            let result = f(lua, &mut settings, &args);
            here.set(settings);
            result
        };
        json.set(name, lua.create_function(f)?)
    };
    add("encode", |lua, settings, args| {
        one_argument(lua, args)?;
        let value = args.front().cloned().unwrap_or(Value::Nil);
        let encoded = Encoder::new(lua, settings).encode(&value)?;
        lua.create_string(encoded).map(|text| one(Value::String(text)))
    })?;
    let (of_all, here) = (state.clone(), settings.clone());
    let decode = move |lua: &Lua, args: MultiValue| {
        one_argument(lua, &args)?;
        let text = text(lua, &args, 1)?;
        let text = text.as_bytes();
        let _lifted = lifted(lua, &of_all, text.len());
        Decoder::new(lua, &here.get(), &text).decode()
    };
    json.set("decode", lua.create_function(decode)?)?;
    add("decode_array_with_array_mt", |lua, settings, args| {
        at_most(lua, args, 1)?;
        boolean(lua, args, 1, &mut settings.decode_marked).map(one)
    })?;
    add("encode_sparse_array", |lua, settings, args| {
        at_most(lua, args, 3)?;
        let convert = boolean(lua, args, 1, &mut settings.sparse_convert)?;
        let ratio = whole(lua, args, 2, &mut settings.sparse_ratio, (0, i32::MAX.into()))?;
        let safe = whole(lua, args, 3, &mut settings.sparse_safe, (0, i32::MAX.into()))?;
        Ok([convert, ratio, safe].into_iter().collect())
    })?;
    add("encode_max_depth", |lua, settings, args| {
        at_most(lua, args, 1)?;
        whole(lua, args, 1, &mut settings.encode_depth, (1, i32::MAX.into())).map(one)
    })?;
    add("decode_max_depth", |lua, settings, args| {
        at_most(lua, args, 1)?;
        whole(lua, args, 1, &mut settings.decode_depth, (1, i32::MAX.into())).map(one)
    })?;
    add("encode_number_precision", |lua, settings, args| {
        at_most(lua, args, 1)?;
        whole(lua, args, 1, &mut settings.precision, (1, 14)).map(one)
    })?;
    add("encode_keep_buffer", |lua, settings, args| {
        at_most(lua, args, 1)?;
        boolean(lua, args, 1, &mut settings.keep_buffer).map(one)
    })?;
    add("encode_invalid_numbers", |lua, settings, args| {
        at_most(lua, args, 1)?;
        let setting = &mut settings.encode_invalid;
        choice(lua, args, 1, setting, &["off", "on", "null"]).map(one)
    })?;
    add("decode_invalid_numbers", |lua, settings, args| {
        at_most(lua, args, 1)?;
        boolean(lua, args, 1, &mut settings.decode_invalid).map(one)
    })?;
    let of_all = state.clone();
    json.set("new", lua.create_function(move |lua, ()| library(lua, &of_all, &Rc::default()))?)?;
    json.set("null", Value::NULL)?;
    json.set("_NAME", "cjson")?;
    json.set("_VERSION", "2.1.0")?;
    Ok(json)
}

fn one(value: Value) -> MultiValue {
    [value].into_iter().collect()
}

fn one_argument(lua: &Lua, args: &MultiValue) -> Result<()> {
    match args.len() {
        1 => Ok(()),
        _ => Err(bad_argument(lua, 1, "expected 1 argument")),
    }
}

fn at_most(lua: &Lua, args: &MultiValue, n: usize) -> Result<()> {
    match args.len() > n {
        true => Err(bad_argument(lua, n + 1, "found too many arguments")),
        false => Ok(()),
    }
}

/// Changes a number if the argument says so, and tells it.
fn whole(
    lua: &Lua,
    args: &MultiValue,
    at: usize,
    setting: &mut i64,
    (min, max): (i64, i64),
) -> Result<Value> {
    // As an `int` of C.
    let given = i64::from(integer(lua, args, at, Some(*setting))? as i32);
    if !(min..=max).contains(&given) {
        return Err(bad_argument(lua, 1, &format!("expected integer between {min} and {max}")));
    }
    *setting = given;
    Ok(Value::Integer(given))
}

/// Likewise a word of `words`, the first two of which are also false and true.
fn choice(lua: &Lua, args: &MultiValue, at: usize, setting: &mut i64, words: &[&str]) -> Result<Value> {
    match args.get(at - 1) {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(value)) => *setting = i64::from(*value),
        Some(_) => {
            let word = text(lua, args, at)?;
            let found = words.iter().position(|known| known.as_bytes() == &*word.as_bytes());
            *setting = found.ok_or_else(|| {
                let word = word.as_bytes();
                bad_argument(lua, at, &[b"invalid option '", until_nul(&word), b"'"].concat())
            })? as i64;
        }
    }
    match *setting {
        n @ (0 | 1) => Ok(Value::Boolean(n == 1)),
        n => lua.create_string(words[n as usize]).map(Value::String),
    }
}

fn boolean(lua: &Lua, args: &MultiValue, at: usize, setting: &mut bool) -> Result<Value> {
    let mut number = i64::from(*setting);
    let value = choice(lua, args, at, &mut number, &["off", "on"])?;
    *setting = number == 1;
    Ok(value)
}
