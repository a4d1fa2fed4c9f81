//! A round: the calls of one batch, and what holds for all of them.
//!
//! Most rounds are calm: no gate stands in anybody's way, nobody watches, nothing has to be remembered. A plain
//! call (over keys alone, well-formed) that runs in a calm round passes without asking each gate again: plain
//! calls change nothing that gates look at, so whether the round is calm is only looked at before the first of them
//! and behind a call of another kind. What other threads change in between holds from the next round on, with the
//! exceptions that writes ask for: see [`run_plain`].

use super::count::{self, Cost, Limits};
use super::{Call, finish, gate, reply_len, serve};
use crate::command::{Args, Keyed, Reply, flag};
use crate::config;
use crate::engine::{Engine, Flag, Reached, ReplyMode, Session};
use crate::keyspace::Access;
use crate::keyspace::txn::Begin;
use crate::metrics::Local;
use std::sync::atomic::Ordering::Relaxed;

/// One batch of calls.
pub struct Round {
    /// The time they run at, in unix milliseconds.
    pub now_ms: i64,
    /// Bytes that no call of it passes.
    len_max: usize,
    /// When it began, by [`crate::metrics::Metrics::tick`].
    tick: u64,
    /// What holds for its plain calls; looked at before the first of them.
    view: Option<View>,
}

/// What holds for all plain calls of a round, until a call of another kind.
struct View {
    /// They need not be looked at one by one.
    calm: bool,
    /// What their accesses note in entries.
    access: Access,
    /// The thread's counters.
    local: &'static Local,
    /// From where on calls are noted by themselves.
    limits: Limits,
}

/// What became of a call that might have been a plain one.
pub enum Shortcut {
    /// It is answered; how far into the log it reaches.
    Done(Reached),
    /// A shard of it is not to be had soon: run it again when others had their turn.
    Hold,
    /// It has to go the whole way.
    None,
}

impl Round {
    /// A round that begins now, of calls that have `len_max` bytes at most.
    pub fn begin(engine: &Engine, session: &mut Session, len_max: usize) -> Self {
        session.tick = engine.metrics.tick();
        Self { now_ms: engine.now_ms(), len_max, tick: session.tick, view: None }
    }

    /// Counts it, as one in which so many calls were answered; returns how many nanoseconds they took.
    pub fn end(self, engine: &Engine, session: &Session, calls: usize) -> u64 {
        let local = self.view.map_or_else(|| engine.metrics.local(), |view| view.local);
        local.peaks.calls.raise(calls as u64);
        let ns = engine.metrics.between(self.tick, session.tick);
        local.peaks.ns.raise(ns);
        ns
    }

    /// Looks anew before the next plain call: the call before was of a kind that may have changed something.
    pub fn look_again(&mut self) {
        self.view = None;
    }
}

impl View {
    fn of(engine: &Engine, session: &Session, now_ms: i64, len_max: usize) -> Self {
        Self {
            calm: is_calm(engine, session, now_ms),
            access: engine.access(now_ms),
            local: engine.metrics.local(),
            limits: Limits::of(engine, len_max),
        }
    }
}

fn is_calm(engine: &Engine, session: &Session, now_ms: i64) -> bool {
    gate::are_open(engine, session, now_ms)
        && session.multi.is_none()
        && session.reply_mode == ReplyMode::On
        && !session.caching
        && !session.client.is(Flag::Tracking)
        && !session.no_touch()
        && !session.client.is(Flag::ImportSource)
        && !session.effects.is_timeless()
        && !engine.shows_due.load(Relaxed)
        && !engine.monitors.is_active()
        && engine.settings.int(config::CLUSTER_COMPATIBILITY_SAMPLE_RATIO) == 0
}

/// Runs a plain call if the round is calm.
#[inline(always)]
pub fn run_plain(
    engine: &Engine,
    session: &mut Session,
    call: &Call<'_>,
    round: &mut Round,
    reply: &mut Reply,
) -> Shortcut {
    let (Some(handler), Some(entry)) = (call.plain, call.entry) else { return Shortcut::None };
    let (now_ms, len_max) = (round.now_ms, round.len_max);
    let view = round.view.get_or_insert_with(|| View::of(engine, session, now_ms, len_max));
    if !view.calm {
        return Shortcut::None;
    }
    let command = entry.command;
    // The memory that waits for the disk is bounded: writes do not take the whole round's time to notice.
    if command.has(flag::WRITE) && (engine.log.is_full() || engine.saving.crowd().is_full()) {
        return Shortcut::None;
    }
    let mark = reply.mark();
    session.client.command.store(entry.number as u32 + 1, Relaxed);
    let begin = Begin { db: session.db, now_ms, access: Some(view.access), event: command.event };
    let Some(locks) = engine.keyspace.hold_soon(call.keys) else { return Shortcut::Hold };
    let (result, committed) = {
        let mut txn = engine.keyspace.enter(locks, call.keys, begin, session.effects.get());
        txn.look_for_due();
        let result = handler(&mut Keyed { args: Args::new(call.argv, 1), txn: &mut txn, reply, command });
        // Also on error: what was done was done.
        (result, engine.pass_on(&mut txn, view.local))
    };
    if !committed.ready.is_empty() {
        serve(engine, committed.ready.into(), now_ms);
    }
    let cost = Cost {
        ns: engine.metrics.lap(&mut session.tick),
        reply_len: reply_len(reply, mark, &result),
        failed: result.is_err(),
    };
    let client = Some(&*session.client);
    count::note(engine, view.local, &mut session.tick, client, call, cost, &view.limits);
    match result {
        Ok(()) => Shortcut::Done(committed.lsn),
        Err(error) => {
            finish(engine, error, reply, mark);
            Shortcut::Done(committed.lsn)
        }
    }
}
