//! The interpreter of a thread.

use super::libs::json::Settings;
use super::random::Random;
use super::registry::{Registered, folded};
use super::script::{Library, Script, Sha};
use super::{HOOK_EVERY, HOST, Host, Writer, api};
use crate::base::random;
use crate::resp::Reply;
use mlua::chunk::ChunkMode;
use mlua::{Function, HookTriggers, Lua, LuaOptions, StdLib, Table, Value, VmState};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Scripts and functions compiled that a thread keeps.
const KEPT_MAX: usize = 1024;

const PRELUDE: &str = include_str!("prelude.lua");

/// Why a script gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It raised an error.
    Raised {
        /// The error, code first.
        text: Vec<u8>,
        /// The chunk and line it was raised in.
        at: Option<(String, i64)>,
        /// Whether it is counted in the statistics already.
        counted: bool,
    },
    /// The host did not let it go on.
    Stopped {
        /// The chunk and line it had come to.
        at: Option<(String, i64)>,
    },
}

/// What the functions written in Rust share with the interpreter.
#[derive(Default)]
pub(super) struct State {
    /// Whether commands answer the script in RESP3.
    pub resp3: Cell<bool>,
    /// What `cjson` is told to do.
    pub json: Cell<Settings>,
    /// `math.random`.
    pub random: Random,
    /// Bytes the interpreter may use while a script runs; 0 is no limit.
    pub limit: Cell<usize>,
    /// Whether the host has stopped the script.
    pub stopped: Cell<bool>,
    /// The chunk and line where it was stopped.
    pub stopped_at: RefCell<Option<(String, i64)>>,
    /// Steps of searches so far.
    pub steps: Cell<u32>,
    /// What the library being loaded has registered.
    pub registered: RefCell<Option<Vec<Registered>>>,
    /// The reply of the command being called.
    pub reply: Cell<Reply>,
}

/// A compiled script or function, held in the interpreter's table of them. References to values of Lua are few and are
/// taken for a moment; there may be tens of thousands of these.
#[derive(Debug)]
pub struct Compiled {
    place: usize,
    freed: Rc<RefCell<Vec<usize>>>,
}

impl Drop for Compiled {
    fn drop(&mut self) {
        self.freed.borrow_mut().push(self.place);
    }
}

/// A script, ready to run.
pub type Known = (Arc<Script>, Rc<Compiled>);
/// A function of a library, ready to run.
pub type Callee = (Arc<Library>, usize, Rc<Compiled>);

/// A Lua state, its sandbox, and what it has compiled.
pub struct Interp {
    lua: Lua,
    state: Rc<State>,
    run_script: Function,
    run_function: Function,
    compiled: Table,
    /// Places in `compiled` that are used no more.
    freed: Rc<RefCell<Vec<usize>>>,
    load_library: Function,
    script_env: Function,
    library_env: Function,
    bodies: RefCell<HashMap<Box<[u8]>, Sha, ahash::RandomState>>,
    scripts: RefCell<HashMap<Sha, Known, ahash::RandomState>>,
    functions: RefCell<HashMap<Box<[u8]>, Callee, ahash::RandomState>>,
    /// How many functions there were when those of deleted libraries were let go.
    looked_at: Cell<usize>,
    /// Its part of [`MEMORY`].
    counted: Cell<usize>,
}

/// Bytes that all interpreters use, each counted when it has run a script.
static MEMORY: AtomicUsize = AtomicUsize::new(0);
/// Changes of an interpreter's memory that are too small to count.
const SMALL_CHANGE: usize = 4096;

/// Bytes that all interpreters use, roughly.
pub fn memory() -> usize {
    MEMORY.load(Relaxed)
}

thread_local! {
    static INTERP: RefCell<Option<Rc<Interp>>> = const { RefCell::new(None) };
}

/// Runs `f` with the thread's interpreter, which is made on first use.
///
/// # Errors
/// When it cannot be made: there is no memory for it.
pub fn with<R>(f: impl FnOnce(&Interp) -> R) -> Result<R, String> {
    let interp = INTERP.with_borrow_mut(|interp| match interp {
        Some(interp) => Ok(interp.clone()),
        None => {
            let made = Rc::new(Interp::new().map_err(|error| error.to_string())?);
            *interp = Some(made.clone());
            Ok::<_, String>(made)
        }
    })?;
    Ok(f(&interp))
}

