//! The functions of `redis.*` that are written in Rust, and those that stand in for Lua's own.

use super::calling::{BAD_WORDS, Calls, NO_WORDS, Tries, push_digits};
use super::interp::{State, look};
use super::registry::{self, Api};
use super::script::sha1_hex;
use super::writing::truncated;
use super::{HOST, Level, debug, libs, stack};
use crate::base::version;
use mlua::{IntoLua, Lua, MultiValue, Result, Table, Value};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::rc::Rc;

/// An error that a function of Rust raises. The prelude has it revealed wherever errors are caught.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Raised {
    /// A table `{err = …}`, as `redis.call` raises.
    #[error("{}", String::from_utf8_lossy(.text))]
    Table {
        /// The error, code first.
        text: Vec<u8>,
        /// Whether it is counted in the statistics already.
        counted: bool,
    },
    /// A string.
    #[error("{}", String::from_utf8_lossy(.0))]
    Text(Vec<u8>),
    /// A string that the place of the call is still to be put in front of.
    #[error("{0}")]
    Unplaced(String),
}

/// The error that `luaL_error` raises: `message` behind the place of the call.
pub(super) fn mistake(lua: &Lua, message: &(impl AsRef<[u8]> + ?Sized)) -> mlua::Error {
    let place = lua.inspect_stack(1, |frame| {
        let (source, line) = (frame.source(), frame.current_line());
        source.short_src.zip(line).map(|(source, line)| format!("{source}:{line}: "))
    });
    let text = [place.flatten().unwrap_or_default().as_bytes(), message.as_ref()].concat();
    mlua::Error::external(Raised::Text(text))
}

/// An error found deep in a value, where the place of the call is not known.
pub(super) fn unplaced(message: String) -> mlua::Error {
    mlua::Error::external(Raised::Unplaced(message))
}

/// Puts the place of the call in front of an [`unplaced`] error.
pub(super) fn placed(lua: &Lua, error: mlua::Error) -> mlua::Error {
    match error.downcast_ref::<Raised>() {
        Some(Raised::Unplaced(message)) => mistake(lua, message),
        _ => error,
    }
}

/// The error for the argument `at` (from 1) of the function called, by the name that the call has for it. What a method is
/// called on does not count.
pub(super) fn bad_argument(lua: &Lua, at: usize, why: &(impl AsRef<[u8]> + ?Sized)) -> mlua::Error {
    let called = lua.inspect_stack(0, |frame| {
        let names = frame.names();
        (names.name.map(Cow::into_owned), names.name_what == Some("method"))
    });
    let (called, method) = called.unwrap_or_default();
    let name = called.as_deref().unwrap_or("?");
    let what = match at {
        1 if method => format!("calling '{name}' on bad self"),
        at => format!("bad argument #{} to '{name}'", at.saturating_sub(method.into())),
    };
    mistake(lua, &[what.as_bytes(), b" (", why.as_ref(), b")"].concat())
}

/// What a caught error is to a script: a string or a table.
fn reveal(lua: &Lua, caught: Value) -> Result<Value> {
    let Value::Error(error) = caught else { return Ok(caught) };
    let mut error: &mlua::Error = &error;
    while let mlua::Error::CallbackError { cause, .. } = error {
        error = cause;
    }
    match error.downcast_ref::<Raised>() {
        Some(Raised::Table { text, counted }) => error_table(lua, text, *counted),
        Some(Raised::Unplaced(text)) => lua.create_string(text).map(Value::String),
        Some(Raised::Text(text)) => lua.create_string(text).map(Value::String),
        None => {
            let text = match error {
                mlua::Error::MemoryError(_) => "not enough memory".to_string(),
                error => error.to_string(),
            };
            lua.create_string(text).map(Value::String)
        }
    }
}

type Answer = Result<Value>;

