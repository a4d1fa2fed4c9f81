//! One connection: reads, decodes every whole request, runs the batch, writes all replies at once.
//!
//! ```text
//! Running ──command has to wait──▶ Parked ──served, timeout, CLIENT UNBLOCK──▶ Running
//!    │ ──CLIENT PAUSE, log full──▶ Held ────pause is over, room────────────────▶ Running
//!    │ ──WAITAOF─────────────────▶ Synced ──durable, timeout, CLIENT UNBLOCK───▶ Running
//!    └ QUIT, EOF, CLIENT KILL, protocol error ──▶ the end, once the replies are out ──▶ Closing ──▶ Leaving
//! ```
//! While a client is parked or held, what it sends is read (so that its going away is noticed) and
//! kept; requests that were decoded already are kept as they are. While replies are held back until
//! they are durable, nothing is read.

use super::holding::Holding;
use super::scratch::{self, Tools};
use super::terminal::Terminal;
use crate::config::{self, ClientClass};
use crate::dispatch::{self, Call, Calls, Outcome, Parked, Round, Shortcut, Unblock};
use crate::engine::{Engine, Flag, Reached, ReplyMode, Running, Session, WaitAof};
use crate::lua::debug;
use crate::pubsub::Close;
use crate::resp::decode::Decoder;
use crate::resp::{Error, Reply};
use bumpalo::Bump;
use bytes::{Buf, BytesMut};
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;

/// Requests decoded ahead of their execution.
const BATCH_MAX: usize = 32;
/// Slices in one vectored write.
const SLICES_MAX: usize = 64;
/// A partial request's buffer grows at least by this many bytes at a time, and at most.
const GROW: (usize, usize) = (16 * 1024, 4 * 1024 * 1024);

/// For how long nothing of a request may come before room that is reserved for it is given back.
const IDLE: Duration = Duration::from_secs(2);
/// How long saying goodbye may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes of replies from which on the limit of a client's output is asked for after every call.
const LARGE_REPLIES: usize = 16 * 1024;
/// Bytes that wait for a client that has not authenticated.
const STRANGER_OUTPUT_MAX: usize = 64 * 1024;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed it.
    Eof,
    /// The server closed it.
    Closed,
    /// The client broke the protocol.
    Protocol,
    /// The client does not read its replies, or sends too much.
    Overrun,
    /// The network did.
    Io,
}

/// A request decoded, but not yet run, in words of its own.
type Postponed = Vec<Box<[u8]>>;

enum State {
    Running,
    Parked(Box<Parked>, Option<Pin<Box<Sleep>>>),
    Held(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// WAIT or WAITAOF; whether the reply tells of the disk here.
    Synced(Pin<Box<dyn Future<Output = ()> + Send>>, bool),
    /// It has ended while the server stops: it is let go of once nobody is let in any more.
    Closing(End, Pin<Box<dyn Future<Output = ()> + Send>>),
    /// It has ended, and says goodbye.
    Leaving(End, Pin<Box<Sleep>>),
}

/// A connection over a stream: TCP, unix socket, TLS, or a pipe in memory. As a future it serves the client until the
/// connection ends.
pub struct Connection<S> {
    stream: S,
    engine: Arc<Engine>,
    session: Session,
    decoder: Decoder,
    state: State,
    /// Bytes received that are no whole request yet, or wait until the client is served.
    input: BytesMut,
    /// Until when more room than these need is kept.
    idle: Option<Pin<Box<Sleep>>>,
    /// Requests that wait until the client is served.
    postponed: VecDeque<Postponed>,
    /// Replies not yet written.
    output: Reply,
    /// What has to be durable before they are.
    holding: Holding,
    /// Bytes of `output` that are written.
    sent: usize,
    end: Option<End>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection that has just been accepted.
    pub fn new(stream: S, engine: Arc<Engine>, session: Session) -> Self {
        Self {
            stream,
            engine,
            session,
            decoder: Decoder::new(),
            state: State::Running,
            input: BytesMut::new(),
            idle: None,
            postponed: VecDeque::new(),
            output: Reply::default(),
            holding: Holding::default(),
            sent: 0,
            end: None,
        }
    }