impl Interp {
    fn new() -> mlua::Result<Self> {
        let libs = StdLib::STRING | StdLib::TABLE | StdLib::MATH | StdLib::OS;
        // Panics are bugs that stop the process, so that the language's own pcall is kept.
        let lua = Lua::new_with(libs, LuaOptions::new().catch_rust_panics(false))?;
        let state = Rc::new(State::default());
        state.random.seed(random::below(1 << 31) as i32);
        let (raw, constants) = (api::functions(&lua, &state)?, api::constants(&lua)?);
        let prelude: Table = lua.load(PRELUDE).set_name("=synap").call((raw, constants))?;
        let globals: Table = prelude.get("globals")?;
        lua.set_globals(globals)?;
        let interp = Self {
            run_script: prelude.get("script")?,
            run_function: prelude.get("call")?,
            compiled: prelude.get("compiled")?,
            freed: Rc::default(),
            load_library: prelude.get("load")?,
            script_env: prelude.get("script_env")?,
            library_env: prelude.get("library_env")?,
            lua,
            state,
            bodies: RefCell::default(),
            scripts: RefCell::default(),
            functions: RefCell::default(),
            looked_at: Cell::new(32),
            counted: Cell::new(0),
        };
        interp.watch(HookTriggers::new().every_nth_instruction(HOOK_EVERY))?;
        Ok(interp)
    }

    /// Looks at the running script at every trigger.
    fn watch(&self, triggers: HookTriggers) -> mlua::Result<()> {
        let state = self.state.clone();
        self.lua.set_global_hook(triggers, move |lua, frame| {
            look(lua, &state, || {
                let source = frame.source().source.map(std::borrow::Cow::into_owned);
                source.zip(frame.current_line().map(|line| line as i64))
            })?;
            Ok(VmState::Continue)
        })
    }

    /// Compiles a text; `name` is `@user_script` or `@user_function`.
    ///
    /// # Errors
    /// The compiler's message.
    fn compile(&self, text: &[u8], name: &str, env: &Function) -> Result<Function, String> {
        let chunk = self.lua.load(text).set_name(name).set_mode(ChunkMode::Text);
        let compiled = chunk.into_function().and_then(|f| env.call::<Function>(f));
        compiled.map_err(|error| match error {
            mlua::Error::SyntaxError { message, .. } => message,
            error => error.to_string(),
        })
    }

    /// The script with this text, if this thread has run it.
    pub fn known_body(&self, body: &[u8]) -> Option<Known> {
        self.known_sha(self.bodies.borrow().get(body)?)
    }

    /// The script with this name, if this thread has run it.
    pub fn known_sha(&self, sha: &Sha) -> Option<Known> {
        let scripts = self.scripts.borrow();
        let (script, f) = scripts.get(sha)?;
        (!script.gone.load(Relaxed)).then(|| (script.clone(), f.clone()))
    }

    /// Compiles the text of a script (its `#!` line taken off).
    ///
    /// # Errors
    /// The compiler's message.
    pub fn compile_script(&self, text: &[u8]) -> Result<Rc<Compiled>, String> {
        let f = self.compile(text, "@user_script", &self.script_env)?;
        self.hold(f).map_err(|error| error.to_string())
    }

    /// Puts a function into the table of compiled ones.
    fn hold(&self, f: Function) -> mlua::Result<Rc<Compiled>> {
        let freed = self.freed.borrow_mut().pop();
        let place = freed.unwrap_or(self.compiled.raw_len() + 1);
        self.compiled.raw_set(place, f)?;
        Ok(Rc::new(Compiled { place, freed: self.freed.clone() }))
    }

    /// Lets go of functions that nobody will call again.
    fn let_go(&self) {
        for place in &*self.freed.borrow() {
            // Not nil, so that the table's length stays its highest place. Setting what is there allocates nothing.
            let _ = self.compiled.raw_set(*place, false);
        }
    }

    /// Remembers a compiled script.
    pub fn remember(&self, script: &Arc<Script>, f: &Rc<Compiled>) {
        let mut scripts = self.scripts.borrow_mut();
        if scripts.len() >= KEPT_MAX {
            scripts.clear();
            self.bodies.borrow_mut().clear();
            self.let_go();
        }
        scripts.insert(script.sha, (script.clone(), f.clone()));
        self.bodies.borrow_mut().insert(script.body.clone(), script.sha);
    }