/// Everything the prelude is given.
pub(super) fn functions(lua: &Lua, state: &Rc<State>) -> Result<Table> {
    let raw = lua.create_table()?;
    raw.set("where", lua.create_function(|lua, ()| Ok(raised_at(lua)))?)?;
    raw.set("called_at", lua.create_function(|lua, ()| Ok(called_at(lua)))?)?;
    raw.set("reveal", lua.create_function(reveal)?)?;
    raw.set("checked", lua.create_function(stack::check)?)?;
    raw.set("pcall", lua.create_function(stack::pcall)?)?;
    raw.set("xpcall", lua.create_function(stack::xpcall)?)?;
    raw.set("to_number", lua.create_function(stack::to_number)?)?;

    raw.set("debug", stack::function::<debug::Values>(lua, state)?)?;
    for api in [Api::Redis, Api::Server] {
        let script = lua.create_table()?;
        let [call, pcall] = match api {
            Api::Redis => [stack::function::<Calls<false>>, stack::function::<Tries<false>>],
            Api::Server => [stack::function::<Calls<true>>, stack::function::<Tries<true>>],
        };
        script.set("call", call(lua, state)?)?;
        script.set("pcall", pcall(lua, state)?)?;
        script.set("error_reply", lua.create_function(error_reply)?)?;
        script.set("status_reply", lua.create_function(status_reply)?)?;
        script.set("sha1hex", lua.create_function(sha1hex)?)?;
        script.set("log", lua.create_function(move |lua, args| log(lua, args, api))?)?;
        script.set("set_repl", lua.create_function(move |lua, args| set_repl(lua, args, api))?)?;
        script.set("acl_check_cmd", lua.create_function(move |_, args| acl_check_cmd(args, api))?)?;
        let here = state.clone();
        script.set("setresp", lua.create_function(move |lua, args| setresp(lua, &here, args, api))?)?;
        script.set("breakpoint", stack::function::<debug::Breakpoint>(lua, state)?)?;
        raw.set(api.script(), script)?;

        let library = lua.create_table()?;
        library.set("log", lua.create_function(move |lua, args| log(lua, args, api))?)?;
        let here = state.clone();
        let register = move |_: &Lua, args| register_function(&here, args, api);
        library.set("register_function", lua.create_function(register)?)?;
        raw.set(api.library(), library)?;
    }

    let math = lua.create_table()?;
    let here = state.clone();
    math.set("random", lua.create_function(move |lua, args| random(lua, &here, &args))?)?;
    let here = state.clone();
    math.set(
        "randomseed",
        lua.create_function(move |lua, args: MultiValue| {
            here.random.seed(number(lua, &args, 1)? as i64 as i32);
            Ok(())
        })?,
    )?;
    raw.set("math", math)?;
    let string = lua.create_table()?;
    let here = state.clone();
    string.set("rep", lua.create_function(move |lua, args| repeat(lua, &here, &args))?)?;
    let here = state.clone();
    raw.set("look", lua.create_function(move |lua, ()| look(lua, &here, || place(lua)))?)?;
    raw.set("measure", lua.create_function(measure)?)?;
    let here = state.clone();
    raw.set("find", lua.create_function(move |lua, args| libs::pattern::find(lua, &here, args))?)?;
    raw.set("string", string)?;
    raw.set("bit", libs::bit::library(lua)?)?;
    raw.set("struct", libs::packed::library(lua)?)?;
    raw.set("cmsgpack", libs::cmsgpack::library(lua, state)?)?;
    raw.set("cjson", libs::json::library(lua, state, &state.json)?)?;
    Ok(raw)
}

/// The constants of `redis.*`.
pub(super) fn constants(lua: &Lua) -> Result<Table> {
    let constants = lua.create_table()?;
    let levels = [("LOG_DEBUG", 0), ("LOG_VERBOSE", 1), ("LOG_NOTICE", 2), ("LOG_WARNING", 3)];
    let followers =
        [("REPL_NONE", 0), ("REPL_AOF", 1), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2), ("REPL_ALL", 3)];
    for (name, value) in levels.into_iter().chain(followers) {
        constants.set(name, value)?;
    }
    constants.set("REDIS_VERSION", version::REDIS)?;
    let parts = version::REDIS.split('.').map(|part| part.parse::<i64>().unwrap_or(0));
    constants.set("REDIS_VERSION_NUM", parts.fold(0, |n, part| n << 8 | part))?;
    Ok(constants)
}

