//! Libraries: loading, deleting, dumping. What changes is recorded for the log while nobody else
//! changes libraries.

use super::prepare::memory_limit;
use super::prove::declares_keys;
use crate::command::{Error, Result};
use crate::config;
use crate::engine::{Adding, Engine, Taken};
use crate::lua::script::{Shebang, shebang};
use crate::lua::{self, Host, Interp, Level, Library, Refused, Registered, is_name, keys};
use crate::resp::Reply;
use crate::snapshot::rdb::kind::{PRESENT, Versions};
use crate::snapshot::rdb::{Checksum, Reader, put_text};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How long the text of a library may run.
const LOAD_MAX: Duration = Duration::from_millis(500);
/// The opcode of a library in RDB.
const RDB_FUNCTION: u8 = 245;

/// What the text of a library may reach while it is loaded: next to nothing.
struct Loading {
    since: Instant,
}

impl Host for Loading {
    fn call(&mut self, _: &[&[u8]], _: &mut Reply) -> std::result::Result<(), Refused> {
        let error = Error::new("ERR redis.call can only be called inside a script invocation");
        Err(Refused { error, counted: false, ran: false })
    }

    fn may_run(&mut self, _: &[&[u8]]) -> std::result::Result<bool, Refused> {
        let error = Error::new("ERR redis.acl_check_cmd can only be called inside a script invocation");
        Err(Refused { error, counted: false, ran: false })
    }

    fn waits(&mut self) {
        unreachable!("libraries are not debugged")
    }

    fn log(&mut self, level: Level, text: &str) {
        log(level, text);
    }

    fn returned_error(&mut self, _: &[u8]) {
        unreachable!("what the text of a library returns is not looked at")
    }

    fn json(&self) -> &lua::Lasting {
        unreachable!("libraries find no cjson while they are loaded")
    }

    fn may_go_on(&mut self) -> bool {
        self.since.elapsed() < LOAD_MAX
    }
}

/// Writes a line of a script to the server's log.
pub fn log(level: Level, text: &str) {
    match level {
        Level::Debug => tracing::trace!("{text}"),
        Level::Verbose => tracing::debug!("{text}"),
        Level::Notice => tracing::info!("{text}"),
        Level::Warning => tracing::warn!("{text}"),
    }
}

/// The name of a library, from its first line, and the text behind it.
fn head(code: &[u8]) -> Result<(Vec<u8>, &[u8])> {
    if !code.starts_with(b"#!") {
        return Err(Error::new("ERR Missing library metadata"));
    }
    let (Shebang { engine, words }, text) =
        shebang(code).ok_or(Error::new("ERR Invalid library metadata"))?;
    let mut name = None;
    for word in words {
        match word.split_at_checked(5).filter(|(key, _)| key.eq_ignore_ascii_case(b"name=")) {
            Some(_) if name.is_some() => {
                return Err(Error::new("ERR Invalid metadata value, name argument was given multiple times"));
            }
            Some((_, given)) => name = Some(given.to_vec()),
            None => return Err(Error::parts(&[b"ERR Invalid metadata value given: ", &word])),
        }
    }
    let name = name.ok_or(Error::new("ERR Library name was not given"))?;
    if !is_name(&name) {
        return Err(Error::text(format!("ERR {}", lua::BAD_NAME)));
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(Error::parts(&[b"ERR Engine '", &engine, b"' not found"]));
    }
    Ok((name, text))
}

/// Runs the text of a library in `interp`.
fn evaluate(engine: &Engine, interp: &Interp, text: &[u8]) -> Result<Vec<Registered>> {
    let mut host = Loading { since: Instant::now() };
    let loaded = interp.load_library(text, memory_limit(engine), &mut host);
    let registered = loaded.map_err(|why| Error::parts(&[b"ERR ", &why]))?;
    match registered.is_empty() {
        true => Err(Error::new("ERR No functions registered")),
        false => Ok(registered),
    }
}

/// Loads a library that other threads know into this one.
///
/// # Errors
/// When its text fails: it did not when it was loaded first.
pub fn load_here(engine: &Engine, interp: &Interp, library: &Arc<Library>) -> Result {
    let (_, text) = head(&library.code)?;
    let mut registered = evaluate(engine, interp, text)?;
    // A text may register other functions every time; what was registered first counts.
    registered.retain(|new| library.functions.contains(&new.declared));
    registered.sort_by_key(|new| library.functions.iter().position(|known| *known == new.declared));
    if registered.len() != library.functions.len() {
        return Err(Error::new("ERR The library registers other functions than when it was loaded"));
    }
    interp.remember_library(library, registered).map_err(|why| Error::text(format!("ERR {why}")))
}

/// Makes a library of its code, without adding it.
fn make(engine: &Engine, interp: &Interp, code: &[u8]) -> Result<(Arc<Library>, Vec<Registered>)> {
    let (name, text) = head(code)?;
    let registered = evaluate(engine, interp, text)?;
    let library = Arc::new(Library {
        name: name.into(),
        code: code.into(),
        functions: registered.iter().map(|new| new.declared.clone()).collect(),
        declares_keys: declares_keys(keys::library_calls(text).as_deref()),
        gone: AtomicBool::new(false),
    });
    Ok((library, registered))
}

