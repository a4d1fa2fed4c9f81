//! What one transaction did, in order; filled by [`super::Txn`] and [`super::Edit`], consumed whole
//! by `engine::commit`. One per connection, reused, so that noting effects allocates nothing.

use super::Class;
use std::cell::Cell;
use std::ops::Range;

/// Who wants to hear of changes: decided once when a transaction begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listeners(pub u32);

impl Listeners {
    /// The log or a replica follows: effects are recorded.
    pub const LOG: Listeners = Listeners(1);
    /// Keyspace events are published.
    pub const EVENTS: Listeners = Listeners(2);
    /// Clients track keys for invalidation.
    pub const TRACKING: Listeners = Listeners(4);

    /// Whether any of `other` listens.
    pub fn any(self, other: Listeners) -> bool {
        self.0 & other.0 != 0
    }
}

/// One thing that happened to a key.
#[derive(Clone, Debug)]
pub struct Touch {
    key: Range<usize>,
    /// The database of the key.
    pub db: u32,
    /// The event's name, as keyspace notifications tell it.
    pub event: &'static str,
    /// The event's class.
    pub class: Class,
}

/// What one transaction did.
#[derive(Debug, Default)]
pub struct Effects {
    /// Deterministic commands, RESP encoded, in order.
    log: Vec<u8>,
    log_db: Option<u32>,
    touches: Vec<Touch>,
    keys: Vec<u8>,
    /// Keys with waiters that may go on now.
    ready: Vec<(u32, Box<[u8]>)>,
    listeners: Listeners,
    /// Changes made: what INFO counts since the last save.
    pub dirty: u64,
    /// Keys found by readers.
    pub hits: Cell<u64>,
    /// Keys readers did not find.
    pub misses: Cell<u64>,
    /// Keys that were found expired and removed.
    pub expired: u64,
}

impl Effects {
    /// Empties it for the next transaction.
    pub fn reset(&mut self, listeners: Listeners) {
        self.listeners = listeners;
        self.dirty = 0;
        self.hits.set(0);
        self.misses.set(0);
        self.expired = 0;
        if !self.log.is_empty() || !self.touches.is_empty() {
            self.log.clear();
            self.touches.clear();
            self.keys.clear();
        }
        self.log_db = None;
        self.ready.clear();
    }

    /// Whether changes are recorded for the log and the replicas.
    pub fn is_recording(&self) -> bool {
        self.listeners.any(Listeners::LOG)
    }

    /// Records a deterministic command (an effect) on database `db`; a branch when nobody follows.
    pub fn record(&mut self, db: u32, argv: &[&[u8]]) {
        if !self.is_recording() {
            return;
        }
        let mut digits = itoa::Buffer::new();
        if self.log_db != Some(db) {
            self.log_db = Some(db);
            self.encode(&[b"SELECT", digits.format(db).as_bytes()]);
        }
        self.encode(argv);
    }

    fn encode(&mut self, argv: &[&[u8]]) {
        let mut digits = itoa::Buffer::new();
        self.log.push(b'*');
        self.log.extend_from_slice(digits.format(argv.len()).as_bytes());
        for arg in argv {
            self.log.extend_from_slice(b"\r\n$");
            self.log.extend_from_slice(digits.format(arg.len()).as_bytes());
            self.log.extend_from_slice(b"\r\n");
            self.log.extend_from_slice(arg);
        }
        self.log.extend_from_slice(b"\r\n");
    }

    /// Notes that `event` happened to `key`.
    pub fn touch(&mut self, db: u32, key: &[u8], event: &'static str, class: Class) {
        if !self.listeners.any(Listeners(Listeners::EVENTS.0 | Listeners::TRACKING.0)) {
            return;
        }
        let from = self.keys.len();
        self.keys.extend_from_slice(key);
        self.touches.push(Touch { key: from..self.keys.len(), db, event, class });
    }

    /// Notes that somebody who waits for `key` may go on.
    pub fn wake(&mut self, db: u32, key: &[u8]) {
        if self.ready.last().is_none_or(|(d, k)| *d != db || **k != *key) {
            self.ready.push((db, key.into()));
        }
    }

    /// The effects recorded so far, RESP encoded.
    pub fn log(&self) -> &[u8] {
        &self.log
    }

    /// The touches so far, with their keys.
    pub fn touches(&self) -> impl Iterator<Item = (&Touch, &[u8])> {
        self.touches.iter().map(|touch| (touch, &self.keys[touch.key.clone()]))
    }

    /// Takes the keys whose waiters may go on.
    pub fn take_ready(&mut self) -> Vec<(u32, Box<[u8]>)> {
        std::mem::take(&mut self.ready)
    }

    /// Whether there is anything that `commit` has to pass on.
    pub fn is_quiet(&self) -> bool {
        self.log.is_empty() && self.touches.is_empty()
    }
}