fn failed<T>(text: &[u8], counted: bool) -> Result<T> {
    Err(mlua::Error::external(Raised::Table { text: text.to_vec(), counted }))
}

fn error_table(lua: &Lua, text: &[u8], counted: bool) -> Result<Value> {
    let table = lua.create_table_with_capacity(0, if counted { 4 } else { 1 })?;
    table.raw_set("err", lua.create_string(text)?)?;
    if counted {
        table.raw_set("ignore_error_stats_update", true)?;
    }
    Ok(Value::Table(table))
}

/// A call on the stack.
enum Caller {
    /// Of a function of C.
    C,
    /// Of the prelude.
    Own,
    /// Of a function that called another one in its place.
    Tail,
    /// Of a script's text: its chunk and line.
    Script(String, i64),
}

/// The call at `level`; `None` when there are fewer.
fn level(lua: &Lua, level: usize) -> Option<Caller> {
    lua.inspect_stack(level, |frame| {
        let source = frame.source();
        let name = source.source.unwrap_or_default();
        match source.what {
            "C" => Caller::C,
            "tail" => Caller::Tail,
            _ if name == "=synap" => Caller::Own,
            _ => Caller::Script(name.into_owned(), frame.current_line().map_or(-1, |line| line as i64)),
        }
    })
}

/// Where the script is: its chunk and line, with a colon between.
pub(super) fn place(lua: &Lua) -> Option<String> {
    (1..).map_while(|at| level(lua, at)).find_map(|level| match level {
        Caller::Script(source, line) if line >= 0 => Some(format!("{source}:{line}")),
        _ => None,
    })
}

/// Where an error is told to be raised, asked for by its handler: in the function that did, or where that was called if it is
/// of C, which may be another one of C.
fn raised_at(lua: &Lua) -> (Option<String>, Option<i64>) {
    let mut at = 2;
    if let Some(Caller::C) = level(lua, at) {
        at += 1;
    }
    if let Some(Caller::Own) = level(lua, at) {
        while let Some(Caller::Own | Caller::Tail) = level(lua, at) {
            at += 1;
        }
        // The function of C that a script knows, unless it was a metatable's.
        if let Some(Caller::C) = level(lua, at) {
            at += 1;
        }
    }
    match level(lua, at) {
        Some(Caller::Script(source, line)) => (Some(source), Some(line)),
        Some(Caller::Tail) => (Some("=(tail call)".into()), Some(-1)),
        Some(Caller::C | Caller::Own) => (Some("=[C]".into()), Some(-1)),
        None => (None, None),
    }
}

/// The place that an error within the prelude is told with, asked for by a handler of it that is two calls away: that of the
/// script's call. Nothing when it is not a script's text that calls.
fn called_at(lua: &Lua) -> Option<String> {
    let (mut level, own) = (3, |source: &str| source == "=synap");
    // What raised it, the prelude's own functions, then the function of C that a script knows.
    for wanted in [false, true] {
        let stands = |level| {
            lua.inspect_stack(level, |frame| {
                own(frame.source().source.as_deref().unwrap_or_default()) == wanted
            })
        };
        while stands(level)? {
            level += 1;
        }
    }
    lua.inspect_stack(level + 1, |frame| {
        let source = frame.source();
        let place = source.short_src.zip(frame.current_line()).filter(|_| source.what != "C");
        place.map(|(source, line)| format!("{source}:{line}: "))
    })?
}

/// A word of a call, as text.
enum Word {
    Borrowed(mlua::BorrowedBytes),
    Digits(SmallVec<[u8; 64]>),
}

impl Word {
    fn bytes(&self) -> &[u8] {
        match self {
            Word::Borrowed(bytes) => bytes,
            Word::Digits(digits) => digits,
        }
    }
}

type Words = SmallVec<[Word; 8]>;

/// The words of a call; `None` when one is neither text nor a number.
fn words(args: &MultiValue) -> Option<Words> {
    args.iter().map(word).collect()
}

