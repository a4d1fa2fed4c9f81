//! The settings of a queue.

use super::natural;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::queue::{OnExpire, Overflow, Pause, Settings};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QSET];

const QSET: Command = Command::new("QSET", "qset", Group::Queue, Run::Keyed(qset))
    .syntax(
        "key [LEASE milliseconds] [MAXATTEMPTS attempts] [BACKOFF base max] [TTL milliseconds] \
         [ONEXPIRE <DROP | DEAD>] [MAXLEN count] [MAXBYTES bytes] [OVERFLOW <REJECT | DROP>] [DEDUP milliseconds] \
         [GROUPMAX count] [DEADMAX count] [DEADTTL milliseconds] [PAUSE <NONE | IN | OUT | ALL>] \
         [RATE count milliseconds]",
    )
    .arity(-3)
    .flags(WRITE)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .doc(
        "0.1.0",
        "O(1); O(N) for N messages beyond a lower DEADMAX",
        "Sets how a queue works; creates it when it is absent. What is not named stays.",
    );

fn qset(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let words = &cx.args.argv()[2..];
    // What is wrong is told before anything is created.
    parse(&mut cx.args.clone(), Settings::default())?;
    let mut queue = cx.txn.upsert_queue(key)?;
    let settings = parse(&mut cx.args, queue.value().settings().clone())?;
    queue.set(settings, words);
    cx.reply.ok();
    Ok(())
}

/// Changes `settings` as the options say.
pub(super) fn parse(args: &mut Args<'_>, mut settings: Settings) -> Result<Settings> {
    let mut seen: Vec<&str> = Vec::new();
    while args.more() {
        let Some((name, field)) = FIELDS.iter().find(|(name, _)| args.word(name)) else {
            return Err(Error::SYNTAX);
        };
        if seen.contains(name) {
            return Err(Error::SYNTAX);
        }
        seen.push(name);
        field(&mut settings, args, name)?;
    }
    Ok(settings)
}

type Field = fn(&mut Settings, &mut Args<'_>, &str) -> Result;

const FIELDS: [(&str, Field); 14] = [
    ("LEASE", |s, args, name| set(&mut s.lease_ms, natural(args, name))),
    ("MAXATTEMPTS", |s, args, name| set(&mut s.attempts_max, natural(args, name))),
    ("BACKOFF", |s, args, name| set(&mut s.backoff_ms, pair(args, name))),
    ("TTL", |s, args, name| set(&mut s.ttl_ms, natural(args, name))),
    ("ONEXPIRE", |s, args, _| {
        set(&mut s.on_expire, one_of(args, &[("DROP", OnExpire::Drop), ("DEAD", OnExpire::Dead)]))
    }),
    ("MAXLEN", |s, args, name| set(&mut s.len_max, natural(args, name))),
    ("MAXBYTES", |s, args, name| set(&mut s.bytes_max, natural(args, name))),
    ("OVERFLOW", |s, args, _| {
        set(&mut s.overflow, one_of(args, &[("REJECT", Overflow::Reject), ("DROP", Overflow::Drop)]))
    }),
    ("DEDUP", |s, args, name| set(&mut s.dedup_ms, natural(args, name))),
    ("GROUPMAX", |s, args, name| set(&mut s.group_max, natural(args, name))),
    ("DEADMAX", |s, args, name| set(&mut s.dead_max, natural(args, name))),
    ("DEADTTL", |s, args, name| set(&mut s.dead_ttl_ms, natural(args, name))),
    ("PAUSE", |s, args, _| {
        let ways = [("NONE", Pause::None), ("IN", Pause::In), ("OUT", Pause::Out), ("ALL", Pause::All)];
        set(&mut s.pause, one_of(args, &ways))
    }),
    ("RATE", |s, args, name| {
        const RATE: Error = Error::new("ERR RATE takes two numbers above 0, or 0 0");
        let rate = pair(args, name)?;
        if (rate.0 == 0) == (rate.1 == 0) { set(&mut s.rate, Ok(rate)) } else { Err(RATE) }
    }),
];

fn set<T>(field: &mut T, value: Result<T>) -> Result {
    *field = value?;
    Ok(())
}

fn pair(args: &mut Args<'_>, name: &str) -> Result<(i64, i64)> {
    Ok((natural(args, name)?, natural(args, name)?))
}

fn one_of<T: Copy>(args: &mut Args<'_>, words: &[(&str, T)]) -> Result<T> {
    let found = words.iter().find(|(word, _)| args.word(word));
    found.map(|(_, value)| *value).ok_or(Error::SYNTAX)
}