    /// Lets go of everything that others hold for this connection: it has ended.
    fn let_go(&mut self) {
        match &self.state {
            State::Parked(parked, _) => {
                if !parked.cancel(&self.engine) {
                    tracing::debug!(client = self.session.client.id, "served while its connection ended");
                }
                parked.finish(&self.engine, &self.session.client);
            }
            State::Held(_) | State::Synced(..) => {
                self.engine.blocked_clients.fetch_sub(1, Relaxed);
            }
            State::Running | State::Closing(..) | State::Leaving(..) => {}
        }
        self.session.end(&self.engine);
        dispatch::untie(&self.engine, self.session.client.id);
    }

    /// Ready when the connection has ended.
    fn poll_serve(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            // Until it is empty: only then is the task remembered.
            while self.session.client.outbox.poll_filled(cx).is_ready() {
                self.take_outbox();
            }
            let flushed = self.poll_flush(cx);
            if let Poll::Ready(Err(_)) = flushed {
                return Poll::Ready(End::Io);
            }
            if let Some(end) = self.end
                && (flushed.is_ready() || end != End::Closed && end != End::Protocol)
            {
                return Poll::Ready(end);
            }
            if self.end.is_some() {
                return Poll::Pending;
            }
            match self.poll_state(cx) {
                Poll::Ready(()) => self.resume(),
                Poll::Pending if self.holding.is_some() => return Poll::Pending,
                Poll::Pending => {
                    self.make_room();
                    if self.end.is_some() {
                        continue;
                    }
                    match self.poll_read(cx) {
                        Poll::Ready(Ok(0)) => return Poll::Ready(End::Eof),
                        Poll::Ready(Ok(_)) => self.idle = None,
                        Poll::Ready(Err(_)) => return Poll::Ready(End::Io),
                        Poll::Pending => {
                            self.give_room_back(cx);
                            return Poll::Pending;
                        }
                    }
                }
            }
        }
    }

    /// Takes what others sent: frames behind the replies, and the wish that this ends.
    fn take_outbox(&mut self) {
        let (frames, close) = self.session.client.outbox.take();
        for frame in frames {
            self.output.raw_shared(frame);
        }
        match close {
            Some(Close::Now) => self.end = Some(End::Eof),
            Some(Close::AfterReply) => self.end = Some(End::Closed),
            Some(Close::Overrun) => self.overrun(),
            None => {}
        }
    }

