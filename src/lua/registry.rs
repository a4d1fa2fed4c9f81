//! What a library registers while its text runs.

use super::Flags;
use crate::base::digits::write_g;
use mlua::{Function, Table, Value};
use smallvec::SmallVec;

/// A function of a library, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: Box<[u8]>,
    /// What it does, in its author's words.
    pub description: Option<Box<[u8]>>,
    /// What it says of itself.
    pub flags: Flags,
}

/// A function registered, with what runs it in this interpreter.
#[derive(Clone, Debug)]
pub struct Registered {
    /// What others see of it.
    pub declared: Declared,
    /// What runs it.
    pub callback: Function,
}

/// The error for a library's or function's name that is none.
pub const BAD_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// What functions of `redis.*` say of a call that is wrong, and those of `server.*`, as Valkey does.
const WORDS: [(&[u8], &[u8]); 9] = [
    (
        b"ERR Please specify at least one argument for this redis lib call",
        b"ERR Please specify at least one argument for this call",
    ),
    (
        b"ERR Lua redis lib command arguments must be strings or integers",
        b"ERR Command arguments must be strings or integers",
    ),
    (b"ERR Unknown Redis command called from script", b"ERR Unknown command called from script"),
    (
        b"ERR Wrong number of args calling Redis command from script",
        b"ERR Wrong number of args calling command from script",
    ),
    (
        b"ERR This Redis command is not allowed from script",
        b"ERR This Valkey command is not allowed from script",
    ),
    (b"ERR redis.log() requires two arguments or more.", b"ERR server.log() requires two arguments or more."),
    (b"ERR redis.set_repl() requires one argument.", b"ERR server.set_repl() requires one argument."),
    (b"ERR redis.setresp() requires one argument.", b"ERR server.setresp() requires one argument."),
    (
        b"ERR Invalid command passed to redis.acl_check_cmd()",
        b"ERR Invalid command passed to server.acl_check_cmd()",
    ),
];

/// The table by which a script or library asked: `redis`, or `server` as in Valkey, whose words it then speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `redis.*`
    Redis,
    /// `server.*`
    Server,
}

impl Api {
    /// What the prelude calls the functions that libraries find in it.
    pub fn library(self) -> &'static str {
        match self {
            Api::Redis => "library",
            Api::Server => "server_library",
        }
    }

    /// What the prelude calls the functions that scripts find in it.
    pub fn script(self) -> &'static str {
        match self {
            Api::Redis => "script",
            Api::Server => "server_script",
        }
    }

    /// What the error `text`, in Redis' words, is in its own.
    pub fn error(self, text: &[u8]) -> &[u8] {
        let said = WORDS.iter().find(|(redis, _)| self == Api::Server && *redis == text);
        said.map_or(text, |(_, server)| server)
    }

    /// What `why`, as [`read`] tells it, is in its words.
    pub fn words(self, why: &str) -> String {
        match self {
            Api::Redis => why.into(),
            Api::Server => why.replace("Library names", "Function names").replace("redis.", "server."),
        }
    }
}

/// Whether a library or function may be called `name`.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// A function's name as it is looked up: in lower case.
pub fn folded(name: &[u8]) -> SmallVec<[u8; 64]> {
    name.iter().map(u8::to_ascii_lowercase).collect()
}

/// Reads the arguments of `register_function`: name and callback, or a table of named arguments.
///
/// # Errors
/// The text that Redis answers, without `ERR`; `redis` stands for the table that was asked.
pub fn read(args: &[Value]) -> Result<Registered, &'static str> {
    let (name, callback, description, flags) = match args {
        [Value::Table(named)] => from_table(named)?,
        [_] => {
            return Err(
                "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
            );
        }
        [name, callback] => {
            let name = text(name).ok_or("first argument to redis.register_function must be a string")?;
            let Value::Function(callback) = callback else {
                return Err("second argument to redis.register_function must be a function");
            };
            (name, callback.clone(), None, Flags::default())
        }
        _ => return Err("wrong number of arguments to redis.register_function"),
    };
    if !is_name(&name) {
        return Err(BAD_NAME);
    }
    Ok(Registered { declared: Declared { name, description, flags }, callback })
}

type Named = (Box<[u8]>, Function, Option<Box<[u8]>>, Flags);

fn from_table(named: &Table) -> Result<Named, &'static str> {
    let (mut name, mut callback, mut description, mut flags) = (None, None, None, Flags::default());
    for pair in named.pairs::<Value, Value>() {
        let Ok((key, value)) = pair else { return Err("unknown argument given to redis.register_function") };
        let key = match key {
            Value::String(key) => key,
            // A number is as good as a string here, but no argument has such a name.
            Value::Integer(_) | Value::Number(_) => {
                return Err("unknown argument given to redis.register_function");
            }
            _ => return Err("named argument key given to redis.register_function is not a string"),
        };
        match &*key.as_bytes() {
            b"function_name" => {
                name = Some(
                    text(&value)
                        .ok_or("function_name argument given to redis.register_function must be a string")?,
                );
            }
            b"description" => {
                let given = text(&value);
                description = Some(
                    given.ok_or("description argument given to redis.register_function must be a string")?,
                );
            }
            b"callback" => match value {
                Value::Function(f) => callback = Some(f),
                _ => return Err("callback argument given to redis.register_function must be a function"),
            },
            b"flags" => match value {
                Value::Table(names) => flags = read_flags(&names)?,
                _ => {
                    return Err(
                        "flags argument to redis.register_function must be a table representing function flags",
                    );
                }
            },
            _ => return Err("unknown argument given to redis.register_function"),
        }
    }
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    let callback = callback.ok_or("redis.register_function must get a callback argument")?;
    Ok((name, callback, description, flags))
}

fn read_flags(names: &Table) -> Result<Flags, &'static str> {
    let mut flags = Flags::default();
    for at in 1.. {
        match names.raw_get(at) {
            Ok(Value::Nil) | Err(_) => break,
            Ok(Value::String(name)) => {
                flags = flags.with(Flags::named(&name.as_bytes()).ok_or("unknown flag given")?);
            }
            Ok(_) => return Err("unknown flag given"),
        }
    }
    Ok(flags)
}

fn text(value: &Value) -> Option<Box<[u8]>> {
    match value {
        Value::String(text) => Some((*text.as_bytes()).into()),
        Value::Integer(n) => Some(number(*n as f64)),
        Value::Number(n) => Some(number(*n)),
        _ => None,
    }
}

/// A number as Lua makes a text of it.
fn number(n: f64) -> Box<[u8]> {
    let mut text = Vec::new();
    write_g(n, 14, &mut text);
    text.into()
}
