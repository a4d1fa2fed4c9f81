//! Functions of C that stand before Lua's own: they look at the arguments, or at what is raised.

use crate::base::digits::read_plain;
use mlua::{Function, Lua, ffi, lua_State};
use std::ffi::{CStr, c_char, c_int};

/// A function of C that calls `f` when its arguments are of the kinds of which `kinds` has a letter each; otherwise it
/// raises what a library of C raises, at the place and under the name of the call:
///
/// | letter | an argument that is |
/// |---|---|
/// | `t` `f` `o` | a table, a function, a coroutine |
/// | `L` | a function written in Lua |
/// | `s` `n` | a text, a number; either may be given as the other |
/// | `S` `N` `F` | the same or a function, or none or nil |
/// | `I` | a number, if there are three arguments |
/// | `m` | a table or nil, which must be there |
/// | `r` | what `gsub` puts in |
/// | `l` | what `load` calls |
/// | `c` | what the collector can do, or none |
/// | `a` | there |
/// | `_` | anything or none |
///
/// Calls in tail position keep the caller's place, as they do when what they call is of C.
///
/// # Errors
/// When there is no memory for it.
pub(in crate::lua) fn check(lua: &Lua, (f, kinds): (Function, mlua::LuaString)) -> mlua::Result<Function> {
    // SAFETY: the two values that are pushed are taken by the closure.
    unsafe { lua.exec_raw((f, kinds), |l| ffi::lua_pushcclosure(l, checked, 2)) }
}

/// `pcall`: an error goes through `handler` where it is raised; of a table, as `redis.call` raises it, the message is told.
///
/// # Errors
/// When there is no memory for it.
pub(in crate::lua) fn pcall(lua: &Lua, handler: Function) -> mlua::Result<Function> {
    // SAFETY: the value that is pushed is taken by the closure.
    unsafe { lua.exec_raw(handler, |l| ffi::lua_pushcclosure(l, caught, 1)) }
}

/// `xpcall`: an error goes through `handler` before the script's own gets it.
///
/// # Errors
/// When there is no memory for it.
pub(in crate::lua) fn xpcall(lua: &Lua, handler: Function) -> mlua::Result<Function> {
    // SAFETY: the value that is pushed is taken by the closure.
    unsafe { lua.exec_raw(handler, |l| ffi::lua_pushcclosure(l, caught_by, 1)) }
}

/// What Lua calls for the function of [`pcall`].
unsafe extern "C-unwind" fn caught(l: *mut lua_State) -> c_int {
    // SAFETY: the upvalue is the one that `pcall` gave the closure. What is called stands behind it with its arguments; errors of it
    // end in this frame, which holds nothing to be dropped. A function of C has room for twenty values beside its arguments.
    unsafe {
        if ffi::lua_gettop(l) == 0 {
            // What Redis finds there to call.
            ffi::lua_pushboolean(l, 0);
            let why = b"attempt to call a boolean value";
            ffi::lua_pushlstring(l, why.as_ptr().cast(), why.len());
            return 2;
        }
        ffi::lua_pushvalue(l, ffi::lua_upvalueindex(1));
        ffi::lua_insert(l, 1);
        let ended = ffi::lua_pcall(l, ffi::lua_gettop(l) - 2, ffi::LUA_MULTRET, 1);
        if ended != ffi::LUA_OK && ffi::lua_type(l, -1) == ffi::LUA_TTABLE {
            ffi::lua_getfield(l, -1, c"err".as_ptr());
            // What is no message stays beside the table, as in Redis.
            if ffi::lua_isstring(l, -1) != 0 {
                ffi::lua_replace(l, -2);
            }
        }
        tell(l, ended)
    }
}

/// What Lua calls for the function of [`xpcall`].
unsafe extern "C-unwind" fn caught_by(l: *mut lua_State) -> c_int {
    // SAFETY: as in `caught`; the script's handler is looked for first, and both are held by the closure that stands below what is
    // called.
    unsafe {
        ffi::luaL_checkany(l, 2);
        ffi::lua_settop(l, 2);
        ffi::lua_pushvalue(l, ffi::lua_upvalueindex(1));
        ffi::lua_insert(l, 2);
        ffi::lua_pushcclosure(l, handled, 2);
        ffi::lua_insert(l, 1);
        let ended = ffi::lua_pcall(l, 0, ffi::LUA_MULTRET, 1);
        tell(l, ended)
    }
}

/// Puts whether a call `ended` well in the place of its handler; returns how many values there are.
///
/// # Safety
/// The handler stands at the bottom.
unsafe fn tell(l: *mut lua_State, ended: c_int) -> c_int {
    // SAFETY: as the caller promises; there is room for one value more.
    unsafe {
        ffi::lua_pushboolean(l, (ended == ffi::LUA_OK).into());
        ffi::lua_replace(l, 1);
        ffi::lua_gettop(l)
    }
}

/// Has an error go through both handlers.
unsafe extern "C-unwind" fn handled(l: *mut lua_State) -> c_int {
    // SAFETY: the upvalues are those that `caught_by` gave the closure. Errors of theirs leave this frame, which holds nothing to be
    // dropped.
    unsafe {
        for handler in 1..=2 {
            ffi::lua_pushvalue(l, ffi::lua_upvalueindex(handler));
            ffi::lua_insert(l, 1);
            ffi::lua_call(l, 1, 1);
        }
    }
    1
}

