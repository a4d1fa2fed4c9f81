//! Buffers of the thread, lent to whichever connection it runs: an idle connection holds none.

use crate::base::heap::Heap;
use crate::dispatch::Calls;
use crate::keyspace::Effects;
use crate::resp::Reply;
use parking_lot::Mutex;
use std::cell::Cell;

/// Bytes read from a socket at once.
pub const READ_LEN: usize = 256 * 1024;
/// Bytes of a reply buffer that are kept for the next reply.
pub const REPLY_KEPT: usize = 64 * 1024;
/// Bytes of reply buffers that a thread keeps beside one.
const REPLIES_KEPT: usize = 1024 * 1024;

/// Reply buffers at hand.
#[derive(Default)]
pub struct Replies {
    free: Vec<Reply>,
    bytes: usize,
}

impl Replies {
    /// An empty one; the one that was used last, if there is one.
    pub fn take(&mut self) -> Reply {
        let reply = self.free.pop().unwrap_or_default();
        self.bytes -= reply.capacity_bytes();
        reply
    }

    /// Keeps one that was emptied, unless there is enough.
    pub fn give_back(&mut self, reply: Reply) {
        let bytes = reply.capacity_bytes();
        if self.free.is_empty() || self.bytes + bytes <= REPLIES_KEPT {
            self.bytes += bytes;
            self.free.push(reply);
        }
    }
}

/// What a connection runs calls with.
#[derive(Default)]
pub struct Tools {
    /// The calls decoded.
    pub calls: Calls<'static>,
    /// Where replies are written.
    pub replies: Replies,
    /// What the calls do.
    pub effects: Option<Box<Effects>>,
}

impl Tools {
    /// Bytes allocated.
    fn capacity_bytes(&self) -> usize {
        let effects =
            self.effects.as_ref().map_or(0, |effects| size_of::<Effects>() + effects.capacity_bytes());
        self.calls.capacity_bytes() + self.replies.bytes + effects
    }
}

/// What a connection needs while it runs.
pub struct Scratch {
    /// Where reads go when no partial request waits in the connection's own buffer.
    pub read: Box<[u8]>,
    /// What it runs calls with.
    pub tools: Tools,
    /// Bytes that count as kept at hand.
    counted: usize,
}

impl Scratch {
    /// Counts what it takes at rest as kept at hand.
    fn count(&mut self) {
        let bytes = self.read.len() + self.tools.capacity_bytes();
        if bytes != self.counted {
            Heap::keep_at_hand(bytes as isize - self.counted as isize);
            self.counted = bytes;
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        let mut new =
            Self { read: vec![0; READ_LEN].into_boxed_slice(), tools: Tools::default(), counted: 0 };
        new.count();
        new
    }
}

/// What threads that ended had: threads come and go as calls take long, and memory is not to follow them up and down.
static LEFT: Mutex<Vec<Scratch>> = Mutex::new(Vec::new());

/// The buffers of a thread while no connection has them.
#[derive(Default)]
struct Kept(Cell<Option<Box<Scratch>>>);

impl Drop for Kept {
    fn drop(&mut self) {
        LEFT.lock().extend(self.0.take().map(|scratch| *scratch));
    }
}

thread_local! {
    static KEPT: Kept = Kept::default();
}

/// Runs `f` with the thread's buffers.
pub fn with<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    let left = || Box::new(LEFT.lock().pop().unwrap_or_default());
    let mut scratch = KEPT.with(|kept| kept.0.take()).unwrap_or_else(left);
    let result = f(&mut scratch);
    scratch.count();
    KEPT.with(|kept| kept.0.set(Some(scratch)));
    result
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_thread_had_is_lent_again() {
        let place = || super::with(|scratch| scratch.read.as_ptr() as usize);
        let first = std::thread::spawn(move || (place(), place())).join().unwrap();
        assert_eq!(first.0, first.1, "a thread keeps its own");
        // Other tests may take it first, but nobody frees it.
        assert!(super::LEFT.lock().iter().all(|left| left.read.len() == super::READ_LEN));
    }
}
