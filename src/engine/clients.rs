//! The connected clients, by id.

use super::{Client, Flag};
use compact_str::CompactString;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// All connected clients.
#[derive(Default)]
pub struct Clients {
    by_id: RwLock<BTreeMap<u64, Arc<Client>>>,
    last_id: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
}

impl Clients {
    /// Registers a connection, unless there are `limit` already.
    pub fn connect(
        &self,
        addr: CompactString,
        laddr: CompactString,
        fd: i32,
        now_ms: i64,
        limit: usize,
    ) -> Option<Arc<Client>> {
        let mut clients = self.by_id.write();
        if clients.len() >= limit {
            self.rejected.fetch_add(1, Relaxed);
            return None;
        }
        self.accepted.fetch_add(1, Relaxed);
        let client = Arc::new(Client::new(self.next_id(), addr, laddr, fd, now_ms));
        clients.insert(client.id, client.clone());
        Some(client)
    }

    /// Counts a connection that was turned away.
    pub fn refuse(&self) {
        self.rejected.fetch_add(1, Relaxed);
    }

    /// An id for a client that has no connection (tests, scripts, the server itself).
    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Relaxed) + 1
    }

    /// Forgets a connection.
    pub fn disconnect(&self, id: u64) {
        self.by_id.write().remove(&id);
    }

    /// The client with this id, unless it is to end at once.
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.by_id.read().get(&id).filter(|client| !client.is(Flag::Gone)).cloned()
    }

    /// All clients, by ascending id.
    pub fn all(&self) -> Vec<Arc<Client>> {
        self.by_id.read().values().cloned().collect()
    }

    /// The number of clients.
    pub fn len(&self) -> usize {
        self.by_id.read().len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets how many were accepted and rejected.
    pub fn reset_counts(&self) {
        self.accepted.store(0, Relaxed);
        self.rejected.store(0, Relaxed);
    }

    /// Connections accepted and rejected (over the limit) so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.accepted.load(Relaxed), self.rejected.load(Relaxed))
    }
}