/// Makes libraries of their codes, without adding them.
fn make_all(engine: &Engine, codes: &[Vec<u8>]) -> Result<Vec<Arc<Library>>> {
    let made =
        lua::with(|interp| codes.iter().map(|code| Ok(make(engine, interp, code)?.0)).collect::<Result<_>>());
    made.map_err(|why| Error::text(format!("ERR {why}")))?
}

/// FUNCTION LOAD; returns the library's name.
///
/// # Errors
/// When the code is malformed, fails, or its names are taken.
pub fn load(engine: &Engine, code: &[u8], how: Adding) -> Result<Box<[u8]>> {
    let added = lua::with(|interp| {
        // Looked at before the text runs, and again when it has: others may load meanwhile.
        let (name, _) = head(code)?;
        if how == Adding::Append && engine.scripts.libraries().iter().any(|known| *known.name == *name) {
            return Err(refuse(&Taken::Library(name.into()), "'"));
        }
        let (library, registered) = make(engine, interp, code)?;
        add(engine, vec![library.clone()], how).map_err(|taken| refuse(&taken, "'"))?;
        interp.remember_library(&library, registered).map_err(|why| Error::text(format!("ERR {why}")))?;
        Ok(library.name.clone())
    });
    added.map_err(|why| Error::text(format!("ERR {why}")))?
}

fn add(engine: &Engine, libraries: Vec<Arc<Library>>, how: Adding) -> std::result::Result<(), Taken> {
    let codes: Vec<_> = libraries.iter().map(|library| library.code.clone()).collect();
    let record = || {
        if how == Adding::Flush {
            engine.record_call(&[b"FUNCTION", b"FLUSH"]);
        }
        codes.iter().for_each(|code| engine.record_call(&[b"FUNCTION", b"LOAD", b"REPLACE", code]));
    };
    engine.scripts.add_libraries(libraries, how, record)
}

/// What is answered when a name is taken; a library's stands in quotation marks, or not.
fn refuse(taken: &Taken, mark: &str) -> Error {
    match taken {
        Taken::Library(name) => {
            let name = String::from_utf8_lossy(name);
            Error::text(format!("ERR Library {mark}{name}{mark} already exists"))
        }
        Taken::Function(name) => {
            Error::text(format!("ERR Function {} already exists", String::from_utf8_lossy(name)))
        }
    }
}

/// FUNCTION DELETE.
///
/// # Errors
/// When there is no such library.
pub fn delete(engine: &Engine, name: &[u8]) -> Result {
    match engine.scripts.delete_library(name, || engine.record_call(&[b"FUNCTION", b"DELETE", name])) {
        true => Ok(()),
        false => Err(Error::new("ERR Library not found")),
    }
}

/// FUNCTION FLUSH.
pub fn flush(engine: &Engine) {
    engine.scripts.flush_libraries(|| engine.record_call(&[b"FUNCTION", b"FLUSH"]));
}

/// Adds the libraries of a snapshot, given by their code.
///
/// # Errors
/// When one of them cannot be loaded, or its names are taken: those there are stay then.
pub fn adopt(engine: &Engine, codes: &[Vec<u8>], how: Adding) -> Result {
    let libraries = make_all(engine, codes)?;
    add(engine, libraries, how).map_err(|taken| refuse(&taken, ""))
}

/// FUNCTION DUMP.
///
/// ```text
/// (245 │ code)… │ version, u16 LE │ CRC64 of all before it, 8 bytes LE
/// ```
pub fn dump(engine: &Engine) -> Vec<u8> {
    let mut out = Vec::new();
    for library in engine.scripts.libraries() {
        out.push(RDB_FUNCTION);
        put_text(&library.code, &mut out);
    }
    out.extend_from_slice(&PRESENT.to_le_bytes());
    let sum = Checksum::of(&out);
    out.extend_from_slice(&sum.get().to_le_bytes());
    out
}

/// FUNCTION RESTORE.
///
/// # Errors
/// When the payload is damaged, or one of its libraries cannot be loaded: none is then.
pub fn restore(engine: &Engine, payload: &[u8], how: Adding) -> Result {
    let libraries = make_all(engine, &read(engine, payload)?)?;
    for (at, library) in libraries.iter().enumerate() {
        if libraries[..at].iter().any(|other| other.name == library.name) {
            return Err(refuse(&Taken::Library(library.name.clone()), ""));
        }
    }
    add(engine, libraries, how).map_err(|taken| refuse(&taken, ""))
}

/// The codes in a payload.
fn read(engine: &Engine, payload: &[u8]) -> Result<Vec<Vec<u8>>> {
    let damaged = || Error::new("ERR DUMP payload version or checksum are wrong");
    let (rest, sum) = payload.split_last_chunk::<8>().ok_or_else(damaged)?;
    let (body, version) = rest.split_last_chunk::<2>().ok_or_else(damaged)?;
    let versions = Versions::relaxed(engine.settings.yes(config::RDB_VERSION_CHECK));
    if !versions.hold(u16::from_le_bytes(*version)) || Checksum::of(rest).get() != u64::from_le_bytes(*sum) {
        return Err(damaged());
    }
    let mut codes = Vec::new();
    let mut input = Reader::new(body);
    while input.offset() < body.len() as u64 {
        let unread = |_| Error::new("ERR failed loading functions payload");
        if input.byte().map_err(unread)? != RDB_FUNCTION {
            return Err(Error::new("ERR given type is not a function"));
        }
        codes.push(input.string().map_err(unread)?.into_owned());
    }
    Ok(codes)
}