fn word(value: &Value) -> Option<Word> {
    match value {
        Value::String(text) => Some(Word::Borrowed(text.as_bytes())),
        Value::Integer(n) => Some(digits(*n as f64)),
        Value::Number(n) => Some(digits(*n)),
        _ => None,
    }
}

fn digits(n: f64) -> Word {
    let mut text = SmallVec::new();
    push_digits(n, &mut text);
    Word::Digits(text)
}

/// The one argument of a function, as text.
fn one(args: &MultiValue) -> Option<Word> {
    if args.len() == 1 { args.front().and_then(word) } else { None }
}

const BAD_ARGS: &[u8] = b"ERR wrong number or type of arguments";

fn error_reply(lua: &Lua, args: MultiValue) -> Answer {
    let Some(text) = one(&args).filter(|_| matches!(args.front(), Some(Value::String(_)))) else {
        return error_table(lua, BAD_ARGS, false);
    };
    let text = text.bytes();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let end = text.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    let text = &text[..end];
    let coded = match text.contains(&b' ') {
        true => text.to_vec(),
        false => [b"ERR ", text].concat(),
    };
    debug::note_error_reply(&coded);
    error_table(lua, &coded, false)
}

fn status_reply(lua: &Lua, args: MultiValue) -> Answer {
    let Some(text) = one(&args).filter(|_| matches!(args.front(), Some(Value::String(_)))) else {
        return error_table(lua, BAD_ARGS, false);
    };
    let table = lua.create_table()?;
    table.raw_set("ok", lua.create_string(text.bytes())?)?;
    Ok(Value::Table(table))
}

fn sha1hex(lua: &Lua, args: MultiValue) -> Answer {
    if args.len() != 1 {
        return failed(b"ERR wrong number of arguments", false);
    }
    // Numbers as Lua writes them, not as a call's words are.
    let text = args.front().map(|value| lua.coerce_string(value.clone())).transpose()?.flatten();
    let sum = text.map_or_else(|| sha1_hex(b""), |text| sha1_hex(&text.as_bytes()));
    lua.create_string(sum).map(Value::String)
}

fn log(lua: &Lua, args: MultiValue, api: Api) -> Result<()> {
    if args.len() < 2 {
        return failed(api.error(b"ERR redis.log() requires two arguments or more."), false);
    }
    let level = args.front().map(|level| lua.coerce_number(level.clone())).transpose()?.flatten();
    let Some(level) = level else {
        return failed(b"ERR First argument must be a number (log level).", false);
    };
    let level = match truncated(level) {
        0 => Level::Debug,
        1 => Level::Verbose,
        2 => Level::Notice,
        3 => Level::Warning,
        _ => return failed(b"ERR Invalid log level.", false),
    };
    let mut text = Vec::new();
    for (at, word) in args.iter().skip(1).filter_map(word).enumerate() {
        if at > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word.bytes());
    }
    let text = String::from_utf8_lossy(&text);
    if HOST.is_set() {
        HOST.with(|host| host.log(level, &text));
    }
    Ok(())
}

/// A number as C makes an `int` of it; what is none is 0.
fn whole(lua: &Lua, value: Option<&Value>) -> Result<i64> {
    let n = value.map(|value| lua.coerce_number(value.clone())).transpose()?;
    Ok(n.flatten().map_or(0, truncated))
}

/// Effects go to the log and to replicas alike: what the script asks for is checked, and changes nothing.
fn set_repl(lua: &Lua, args: MultiValue, api: Api) -> Result<()> {
    if args.len() != 1 {
        return failed(api.error(b"ERR redis.set_repl() requires one argument."), false);
    }
    match whole(lua, args.front())? {
        0..=3 => Ok(()),
        _ => failed(
            b"ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            false,
        ),
    }
}

fn acl_check_cmd(args: MultiValue, api: Api) -> Answer {
    if args.is_empty() {
        return failed(api.error(NO_WORDS), false);
    }
    let Some(words) = words(&args) else {
        return failed(api.error(BAD_WORDS), false);
    };
    let argv: SmallVec<[&[u8]; 8]> = words.iter().map(Word::bytes).collect();
    match HOST.with(|host| host.may_run(&argv)) {
        Ok(may) => Ok(Value::Boolean(may)),
        Err(why) => failed(api.error(why.error.as_bytes()), why.counted),
    }
}

