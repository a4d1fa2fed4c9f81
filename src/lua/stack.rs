//! The stack of the interpreter, as the interpreter's own functions of C see it: what goes between a script and its host
//! on every call passes here, without references that have to be kept and given back.
//!
//! What makes it sound:
//!
//! - A [`Stack`] is made of a living interpreter, or by it for the time of one call; it is not `Send`, and no
//!   reference to what lies on it outlives the borrow of it.
//! - Lua raises errors by leaving the functions above its own, which drop nothing then. So nothing here raises but
//!   [`enter`] and [`hooked`], at their end, and the functions of [`guards`], which hold nothing. Pushing raises only for
//!   lack of memory, which cannot be: who pushes has lifted the limit, and the interpreter's allocator ends the process
//!   when there is none.
//! - No finalisers of scripts run while something is pushed: scripts can make no userdata but
//!   proxies (lua-enable-deprecated-api), which the prelude keeps from having any.
//! - Panics do not unwind into Lua's frames: they end the process, as all do in release builds.
#![allow(unsafe_code)]

mod guards;

pub(super) use guards::{check, pcall, to_number, xpcall};

use super::interp::{Limited, State};
use mlua::ffi;
use mlua::{Function, Lua, lua_State};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `nil`, or nothing.
    Nil,
    /// A boolean.
    Boolean,
    /// A number.
    Number,
    /// A string.
    Text,
    /// A table.
    Table,
    /// Anything else.
    Other,
}

/// How a function ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With the value on top.
    Returns,
    /// The value on top is its error.
    Raises,
}

/// A function of scripts that works on the stack. The limit of memory is lifted while it runs.
pub trait Callee {
    /// Runs it: its arguments are at `1..=stack.top()`.
    fn run(stack: &Stack, state: &State) -> Ended;
}

/// A value that the interpreter keeps, and that is pushed at little cost.
#[derive(Clone, Copy, Debug)]
pub struct Kept(c_int);

/// The stack of the function of C that runs, or of the interpreter while none does.
pub struct Stack(*mut lua_State);

/// The function `C`, for scripts.
///
/// # Errors
/// When there is no memory for it.
pub(super) fn function<C: Callee>(lua: &Lua, state: &Rc<State>) -> mlua::Result<Function> {
    let state: *const State = &raw const **state;
    // SAFETY: two values are pushed, for which there is room, and one of them is taken by the closure. What it
    // refers to lives as long as the interpreter: `Interp` owns both and drops the interpreter first.
    unsafe {
        lua.exec_raw((), |l| {
            ffi::lua_pushlightuserdata(l, state.cast_mut().cast::<c_void>());
            ffi::lua_pushcclosure(l, enter::<C>, 1);
        })
    }
}

/// Has the interpreter keep `value`.
///
/// # Errors
/// When there is no memory for it.
pub(super) fn keep(lua: &Lua, value: impl mlua::IntoLua) -> mlua::Result<Kept> {
    // SAFETY: `luaL_ref` takes the value that `exec_raw` pushed, and its number takes its place.
    let place: i32 = unsafe {
        lua.exec_raw(value.into_lua(lua)?, |l| {
            let place = ffi::luaL_ref(l, ffi::LUA_REGISTRYINDEX);
            ffi::lua_pushinteger(l, place as ffi::lua_Integer);
        })?
    };
    Ok(Kept(place))
}

/// What Lua calls: runs `C`, then returns or raises what it left on top.
unsafe extern "C-unwind" fn enter<C: Callee>(l: *mut lua_State) -> c_int {
    // SAFETY: the upvalue is the one that `function` gave the closure, and the state is alive: it calls us.
    let (state, stack) =
        unsafe { (&*ffi::lua_touserdata(l, ffi::lua_upvalueindex(1)).cast::<State>(), Stack(l)) };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let lua = state.lua();
        let _lifted = Limited::lifted(&lua, state);
        C::run(&stack, state)
    }));
    match ended.unwrap_or_else(|_| std::process::abort()) {
        Ended::Returns => 1,
        // SAFETY: nothing in this frame is to be dropped, and the value is on top.
        Ended::Raises => unsafe { ffi::lua_error(l) },
    }
}

/// What runs before a line of a script does.
pub trait Hook {
    /// Runs it, before a line or (`is_count`) after some instructions. The script goes on, or fails with the error on top.
    fn run(stack: &Stack, is_count: bool) -> Ended;
}

/// What Lua calls for a hook.
unsafe extern "C-unwind" fn hooked<H: Hook>(l: *mut lua_State, ar: *mut ffi::lua_Debug) {
    // SAFETY: the state is alive and its record of the event is filled: it calls us.
    let (stack, is_count) = unsafe { (Stack(l), (*ar).event == ffi::LUA_HOOKCOUNT) };
    let ended = catch_unwind(AssertUnwindSafe(|| H::run(&stack, is_count)));
    if ended.unwrap_or_else(|_| std::process::abort()) == Ended::Raises {
        // SAFETY: nothing in this frame is to be dropped, and the value is on top.
        unsafe { ffi::lua_error(l) }
    }
}

