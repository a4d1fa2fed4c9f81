//! Room for the data (`maxmemory`), and for clients: all together take no more than `maxmemory-clients`, or the largest have to go.

use super::{Client, Engine, Flag};
use crate::config;
use crate::pubsub::Close;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// By which part of what all clients may take they grow before they are looked at together.
const GROWN: usize = 16;

impl Engine {
    /// Bytes that all clients together may take (`maxmemory-clients`, which may be a share of `maxmemory`); `None` for
    /// any number.
    pub fn client_memory_max(&self) -> Option<usize> {
        let bytes = match self.settings.int(config::MAXMEMORY_CLIENTS) {
            share @ ..0 => self.memory_max()? / 100 * share.unsigned_abs() as usize,
            bytes => bytes as usize,
        };
        (bytes > 0).then_some(bytes)
    }

    /// Bytes that the data may take (`maxmemory`); `None` for any number.
    pub fn memory_max(&self) -> Option<usize> {
        let bytes = self.settings.int(config::MAXMEMORY) as usize;
        (bytes > 0).then_some(bytes)
    }

    /// Holds to the limits of what clients take as soon as they change.
    pub fn follow_client_limits(self: &Arc<Self>) {
        let limits: [(_, fn(&Self)); 2] = [
            (config::MAXMEMORY_CLIENTS, Self::limit_client_memory),
            (config::TRACKING_TABLE_MAX_KEYS, Self::limit_tracking),
        ];
        for (name, hold) in limits {
            let engine = Arc::downgrade(self);
            self.settings.on_change(&[name], move |_| {
                engine.upgrade().iter().for_each(|engine| hold(engine));
                Ok(())
            });
        }
    }

    /// Closes the largest clients while all together take more than they may.
    pub fn limit_client_memory(&self) {
        let Some(limit) = self.client_memory_max() else { return };
        let mut clients = self.clients.all();
        clients.retain(|client| !client.is(Flag::Gone));
        let mut sizes: Vec<_> = clients.iter().map(|client| (client.memory(), client)).collect();
        let mut total = sizes.iter().map(|(size, _)| size).sum::<usize>();
        if total <= limit {
            return;
        }
        sizes.sort_by_key(|(size, _)| Reverse(*size));
        for (size, client) in sizes.into_iter().filter(|(_, client)| !client.is(Flag::NoEvict)) {
            if total <= limit {
                return;
            }
            total = total.saturating_sub(size);
            self.evict_client(client);
        }
    }

    /// Notes that a client takes so many bytes more. Now and then all of them are looked at, rather than when the cron
    /// comes by: until then they could have keys evicted.
    pub fn note_client_growth(&self, bytes: usize) {
        let Some(limit) = self.client_memory_max() else { return };
        if self.clients_grown.fetch_add(bytes, Relaxed) + bytes > limit / GROWN {
            self.clients_grown.store(0, Relaxed);
            self.limit_client_memory();
        }
    }

    /// Whether one client with `more` bytes takes more than all may: it is to go at once, whoever looks after the others
    /// later.
    pub fn is_too_large(&self, client: &Client, more: usize) -> bool {
        let max = self.client_memory_max();
        max.is_some_and(|max| client.memory() + more > max) && !client.is(Flag::NoEvict)
    }

    /// Closes a client for its size.
    pub fn evict_client(&self, client: &Client) {
        self.evicted_clients.fetch_add(1, Relaxed);
        client.close(Close::Now);
    }
}
