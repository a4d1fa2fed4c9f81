//! HOTKEYS: which keys cost most CPU time and most bytes on the network.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::commands::help::help;
use crate::engine::{HotKeys, Metric, Plan};
use std::ops::RangeInclusive;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HOTKEYS];

const HOTKEYS: Command = Command::new("HOTKEYS", "hotkeys", Group::Server, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("8.6.0", "Depends on the subcommand.", "Holds the commands about keys that cost much.");

const SUBCOMMANDS: &[Command] = &[GET, HELP, RESET, START, STOP];

const FLAGS: u32 = ADMIN | NO_SCRIPT;

const HELP: Command = Command::new("HELP", "hotkeys|help", Group::Server, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("8.6.1", "O(1)", "Lists the subcommands.");

const START: Command = Command::new("START", "hotkeys|start", Group::Server, Run::Outer(start))
    .syntax(
        "METRICS <metrics: count [CPU] [NET]> [COUNT k:integer] [DURATION seconds] [SAMPLE ratio:integer] \
         [SLOTS slots: count slot:integer [slot:integer ...]]",
    )
    .arity(-2)
    .flags(FLAGS)
    .tips(&["request_policy:special"])
    .doc("8.6.0", "O(1)", "Begins to collect the keys that cost most.");

const ALREADY: Error = Error::new("ERR hotkey tracking session already in progress");

fn start(cx: &mut Outer<'_>) -> Result {
    let (hot, now_ms) = (&cx.engine.hot_keys, cx.engine.now_ms());
    if hot.active(|| now_ms).is_some() {
        return Err(ALREADY);
    }
    let mut plan = Plan { by: metrics(cx)?, count: 10, sample_ratio: 1, duration_ms: None };
    while cx.args.more() {
        // An option without its value is none.
        let has_value = cx.args.left() > 1;
        if has_value && cx.args.word("COUNT") {
            let error = Error::new("ERR COUNT must be between 1 and 64");
            plan.count = number(cx, 1..=64, error)? as usize;
        } else if has_value && cx.args.word("DURATION") {
            let error = Error::new("ERR DURATION must be between 1 and 1000000");
            plan.duration_ms = Some(1000 * number(cx, 1..=1_000_000, error)?);
        } else if has_value && cx.args.word("SAMPLE") {
            let error = Error::new("ERR SAMPLE ratio must be positive");
            plan.sample_ratio = number(cx, 1..=i64::from(i32::MAX), error)? as usize;
        } else if has_value && cx.args.word("SLOTS") {
            return Err(Error::new("ERR SLOTS parameter cannot be used in non-cluster mode"));
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if !hot.start(plan, now_ms) {
        return Err(ALREADY);
    }
    cx.reply.ok();
    Ok(())
}

/// Takes `METRICS count metric …`: by which of them keys are collected. Other metrics than there are count as given.
fn metrics(cx: &mut Outer<'_>) -> Result<[bool; 2]> {
    if cx.args.left() < 2 || !cx.args.word("METRICS") {
        return Err(Error::new("ERR METRICS parameter is required"));
    }
    let count = number(cx, 1..=2, Error::new("ERR METRICS count must be > 0 and <= 2"))?;
    let mut by = [false; 2];
    for _ in 0..count {
        let twice = if cx.args.word("CPU") {
            std::mem::replace(&mut by[Metric::Cpu as usize], true).then_some("CPU")
        } else if cx.args.word("NET") {
            std::mem::replace(&mut by[Metric::Net as usize], true).then_some("NET")
        } else if cx.args.more() {
            cx.args.bytes()?;
            None
        } else {
            return Err(Error::new("ERR METRICS count does not match number of metric types provided"));
        };
        if let Some(metric) = twice {
            return Err(Error::text(format!("ERR METRICS {metric} defined more than once!")));
        }
    }
    if by == [false; 2] {
        return Err(Error::new("ERR METRICS no valid metrics passed. Supported: CPU|NET"));
    }
    Ok(by)
}

/// Takes the next word as an integer within `bounds`, or answers `error`.
fn number(cx: &mut Outer<'_>, bounds: RangeInclusive<i64>, error: Error) -> Result<i64> {
    cx.args.int().ok().filter(|n| bounds.contains(n)).ok_or(error)
}

const STOP: Command = Command::new("STOP", "hotkeys|stop", Group::Server, Run::Outer(stop))
    .syntax("")
    .flags(FLAGS)
    .tips(&["request_policy:special"])
    .doc("8.6.0", "O(1)", "Ends the collection, and keeps what it found.");

fn stop(cx: &mut Outer<'_>) -> Result {
    match cx.engine.hot_keys.stop(cx.engine.now_ms()) {
        true => cx.reply.ok(),
        false => cx.reply.null(),
    }
    Ok(())
}

const RESET: Command = Command::new("RESET", "hotkeys|reset", Group::Server, Run::Outer(reset))
    .syntax("")
    .flags(FLAGS)
    .tips(&["request_policy:special"])
    .doc("8.6.0", "O(1)", "Forgets what was collected.");

fn reset(cx: &mut Outer<'_>) -> Result {
    if !cx.engine.hot_keys.reset(cx.engine.now_ms()) {
        return Err(Error::new("ERR hotkey tracking session in progress, stop tracking first"));
    }
    cx.reply.ok();
    Ok(())
}

const GET: Command = Command::new("GET", "hotkeys|get", Group::Server, Run::Outer(get))
    .syntax("")
    .flags(FLAGS)
    .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
    .doc("8.6.0", "O(K) where K is the number of keys that are told.", "Tells the keys that cost most.");

/// A value of the reply.
enum Value {
    Number(u64),
    Slots,
    Keys(Vec<(Vec<u8>, u64)>),
}

fn get(cx: &mut Outer<'_>) -> Result {
    let fields = fields(&cx.engine.hot_keys, cx.engine.now_ms());
    let Some(fields) = fields else {
        cx.reply.null();
        return Ok(());
    };
    // Those of several nodes are put into one list.
    cx.reply.array(1);
    cx.reply.map(fields.len());
    for (name, value) in fields {
        cx.reply.bulk(name.as_bytes());
        match value {
            Value::Number(n) => cx.reply.int(n as i64),
            // All of them: there is no cluster.
            Value::Slots => {
                cx.reply.array(1);
                cx.reply.array(2);
                cx.reply.int(0);
                cx.reply.int(16383);
            }
            Value::Keys(keys) => {
                cx.reply.array(2 * keys.len());
                for (key, cost) in keys {
                    cx.reply.bulk(&key);
                    cx.reply.int(cost as i64);
                }
            }
        }
    }
    Ok(())
}

/// What GET tells, in order. Microseconds are rounded up: what was measured at all is told.
fn fields(hot: &HotKeys, now_ms: i64) -> Option<Vec<(&'static str, Value)>> {
    let report = hot.report(now_ms)?;
    let collection = &*report.collection;
    let us = |ns: u64| ns.div_ceil(1000);
    let mut fields = vec![
        ("tracking-active", Value::Number(report.is_active.into())),
        ("sample-ratio", Value::Number(collection.plan.sample_ratio as u64)),
        ("selected-slots", Value::Slots),
        ("all-commands-all-slots-us", Value::Number(us(collection.sum(Metric::Cpu)))),
        ("net-bytes-all-commands-all-slots", Value::Number(collection.sum(Metric::Net))),
        ("collection-start-time-unix-ms", Value::Number(collection.started_ms as u64)),
        ("collection-duration-ms", Value::Number(report.duration_ms as u64)),
    ];
    let (cpu, net) = (collection.hottest(Metric::Cpu), collection.hottest(Metric::Net));
    if cpu.is_some() {
        let time = collection.cpu_time();
        let ms = |seconds: f64| Value::Number((seconds * 1e3) as u64);
        fields.push(("total-cpu-time-user-ms", ms(time.user)));
        fields.push(("total-cpu-time-sys-ms", ms(time.system)));
    }
    if net.is_some() {
        fields.push(("total-net-bytes", Value::Number(collection.collected(Metric::Net))));
    }
    if let Some(mut keys) = cpu {
        keys.iter_mut().for_each(|(_, cost)| *cost = us(*cost));
        fields.push(("by-cpu-time-us", Value::Keys(keys)));
    }
    fields.extend(net.map(|keys| ("by-net-bytes", Value::Keys(keys))));
    Some(fields)
}