    /// Ready when a parked or held client goes on; pending while it runs, too.
    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Running | State::Closing(..) | State::Leaving(..) => Poll::Pending,
            State::Held(lifted) => {
                ready!(lifted.as_mut().poll(cx));
                self.state = State::Running;
                self.engine.blocked_clients.fetch_sub(1, Relaxed);
                Poll::Ready(())
            }
            State::Synced(synced, tells_local) => {
                let tells_local = *tells_local;
                let asked = self.session.client.unblock.load(Relaxed);
                if asked == 0 {
                    ready!(synced.as_mut().poll(cx));
                }
                self.end_waitaof(asked == 2, tells_local);
                Poll::Ready(())
            }
            State::Parked(parked, sleep) => {
                let (mut failed, mut ran) = (false, true);
                let ended = if let Poll::Ready(served) = pin!(parked.served()).poll(cx) {
                    match served {
                        Some(served) => {
                            let reached = Reached { wrote: served.wrote, saw: served.saw };
                            let from = self.output.mark();
                            (failed, ran) = (served.reply.is_error(), served.ran);
                            self.output.append(served.reply);
                            let to = self.output.mark();
                            self.holding.add(&self.engine, &mut self.session, reached, from, to);
                        }
                        None => tracing::error!("a blocked client's waiter was dropped unserved"),
                    }
                    true
                } else {
                    let asked = match self.session.client.unblock.load(Relaxed) {
                        0 => None,
                        1 => Some(Unblock::Timeout),
                        _ => Some(Unblock::Error),
                    };
                    let due = sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
                    let timed_out = due && parked.is_over();
                    if due && !timed_out && asked.is_none() {
                        parked.try_again(&self.engine);
                        *sleep = parked.due().map(|at| Box::pin(tokio::time::sleep_until(at)));
                        cx.waker().wake_by_ref();
                    }
                    match asked.or(timed_out.then_some(Unblock::Timeout)) {
                        Some(how) if parked.cancel(&self.engine) => {
                            self.output.set_protocol(self.session.protocol());
                            parked.reply(&self.engine, how, &mut self.output);
                            failed = how == Unblock::Error;
                            true
                        }
                        // Somebody is serving it just now: look again in a moment.
                        Some(_) => {
                            let again = tokio::time::sleep(Duration::from_millis(1));
                            let sleep = sleep.insert(Box::pin(again));
                            if sleep.as_mut().poll(cx).is_ready() {
                                cx.waker().wake_by_ref();
                            }
                            false
                        }
                        None => false,
                    }
                };
                if !ended {
                    return Poll::Pending;
                }
                parked.finish(&self.engine, &self.session.client);
                if ran {
                    dispatch::count_parked(&self.engine, &mut self.session, parked, failed);
                }
                self.session.client.commands.fetch_add(1, Relaxed);
                self.state = State::Running;
                Poll::Ready(())
            }
        }
    }

    /// Makes room for more of a request that has begun to arrive; as much as it still needs, where that is known.
    fn make_room(&mut self) {
        if self.input.is_empty() {
            return;
        }
        let (wanted, spare) = (self.decoder.wanted(), self.input.capacity() - self.input.len());
        if spare == 0 || spare < wanted.min(GROW.0) {
            self.input.reserve(wanted.clamp(GROW.0, GROW.1));
            self.check_input();
        }
    }

    /// Gives back what is reserved for the rest of a request, once nothing has come of it for a while.
    fn give_room_back(&mut self, cx: &mut Context<'_>) {
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
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
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
            self.session.client.input_bytes.fetch_add(n as u64, Relaxed);
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
                let read = std::mem::take(&mut scratch.read);
                let used = self.run_bytes(&read[..n], &mut scratch.tools);
                self.input.extend_from_slice(&read[used..n]);
                scratch.read = read;
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
    fn evict(&mut self) {
        self.engine.evict_client(&self.session.client);
        self.end = Some(End::Overrun);
    }

    /// Goes on after a wait: requests that were decoded, then bytes that were received.
    fn resume(&mut self) {
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
            let (unquoted, mut calls) = (Bump::new(), std::mem::take(&mut tools.calls).recycle());
            match self.decoder.decode(rest, &limits, BATCH_MAX, &unquoted, calls.batch()) {
                Ok(n) => used += n,
                Err(error) => {
                    if self.session.reply_mode == ReplyMode::On {
                        reply.error(&Error::text(format!("ERR {error}")));
                    }
                    self.end = Some(End::Protocol);
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

    /// Runs a batch of calls that have `len_max` bytes at most; what is behind a call that has to wait is postponed.
    fn run_calls(&mut self, calls: &Calls<'_>, len_max: usize, reply: &mut Reply) {
        let mut round = Round::begin(&self.engine, &mut self.session, len_max);
        let done = self.run_some(calls, &mut round, reply);
        round.end(&self.engine, &self.session, done);
        self.session.client.commands.fetch_add(done as u64, Relaxed);
    }

    /// Runs a batch as far as it goes; returns how many calls were answered.
    fn run_some(&mut self, calls: &Calls<'_>, round: &mut Round, reply: &mut Reply) -> usize {
        self.session.client.active_ms.store(round.now_ms, Relaxed);
        for i in 0..calls.len() {
            let (call, from) = (calls.get(i), reply.mark());
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
                    self.end = Some(End::Closed);
                    return i + 1;
                }
                Outcome::Done(_) => {
                    if !self.close_reply(reply) {
                        return i + 1;
                    }
                    if let Some(wait) = self.session.waitaof.take() {
                        self.begin_waitaof(*wait);
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
                    self.hold(may_go_on(self.engine.clone()));
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

    fn begin_waitaof(&mut self, wait: WaitAof) {
        let client = &self.session.client;
        client.set(Flag::Blocked, true);
        client.unblock.store(0, Relaxed);
        self.engine.blocked_clients.fetch_add(1, Relaxed);
        self.state = State::Synced(Box::pin(synced(self.engine.clone(), wait)), wait.tells_local);
    }

    fn end_waitaof(&mut self, refused: bool, tells_local: bool) {
        self.session.client.set(Flag::Blocked, false);
        self.engine.blocked_clients.fetch_sub(1, Relaxed);
        self.state = State::Running;
        self.output.set_protocol(self.session.protocol());
        if refused {
            return self.output.raw(dispatch::UNBLOCKED);
        }
        if !tells_local {
            return self.output.int(0);
        }
        self.output.array(2);
        let log = &self.engine.log;
        self.output.int((log.is_on() && log.durable() >= self.session.wrote).into());
        self.output.int(0);
    }

    /// Holds the client until `lifted`: it counts as blocked meanwhile.
    fn hold(&mut self, lifted: impl Future<Output = ()> + Send + 'static) {
        self.engine.blocked_clients.fetch_add(1, Relaxed);
        self.state = State::Held(Box::pin(lifted));
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

    /// Borrows where effects go, and the buffer to write replies to: what is still unsent, or the thread's.
    fn lend(&mut self, tools: &mut Tools) -> Reply {
        self.session.effects.borrow(&mut tools.effects);
        let from = if self.output.is_empty() { &mut tools.reply } else { &mut self.output };
        let mut reply = std::mem::take(from);
        reply.set_protocol(self.session.protocol());
        reply
    }

    /// Gives back what was lent. Writes as much as the socket takes at once; the rest stays in `output`.
    fn give_back(&mut self, reply: Reply, tools: &mut Tools) {
        self.session.effects.give_back(&mut tools.effects);
        self.output = reply;
        if self.holding.is_some() {
            // The task looks after it, and remembers itself then.
            return self.holding.want(&self.engine.log);
        }
        let mut idle = Context::from_waker(std::task::Waker::noop());
        // What the socket does not take now, `poll_flush` tries again with the task's waker.
        if let Poll::Ready(Ok(())) = self.poll_flush(&mut idle) {
            tools.reply = std::mem::take(&mut self.output);
        }
    }

    /// Ends a client that does not read: at once above the hard limit, which no reply outgrows while
    /// it is written. The soft limit is looked after in the background. Returns whether it stays.
    fn check_output(&mut self, waiting: usize) -> bool {
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

    /// Writes `output`; ready when all is written.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.holding.poll(&self.engine.log, &mut self.output, cx));
        while self.sent < self.output.len() {
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
            self.session.client.output_bytes.fetch_add(n as u64, Relaxed);
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

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Connection<S> {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        let this = &mut *self;
        loop {
            let end = match &mut this.state {
                State::Closing(end, closed) => {
                    ready!(closed.as_mut().poll(cx));
                    *end
                }
                // Where the protocol has a word for goodbye; nobody waits for the answer.
                State::Leaving(end, farewell) => {
                    let said = Pin::new(&mut this.stream).poll_shutdown(cx).is_ready();
                    return if said || farewell.as_mut().poll(cx).is_ready() {
                        Poll::Ready(*end)
                    } else {
                        Poll::Pending
                    };
                }
                _ => {
                    let end = ready!(this.poll_serve(cx));
                    this.let_go();
                    if this.engine.stop.is_cancelled() {
                        this.engine.listening.close();
                        let engine = this.engine.clone();
                        this.state =
                            State::Closing(end, Box::pin(async move { engine.listening.wait().await }));
                        continue;
                    }
                    end
                }
            };
            this.state = State::Leaving(end, Box::pin(tokio::time::sleep(FAREWELL)));
        }
    }
}

/// Completes when what holds clients back is over: a snapshot or a log that cannot follow, CLIENT PAUSE, a script that
/// takes long.
async fn may_go_on(engine: Arc<Engine>) {
    let mut changes = engine.scripts.changes();
    engine.log.room().await;
    engine.saving.crowd().room().await;
    while let Some((_, until_ms)) = engine.pause.state(engine.now_ms()) {
        let left = until_ms.saturating_sub(engine.now_ms()).max(1) as u64;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(left)) => {}
            () = engine.pause.lifted() => {}
        }
    }
    if engine.scripts.running() == Running::Slow {
        // It never fails: the engine has the sender.
        let _ = changes.changed().await;
    }
}

/// Between two looks at a log that fails.
const LOOK: Duration = Duration::from_millis(100);

/// Completes when what `wait` asks for is reached, or its time is over.
async fn synced(engine: Arc<Engine>, wait: WaitAof) {
    let reached = async {
        while wait.lsn > 0 && engine.log.until_durable(wait.lsn).await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
        if wait.replicas > 0 {
            // There are none that could have it.
            std::future::pending::<()>().await;
        }
    };
    let over = async {
        match wait.timeout_ms {
            0 => std::future::pending().await,
            ms => tokio::time::sleep(Duration::from_millis(ms)).await,
        }
    };
    tokio::select! {
        () = reached => {}
        () = over => {}
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
