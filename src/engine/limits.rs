//! Limits that connections look at, live: written by the settings, read without a lock.

use crate::resp::decode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// The limits of connections.
#[derive(Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`, in bytes.
    pub bulk_len: AtomicUsize,
    /// `client-query-buffer-limit`, in bytes.
    pub query_buffer: AtomicUsize,
    /// `maxclients`.
    pub clients: AtomicUsize,
    /// `tcp-keepalive`, in seconds; 0 = off.
    pub tcp_keepalive_s: AtomicU64,
    /// Whether new connections have to authenticate.
    pub password_required: AtomicBool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bulk_len: AtomicUsize::new(512 * 1024 * 1024),
            query_buffer: AtomicUsize::new(1024 * 1024 * 1024),
            clients: AtomicUsize::new(10_000),
            tcp_keepalive_s: AtomicU64::new(300),
            password_required: AtomicBool::new(false),
        }
    }
}

impl Limits {
    /// What a client may announce.
    pub fn decoding(&self, authenticated: bool) -> decode::Limits {
        decode::Limits {
            bulk_len_max: self.bulk_len.load(Relaxed),
            unauthenticated: !authenticated,
            ..decode::Limits::default()
        }
    }

    /// The most bytes of a client's query buffer.
    pub fn query_buffer_max(&self) -> usize {
        self.query_buffer.load(Relaxed)
    }

    /// The most clients at a time.
    pub fn clients_max(&self) -> usize {
        self.clients.load(Relaxed)
    }

    /// The time after which an idle connection's peer is probed; zero = never.
    pub fn tcp_keepalive(&self) -> Duration {
        Duration::from_secs(self.tcp_keepalive_s.load(Relaxed))
    }
}
