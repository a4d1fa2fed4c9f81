//! WAIT and WAITAOF.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::engine::WaitAof;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[WAIT, WAITAOF];

const WAIT: Command = Command::new("WAIT", "wait", Group::Generic, Run::Outer(wait))
    .syntax("numreplicas:integer timeout:integer")
    .flags(BLOCKING)
    .subject(&["connection"])
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .doc(
        "3.0.0",
        "O(1)",
        "Waits until replicas have the writes of this connection, and tells how many have.",
    );

fn wait(cx: &mut Outer<'_>) -> Result {
    let replicas = cx.args.int()?;
    let timeout_ms = timeout(cx)?;
    // Redis keeps the number in 32 bits once it waits; what is left of it may be nothing.
    if replicas <= 0 || replicas as i32 <= 0 || cx.session.nested {
        cx.reply.int(0);
        return Ok(());
    }
    cx.session.waitaof = Some(Box::new(WaitAof {
        lsn: 0,
        needs_log: false,
        replicas: replicas as usize,
        timeout_ms,
        tells_local: false,
    }));
    Ok(())
}

fn timeout(cx: &mut Outer<'_>) -> Result<u64> {
    let timeout = cx.args.int().map_err(|_| Error::new("ERR timeout is not an integer or out of range"))?;
    u64::try_from(timeout).map_err(|_| Error::new("ERR timeout is negative"))
}

const WAITAOF: Command = Command::new("WAITAOF", "waitaof", Group::Generic, Run::Outer(waitaof))
    .syntax("numlocal:integer numreplicas:integer timeout:integer")
    .flags(BLOCKING)
    .subject(&["connection"])
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .doc("7.2.0", "O(1)", "Waits until the writes of this connection are on disk, here and on replicas.");

fn waitaof(cx: &mut Outer<'_>) -> Result {
    let local = match cx.args.int()? {
        n @ (0 | 1) => n,
        _ => return Err(Error::new("ERR value is out of range, value must between 0 and 1")),
    };
    let not_positive = Error::new("ERR value is out of range, must be positive");
    let replicas = cx.args.int_in(0..=i64::MAX, not_positive.clone()).map_err(|_| not_positive)?;
    let timeout_ms = timeout(cx)?;
    let log = &cx.engine.log;
    if local > 0 && !log.is_on() {
        return Err(WaitAof::NO_LOG);
    }
    let durable = log.is_on() && log.durable() >= cx.session.wrote;
    if (replicas == 0 && (durable || local == 0)) || cx.session.nested {
        cx.reply.array(2);
        cx.reply.int(durable.into());
        cx.reply.int(0);
        return Ok(());
    }
    let lsn = if local > 0 { cx.session.wrote } else { 0 };
    cx.session.waitaof = Some(Box::new(WaitAof {
        lsn,
        needs_log: local > 0,
        replicas: replicas as usize,
        timeout_ms,
        tells_local: true,
    }));
    Ok(())
}
