//! What is noted of a call that was run: counters, slow and large calls, hot keys, MONITOR.

use super::Call;
use crate::command::{Command, flag};
use crate::config;
use crate::engine::{Client, Collection, Engine, Excess, Session};
use crate::metrics::Local;
use std::sync::Arc;

/// What stands for a secret.
const REDACTED: &[u8] = b"(redacted)";

/// What a call came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Nanoseconds it took.
    pub ns: u64,
    /// Bytes of its reply.
    pub reply_len: usize,
    /// Whether it was answered with an error.
    pub failed: bool,
}

/// From where on a call is noted by itself.
#[derive(Debug)]
pub(super) struct Limits {
    tracks_latency: bool,
    /// 0 while every call is wanted.
    slow_ns: u64,
    /// `None` when no call can pass it.
    request_len: Option<usize>,
    reply_len: usize,
    /// What collects the keys of calls.
    hot_keys: Option<Arc<Collection>>,
}

impl Limits {
    /// What holds now, for calls of `len_max` bytes at most.
    pub fn of(engine: &Engine, len_max: usize) -> Self {
        let settings = &engine.settings;
        let hot_keys = engine.hot_keys.active(|| engine.now_ms());
        // A negative limit is none.
        let bytes = |name| usize::try_from(settings.int(name)).unwrap_or(usize::MAX);
        let slow_us = u64::try_from(settings.int(config::SLOWLOG_LOG_SLOWER_THAN)).unwrap_or(u64::MAX);
        Self {
            tracks_latency: settings.yes(config::LATENCY_TRACKING),
            slow_ns: if hot_keys.is_some() { 0 } else { slow_us.saturating_mul(1000).min(LATENCY_MIN_NS) },
            request_len: Some(bytes(config::COMMANDLOG_REQUEST_LARGER_THAN)).filter(|limit| *limit < len_max),
            reply_len: bytes(config::COMMANDLOG_REPLY_LARGER_THAN),
            hot_keys,
        }
    }
}

/// The shortest moment that LATENCY can be asked to note.
const LATENCY_MIN_NS: u64 = 1_000_000;

/// Counts a call of a session. It took the time since the one before it, or since its batch began.
pub(super) fn ended(engine: &Engine, session: &mut Session, call: &Call<'_>, reply_len: usize, failed: bool) {
    let ns = engine.metrics.lap(&mut session.tick);
    let local = engine.metrics.local();
    if session.nested {
        // EXEC takes the time of its calls.
        local.counters.nested_ns.add(ns);
    }
    // Nobody is sent what is muted.
    let reply_len = if session.is_muted() { 0 } else { reply_len };
    let (limits, cost) = (Limits::of(engine, usize::MAX), Cost { ns, reply_len, failed });
    let client = Some(&*session.client);
    note(engine, local, &mut session.tick, client, call, cost, &limits);
}

/// As [`ended`], for a call of a script, which has neither address nor name. It took the time since `tick`, which becomes now.
pub(super) fn ended_within(engine: &Engine, tick: &mut u64, call: &Call<'_>, reply_len: usize, failed: bool) {
    let local = engine.metrics.local();
    let ns = engine.metrics.lap(tick);
    local.counters.nested_ns.add(ns);
    let (limits, cost) = (Limits::of(engine, usize::MAX), Cost { ns, reply_len, failed });
    note(engine, local, tick, None, call, cost, &limits);
}

/// Counts a call on behalf of a client, with the thread's counters. It ended at `tick`.
#[inline(always)]
pub(super) fn note(
    engine: &Engine,
    local: &Local,
    tick: &mut u64,
    client: Option<&Client>,
    call: &Call<'_>,
    cost: Cost,
    limits: &Limits,
) {
    let Some(entry) = call.entry else { return };
    local.count_call(entry.number, cost.ns, cost.failed, limits.tracks_latency);
    if cost.ns >= limits.slow_ns
        || cost.reply_len > limits.reply_len
        || limits.request_len.is_some_and(|limit| request_len_max(call) > limit && request_len(call) > limit)
    {
        exceeded(engine, tick, client, call, cost, limits);
    }
}

/// Counts a call that is not run. One of a subcommand that there is not is a call of nothing.
pub(super) fn rejected(engine: &Engine, call: &Call<'_>) {
    let Some(entry) = call.entry else { return };
    if entry.command.subcommands().is_empty() || call.argv.len() == 1 {
        engine.metrics.local().commands[entry.number].rejected.add(1);
    }
}

/// An upper bound of the bytes of a call as clients send it, at less cost.
fn request_len_max(call: &Call<'_>) -> usize {
    // A sign, up to 20 digits, two line ends.
    call.argv.iter().map(|word| 25 + word.len()).sum::<usize>() + 23
}

