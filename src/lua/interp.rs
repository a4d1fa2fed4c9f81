//! The interpreter of a thread.

use super::bytecode::sets_globals;
use super::libs::json::{Seen, Settings};
use super::libs::{ARRAY, READONLY};
use super::names::Names;
use super::random::Random;
use super::registry::{Registered, folded};
use super::script::{Library, Script, Sha};
use super::stack::{Ended, Hook, Kept, Stack, Type, keep};
use super::writing::{REPLY_MAX, Writer};
use super::{HOOK_EVERY, HOST, Host, api, debug};
use crate::base::digits::write_g;
use crate::base::random;
use crate::resp::Reply;
use mlua::chunk::ChunkMode;
use mlua::state::{GcIncParams, GcMode};
use mlua::{Function, HookTriggers, Lua, LuaOptions, StdLib, Table, Value, VmState, WeakLua};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

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
        /// The chunk and line it was raised in, with a colon between.
        at: Option<String>,
        /// Whether it is counted in the statistics already.
        counted: bool,
    },
    /// The host did not let it go on.
    Stopped {
        /// The chunk and line it had come to, likewise.
        at: Option<String>,
    },
}

/// What the functions written in Rust share with the interpreter.
#[derive(Default)]
pub(super) struct State {
    /// Whether commands answer the script in RESP3.
    pub resp3: Cell<bool>,
    /// What `cjson` is told to do.
    pub json: Rc<Cell<Settings>>,
    /// `math.random`.
    pub random: Random,
    /// Bytes the interpreter may use while a script runs; 0 is no limit.
    pub limit: Cell<usize>,
    /// Whether the host has stopped the script.
    pub stopped: Cell<bool>,
    /// The chunk and line where it was stopped.
    pub stopped_at: RefCell<Option<String>>,
    /// Steps of searches so far.
    pub steps: Cell<u32>,
    /// What the library being loaded has registered.
    pub registered: RefCell<Option<Vec<Registered>>>,
    /// The reply of the command being called.
    pub reply: RefCell<Reply>,
    /// Whether the collector rests until the heap is many times as large.
    pub rests: Cell<bool>,
    /// What of that is known to last.
    pub seen: Cell<Seen>,
    /// Names of fields; there once the interpreter is made.
    pub names: OnceCell<Names>,
    /// The interpreter itself: asking a stack for it takes longer.
    lua: OnceCell<WeakLua>,
}

impl State {
    /// Names of fields.
    pub fn names(&self) -> &Names {
        self.names.get().expect("they are kept before the first script runs")
    }

    /// The interpreter.
    pub fn lua(&self) -> Lua {
        self.lua.get().expect("it is noted when it is made").upgrade()
    }