/// A call that has not ended.
pub struct Frame {
    /// The name of its chunk.
    pub source: String,
    /// The line it has come to.
    pub line: i64,
    /// What it is called by, if that has a name.
    pub name: Option<String>,
}

impl Frame {
    /// Whether it is of the script, and not of what serves it.
    pub fn is_script(&self) -> bool {
        self.source.contains("user_script")
    }
}

// Each call below is of a function of Lua that reads or writes the stack at an index that holds a value, which the methods'
// callers in this room see to; room for what is pushed was asked for, or is the twenty places that a function of C has.
impl Stack {
    /// The stack of an interpreter that runs nothing, or waits for the function that calls this.
    pub(super) fn of(lua: &Lua) -> Self {
        Self(lua.exec_raw_lua(|raw| raw.state()))
    }

    /// The interpreter.
    pub(super) fn lua(&self) -> &Lua {
        // SAFETY: the state is one of mlua's, and lives as long as `self` is used.
        unsafe { Lua::get_or_init_from_ptr(self.0) }
    }

    /// The place of the topmost value; places count from 1.
    pub fn top(&self) -> i32 {
        // SAFETY: see above.
        unsafe { ffi::lua_gettop(self.0) }
    }

    /// Takes away what lies above the place `top`.
    pub fn cut(&self, top: i32) {
        // SAFETY: see above.
        unsafe { ffi::lua_settop(self.0, top) }
    }

    /// Takes `n` values away.
    pub fn pop(&self, n: i32) {
        self.cut(-n - 1);
    }

    /// Makes room for `n` values; false when the stack would be too large.
    pub fn room(&self, n: i32) -> bool {
        // SAFETY: see above; it raises only for lack of memory.
        unsafe { ffi::lua_checkstack(self.0, n) != 0 }
    }

    /// The type of the value at `at`: a place, or counted from the top with -1 for the topmost.
    pub fn kind(&self, at: i32) -> Type {
        // SAFETY: see above.
        match unsafe { ffi::lua_type(self.0, at) } {
            ffi::LUA_TNONE | ffi::LUA_TNIL => Type::Nil,
            ffi::LUA_TBOOLEAN => Type::Boolean,
            ffi::LUA_TNUMBER => Type::Number,
            ffi::LUA_TSTRING => Type::Text,
            ffi::LUA_TTABLE => Type::Table,
            _ => Type::Other,
        }
    }

    /// The string at `at`; `None` when it is none.
    pub fn text(&self, at: i32) -> Option<&[u8]> {
        if self.kind(at) != Type::Text {
            return None;
        }
        let mut len = 0;
        // SAFETY: of a string this gives its bytes, which stay where they are while it is on the stack; a number,
        // which it would turn into a string, was excluded.
        unsafe {
            let bytes = ffi::lua_tolstring(self.0, at, &raw mut len);
            Some(std::slice::from_raw_parts(bytes.cast::<u8>(), len))
        }
    }

    /// The number at `at`.
    pub fn number(&self, at: i32) -> f64 {
        // SAFETY: see above.
        unsafe { ffi::lua_tonumber(self.0, at) }
    }

