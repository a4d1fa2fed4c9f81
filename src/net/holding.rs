//! Replies held back until what they tell of is durable.
//!
//! A client's own writes are held until its log position is durable. When everybody waits for the disk
//! (`appendfsync always`), so are reads of what others wrote, up to the newest record about the shards
//! they saw: no reply ever tells of what a crash could take back. A log that fails releases reads, and
//! writes are answered with the failure: they may still become durable, which is no promise.

use crate::dispatch::misconf;
use crate::engine::{Engine, Reached, Session};
use crate::log::{Log, Lsn};
use crate::resp::{Mark, Reply};
use std::task::{Context, Poll, ready};

/// What a connection holds back.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// The place that has to be durable; 0 for none.
    until: Lsn,
    /// Replies to writes that are not durable: where they begin and end in the output, and their places.
    writes: Vec<(Mark, Mark, Lsn)>,
}

impl Holding {
    /// Holds back the reply that lies between two marks, if it has to wait; notes what was written.
    #[inline]
    pub fn add(&mut self, engine: &Engine, session: &mut Session, reached: Reached, from: Mark, to: Mark) {
        if reached == Reached::default() {
            return;
        }
        let log = &engine.log;
        session.wrote = session.wrote.max(reached.wrote);
        let wrote = if log.is_always() || session.durable { reached.wrote } else { 0 };
        let until = wrote.max(reached.saw);
        if until <= log.durable() {
            return;
        }
        self.until = self.until.max(until);
        if wrote > 0 {
            self.writes.push((from, to, wrote));
        }
    }

    /// Whether something is held back.
    pub fn is_some(&self) -> bool {
        self.until > 0
    }

    /// Asks for what it waits for.
    pub fn want(&self, log: &Log) {
        log.want_gathered(self.until);
    }

    /// Ready when `output` may be sent.
    pub fn poll(&mut self, log: &Log, output: &mut Reply, cx: &mut Context<'_>) -> Poll<()> {
        if self.until == 0 {
            return Poll::Ready(());
        }
        if let Err(failure) = ready!(log.poll_durable(self.until, cx)) {
            let durable = log.durable();
            self.writes.retain(|(from, to, lsn)| *lsn > durable && from != to);
            output.replace(self.writes.iter().map(|(from, to, _)| (*from, *to)), &misconf(&failure));
        }
        self.until = 0;
        self.writes.clear();
        Poll::Ready(())
    }
}