    /// Whether more memory is used now than a script may use.
    pub fn is_over_limit(&self, lua: &Lua) -> bool {
        let limit = self.limit.get();
        limit > 0 && lua.used_memory() > limit
    }
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
    /// Whether scripts have what is deprecated.
    deprecated: bool,
    /// What makes a table of whatever error a script ends with.
    handler: Kept,
    /// The table of compiled scripts and functions.
    compiled_kept: Kept,
    compiled: Table,
    /// What scripts find their keys and arguments in, under these names.
    script_globals: Kept,
    keys: Kept,
    argv: Kept,
    /// Places in `compiled` that are used no more.
    freed: Rc<RefCell<Vec<usize>>>,
    /// What the debugger runs code with, and what is behind the tables that scripts may only read.
    evaluate: Kept,
    real: Kept,
    load_library: Function,
    /// Tells what is wrong with a text.
    complain: Function,
    script_env: Function,
    reader_env: Function,
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

/// Whether scripts have what Redis calls deprecated.
static DEPRECATED: AtomicBool = AtomicBool::new(false);

/// Gives scripts `getfenv`, `setfenv` and `newproxy`, or takes them away: from the next script on, for which each thread
/// makes its interpreter anew.
pub fn enable_deprecated(enable: bool) {
    DEPRECATED.store(enable, Relaxed);
}

/// Bytes that all interpreters use, roughly.
pub fn memory() -> usize {
    MEMORY.load(Relaxed)
}

thread_local! {
    static INTERP: RefCell<Option<Rc<Interp>>> = const { RefCell::new(None) };
}

/// Runs `f` with the thread's interpreter, which is made on first use, and anew when it is not what [`enable_deprecated`]
/// asks for.
///
/// # Errors
/// When it cannot be made: there is no memory for it.
pub fn with<R>(f: impl FnOnce(&Interp) -> R) -> Result<R, String> {
    let deprecated = DEPRECATED.load(Relaxed);
    // One that is in use runs a script that asks for this, and stays until it has ended.
    let fits = |interp: &&Rc<Interp>| interp.deprecated == deprecated || Rc::strong_count(interp) > 1;
    let interp = INTERP.with_borrow_mut(|interp| match interp.as_ref().filter(fits) {
        Some(interp) => Ok(interp.clone()),
        None => {
            let made = Rc::new(Interp::new(deprecated).map_err(|error| error.to_string())?);
            *interp = Some(made.clone());
            Ok::<_, String>(made)
        }
    })?;
    Ok(f(&interp))
}

impl Interp {
    /// An interpreter, whose scripts have what is deprecated or do not.
    pub(super) fn new(deprecated: bool) -> mlua::Result<Self> {
        let libs = StdLib::STRING | StdLib::TABLE | StdLib::MATH | StdLib::OS;
        // Panics are bugs that stop the process, so that the language's own pcall is kept.
        let lua = Lua::new_with(libs, LuaOptions::new().catch_rust_panics(false))?;
        let state = Rc::new(State { lua: lua.weak().into(), ..State::default() });
        state.random.seed(random::below(1 << 31) as i32);
        let (raw, constants) = (api::functions(&lua, &state)?, api::constants(&lua)?);
        raw.set("deprecated", deprecated)?;
        let prelude: Table = lua.load(PRELUDE).set_name("=synap").call((raw, constants))?;
        let globals: Table = prelude.get("globals")?;
        lua.set_globals(globals)?;
        lua.set_named_registry_value(READONLY, prelude.get::<Table>("real")?)?;
        lua.set_named_registry_value(ARRAY, prelude.get::<Table>("array")?)?;
        let names = Names::new(&lua)?;
        state.names.get_or_init(|| names);
        let compiled: Table = prelude.get("compiled")?;
        let interp = Self {
            handler: keep(&lua, prelude.get::<Function>("handler")?)?,
            compiled_kept: keep(&lua, &compiled)?,
            compiled,
            script_globals: keep(&lua, prelude.get::<Table>("script_globals")?)?,
            keys: keep(&lua, "KEYS")?,
            argv: keep(&lua, "ARGV")?,
            freed: Rc::default(),
            evaluate: keep(&lua, prelude.get::<Function>("evaluate")?)?,
            real: keep(&lua, prelude.get::<Table>("real")?)?,
            load_library: prelude.get("load")?,
            complain: prelude.get("complain")?,
            script_env: prelude.get("script_env")?,
            reader_env: prelude.get("reader_env")?,
            library_env: prelude.get("library_env")?,
            lua,
            state,
            deprecated,
            bodies: RefCell::default(),
            scripts: RefCell::default(),
            functions: RefCell::default(),
            looked_at: Cell::new(32),
            counted: Cell::new(0),
        };
        interp.watch(HookTriggers::new().every_nth_instruction(HOOK_EVERY))?;
        // Two fifths of what is there by now served to make it.
        interp.lua.gc_collect()?;
        Ok(interp)
    }

    /// Looks at the running script at every trigger.
    fn watch(&self, triggers: HookTriggers) -> mlua::Result<()> {
        let state = self.state.clone();
        self.lua.set_global_hook(triggers, move |lua, frame| {
            look(lua, &state, || {
                let (source, line) = (frame.source().source?, frame.current_line()?);
                Some(format!("{source}:{line}"))
            })?;
            Ok(VmState::Continue)
        })
    }

