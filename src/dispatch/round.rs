//! A round: the calls of one batch, and what holds for all of them.
//!
//! Most rounds are calm: no gate stands in anybody's way, nobody watches, nothing has to be remembered. A plain
//! call (over keys alone, well-formed) that runs in a calm round passes without asking each gate again: plain
//! calls change nothing that gates look at, so whether the round is calm is only looked at when it begins and
//! behind a call of another kind. What other threads change in between holds from the next round on, with the
//! exceptions that writes ask for: see [`run_plain`].

use super::{Call, Outcome, count, finish, gate, serve};
use crate::command::{Args, Keyed, Reply, flag};
use crate::engine::{Engine, Flag, ReplyMode, Session};
use crate::keyspace::Access;
use crate::keyspace::txn::Begin;
use std::sync::atomic::Ordering::Relaxed;

/// What holds for all calls of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// The time they run at, in unix milliseconds.
    pub now_ms: i64,
    /// What their accesses note in entries.
    access: Access,
    /// Plain calls need not be looked at.
    calm: bool,
}

impl Round {
    /// A round that begins now.
    pub fn begin(engine: &Engine, session: &mut Session) -> Self {
        let now_ms = engine.now_ms();
        session.tick = engine.metrics.tick();
        Self { now_ms, access: engine.access(now_ms), calm: is_calm(engine, session, now_ms) }
    }

    /// Looks anew: the call before was of a kind that may have changed something.
    #[cold]
    pub fn look_again(&mut self, engine: &Engine, session: &Session) {
        self.access = engine.access(self.now_ms);
        self.calm = is_calm(engine, session, self.now_ms);
    }
}

fn is_calm(engine: &Engine, session: &Session, now_ms: i64) -> bool {
    gate::are_open(engine, session, now_ms)
        && session.multi.is_none()
        && session.reply_mode == ReplyMode::On
        && !session.caching
        && !session.client.is(Flag::Tracking)
        && !session.no_touch()
        && !engine.monitors.is_active()
}

/// Runs a plain call if the round is calm; `None` when it has to go the whole way.
#[inline(always)]
pub fn run_plain(
    engine: &Engine,
    session: &mut Session,
    call: &Call<'_>,
    round: &Round,
    reply: &mut Reply,
) -> Option<Outcome> {
    let handler = call.plain.filter(|_| round.calm)?;
    let entry = call.entry?;
    let command = entry.command;
    // The memory that waits for the disk is bounded: writes do not take the whole round's time to notice.
    if command.has(flag::WRITE) && (engine.log.is_full() || engine.saving.crowd().is_full()) {
        return None;
    }
    let mark = reply.mark();
    session.client.command.store(entry.number + 1, Relaxed);
    let begin =
        Begin { db: session.db, now_ms: round.now_ms, access: Some(round.access), event: command.event };
    let Some(locks) = engine.keyspace.hold_soon(call.keys) else { return Some(Outcome::Hold) };
    let (result, committed) = {
        let mut txn = engine.keyspace.enter(locks, call.keys, begin, &mut session.effects);
        txn.settle_keys();
        let result = handler(&mut Keyed { args: Args::new(call.argv, 1), txn: &mut txn, reply, command });
        // Also on error: what was done was done.
        (result, engine.pass_on(&mut txn))
    };
    if !committed.ready.is_empty() {
        serve(engine, committed.ready.into(), round.now_ms);
    }
    count(engine, session, call, result.is_err());
    Some(match result {
        Ok(()) => Outcome::Done(committed.lsn),
        Err(error) => {
            session.failed_at = committed.lsn;
            finish(engine, session, error, reply, mark)
        }
    })
}
