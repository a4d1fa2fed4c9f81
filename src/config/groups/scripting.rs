//! Lua scripts and functions.

use super::{setting, switch};
use crate::config::kind::{Kind, LONG};

group! {
    "scripting", super::persistence::END, "Scripts and functions.";

    BUSY_REPLY_THRESHOLD = setting("busy-reply-threshold", LONG, "5000")
        .aliases(&["lua-time-limit"])
        .doc("Milliseconds after which a script counts as slow and can be killed.");
    LUA_MEMORY_LIMIT = setting("lua-memory-limit", Kind::Bytes(0, i64::MAX), "256mb")
        .doc("Memory of one Lua interpreter (each thread has its own) while a script runs; 0 is no limit.");
    LUA_ENABLE_DEPRECATED_API = switch("lua-enable-deprecated-api", "no")
        .aliases(&["lua-enable-insecure-api"])
        .protected()
        .doc("Gives scripts getfenv, setfenv and newproxy (docs/scripts.md).");
}