    /// Whether the value at `at` is true.
    pub fn is_true(&self, at: i32) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_toboolean(self.0, at) != 0 }
    }

    /// Pushes nil.
    pub fn push_nil(&self) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushnil(self.0) }
    }

    /// Pushes a boolean.
    pub fn push_bool(&self, value: bool) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushboolean(self.0, value.into()) }
    }

    /// Pushes a number.
    pub fn push_number(&self, n: f64) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushnumber(self.0, n) }
    }

    /// Pushes a string.
    pub fn push_text(&self, text: &[u8]) {
        // SAFETY: see above; the bytes are copied.
        unsafe { ffi::lua_pushlstring_(self.0, text.as_ptr().cast::<c_char>(), text.len()) }
    }

    /// Pushes a kept value.
    pub fn push(&self, kept: Kept) {
        // SAFETY: see above; the place in the registry is the value's own.
        unsafe { ffi::lua_rawgeti_(self.0, ffi::LUA_REGISTRYINDEX, kept.0) }
    }

    /// Puts the topmost value in the place of the one at `at`.
    pub fn replace(&self, at: i32) {
        // SAFETY: see above.
        unsafe { ffi::lua_replace(self.0, at) }
    }

    /// What kind of thing the value at `at` is, and its address: of a function, a coroutine or a userdatum.
    pub fn address(&self, at: i32) -> (&'static str, usize) {
        // SAFETY: see above; any value may be asked.
        let (kind, address) = unsafe { (ffi::lua_type(self.0, at), ffi::lua_topointer(self.0, at)) };
        let kind = match kind {
            ffi::LUA_TFUNCTION => "function",
            ffi::LUA_TTHREAD => "thread",
            ffi::LUA_TLIGHTUSERDATA => "light-userdata",
            _ => "userdata",
        };
        (kind, address.addr())
    }

    /// The call at `level`, 0 being the innermost; `None` when there are fewer.
    pub fn frame(&self, level: i32) -> Option<Frame> {
        let ar = self.activation(level)?;
        let text = |text: *const c_char| {
            // SAFETY: Lua ends its texts with a NUL; this one lives until the interpreter runs on.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
        };
        Some(Frame {
            source: text(ar.short_src.as_ptr()).unwrap_or_default(),
            line: ar.currentline.into(),
            name: text(ar.name),
        })
    }

    /// Pushes the variable `n` (from 1) of the call at `level`, and tells its name; `None` when there are fewer.
    pub fn push_local(&self, level: i32, n: i32) -> Option<Vec<u8>> {
        let ar = self.activation(level)?;
        // SAFETY: the call is one of those that have not ended. One value is pushed, for which there is room, unless there is no
        // name, which otherwise ends with a NUL and belongs to the function called.
        unsafe {
            let name = ffi::lua_getlocal(self.0, &raw const ar, n);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_bytes().to_vec())
        }
    }

    /// What Lua tells of the call at `level`.
    fn activation(&self, level: i32) -> Option<ffi::lua_Debug> {
        // SAFETY: the record is one of numbers and pointers, for which zeros are values; Lua fills it for a call that it found.
        unsafe {
            let mut ar: ffi::lua_Debug = std::mem::zeroed();
            let found = ffi::lua_getstack(self.0, level, &raw mut ar) != 0
                && ffi::lua_getinfo(self.0, c"Snl".as_ptr(), &raw mut ar) != 0;
            found.then_some(ar)
        }
    }

    /// Has `H` run before every line of a script, and after every `every` instructions, until another hook is set.
    pub fn hook<H: Hook>(&self, every: i32) {
        // SAFETY: the hook is a function that lives for ever.
        unsafe {
            ffi::lua_sethook(self.0, Some(hooked::<H>), ffi::LUA_MASKLINE | ffi::LUA_MASKCOUNT, every);
        }
    }

    /// Pushes the value at `at` once more.
    pub fn push_copy(&self, at: i32) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushvalue(self.0, at) }
    }

    /// Pushes a table with room for `items` values at 1 and up, and `fields` others.
    pub fn push_table(&self, items: usize, fields: usize) {
        let bounded = |n: usize| c_int::try_from(n).unwrap_or(c_int::MAX);
        // SAFETY: see above.
        unsafe { ffi::lua_createtable(self.0, bounded(items), bounded(fields)) }
    }

    /// Pushes the value at the index `n` of the table at `at`.
    pub fn push_item(&self, at: i32, n: i32) {
        // SAFETY: see above; the caller has seen a table there.
        unsafe { ffi::lua_rawgeti_(self.0, at, n) }
    }

    /// Puts the field of the table at `at` whose name is on top in the name's place.
    pub fn field(&self, at: i32) {
        // SAFETY: see above; the caller has seen a table there.
        unsafe { ffi::lua_rawget_(self.0, at) }
    }

    /// Takes the topmost value as the item `n` of the table at `at`.
    pub fn set_item(&self, at: i32, n: i32) {
        // SAFETY: see above; the caller has pushed a table there.
        unsafe { ffi::lua_rawseti_(self.0, at, n) }
    }

    /// Takes the two topmost values, a name and a value, as a field of the table at `at`. The name is not nil.
    pub fn set_field(&self, at: i32) {
        debug_assert!(self.kind(-2) != Type::Nil, "a field has a name");
        // SAFETY: see above; the caller has pushed a table there, and no name is nil or not a number, which would raise.
        unsafe { ffi::lua_rawset(self.0, at) }
    }

    /// Puts the next pair of the table at `at` in the place of the name on top (nil to begin); false when there is none, and
    /// the name is gone.
    pub fn next(&self, at: i32) -> bool {
        // SAFETY: see above; the name came from this table, which nobody has changed since: so it raises nothing.
        unsafe { ffi::lua_next(self.0, at) != 0 }
    }

    /// Calls the function below the `args` topmost values, which take part in it, with the handler of errors at the place
    /// `handler`. One value takes their place: what it returned, or (false) its error.
    pub fn call(&self, args: i32, handler: i32) -> bool {
        // SAFETY: see above; errors are caught within.
        unsafe { ffi::lua_pcall(self.0, args, 1, handler) == ffi::LUA_OK }
    }
}