    /// Compiles a text; `name` is `@user_script` or `@user_function`, and `env` gives it its environment.
    ///
    /// # Errors
    /// The compiler's message.
    fn compile<'a>(
        &'a self,
        text: &[u8],
        name: &str,
        env: impl FnOnce(&Function) -> &'a Function,
    ) -> Result<Function, Vec<u8>> {
        // Bytecode can do what no script may: behind a blank it is read as text, and refused as such.
        let text = if text.starts_with(b"\x1b") { &[b" ", text].concat() } else { text };
        let chunk = self.lua.load(text).set_name(name).set_mode(ChunkMode::Text);
        let compiled = chunk.into_function().and_then(|f| env(&f).call::<Function>(f));
        compiled.map_err(|error| match error {
            // It repeats words of the text, which need not be UTF-8 as mlua's messages are.
            mlua::Error::SyntaxError { message, .. } if message.contains(char::REPLACEMENT_CHARACTER) => {
                let told = self.lua.create_string(text).and_then(|text| self.complain.call((text, name)));
                told.map_or(message.into_bytes(), |told: mlua::LuaString| told.as_bytes().to_vec())
            }
            mlua::Error::SyntaxError { message, .. } => message.into_bytes(),
            error => error.to_string().into_bytes(),
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
    pub fn compile_script(&self, text: &[u8]) -> Result<Rc<Compiled>, Vec<u8>> {
        // With getfenv an environment is a value, which the script could write to.
        let sets = |f: &Function| self.deprecated || sets_globals(&f.dump(true));
        let env = |f: &Function| if sets(f) { &self.script_env } else { &self.reader_env };
        let f = self.compile(text, "@user_script", env)?;
        self.hold(f).map_err(|error| error.to_string().into_bytes())
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
    ) -> Result<Vec<Registered>, Vec<u8>> {
        let compiled = self.compile(text, "@user_function", |_| &self.library_env);
        let f = compiled.map_err(|why| [b"Error compiling function: ", &why[..]].concat())?;
        *self.state.registered.borrow_mut() = Some(Vec::new());
        let loaded = self.guarded(limit, host, || self.load_library.call::<(bool, Value)>(f));
        self.tidy(limit);
        let registered = self.state.registered.borrow_mut().take().unwrap_or_default();
        let why = match loaded {
            Ok(Ok((true, _))) => return Ok(registered),
            Ok(Ok((false, error))) => raised_text(&error),
            Ok(Err(error)) => format!("ERR {error}"),
            Err(_) => "ERR FUNCTION LOAD timeout".into(),
        };
        Err(format!("Error registering functions: {why}").into_bytes())
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

    /// Runs a script, or a function of a library, and writes what it returned; tells whether there is an error in it. The host is
    /// told of errors in it.
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
        reply: &mut Reply,
    ) -> Result<bool, Failure> {
        let stack = Stack::of(&self.lua);
        let top = stack.top();
        if !stack.room(PLACES) {
            return Err(plain("stack overflow".into()));
        }
        stack.push(self.handler);
        let handler = top + 1;
        let args = match kind {
            Kind::Script => {
                stack.push(self.script_globals);
                for (name, words) in [(self.keys, words.keys), (self.argv, words.args)] {
                    stack.push(name);
                    push_list(&stack, words);
                    stack.set_field(-3);
                }
                self.push_compiled(&stack, f);
                0
            }
            Kind::Function => {
                self.push_compiled(&stack, f);
                push_list(&stack, words.keys);
                push_list(&stack, words.args);
                2
            }
        };
        let is_debugged = kind == Kind::Script && debug::is_on();
        if is_debugged {
            stack.hook::<Steps>(HOOK_EVERY as i32);
        }
        let mut seen = self.state.seen.get();
        self.state.json.set(seen.of(host.json()));
        self.state.seen.set(seen);
        let fine = self.guarded(limit, host, || stack.call(args, handler));
        seen.keep(self.state.json.get(), host.json());
        if is_debugged {
            self.settle();
        }
        let done = fine.and_then(|fine| match fine {
            true => {
                let (names, resp3) = (self.state.names(), self.state.resp3.get());
                let end = reply.len() + REPLY_MAX;
                let on_error = &mut |text: &[u8]| host.returned_error(text);
                let writer = Writer {
                    stack: &stack,
                    names,
                    reply,
                    resp3,
                    on_error,
                    has_error: false,
                    end,
                    is_full: false,
                };
                Ok(writer.write())
            }
            false => Err(self.raised(&stack)),
        });
        stack.cut(top);
        self.tidy(limit);
        done
    }

    /// What is behind the tables that scripts may only read.
    pub(super) fn real(&self) -> Kept {
        self.real
    }

    fn push_compiled(&self, stack: &Stack, f: &Compiled) {
        stack.push(self.compiled_kept);
        stack.push_item(-1, f.place as i32);
    }

    /// Runs `f` with the limit of memory and within reach of the host.
    fn guarded<R>(&self, limit: usize, host: &mut dyn Host, f: impl FnOnce() -> R) -> Result<R, Failure> {
        self.state.resp3.set(false);
        self.state.limit.set(limit);
        let done = HOST.set(host, || {
            let _limited = Limited::on(&self.lua, limit);
            f()
        });
        if self.state.stopped.take() {
            self.settle();
            return Err(Failure::Stopped { at: self.state.stopped_at.borrow_mut().take() });
        }
        Ok(done)
    }

    /// Collects and counts what a script left.
    fn tidy(&self, limit: usize) {
        let used = self.lua.used_memory();
        if used > limit / 4 && limit > 0 {
            // What is garbage now must not count against the next script. It cannot fail: nothing here
            // has finalisers.
            let _ = self.lua.gc_collect();
        } else if used < HEAP_SMALL && !self.state.rests.get() {
            self.state.rests.set(true);
            set_pause(&self.lua, PAUSE_SMALL);
        }
        self.count_memory(SMALL_CHANGE);
    }

    /// The failure of the error on top of the stack.
    fn raised(&self, stack: &Stack) -> Failure {
        let names = self.state.names();
        if stack.kind(-1) != Type::Table {
            return plain(String::from_utf8_lossy(stack.text(-1).unwrap_or_default()).into_owned());
        }
        let error = stack.top();
        let push_field = |name: Kept| {
            stack.push(name);
            stack.field(error);
        };
        let words = |name: Kept| {
            push_field(name);
            match stack.kind(-1) {
                Type::Text => stack.text(-1).map(<[u8]>::to_vec),
                Type::Number => {
                    let mut text = Vec::new();
                    write_g(stack.number(-1), 14, &mut text);
                    Some(text)
                }
                _ => None,
            }
        };
        let text = words(names.err).unwrap_or_else(|| b"ERR unknown error".to_vec());
        let place = words(names.source).zip(words(names.line));
        let at =
            place.map(|(source, line)| String::from_utf8_lossy(&[source, line].join(&b':')).into_owned());
        push_field(names.ignore_error_stats_update);
        let counted = stack.kind(-1) == Type::Boolean && stack.is_true(-1);
        Failure::Raised { text, at, counted }
    }

    /// Watches as before a script was stopped or debugged.
    #[cold]
    fn settle(&self) {
        let triggers = HookTriggers::new().every_nth_instruction(HOOK_EVERY);
        if let Err(error) = self.watch(triggers) {
            tracing::error!(%error, "a Lua interpreter lost its hook");
        }
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

/// What runs before each line of a script that is debugged.
struct Steps;

impl Hook for Steps {
    fn run(stack: &Stack, is_count: bool) -> Ended {
        let step = |interp: &Interp| {
            let Interp { state, evaluate, real, .. } = interp;
            debug::step(debug::Tools { stack, state, evaluate: *evaluate, real: *real }, is_count)
        };
        // It is the interpreter of this thread that runs.
        with(step).unwrap_or(Ended::Returns)
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

/// Below this, in bytes, a heap is mostly what every script finds there: looking through it as often as Lua does is a
/// tenth of what short scripts cost.
const HEAP_SMALL: usize = 2 << 20;
/// At which part of the live heap, in percent, the collector begins anew while the heap is small.
const PAUSE_SMALL: i32 = 800;
/// And otherwise: as Lua has it.
const PAUSE: i32 = 200;

fn set_pause(lua: &Lua, pause: i32) {
    lua.gc_set_mode(GcMode::Incremental(GcIncParams::default().pause(pause)));
}

/// Places of the stack that a call takes.
const PLACES: i32 = 12;

fn push_list(stack: &Stack, words: &[&[u8]]) {
    stack.push_table(words.len(), 0);
    for (at, word) in (1..).zip(words) {
        stack.push_text(word);
        stack.set_item(-2, at);
    }
}

/// Sets the limit of memory while it lives.
pub(super) struct Limited<'a>(&'a Lua, usize);

impl<'a> Limited<'a> {
    fn on(lua: &'a Lua, limit: usize) -> Self {
        set_limit(lua, limit);
        Self(lua, 0)
    }

    /// Lifts the limit of scripts while it lives.
    pub fn lifted(lua: &'a Lua, state: &State) -> Self {
        set_limit(lua, 0);
        Self(lua, state.limit.get())
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
pub(super) fn look(lua: &Lua, state: &State, place: impl FnOnce() -> Option<String>) -> mlua::Result<()> {
    let stopped = || Err(mlua::Error::runtime("script stopped"));
    if state.stopped.get() {
        return stopped();
    }
    if state.rests.get() && lua.used_memory() > 2 * HEAP_SMALL {
        state.rests.set(false);
        set_pause(lua, PAUSE);
        lua.gc_restart();
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

/// The error that a library ended with while it was loaded.
fn raised_text(error: &Value) -> String {
    let text = error.as_table().and_then(|error| error.raw_get::<mlua::LuaString>("err").ok());
    text.map_or_else(|| "ERR unknown error".into(), |text| text.to_string_lossy())
}