fn setresp(lua: &Lua, state: &State, args: MultiValue, api: Api) -> Result<()> {
    if args.len() != 1 {
        return failed(api.error(b"ERR redis.setresp() requires one argument."), false);
    }
    match whole(lua, args.front())? {
        version @ (2 | 3) => {
            state.resp3.set(version == 3);
            Ok(())
        }
        _ => failed(b"ERR RESP version must be 2 or 3.", false),
    }
}

fn register_function(state: &State, args: MultiValue, api: Api) -> Result<()> {
    let args: Vec<Value> = args.into_iter().collect();
    let read = registry::read(&args).and_then(|new| {
        let mut registered = state.registered.borrow_mut();
        let Some(known) = registered.as_mut() else {
            return Err("redis.register_function can only be called on FUNCTION LOAD command");
        };
        if known.iter().any(|known| known.declared.name.eq_ignore_ascii_case(&new.declared.name)) {
            return Err("Function already exists in the library");
        }
        known.push(new);
        Ok(())
    });
    match read {
        Ok(()) => Ok(()),
        Err(why) => failed(format!("ERR {}", api.words(why)).as_bytes(), false),
    }
}

/// The argument `at` (from 1) as a number.
pub(super) fn number(lua: &Lua, args: &MultiValue, at: usize) -> Result<f64> {
    let given = args.get(at - 1);
    match given {
        Some(Value::Integer(n)) => return Ok(*n as f64),
        Some(Value::Number(n)) => return Ok(*n),
        Some(value @ Value::String(_)) => {
            if let Some(n) = lua.coerce_number(value.clone())? {
                return Ok(n);
            }
        }
        _ => {}
    }
    let got = type_name(given);
    Err(bad_argument(lua, at, &format!("number expected, got {got}")))
}

/// The name of a value's type, as errors tell it.
pub(super) fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "no value",
        Some(Value::Integer(_)) => "number",
        Some(Value::LightUserData(_)) => "userdata",
        Some(value) => value.type_name(),
    }
}

/// Bytes that take long to write, compared with an instruction.
const LONG: usize = 64 * 1024;

/// `string.rep`: what will not fit is refused before it is begun.
fn repeat(lua: &Lua, state: &State, args: &MultiValue) -> Answer {
    let text = libs::text(lua, args, 1)?;
    // As in C, where a count is an `int`.
    let n = (number(lua, args, 2)? as i64 as i32).max(0) as usize;
    let text = text.as_bytes();
    if text.len().saturating_mul(n) > LONG {
        look(lua, state, || place(lua))?;
    }
    let limit = state.limit.get();
    if limit > 0 && text.len().saturating_mul(n) > limit {
        return Err(mlua::Error::MemoryError("not enough memory".into()));
    }
    lua.create_string(text.repeat(n)).map(Value::String)
}

/// How long a text Lua's own functions may search with a pattern; -1 when they may not.
fn measure(_: &Lua, pattern: mlua::LuaString) -> Result<i64> {
    Ok(libs::pattern::measure(&pattern.as_bytes()))
}

/// `math.random`: a number in `0..1`, `1..=m` or `l..=u`.
fn random(lua: &Lua, state: &State, args: &MultiValue) -> Answer {
    let drawn = state.random.next();
    // As C makes an `int` of it.
    let bound = |at| number(lua, args, at).map(|n| f64::from(truncated(n) as i32));
    let empty = |at| bad_argument(lua, at, "interval is empty");
    let drawn = match args.len() {
        0 => drawn,
        1 => match bound(1)? {
            upper if upper >= 1.0 => (drawn * upper).floor() + 1.0,
            _ => return Err(empty(1)),
        },
        2 => match (bound(1)?, bound(2)?) {
            (lower, upper) if lower <= upper => (drawn * (upper - lower + 1.0)).floor() + lower,
            _ => return Err(empty(2)),
        },
        _ => return Err(mistake(lua, "wrong number of arguments")),
    };
    drawn.into_lua(lua)
}
