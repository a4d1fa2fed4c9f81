//! MONITOR.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::engine::Flag;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[MONITOR];

const MONITOR: Command = Command::new("MONITOR", "monitor", Group::Server, Run::Outer(monitor))
    .flags(ADMIN | NO_SCRIPT | LOADING | STALE)
    .doc("1.0.0", "O(1)", "Sends this connection every call the server runs from now on.");

fn monitor(cx: &mut Outer<'_>) -> Result {
    if cx.session.nested {
        return Err(Error::new("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    cx.session.client.set(Flag::Monitor, true);
    cx.engine.monitors.add(&cx.session.client);
    cx.reply.ok();
    Ok(())
}
