//! From a call to what it runs: its keys and arguments, its script, compiled by this thread.

use super::library;
use super::prove::declares_keys;
use crate::base::number::parse_i64;
use crate::command::{Error, Result, Source};
use crate::config;
use crate::engine::Engine;
use crate::lua::script::{flags_of, sha1_hex};
use crate::lua::{Compiled, Flags, Interp, Kind, Library, Script, Sha, Words, keys};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A script that is ready to run.
pub struct Prepared<'a> {
    /// What runs it.
    pub function: Rc<Compiled>,
    /// What it is.
    pub kind: Kind,
    /// The script's name, for errors: its SHA-1, or the function's.
    pub name: Name,
    /// What it says of itself.
    pub flags: Flags,
    /// Whether it touches no key but those it is given.
    pub declares_keys: bool,
    /// KEYS and ARGV.
    pub words: Words<'a>,
}

/// The name of a script.
pub enum Name {
    /// Of EVAL.
    Sha(Sha),
    /// Of FCALL, however it spells the name: the function of a library at a place.
    Function(Arc<Library>, usize),
}

impl Name {
    /// Its text.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Name::Sha(sha) => sha,
            Name::Function(library, at) => &library.functions[*at].name,
        }
    }
}

/// The keys and arguments of a call `EVAL script numkeys …`.
///
/// # Errors
/// When `numkeys` is none.
fn words<'a>(source: Source, argv: &'a [&'a [u8]]) -> Result<Words<'a>> {
    let bad = match source {
        Source::Function => Error::new("ERR Bad number of keys provided"),
        _ => Error::NOT_INTEGER,
    };
    let n = parse_i64(argv[2]).ok_or(bad)?;
    let rest = &argv[3..];
    if n > rest.len() as i64 {
        return Err(Error::new("ERR Number of keys can't be greater than number of args"));
    }
    let n = usize::try_from(n).map_err(|_| Error::new("ERR Number of keys can't be negative"))?;
    Ok(Words { keys: &rest[..n], args: &rest[n..] })
}

/// What the script of a call says of itself; `None` when there is no such script.
pub fn declared(engine: &Engine, source: Source, argv: &[&[u8]]) -> Option<Flags> {
    match source {
        Source::Text => flags_of(argv[1]).ok().map(|(flags, _)| flags),
        Source::Sha => engine.scripts.get(&sha(argv[1])?).map(|script| script.flags),
        Source::Function => engine.scripts.function(argv[1]).map(|(library, at)| library.functions[at].flags),
    }
}

/// Finds or compiles what a call runs.
///
/// # Errors
/// When there is no such script, or it is malformed.
pub fn prepare<'a>(
    engine: &Engine,
    interp: &Interp,
    source: Source,
    argv: &'a [&'a [u8]],
) -> Result<Prepared<'a>> {
    let (words, known) = match source {
        Source::Function => return prepare_function(engine, interp, argv),
        Source::Text => (words(source, argv)?, interp.known_body(argv[1])),
        Source::Sha => {
            let sha = sha(argv[1]).ok_or(NO_SCRIPT)?;
            let words = words(source, argv)?;
            (words, Some(find(engine, interp, &sha).ok_or(NO_SCRIPT)?))
        }
    };
    let (script, function) = match known {
        Some(known) => {
            if !known.0.stays.load(Relaxed) {
                engine.scripts.touch(&known.0);
            }
            known
        }
        None => load(engine, interp, argv[1], false)?,
    };
    Ok(of_script(&script, function, words))
}

const NO_SCRIPT: Error = Error::new("NOSCRIPT No matching script. Please use EVAL.");

fn of_script<'a>(script: &Script, function: Rc<Compiled>, words: Words<'a>) -> Prepared<'a> {
    let name = Name::Sha(script.sha);
    Prepared {
        function,
        kind: Kind::Script,
        name,
        flags: script.flags,
        declares_keys: script.declares_keys,
        words,
    }
}

/// A script's name as somebody wrote it.
pub fn sha(word: &[u8]) -> Option<Sha> {
    let sha: Sha = word.try_into().ok()?;
    Some(sha.map(|digit| digit.to_ascii_lowercase()))
}

fn find(engine: &Engine, interp: &Interp, sha: &Sha) -> Option<(Arc<Script>, Rc<Compiled>)> {
    if let Some(known) = interp.known_sha(sha) {
        return Some(known);
    }
    let script = engine.scripts.get(sha)?;
    let (_, text) = flags_of(&script.body).ok()?;
    let function = interp.compile_script(text).ok()?;
    interp.remember(&script, &function);
    Some((script, function))
}

/// Compiles and keeps a script.
///
/// # Errors
/// When it is malformed.
pub fn load(
    engine: &Engine,
    interp: &Interp,
    body: &[u8],
    stays: bool,
) -> Result<(Arc<Script>, Rc<Compiled>)> {
    let (flags, text) = flags_of(body).map_err(|why| Error::text(format!("ERR {why}")))?;
    let compiled = interp.compile_script(text);
    let function =
        compiled.map_err(|why| Error::parts(&[b"ERR Error compiling script (new function): ", &why]))?;
    let script = engine.scripts.keep(Script {
        sha: sha1_hex(body),
        body: body.into(),
        flags,
        declares_keys: declares_keys(keys::calls(text).as_deref()),
        stays: AtomicBool::new(stays),
        used: AtomicU64::new(0),
        gone: AtomicBool::new(false),
    });
    interp.remember(&script, &function);
    Ok((script, function))
}

fn prepare_function<'a>(engine: &Engine, interp: &Interp, argv: &'a [&'a [u8]]) -> Result<Prepared<'a>> {
    let name = argv[1];
    let (library, at, function) = match interp.known_function(name) {
        Some(known) => known,
        None => {
            let found = engine.scripts.function(name);
            let (library, _) = found.ok_or(Error::new("ERR Function not found"))?;
            library::load_here(engine, interp, &library)?;
            interp.known_function(name).ok_or(Error::new("ERR Function not found"))?
        }
    };
    Ok(Prepared {
        function,
        kind: Kind::Function,
        flags: library.functions[at].flags,
        declares_keys: library.declares_keys,
        words: words(Source::Function, argv)?,
        name: Name::Function(library, at),
    })
}

/// Bytes an interpreter may use.
pub fn memory_limit(engine: &Engine) -> usize {
    engine.settings.int(config::LUA_MEMORY_LIMIT) as usize
}
