//! Lua scripts and functions.

use super::setting;
use crate::config::kind::LONG;

group! {
    "scripting", super::persistence::END, "Scripts and functions.";

    BUSY_REPLY_THRESHOLD = setting("busy-reply-threshold", LONG, "5000")
        .aliases(&["lua-time-limit"])
        .hint("there are no scripts yet")
        .doc("Milliseconds after which a script counts as slow and can be killed.");
}