/// What `collectgarbage` can be asked for.
const COLLECTIONS: [*const c_char; 8] = [
    c"stop".as_ptr(),
    c"restart".as_ptr(),
    c"collect".as_ptr(),
    c"count".as_ptr(),
    c"step".as_ptr(),
    c"setpause".as_ptr(),
    c"setstepmul".as_ptr(),
    std::ptr::null(),
];

/// What Lua calls for a function of [`check`].
unsafe extern "C-unwind" fn checked(l: *mut lua_State) -> c_int {
    // SAFETY: the upvalues are those that `check` gave the closure, and the text is held by it. Each function that may raise
    // leaves this frame, which holds nothing to be dropped. A function of C has room for twenty values beside its arguments.
    unsafe {
        let mut len = 0;
        let kinds = ffi::lua_tolstring(l, ffi::lua_upvalueindex(2), &raw mut len).cast::<u8>();
        for at in 1..=len as c_int {
            check_one(l, at, *kinds.add(at as usize - 1));
        }
        ffi::lua_pushvalue(l, ffi::lua_upvalueindex(1));
        ffi::lua_insert(l, 1);
        ffi::lua_call(l, ffi::lua_gettop(l) - 1, ffi::LUA_MULTRET);
        ffi::lua_gettop(l)
    }
}

/// Raises an error unless the argument `at` is of the kind `letter`.
///
/// # Safety
/// No frame between this one and Lua's holds anything to be dropped.
unsafe fn check_one(l: *mut lua_State, at: c_int, letter: u8) {
    // SAFETY: as the caller promises, and any index may be asked for.
    unsafe {
        let kind = ffi::lua_type(l, at);
        let absent = matches!(kind, ffi::LUA_TNONE | ffi::LUA_TNIL);
        let unless = |fits: bool, why: &'static CStr| {
            if !fits {
                ffi::luaL_argerror(l, at, why.as_ptr());
            }
        };
        match letter {
            b't' => ffi::luaL_checktype(l, at, ffi::LUA_TTABLE),
            b'f' => ffi::luaL_checktype(l, at, ffi::LUA_TFUNCTION),
            b'F' if !absent => ffi::luaL_checktype(l, at, ffi::LUA_TFUNCTION),
            b'a' => ffi::luaL_checkany(l, at),
            b's' => _ = ffi::luaL_checklstring(l, at, std::ptr::null_mut()),
            b'S' if !absent => _ = ffi::luaL_checklstring(l, at, std::ptr::null_mut()),
            b'n' => _ = ffi::luaL_checknumber(l, at),
            b'N' if !absent => _ = ffi::luaL_checknumber(l, at),
            b'I' if ffi::lua_gettop(l) == 3 => _ = ffi::luaL_checknumber(l, at),
            b'o' => unless(kind == ffi::LUA_TTHREAD, c"coroutine expected"),
            b'L' => {
                let written = kind == ffi::LUA_TFUNCTION && ffi::lua_iscfunction(l, at) == 0;
                unless(written, c"Lua function expected");
            }
            b'm' => {
                unless(matches!(kind, ffi::LUA_TNIL | ffi::LUA_TTABLE), c"nil or table expected");
            }
            b'r' => {
                // The last argument is looked at first.
                check_one(l, at + 1, b'N');
                let puts = [ffi::LUA_TNUMBER, ffi::LUA_TSTRING, ffi::LUA_TFUNCTION, ffi::LUA_TTABLE];
                unless(puts.contains(&kind), c"string/function/table expected");
            }
            b'l' => {
                // The last argument is looked at first.
                check_one(l, at + 1, b'S');
                check_one(l, at, b'f');
            }
            b'c' => _ = ffi::luaL_checkoption(l, at, c"collect".as_ptr(), COLLECTIONS.as_ptr()),
            _ => {}
        }
    }
}

/// Lua's `tonumber`, which reads plain decimal digits itself: C's way takes many times as long.
///
/// # Errors
/// When there is no memory for it.
pub(in crate::lua) fn to_number(lua: &Lua, original: Function) -> mlua::Result<Function> {
    // SAFETY: the value that is pushed is taken by the closure.
    unsafe { lua.exec_raw(original, |l| ffi::lua_pushcclosure(l, read_number, 1)) }
}

/// What Lua calls for the function of [`to_number`].
unsafe extern "C-unwind" fn read_number(l: *mut lua_State) -> c_int {
    // SAFETY: the upvalue is the function of C that `to_number` gave the closure. It has none of its own, so that it may run as this
    // one: with its arguments, and under the name of its call. It leaves this frame when it raises, which holds nothing to be
    // dropped. The bytes are the string's, which stays on the stack.
    unsafe {
        if ffi::lua_gettop(l) == 1 && ffi::lua_type(l, 1) == ffi::LUA_TSTRING {
            let mut len = 0;
            let bytes = ffi::lua_tolstring(l, 1, &raw mut len).cast::<u8>();
            if let Some(n) = read_plain(std::slice::from_raw_parts(bytes, len)) {
                ffi::lua_pushnumber(l, n);
                return 1;
            }
        }
        match ffi::lua_tocfunction(l, ffi::lua_upvalueindex(1)) {
            Some(original) => original(l),
            None => 0,
        }
    }
}