    /// Runs the text of a library (its `#!` line taken off); returns what it registers.
    ///
    /// # Errors
    /// The text that Redis answers, without `ERR`.
    pub fn load_library(
        &self,
        text: &[u8],
        limit: usize,
        host: &mut dyn Host,
    ) -> Result<Vec<Registered>, String> {
        let compiled = self.compile(text, "@user_function", &self.library_env);
        let f = compiled.map_err(|why| format!("Error compiling function: {why}"))?;
        *self.state.registered.borrow_mut() = Some(Vec::new());
        let loaded = self.run(limit, host, || self.load_library.call(f));
        let registered = self.state.registered.borrow_mut().take().unwrap_or_default();
        match loaded {
            Ok(_) => Ok(registered),
            Err(Failure::Stopped { .. }) => {
                Err("Error registering functions: ERR FUNCTION LOAD timeout".into())
            }
            Err(Failure::Raised { text, .. }) => {
                Err(format!("Error registering functions: {}", String::from_utf8_lossy(&text)))
            }
        }
    }

    /// The function of this name, if this thread has loaded its library.
    pub fn known_function(&self, name: &[u8]) -> Option<Callee> {
        let functions = self.functions.borrow();
        let callee = functions.get(&*folded(name))?;
        (!callee.0.gone.load(Relaxed)).then(|| callee.clone())
    }

    /// Remembers the functions of a loaded library, which are in the library's order.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn remember_library(
        &self,
        library: &Arc<Library>,
        registered: Vec<Registered>,
    ) -> Result<(), String> {
        let mut functions = self.functions.borrow_mut();
        // Now and then: looking at all of them each time would make loading many take long.
        if functions.len() >= 2 * self.looked_at.get() {
            functions.retain(|_, (known, ..)| !known.gone.load(Relaxed));
            self.let_go();
            self.looked_at.set(functions.len().max(32));
        }
        for (at, Registered { declared, callback }) in registered.into_iter().enumerate() {
            let held = self.hold(callback).map_err(|error| error.to_string())?;
            functions.insert(folded(&declared.name).into_boxed_slice(), (library.clone(), at, held));
        }
        Ok(())
    }

    /// Runs a script, or a function of a library.
    ///
    /// # Errors
    /// When it raised an error, or was stopped.
    pub fn call(
        &self,
        kind: Kind,
        f: &Compiled,
        words: Words<'_>,
        limit: usize,
        host: &mut dyn Host,
    ) -> Result<Value, Failure> {
        let runner = match kind {
            Kind::Script => &self.run_script,
            Kind::Function => &self.run_function,
        };
        self.run(limit, host, || runner.call((f.place, self.list(words.keys)?, self.list(words.args)?)))
    }

    fn list(&self, words: &[&[u8]]) -> mlua::Result<Table> {
        self.lua.create_sequence_from(words.iter().map(|word| bstr::BStr::new(*word)))
    }

    fn run(
        &self,
        limit: usize,
        host: &mut dyn Host,
        call: impl FnOnce() -> mlua::Result<(bool, Value)>,
    ) -> Result<Value, Failure> {
        self.state.resp3.set(false);
        self.state.json.set(Settings::default());
        self.state.limit.set(limit);
        let done = HOST.set(host, || {
            let _limited = Limited::on(&self.lua, limit);
            call()
        });
        if self.state.stopped.take() {
            self.settle();
            return Err(Failure::Stopped { at: self.state.stopped_at.borrow_mut().take() });
        }
        if self.lua.used_memory() > limit / 4 && limit > 0 {
            // What is garbage now must not count against the next script. It cannot fail: nothing here
            // has finalisers.
            let _ = self.lua.gc_collect();
        }
        self.count_memory(SMALL_CHANGE);
        match done {
            Ok((true, value)) => Ok(value),
            Ok((false, Value::Table(error))) => Err(raised(&error)),
            Ok((false, error)) => Err(plain(error.to_string().unwrap_or_default())),
            Err(error) => Err(plain(error.to_string())),
        }
    }

    /// Watches as before a script was stopped.
    #[cold]
    fn settle(&self) {
        let triggers = HookTriggers::new().every_nth_instruction(HOOK_EVERY);
        if let Err(error) = self.watch(triggers) {
            tracing::error!(%error, "a Lua interpreter lost its hook");
        }
    }

    /// Writes what a script returned; `on_error` is told of errors in it.
    pub fn write(&self, value: &Value, reply: &mut Reply, on_error: &mut dyn FnMut(&[u8])) {
        Writer { reply, resp3: self.state.resp3.get(), on_error }.write(value);
    }

    fn count_memory(&self, least: usize) {
        let (used, counted) = (self.lua.used_memory(), self.counted.get());
        if used.abs_diff(counted) >= least {
            self.counted.set(used);
            // Adding the difference modulo 2^64 subtracts too.
            MEMORY.fetch_add(used.wrapping_sub(counted), Relaxed);
        }
    }
}

