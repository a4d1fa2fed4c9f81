//! Running the calls of a batch one after the other, as far as they go.

use super::{Connection, End, State};
use crate::dispatch::{self, Call, Calls, Outcome, Round, Shortcut};
use crate::engine::ReplyMode;
use crate::lua::debug;
use crate::net::scratch;
use crate::net::terminal::Terminal;
use crate::resp::Reply;
use std::sync::atomic::Ordering::Relaxed;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes of replies from which on the limit of a client's output is asked for after every call.
const LARGE_REPLIES: usize = 16 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Runs a batch of calls that have `len_max` bytes at most; what is behind a call that has to wait is postponed.
    pub(super) fn run_calls(&mut self, calls: &Calls<'_>, len_max: usize, reply: &mut Reply) {
        let mut round = Round::begin(&self.engine, &mut self.session, len_max);
        let done = self.run_some(calls, &mut round, reply);
        self.ran_ns += round.end(&self.engine, &self.session, done);
        self.session.client.commands.add(done as u64);
    }

    /// Runs a batch as far as it goes; returns how many calls were answered.
    fn run_some(&mut self, calls: &Calls<'_>, round: &mut Round, reply: &mut Reply) -> usize {
        self.session.client.active_ms.store(round.now_ms, Relaxed);
        for i in 0..calls.len() {
            let (call, from) = (calls.get(i), reply.mark());
            let muted = self.session.reply_mode != ReplyMode::On;
            let outcome = match dispatch::run_plain(&self.engine, &mut self.session, &call, round, reply) {
                Shortcut::Done(reached) => {
                    self.holding.add(&self.engine, &mut self.session, reached, from, reply.mark());
                    if !self.close_reply(reply) {
                        return i + 1;
                    }
                    continue;
                }
                Shortcut::Hold => Outcome::Hold,
                Shortcut::None if self.session.debugging.is_some() => {
                    self.run_debugging(call, round.now_ms, reply)
                }
                Shortcut::None => dispatch::run(&self.engine, &mut self.session, call, round.now_ms, reply),
            };
            // Plain calls change nothing about the round.
            if call.plain.is_none() {
                round.look_again();
            }
            if let Outcome::Done(reached) = outcome {
                self.holding.add(&self.engine, &mut self.session, reached, from, reply.mark());
            }
            match outcome {
                Outcome::Done(_) if self.session.closing => {
                    // A web client's line, which names no command, is never answered.
                    self.end_behind(reply, End::Closed, muted && call.entry.is_some());
                    return i + 1;
                }
                Outcome::Done(_) => {
                    if !self.close_reply(reply) {
                        return i + 1;
                    }
                    if let Some(wait) = self.session.waitaof.take() {
                        self.begin_waitaof(wait);
                        self.postpone(calls, i + 1);
                        return i + 1;
                    }
                }
                Outcome::Wait(parked) => {
                    let sleep = parked.due().map(|at| Box::pin(tokio::time::sleep_until(at)));
                    self.state = State::Parked(parked, sleep);
                    self.postpone(calls, i + 1);
                    return i;
                }
                Outcome::Again => {
                    self.hold(tokio::task::yield_now());
                    self.postpone(calls, i);
                    return i;
                }
                Outcome::Hold => {
                    self.hold_until_free();
                    self.postpone(calls, i);
                    return i;
                }
            }
        }
        calls.len()
    }

    /// Runs a call of a client that debugs scripts: if it is one of those, the client is asked on its way.
    #[cold]
    fn run_debugging(&mut self, call: Call<'_>, now_ms: i64, reply: &mut Reply) -> Outcome {
        if !reply.is_empty() || self.holding.is_some() {
            // What was answered before goes out before a session begins.
            return Outcome::Again;
        }
        let client = self.session.client.clone();
        let Self { engine, session, stream, .. } = self;
        let mut run = || dispatch::run(engine, session, call, now_ms, reply);
        match Terminal::new(stream, &client) {
            Some(mut terminal) => debug::at_terminal(&mut terminal, run),
            None => run(),
        }
    }

    /// Puts what others sent (or the call itself, to its own client) behind the call's reply; false when the client is
    /// to get nothing, as it would be too much.
    #[inline(always)]
    fn close_reply(&mut self, reply: &mut Reply) -> bool {
        let outbox = &self.session.client.outbox;
        if outbox.is_filled() {
            outbox.take_frames().into_iter().for_each(|frame| reply.raw_shared(frame));
        }
        if reply.len() <= LARGE_REPLIES || self.check_output(reply.len()) {
            return true;
        }
        reply.clear(scratch::REPLY_KEPT);
        false
    }

    fn postpone(&mut self, calls: &Calls<'_>, from: usize) {
        for (at, i) in (from..calls.len()).enumerate() {
            let words = calls.get(i).argv.iter().map(|word| Box::from(*word)).collect();
            self.postponed.insert(at, words);
        }
    }
}
