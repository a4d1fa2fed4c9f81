//! Floor 4: the engine owns the services, and `commit` is the one door by which changes leave.

mod client;
mod clients;
mod commit;
mod limits;
mod pause;
mod session;

pub use client::{Client, Flag};
pub use clients::Clients;
pub use commit::{Committed, Ready};
pub use limits::Limits;
pub use pause::{Pause, Paused};
pub use session::{ReplyMode, Session};

use crate::base::clock::{self, Clock};
use crate::base::random;
use crate::keyspace::Keyspace;
use crate::metrics::Metrics;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use tokio_util::sync::CancellationToken;

/// A running server, without its sockets.
pub struct Engine {
    /// The data.
    pub keyspace: Keyspace,
    /// The wall clock.
    pub clock: Clock,
    /// The counters.
    pub metrics: Metrics,
    /// The connected clients.
    pub clients: Clients,
    /// Limits of connections.
    pub limits: Limits,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// Cancelled when the server is to stop.
    pub stop: CancellationToken,
    /// 40 hexadecimal digits that name this run of the server.
    pub run_id: String,
    /// When the server started, unix ms.
    pub started_ms: i64,
    /// Whether due keys are removed in the background (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expiry: AtomicBool,
    /// Clients blocked on keys.
    pub blocked_clients: AtomicUsize,
    changes_since_save: AtomicI64,
    lsn: AtomicU64,
}

impl Engine {
    /// An engine with `databases` empty databases and counters for `commands` commands.
    pub fn new(databases: usize, commands: usize) -> Self {
        Self {
            keyspace: Keyspace::new(databases),
            clock: Clock::default(),
            metrics: Metrics::new(commands),
            clients: Clients::default(),
            limits: Limits::default(),
            pause: Pause::default(),
            stop: CancellationToken::new(),
            run_id: random::hex(40),
            started_ms: clock::system_ms(),
            active_expiry: AtomicBool::new(true),
            blocked_clients: AtomicUsize::new(0),
            changes_since_save: AtomicI64::new(0),
            lsn: AtomicU64::new(0),
        }
    }

    /// The transaction clock: unix milliseconds that never step back.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The access clock noted in entries: seconds, 24 bits.
    pub fn access_clock(now_ms: i64) -> u32 {
        (now_ms / 1000) as u32 & 0xFF_FFFF
    }

    /// Changes since the data set was last saved.
    pub fn changes_since_save(&self) -> i64 {
        self.changes_since_save.load(Relaxed)
    }
}