impl Drop for Interp {
    fn drop(&mut self) {
        MEMORY.fetch_sub(self.counted.get(), Relaxed);
    }
}

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A script: keys and arguments are its globals.
    Script,
    /// A function of a library: they are its parameters.
    Function,
}

/// The keys and the other arguments of a script.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// KEYS.
    pub keys: &'a [&'a [u8]],
    /// ARGV.
    pub args: &'a [&'a [u8]],
}

/// Sets the limit of memory while it lives.
struct Limited<'a>(&'a Lua, usize);

impl<'a> Limited<'a> {
    fn on(lua: &'a Lua, limit: usize) -> Self {
        set_limit(lua, limit);
        Self(lua, 0)
    }
}

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        set_limit(self.0, self.1);
    }
}

/// Asks the host whether the script may go on; `place` tells the chunk and line it has come to.
///
/// # Errors
/// When it may not. From here on every line fails, also behind a pcall.
pub(super) fn look(
    lua: &Lua,
    state: &State,
    place: impl FnOnce() -> Option<(String, i64)>,
) -> mlua::Result<()> {
    let stopped = || Err(mlua::Error::runtime("script stopped"));
    if state.stopped.get() {
        return stopped();
    }
    if !HOST.is_set() || HOST.with(|host| host.may_go_on()) {
        return Ok(());
    }
    state.stopped.set(true);
    *state.stopped_at.borrow_mut() = place();
    let again = HookTriggers::new().every_line().every_nth_instruction(1000);
    lua.set_global_hook(again, |_, _| Err(mlua::Error::runtime("script stopped")))?;
    stopped()
}

/// Lifts the limit of memory while `f` runs.
///
/// # Errors
/// As `f`, and when more is used now than the limit.
pub(super) fn unlimited<R>(lua: &Lua, state: &State, f: impl FnOnce() -> mlua::Result<R>) -> mlua::Result<R> {
    set_limit(lua, 0);
    let limit = state.limit.get();
    let limited = Limited(lua, limit);
    let result = f();
    drop(limited);
    if limit > 0 && lua.used_memory() > limit {
        return Err(mlua::Error::MemoryError("not enough memory".into()));
    }
    result
}

fn set_limit(lua: &Lua, limit: usize) {
    let set = lua.set_memory_limit(limit);
    debug_assert!(set.is_ok(), "the interpreter has its own allocator");
}

fn plain(text: String) -> Failure {
    let text = if text.starts_with("not enough memory") || text.contains("memory error") {
        "ERR the script needs more memory than lua-memory-limit allows".to_string()
    } else {
        format!("ERR {text}")
    };
    Failure::Raised { text: text.into_bytes(), at: None, counted: false }
}

fn raised(error: &Table) -> Failure {
    let field = |name: &str| error.raw_get::<Value>(name).unwrap_or(Value::Nil);
    let text = match field("err") {
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Integer(n) => n.to_string().into_bytes(),
        Value::Number(n) => n.to_string().into_bytes(),
        _ => b"ERR unknown error".to_vec(),
    };
    let at = match (field("source"), field("line")) {
        (Value::String(source), Value::Integer(line)) => Some((source.to_string_lossy(), line)),
        _ => None,
    };
    Failure::Raised { text, at, counted: field("ignore_error_stats_update") != Value::Nil }
}
