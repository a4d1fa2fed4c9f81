//! One connection: reads, decodes every whole request, runs the batch, writes all replies at once: those of a batch that took
//! a while once the other requests that have arrived were run, too.
//!
//! ```text
//! Running ──command has to wait──▶ Parked ──served, timeout, CLIENT UNBLOCK──▶ Running
//!    │ ──CLIENT PAUSE, log full──▶ Held ────pause is over, room────────────────▶ Running
//!    │ ──WAITAOF─────────────────▶ Synced ──durable, timeout, CLIENT UNBLOCK───▶ Running
//!    │ ──the end, without replies▶ Deaf ────something is sent to it────────────▶ the end
//!    └ QUIT, EOF, CLIENT KILL, protocol error ──▶ the end, once the replies are out ──▶ Closing ──▶ Leaving
//! ```
//! While a client is parked or held, what it sends is read (so that its going away is noticed) and
//! kept; requests that were decoded already are kept as they are. While replies are held back until
//! they are durable, nothing is read.

mod calls;
mod input;
mod output;
mod waits;

use crate::dispatch::{self, Parked};
use crate::engine::{Engine, Session, WaitAof};
use crate::net::holding::Holding;
use crate::net::scratch;
use crate::resp::Reply;
use crate::resp::decode::Decoder;
use bytes::BytesMut;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;

/// How long saying goodbye may take.
const FAREWELL: Duration = Duration::from_secs(1);

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
    /// WAIT or WAITAOF, and what it asked for.
    Synced(Pin<Box<dyn Future<Output = ()> + Send>>, Box<WaitAof>),
    /// It was to end behind its replies, but gets none. As in Redis it stays, and nothing it sends is looked at any more;
    /// it ends when others send it something.
    Deaf(End),
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
    /// Nanoseconds that its latest calls took.
    ran_ns: u64,
    /// Its replies are written once the other requests that have arrived were run.
    gathers: bool,
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
            ran_ns: 0,
            gathers: false,
            end: None,
        }
    }

    /// Ends the connection behind `replies`; `muted`, there may be none.
    fn end_behind(&mut self, replies: &Reply, end: End, muted: bool) {
        if muted && replies.is_empty() && !self.engine.stop.is_cancelled() {
            self.state = State::Deaf(end);
        } else {
            self.end = Some(end);
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
                self.engine.end_wait(&self.session.client);
            }
            State::Running | State::Deaf(_) | State::Closing(..) | State::Leaving(..) => {}
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
            self.gathers = false;
            let flushed = self.poll_flush(cx);
            if let Poll::Ready(Err(_)) = flushed {
                return Poll::Ready(End::Io);
            }
            if flushed.is_ready() && self.output.capacity_bytes() > 0 {
                scratch::with(|scratch| scratch.tools.replies.give_back(std::mem::take(&mut self.output)));
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
                        Poll::Ready(Ok(_)) => {
                            self.idle = None;
                            if self.gathers {
                                // Behind the tasks that are ready.
                                cx.waker().wake_by_ref();
                                return Poll::Pending;
                            }
                        }
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
