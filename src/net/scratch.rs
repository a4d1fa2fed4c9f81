//! Buffers of the thread, lent to whichever connection it runs: an idle connection holds none.

use crate::dispatch::Calls;
use crate::resp::Reply;
use std::cell::Cell;

/// Bytes read from a socket at once.
pub const READ_LEN: usize = 64 * 1024;
/// Bytes of a reply buffer that are kept for the next reply.
pub const REPLY_KEPT: usize = 64 * 1024;

/// What a connection needs while it runs.
pub struct Scratch {
    /// Where reads go when no partial request waits in the connection's own buffer.
    pub read: Box<[u8]>,
    /// The calls decoded.
    pub calls: Calls<'static>,
    /// The replies written.
    pub reply: Reply,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { read: vec![0; READ_LEN].into_boxed_slice(), calls: Calls::default(), reply: Reply::default() }
    }
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Runs `f` with the thread's buffers.
pub fn with<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = f(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}
