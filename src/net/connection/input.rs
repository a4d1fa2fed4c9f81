//! Reading: what arrives, what is kept of it, and the batches that are decoded from it.

use super::{Connection, End, State};
use crate::config;
use crate::dispatch::Calls;
use crate::engine::ReplyMode;
use crate::net::scratch::{self, Tools};
use crate::resp::Error;
use bumpalo::Bump;
use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// Requests decoded ahead of their execution.
const BATCH_MAX: usize = 32;

/// A partial request's buffer grows at least by this many bytes at a time, and at most.
const GROW: (usize, usize) = (16 * 1024, 4 * 1024 * 1024);

/// For how long nothing of a request may come before room that is reserved for it is given back.
const IDLE: Duration = Duration::from_secs(2);

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Makes room for more of a request that has begun to arrive; as much as it still needs, where that is known.
    pub(super) fn make_room(&mut self) {
        if self.input.is_empty() {
            return;
        }
        let (wanted, spare) = (self.decoder.wanted(), self.input.capacity() - self.input.len());
        if spare == 0 || spare < wanted.min(GROW.0) {
            self.input.reserve(wanted.clamp(GROW.0, GROW.1));
            self.check_input();
        }
    }

    /// Keeps the beginning of a request in the connection's own buffer, with room for what it still needs.
    fn keep(&mut self, begun: &[u8]) {
        if !begun.is_empty() {
            self.input.reserve(begun.len() + self.decoder.wanted().clamp(GROW.0, GROW.1));
            self.input.extend_from_slice(begun);
        }
    }

    /// Gives back what is reserved for the rest of a request, once nothing has come of it for a while.
    pub(super) fn give_room_back(&mut self, cx: &mut Context<'_>) {
        if self.input.capacity() - self.input.len() <= GROW.0 * 2 {
            self.idle = None;
            return;
        }
        let idle = self.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep(IDLE)));
        if idle.as_mut().poll(cx).is_ready() {
            self.idle = None;
            let mut input = BytesMut::with_capacity(self.input.len() + GROW.0);
            input.extend_from_slice(&self.input);
            self.input = input;
            self.check_input();
        }
    }

    /// Reads once, and runs what has arrived.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        scratch::with(|scratch| {
            let own = !self.input.is_empty();
            let n = if own {
                ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.input))?
            } else {
                let mut buf = ReadBuf::new(&mut scratch.read);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
                buf.filled().len()
            };
            let counters = &self.engine.metrics.local().counters;
            counters.reads.add(1);
            counters.net_input_bytes.add(n as u64);
            self.session.client.input_bytes.add(n as u64);
            if n == 0 || !matches!(self.state, State::Running) {
                if !own {
                    self.input.extend_from_slice(&scratch.read[..n]);
                }
                self.check_input();
                return Poll::Ready(Ok(n));
            }
            if own {
                // Also when the request is whole by now.
                self.check_input();
                if self.end.is_some() {
                    return Poll::Ready(Ok(n));
                }
                self.session.client.query_len.store(0, Relaxed);
                self.session.client.query_room.store(0, Relaxed);
                self.run_input(&mut scratch.tools);
            } else {
                let used = self.run_bytes(&scratch.read[..n], &mut scratch.tools);
                self.keep(&scratch.read[used..n]);
            }
            self.check_input();
            Poll::Ready(Ok(n))
        })
    }

    /// Ends a client whose request takes more than `client-query-buffer-limit`, or alone takes more than
    /// all may: the others would be looked at only later.
    fn check_input(&mut self) {
        let client = &self.session.client;
        client.query_len.store(self.input.len(), Relaxed);
        let room = self.input.capacity();
        let grown = room.saturating_sub(client.query_room.load(Relaxed));
        client.query_room.store(room, Relaxed);
        client.words_len.store(self.decoder.parsed().min(self.input.len()), Relaxed);
        // Calls queued since MULTI have not been run: they count as input.
        let queued = self.session.multi.as_ref().map_or(0, |queue| queue.memory());
        if (self.input.len() + queued) as i64 > self.engine.settings.int(config::CLIENT_QUERY_BUFFER_LIMIT) {
            self.engine.metrics.local().counters.input_overruns.add(1);
            self.end = Some(End::Overrun);
        } else if self.engine.is_too_large(&self.session.client, 0) {
            self.evict();
        } else if grown > 0 {
            self.engine.note_client_growth(grown);
        }
    }

    /// Ends a client that alone takes more than all may.
    pub(super) fn evict(&mut self) {
        self.engine.evict_client(&self.session.client);
        self.end = Some(End::Overrun);
    }

    /// Goes on after a wait: requests that were decoded, then bytes that were received.
    pub(super) fn resume(&mut self) {
        scratch::with(|scratch| {
            let tools = &mut scratch.tools;
            let mut reply = self.lend(tools);
            while let Some(words) = self.postponed.pop_front() {
                let calls = Calls::of(words.iter().map(|word| &word[..]));
                self.run_calls(&calls, usize::MAX, &mut reply);
                if self.end.is_some() || !matches!(self.state, State::Running) {
                    break;
                }
            }
            if self.end.is_none() && matches!(self.state, State::Running) && !self.input.is_empty() {
                // Written with what follows: together they may be more than the client may be owed.
                self.output = reply;
                self.run_input(tools);
            } else {
                self.give_back(reply, tools);
            }
        });
        self.check_input();
    }

    /// Runs what is in the connection's own buffer.
    fn run_input(&mut self, tools: &mut Tools) {
        let input = std::mem::take(&mut self.input);
        let used = self.run_bytes(&input, tools);
        if used < input.len() {
            self.input = input;
            self.input.advance(used);
        }
    }

    /// Decodes and runs the whole requests in `bytes`; returns how many bytes they took.
    fn run_bytes(&mut self, bytes: &[u8], tools: &mut Tools) -> usize {
        let mut used = 0;
        // What others sent before these bytes came stands before the replies to them: a message that was published,
        // and its publisher answered, is there when the client's next PING is answered.
        if self.session.client.outbox.is_filled() {
            self.take_outbox();
        }
        let mut reply = self.lend(tools);
        while used < bytes.len() && self.end.is_none() && matches!(self.state, State::Running) {
            let rest = &bytes[used..];
            let limits = self.engine.decoding(self.session.authenticated);
            let (unquoted, mut calls) = (Bump::new(), std::mem::take(&mut tools.calls));
            match self.decoder.decode(rest, &limits, BATCH_MAX, &unquoted, calls.batch()) {
                Ok(n) => used += n,
                Err(error) => {
                    if self.session.reply_mode == ReplyMode::On {
                        reply.error(&Error::text(format!("ERR {error}")));
                    }
                    self.end_behind(&reply, End::Protocol, self.session.reply_mode != ReplyMode::On);
                }
            }
            calls.look_up_ahead(&self.engine, self.session.db);
            self.run_calls(&calls, rest.len(), &mut reply);
            let was_empty = calls.is_empty();
            tools.calls = calls.recycle();
            if was_empty {
                break;
            }
        }
        self.give_back(reply, tools);
        used
    }
}
