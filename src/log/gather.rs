//! Wants that gather before the writer hears of them, so that one sync serves what arrived together.
//!
//! The first reply that is held back would have the writer sync one record while the requests of sixty other
//! clients stand in the runtime's queue, and those would wait for the next sync. So the first one starts a task
//! that lets the runtime take turns, each running what is ready and looking for more, and asks the writer when a
//! turn brought no further write. A client that is alone waits for one look at the sockets.

use super::{Log, Lsn, Shared};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use tokio::task::yield_now;

/// Turns after which the writer is asked though each brought more.
const TURNS_MAX: usize = 8;

/// Asks the writer when it is dropped, also by a runtime that ends.
struct Gathering(Arc<Shared>);

impl Drop for Gathering {
    fn drop(&mut self) {
        // First: whoever comes now is either counted below, or begins anew.
        self.0.gathering.store(false, SeqCst);
        self.0.want(self.0.gathered.load(SeqCst));
    }
}

impl Log {
    /// Asks for durability up to `lsn`, as [`Log::want`] does, together with what else has arrived by now. Called in
    /// a task of the runtime.
    pub fn want_gathered(&self, lsn: Lsn) {
        let shared = &self.shared;
        shared.gathered.fetch_max(lsn, SeqCst);
        if !shared.gathering.swap(true, SeqCst) {
            tokio::spawn(gather(Gathering(shared.clone())));
        }
    }
}

async fn gather(gathering: Gathering) {
    let gathered = &gathering.0.gathered;
    let mut seen = gathered.load(SeqCst);
    for _ in 0..TURNS_MAX {
        yield_now().await;
        let now = gathered.load(SeqCst);
        if now == seen {
            return;
        }
        seen = now;
    }
}
