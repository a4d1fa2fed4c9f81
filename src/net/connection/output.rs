//! Writing: buffers lent for replies, what others send in between, limits of what waits, and the socket.

use super::{Connection, End, State};
use crate::config::ClientClass;
use crate::engine::{Flag, ReplyMode};
use crate::net::scratch::{self, Tools};
use crate::pubsub::Close;
use crate::resp::Reply;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// Slices in one vectored write.
const SLICES_MAX: usize = 64;

/// How long calls take, in nanoseconds, whose replies wait for the other requests that have arrived. A receiver that is done
/// with the replies before sleeps by now: waking it costs three times as much as a write, and is then done once for all. What
/// took longer is not made late for that.
const GATHERED_NS: Range<u64> = 3_000..200_000;

/// The most bytes of replies that wait so.
const GATHERED_MAX: usize = 16 * 1024;

/// Bytes that wait for a client that has not authenticated.
const STRANGER_OUTPUT_MAX: usize = 64 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Takes what others sent: frames behind the replies, and the wish that this ends.
    pub(super) fn take_outbox(&mut self) {
        let (frames, close) = self.session.client.outbox.take();
        if let State::Deaf(end) = self.state {
            self.end = (!frames.is_empty() || close.is_some()).then_some(end);
            return;
        }
        for frame in frames {
            self.output.raw_shared(frame);
        }
        match close {
            Some(Close::Now) => self.end = Some(End::Eof),
            Some(Close::AfterReply) if self.session.reply_mode != ReplyMode::On && self.output.is_empty() => {
                self.state = State::Deaf(End::Closed);
            }
            Some(Close::AfterReply) => self.end = Some(End::Closed),
            Some(Close::Overrun) => self.overrun(),
            None => {}
        }
    }

    /// Borrows where effects go, and the buffer to write replies to: what is still unsent, or one of the thread's.
    pub(super) fn lend(&mut self, tools: &mut Tools) -> Reply {
        self.ran_ns = 0;
        self.session.effects.borrow(&mut tools.effects);
        let mut reply = match self.output.is_empty() {
            true => tools.replies.take(),
            false => std::mem::take(&mut self.output),
        };
        reply.set_protocol(self.session.protocol());
        reply
    }

    /// Gives back what was lent. Writes as much as the socket takes at once, unless that can wait; the rest stays in `output`.
    pub(super) fn give_back(&mut self, reply: Reply, tools: &mut Tools) {
        self.session.effects.give_back(&mut tools.effects);
        self.engine.tell_prefixes();
        let client = &self.session.client;
        if let Some(ms) = self.engine.timeout_ms(client)
            && client.is_overdue(self.engine.now_ms(), ms)
        {
            // Its calls took longer than it may be idle: it ends without their replies, as in Redis.
            self.end = Some(End::Eof);
            return;
        }
        self.output = reply;
        if self.holding.is_some() {
            // The task looks after it, and remembers itself then.
            return self.holding.want(&self.engine.log);
        }
        self.gathers = GATHERED_NS.contains(&self.ran_ns) && self.output.len() <= GATHERED_MAX;
        if self.gathers {
            return;
        }
        let mut idle = Context::from_waker(std::task::Waker::noop());
        // What the socket does not take now, `poll_flush` tries again with the task's waker.
        if let Poll::Ready(Ok(())) = self.poll_flush(&mut idle) {
            tools.replies.give_back(std::mem::take(&mut self.output));
        }
    }

    /// Ends a client that does not read: at once above the hard limit, which no reply outgrows while
    /// it is written. The soft limit is looked after in the background. Returns whether it stays.
    pub(super) fn check_output(&mut self, waiting: usize) -> bool {
        let client = &self.session.client;
        let class = if client.is(Flag::Subscribed) { ClientClass::PubSub } else { ClientClass::Normal };
        let hard = self.engine.settings.output_limit(class).hard_bytes;
        let stranger = waiting > STRANGER_OUTPUT_MAX && !self.session.may_run(&self.engine);
        let over = stranger || hard > 0 && waiting as i64 > hard;
        let more = waiting.saturating_sub(client.output_len.load(Relaxed));
        if over {
            self.overrun();
        } else if self.engine.is_too_large(client, more) {
            self.evict();
        }
        self.end != Some(End::Overrun)
    }

    fn overrun(&mut self) {
        self.engine.metrics.local().counters.output_overruns.add(1);
        self.session.client.set(Flag::Gone, true);
        self.end = Some(End::Overrun);
    }

    /// Writes `output`, and the copy of the data set behind it that the client takes; ready when all is written.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        let Some(transfer) = self.session.copying.as_mut().and_then(|copying| copying.transfer.as_mut())
        else {
            return Poll::Ready(Ok(()));
        };
        let piece = transfer.piece()?;
        if piece.is_empty() {
            self.session.copying = None;
            return Poll::Ready(Ok(()));
        }
        self.output.raw_shared(piece);
        // One piece, then others have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.holding.poll(&self.engine.log, &mut self.output, cx));
        while self.sent < self.output.len() {
            // Before the write, which others may hear of at once.
            let active_ms = self.session.client.active_ms.load(Relaxed);
            self.session.client.active_ms.store(self.engine.now_ms(), Relaxed);
            let stream = Pin::new(&mut self.stream);
            let polled = match self.output.parts() {
                (bytes, []) => stream.poll_write(cx, &bytes[self.sent..]),
                _ => {
                    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                    stream.poll_write_vectored(cx, gather(&self.output, self.sent, &mut slices))
                }
            };
            let n = match polled {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.session.client.active_ms.store(active_ms, Relaxed);
                    let waiting = self.output.len() - self.sent;
                    self.check_output(waiting);
                    self.session.client.output_len.store(waiting, Relaxed);
                    return Poll::Pending;
                }
            };
            self.sent += n;
            let counters = &self.engine.metrics.local().counters;
            counters.writes.add(1);
            counters.net_output_bytes.add(n as u64);
            self.session.client.output_bytes.add(n as u64);
        }
        if self.sent > 0 {
            // TLS may still hold what it took.
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.session.client.output_len.store(0, Relaxed);
            self.output.clear(scratch::REPLY_KEPT);
            self.sent = 0;
        }
        Poll::Ready(Ok(()))
    }
}

/// The slices of `output` behind its first `sent` bytes.
fn gather<'s, 'o>(
    output: &'o Reply,
    mut sent: usize,
    slices: &'s mut [IoSlice<'o>; SLICES_MAX],
) -> &'s [IoSlice<'o>] {
    let (bytes, shared) = output.parts();
    let mut n = 0;
    let mut add = |part: &'o [u8]| {
        if sent >= part.len() {
            sent -= part.len();
        } else if n < SLICES_MAX {
            slices[n] = IoSlice::new(&part[sent..]);
            sent = 0;
            n += 1;
        }
        n < SLICES_MAX
    };
    let mut at = 0;
    let mut room = true;
    for (offset, value) in shared {
        room = add(&bytes[at..*offset]) && add(value);
        at = *offset;
        if !room {
            break;
        }
    }
    if room {
        add(&bytes[at..]);
    }
    &slices[..n]
}
