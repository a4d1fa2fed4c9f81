//! What others want to send to a connection: pushes, and the wish that it ends.
//!
//! Any thread may put frames here; only the connection's own task takes them out and writes them,
//! between its replies, so that frames never interleave.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// CLIENT KILL, a timeout, shutdown: at once.
    Now,
    /// After the reply that is being written.
    AfterReply,
    /// It does not read what it is sent (`client-output-buffer-limit`).
    Overrun,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Bytes>,
    bytes: usize,
    close: Option<Close>,
    /// Frames that go behind a reply which is made for the connection elsewhere, until it takes that.
    behind: Option<Vec<Bytes>>,
    /// The connection's task; it stays the same one, so that the connection need not tell it every time.
    waker: Option<Waker>,
}

/// The frames that wait for one connection.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
    /// Whether there is something to take: spares the connection the lock.
    filled: AtomicBool,
    /// Whether `waker` is set: spares it the lock, too.
    attended: AtomicBool,
}

impl Outbox {
    /// Queues a whole frame, unless the connection is to end at once; returns the bytes queued now.
    pub fn push(&self, frame: Bytes) -> usize {
        let mut state = self.state.lock();
        if state.close == Some(Close::Now) {
            return state.bytes;
        }
        if let Some(behind) = &mut state.behind {
            behind.push(frame);
            return state.bytes;
        }
        state.bytes += frame.len();
        state.frames.push_back(frame);
        let bytes = state.bytes;
        self.rouse(state);
        bytes
    }

    /// Keeps frames back until the connection takes the reply to a blocked call, which they go behind.
    pub fn keep_behind(&self) {
        self.state.lock().behind = Some(Vec::new());
    }

    /// Ends [`Outbox::keep_behind`]; the frames kept since are handed out.
    pub fn take_behind(&self) -> Vec<Bytes> {
        self.state.lock().behind.take().unwrap_or_default()
    }

    /// Asks the connection to end.
    pub fn close(&self, why: Close) {
        let mut state = self.state.lock();
        state.close = Some(why);
        self.rouse(state);
    }

    /// Whether the connection is to end.
    pub fn is_closing(&self) -> bool {
        self.state.lock().close.is_some()
    }

    /// Wakes the connection's task without a frame, to look at its client's state anew.
    pub fn nudge(&self) {
        self.rouse(self.state.lock());
    }

    fn rouse(&self, state: parking_lot::MutexGuard<'_, State>) {
        self.filled.store(true, Ordering::Release);
        let waker = state.waker.clone();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether there is something to take.
    pub fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// Bytes queued.
    pub fn len(&self) -> usize {
        self.state.lock().bytes
    }

    /// Whether no bytes are queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ready when there is something to take; remembers the task otherwise, which has to be the same
    /// at every call.
    pub fn poll_filled(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.attended.load(Ordering::Acquire) {
            self.state.lock().waker = Some(cx.waker().clone());
            self.attended.store(true, Ordering::Release);
        }
        if self.is_filled() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Takes all frames; the wish to end stays.
    pub fn take_frames(&self) -> VecDeque<Bytes> {
        let mut state = self.state.lock();
        self.filled.store(state.close.is_some(), Ordering::Release);
        state.bytes = 0;
        std::mem::take(&mut state.frames)
    }

    /// Takes all frames, and the wish to end.
    pub fn take(&self) -> (VecDeque<Bytes>, Option<Close>) {
        let mut state = self.state.lock();
        self.filled.store(false, Ordering::Release);
        state.bytes = 0;
        (std::mem::take(&mut state.frames), state.close)
    }
}