/// Bytes of a call as clients send it, which COMMANDLOG goes by.
fn request_len(call: &Call<'_>) -> usize {
    // A sign, the digits and a line's end before the words and before each of them, and a line's end behind each.
    let announced = |n: usize| 3 + n.checked_ilog10().map_or(1, |digits| digits as usize + 1);
    let words = call.argv.iter().map(|word| announced(word.len()) + word.len() + 2);
    announced(call.argv.len()) + words.sum::<usize>()
}

/// Notes a call that was above a limit, for HOTKEYS, LATENCY and COMMANDLOG.
#[cold]
fn exceeded(
    engine: &Engine,
    tick: &mut u64,
    client: Option<&Client>,
    call: &Call<'_>,
    cost: Cost,
    limits: &Limits,
) {
    let Some(entry) = call.entry else { return };
    let request_len = request_len(call);
    // What a script calls is a part of what its own call costs; channels of shards are declared like keys, and are none.
    if let (Some(hot_keys), Some(_)) = (&limits.hot_keys, client)
        && !entry.command.has(flag::PUBSUB)
    {
        let bytes = request_len + cost.reply_len;
        hot_keys.count(&engine.metrics, tick, call.keys, cost.ns, bytes as u64);
    }
    if cost.ns >= LATENCY_MIN_NS {
        let fast = entry.command.has(flag::FAST);
        engine.note_latency(if fast { "fast-command" } else { "command" }, cost.ns);
    }
    let settings = &engine.settings;
    let excesses = [
        (Excess::Slow, cost.ns / 1000, settings.int(config::SLOWLOG_LOG_SLOWER_THAN)),
        // These are to be larger than the limit, not as large.
        (Excess::LargeRequest, request_len as u64, settings.int(config::COMMANDLOG_REQUEST_LARGER_THAN)),
        (Excess::LargeReply, cost.reply_len as u64, settings.int(config::COMMANDLOG_REPLY_LARGER_THAN)),
    ];
    for (excess, measure, limit) in excesses {
        let least = limit.saturating_add(i64::from(excess != Excess::Slow));
        if limit >= 0 && measure >= least as u64 {
            remember(engine, client, call, excess, measure);
        }
    }
}

/// Puts a call into COMMANDLOG.
fn remember(engine: &Engine, client: Option<&Client>, call: &Call<'_>, excess: Excess, measure: u64) {
    let Some(entry) = call.entry.filter(|entry| !entry.command.has(flag::NO_SLOWLOG)) else { return };
    let len_max = engine.settings.int(match excess {
        Excess::Slow => config::SLOWLOG_MAX_LEN,
        Excess::LargeRequest => config::COMMANDLOG_LARGE_REQUEST_MAX_LEN,
        Excess::LargeReply => config::COMMANDLOG_LARGE_REPLY_MAX_LEN,
    });
    if len_max <= 0 {
        return;
    }
    let words = open_words(entry.command, call.argv);
    engine.commandlog.add(excess, measure, &words, engine.now_ms() / 1000, client, len_max as usize);
}

/// The words of a call, without passwords.
fn open_words<'a>(command: &Command, argv: &'a [&'a [u8]]) -> Vec<&'a [u8]> {
    let open = match command.full_name {
        "auth" => 1,
        "hello" => {
            argv.iter().position(|word| word.eq_ignore_ascii_case(b"AUTH")).map_or(argv.len(), |at| at + 1)
        }
        "acl|setuser" | "acl|getuser" | "acl|deluser" => 2,
        "migrate" => {
            let mut words = argv.to_vec();
            let mut at = 6;
            while let Some(word) = argv.get(at) {
                let secrets = match word.to_ascii_lowercase().as_slice() {
                    b"auth" => 1,
                    b"auth2" => 2,
                    b"keys" => break,
                    _ => 0,
                };
                words.iter_mut().skip(at + 1).take(secrets).for_each(|word| *word = REDACTED);
                at += 1 + secrets;
            }
            return words;
        }
        "config|set" => {
            let mut words = argv.to_vec();
            for at in (2..argv.len().saturating_sub(1)).step_by(2) {
                if config::Name::find(argv[at]).is_some_and(|name| name.setting().secret) {
                    words[at + 1] = REDACTED;
                }
            }
            return words;
        }
        _ => return argv.to_vec(),
    };
    (0..argv.len()).map(|at| if at < open { argv[at] } else { REDACTED }).collect()
}

/// Shows a call to those who MONITOR.
#[inline]
pub(super) fn watched(engine: &Engine, session: &Session, call: &Call<'_>) {
    if engine.monitors.is_active() {
        monitor(engine, session, call);
    }
}

/// Shows a call to those who MONITOR, without passwords.
#[cold]
fn monitor(engine: &Engine, session: &Session, call: &Call<'_>) {
    let Some(entry) = call.entry.filter(|entry| !entry.command.has(flag::NO_MONITOR | flag::ADMIN)) else {
        return;
    };
    engine.monitors.send(&session.client, session.db, &open_words(entry.command, call.argv));
}
