//! MONITOR: clients that are sent every call the server runs.
//!
//! ```text
//! +1700000000.123456 [0 127.0.0.1:50312] "set" "key" "va\nlue"
//! ```

use super::Client;
use crate::base::clock;
use crate::base::words::quote;
use crate::pubsub::Listener;
use bytes::Bytes;
use parking_lot::RwLock;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The clients that watch.
#[derive(Default)]
pub struct Monitors {
    active: AtomicBool,
    clients: RwLock<Vec<Arc<Client>>>,
}

impl Monitors {
    /// Whether anybody watches; costs a load.
    pub fn is_active(&self) -> bool {
        self.active.load(Relaxed)
    }

    /// Adds a client.
    pub fn add(&self, client: &Arc<Client>) {
        let mut clients = self.clients.write();
        if clients.iter().all(|known| known.id != client.id) {
            clients.push(client.clone());
        }
        self.active.store(true, Relaxed);
    }

    /// Removes a client.
    pub fn remove(&self, id: u64) {
        let mut clients = self.clients.write();
        clients.retain(|client| client.id != id);
        self.active.store(!clients.is_empty(), Relaxed);
    }

    /// Sends a call of `client` to everybody who watches.
    pub fn send(&self, client: &Client, db: u32, argv: &[&[u8]]) {
        self.send_from(&client.addr, db, argv);
    }

    /// Likewise, of somebody called `from`.
    pub fn send_from(&self, from: &str, db: u32, argv: &[&[u8]]) {
        let now_us = clock::system_us();
        let mut line = Vec::new();
        // Writing to a Vec cannot fail.
        let _ = write!(line, "+{}.{:06} [{db} {}]", now_us / 1_000_000, now_us % 1_000_000, from);
        for word in argv {
            line.push(b' ');
            quote(word, &mut line);
        }
        line.extend_from_slice(b"\r\n");
        let line = Bytes::from(line);
        self.clients.read().iter().for_each(|watching| watching.send(line.clone()));
    }
}
