//! What one transaction did, in order; filled by [`super::Txn`] and [`super::Edit`], consumed whole
//! by `engine::commit`. One per connection, reused, so that noting effects allocates nothing.

use super::access::Access;
use super::entry::{EntryRef, Kind};
use super::event::Class;
use super::waiters::Place;
use crate::base::ops;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

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
    /// Keys that readers miss are published too.
    pub const MISSES: Listeners = Listeners(8);
    /// Keys whose whole value is replaced are published too.
    pub const OVERWRITES: Listeners = Listeners(16);
    /// Entries note when they were changed, as `maxmemory-policy` goes by it.
    pub const CHANGES: Listeners = Listeners(32);

    /// Whether any of `other` listens.
    pub fn any(self, other: Listeners) -> bool {
        self.0 & other.0 != 0
    }
}

/// Who listens just now; shared by whoever decides it and the keyspace.
#[derive(Debug, Default)]
pub struct Listening(AtomicU32);

impl Listening {
    /// Who listens.
    pub fn get(&self) -> Listeners {
        Listeners(self.0.load(Relaxed))
    }

    /// Adds or removes a kind of listener.
    pub fn set(&self, listener: Listeners, on: bool) {
        if on {
            self.0.fetch_or(listener.0, Relaxed);
        } else {
            self.0.fetch_and(!listener.0, Relaxed);
        }
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

/// A key that was looked at in vain.
#[derive(Debug)]
struct Missed {
    place: Place,
    /// It is there, but due: which is told before the miss.
    due: bool,
}

/// Bytes of the log's buffer, and of the keys', that are kept from one transaction to the next.
const BYTES_KEPT: usize = 64 * 1024;
/// Room for as many items is kept in each list.
const ITEMS_KEPT: usize = 1024;

/// What one transaction did.
#[derive(Debug, Default)]
pub struct Effects {
    /// Deterministic commands in order, as [`ops`].
    log: Vec<u8>,
    /// The database of the last of them.
    log_db: u32,
    touches: Vec<Touch>,
    keys: Vec<u8>,
    /// How many of the touches are told.
    told: usize,
    /// Keys that the client whose call it is has read, and that are not valid any more; `None` for all. It hears of them when
    /// all is done.
    owed: Vec<Option<Box<[u8]>>>,
    /// Keys that were looked at in vain since the last touch: readers share the transaction.
    missed: RefCell<Vec<Missed>>,
    /// Keys that were found due, and are to be removed.
    due: Vec<Place>,
    /// These, and those among `missed`: a call may look at each of very many again and again.
    found_due: RefCell<HashSet<Place>>,
    /// Keys with waiters that may go on now.
    ready: Vec<(u32, Box<[u8]>)>,
    listeners: Listeners,
    /// The client whose transactions these are; 0 for the server itself.
    pub origin: u64,
    /// A database was emptied.
    pub flushed: bool,
    /// These are effects being replayed: what was allowed then is not judged again.
    pub(super) replayed: bool,
    /// Keys and fields do not expire by themselves, and are seen though they are due, since their removal is an effect of
    /// its own: those of a replay, or of the server that is imported.
    pub timeless: bool,
    /// Something was recorded that must not be lost.
    firm: bool,
    /// Changes made: what INFO counts since the last save.
    pub dirty: u64,
    /// Keys found by readers.
    pub hits: Cell<u64>,
    /// Keys readers did not find.
    pub misses: Cell<u64>,
    /// Keys that were found expired and removed.
    pub expired: u64,
    /// Fields of hashes that were found expired and removed.
    pub expired_fields: u64,
    /// Calls that name a database, as no node of a cluster has another.
    pub across: u64,
}

impl Effects {
    /// The effects of what the client `origin` does.
    pub fn of(origin: u64) -> Self {
        Self { origin, ..Self::default() }
    }

    /// For effects that are replayed.
    pub fn replaying() -> Self {
        Self { replayed: true, timeless: true, ..Self::default() }
    }

    /// Counts what was changed since there were `before` changes as `changes`, however much was recorded.
    pub(super) fn recount(&mut self, before: u64, changes: u64) {
        if self.dirty > before {
            self.dirty = before + changes;
        }
    }

    /// Empties it for the next transaction.
    #[inline]
    pub fn reset(&mut self, listeners: Listeners) {
        self.listeners = listeners;
        self.firm = false;
        self.dirty = 0;
        self.hits.set(0);
        self.misses.set(0);
        self.expired = 0;
        self.across = 0;
        self.expired_fields = 0;
        self.flushed = false;
        self.log_db = 0;
        if !self.log.is_empty()
            || !self.touches.is_empty()
            || !self.missed.get_mut().is_empty()
            || !self.ready.is_empty()
            || !self.owed.is_empty()
            || !self.due.is_empty()
        {
            self.clear();
        }
    }

    fn clear(&mut self) {
        let missed = self.missed.get_mut();
        self.log.clear();
        self.log.shrink_to(BYTES_KEPT);
        self.keys.clear();
        self.keys.shrink_to(BYTES_KEPT);
        self.touches.clear();
        self.touches.shrink_to(ITEMS_KEPT);
        self.told = 0;
        self.owed.clear();
        self.owed.shrink_to(ITEMS_KEPT);
        missed.clear();
        missed.shrink_to(ITEMS_KEPT);
        self.due.clear();
        self.due.shrink_to(ITEMS_KEPT);
        let found_due = self.found_due.get_mut();
        if !found_due.is_empty() {
            found_due.clear();
            found_due.shrink_to(ITEMS_KEPT);
        }
        self.ready.clear();
        self.ready.shrink_to(ITEMS_KEPT);
    }

    /// Bytes allocated for what is kept from one transaction to the next.
    pub fn capacity_bytes(&self) -> usize {
        self.log.capacity()
            + self.keys.capacity()
            + self.touches.capacity() * size_of::<Touch>()
            + self.missed.borrow().capacity() * size_of::<Missed>()
            + (self.due.capacity() + self.found_due.borrow().capacity()) * size_of::<Place>()
            + self.owed.capacity() * size_of::<Option<Box<[u8]>>>()
            + self.ready.capacity() * size_of::<(u32, Box<[u8]>)>()
    }

    /// Whether changes are recorded for the log and the replicas.
    pub fn is_recording(&self) -> bool {
        self.listeners.any(Listeners::LOG)
    }

    /// Whether somebody wants to hear of touches.
    pub fn is_heard(&self) -> bool {
        self.listeners.any(Listeners(Listeners::EVENTS.0 | Listeners::TRACKING.0))
    }

    /// Records a deterministic command (an effect) on database `db`; a branch when nobody follows.
    pub fn record(&mut self, db: u32, argv: &[&[u8]]) {
        self.record_runs(db, [argv, &[], &[]]);
    }

    /// As [`Effects::record`]; the words are given in runs one behind the other.
    pub fn record_runs(&mut self, db: u32, runs: [&[&[u8]]; 3]) {
        if !self.is_recording() {
            return;
        }
        if self.log_db != db {
            self.log_db = db;
            ops::push_select(&mut self.log, db);
        }
        ops::push_call(&mut self.log, runs);
        self.firm = true;
    }

    /// Records what may be lost in a crash: nobody waits for the disk because of it.
    pub fn record_loosely(&mut self, db: u32, argv: &[&[u8]]) {
        let firm = self.firm;
        self.record(db, argv);
        self.firm = firm;
    }

    /// Whether something was recorded that must not be lost.
    pub fn is_firm(&self) -> bool {
        self.firm
    }

    /// Notes that `event` happened to `key`.
    pub fn touch(&mut self, db: u32, key: &[u8], event: &'static str, class: Class) {
        if !self.is_heard() {
            return;
        }
        self.touch_missed();
        self.add(db, key, event, class);
    }

    fn add(&mut self, db: u32, key: &[u8], event: &'static str, class: Class) {
        let from = self.keys.len();
        self.keys.extend_from_slice(key);
        self.touches.push(Touch { key: from..self.keys.len(), db, event, class });
    }

    /// Notes in a changed entry when that was, where eviction goes by it.
    pub(super) fn stamp(&self, entry: EntryRef<'_>, now_ms: i64) {
        if self.listeners.any(Listeners::CHANGES) {
            entry.touch(Access::at(now_ms, None).fresh());
        }
    }

    /// Whether somebody wants to hear of values that are replaced as a whole.
    pub fn hears_overwrites(&self) -> bool {
        self.listeners.any(Listeners::OVERWRITES)
    }

    /// Notes that `key` was overwritten: it held the type `before`, and holds `after`.
    pub fn touch_overwritten(&mut self, db: u32, key: &[u8], before: Kind, after: Kind) {
        if !self.hears_overwrites() {
            return;
        }
        self.touch(db, key, "overwritten", Class::OVERWRITTEN);
        if before != after {
            self.touch(db, key, "type_changed", Class::TYPE_CHANGED);
        }
    }

    /// Notes that a reader did not find `key`.
    pub fn miss(&self, db: u32, key: &[u8]) {
        self.misses.set(self.misses.get() + 1);
        if self.listeners.any(Listeners::MISSES) {
            self.missed.borrow_mut().push(Missed { place: (db, key.into()), due: false });
        }
    }

    /// Notes that `key` was found due.
    pub(super) fn find_due(&self, db: u32, key: &[u8]) {
        let place: Place = (db, key.into());
        if self.found_due.borrow_mut().insert(place.clone()) {
            self.missed.borrow_mut().push(Missed { place, due: true });
        }
    }

    /// Whether keys were found due that are there still.
    #[inline(always)]
    pub(super) fn has_found_due(&mut self) -> bool {
        !self.missed.get_mut().is_empty() || !self.due.is_empty()
    }

    /// Takes the keys that were found due.
    pub(super) fn take_due(&mut self) -> Vec<Place> {
        self.touch_missed();
        self.found_due.get_mut().clear();
        std::mem::take(&mut self.due)
    }

    /// Tells the misses noted so far: they come before what happens next.
    fn touch_missed(&mut self) {
        for Missed { place, due } in std::mem::take(self.missed.get_mut()) {
            let (event, class) = if due { ("expired", Class::EXPIRED) } else { ("keymiss", Class::MISS) };
            if self.is_heard() {
                self.add(place.0, &place.1, event, class);
            }
            if due {
                self.due.push(place);
            }
        }
    }

    /// Notes that somebody who waits for `key` may go on.
    pub fn wake(&mut self, db: u32, key: &[u8]) {
        if self.ready.last().is_none_or(|(d, k)| *d != db || **k != *key) {
            self.ready.push((db, key.into()));
        }
    }

    /// The effects recorded so far, as [`ops`].
    pub fn log(&self) -> &[u8] {
        &self.log
    }

    /// The touches so far, with their keys.
    pub fn touches(&mut self) -> impl Iterator<Item = (&Touch, &[u8])> {
        self.touches_from(0)
    }

    /// Those of them that are not told yet.
    pub fn untold(&mut self) -> impl Iterator<Item = (&Touch, &[u8])> {
        self.touches_from(self.told)
    }

    fn touches_from(&mut self, from: usize) -> impl Iterator<Item = (&Touch, &[u8])> {
        self.touch_missed();
        self.touches[from..].iter().map(|touch| (touch, &self.keys[touch.key.clone()]))
    }

    /// Whether there is something to tell: also where nothing counts as a change, as when a key is made and no number fits.
    pub fn has_news(&self) -> bool {
        !self.touches.is_empty() || !self.owed.is_empty()
    }

    /// Notes that the touches so far are told.
    pub fn set_told(&mut self) {
        self.told = self.touches.len();
    }

    /// Forgets the touches so far.
    pub fn forget_touches(&mut self) {
        self.touches.clear();
        self.keys.clear();
        self.told = 0;
    }

    /// Notes that the client whose call it is should know that `key` is not what it has read; all keys with `None`.
    pub fn owe(&mut self, key: Option<Box<[u8]>>) {
        self.owed.push(key);
    }

    /// Takes what it should know.
    pub fn take_owed(&mut self) -> Vec<Option<Box<[u8]>>> {
        std::mem::take(&mut self.owed)
    }

    /// Takes the keys whose waiters may go on.
    pub fn take_ready(&mut self) -> Vec<(u32, Box<[u8]>)> {
        std::mem::take(&mut self.ready)
    }
}
