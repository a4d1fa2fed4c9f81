//! Shards: a fixed number of independently locked parts of the keyspace, chosen by the key's hash.

use super::agenda::Agenda;
use super::effects::Listening;
use super::reaper::{Garbage, Reaper};
use super::table::Table;
use super::waiters::Waiters;
use super::watchers::Watchers;
use super::{EntryBox, EntryRef, Key, Txn};
use crate::base::lock::{Mutex, MutexGuard};
use crate::types::Packing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::RuntimeFlavor;

/// Bits of the hash that choose the shard.
pub const SHARD_BITS: u32 = 6;
/// The number of shards.
pub const SHARDS: usize = 1 << SHARD_BITS;

/// How long a lock is waited for before its holder counts as slow: only scripts are.
const PATIENCE: Duration = Duration::from_millis(20);

scoped_tls_hkt::scoped_thread_local!(
    /// The transaction that the thread runs a command about the server in: it may look at its shards.
    static HELD: for<'a> &'a Txn<'a>
);

/// Runs `f`, in which [`Keyspace::look`] sees the shards that `txn` holds: a command about the server that a
/// script calls.
pub fn shown<R>(txn: &Txn<'_>, f: impl FnOnce() -> R) -> R {
    HELD.set(txn, f)
}

/// What hangs on a shard's keys besides their values.
#[derive(Default)]
pub struct Hooks {
    /// Sessions that WATCH keys.
    pub watchers: Watchers,
    /// Clients blocked on keys.
    pub waiters: Waiters,
}

impl Hooks {
    /// Whether no key of the shard has a hook.
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.waiters.is_empty()
    }
}

/// One part of every database.
pub struct Shard {
    /// The tables, one per database.
    pub tables: Box<[Table]>,
    /// Watchers and waiters.
    pub hooks: Hooks,
    /// Where the newest record about this shard ends in the log.
    pub logged: u64,
}

/// On a cache line (and its prefetched neighbour) of its own, so that locks do not share one.
#[repr(align(128))]
struct Cell(Mutex<Shard>);

/// The whole keyspace: all databases, in shards.
pub struct Keyspace {
    shards: Box<[Cell]>,
    databases: usize,
    packing: Arc<Packing>,
    /// Whether RESTORE takes payloads whatever their checksum (DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    pub trusts_payloads: AtomicBool,
    reaper: Reaper,
    listening: Arc<Listening>,
    tickets: AtomicU64,
    last_ms: AtomicI64,
    agenda: Agenda,
    /// Until when (unix ms) nothing is removed only because it is due.
    kept_until_ms: AtomicI64,
    importing: Arc<AtomicBool>,
    takes_any_version: Arc<AtomicBool>,
}

impl Keyspace {
    /// An empty keyspace of `databases` databases.
    pub fn new(databases: usize) -> Self {
        let shard = || {
            let tables = (0..databases).map(|_| Table::new(SHARD_BITS)).collect();
            Cell(Mutex::new(Shard { tables, hooks: Hooks::default(), logged: 0 }))
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            databases,
            packing: Arc::default(),
            trusts_payloads: AtomicBool::new(false),
            reaper: Reaper::start(),
            listening: Arc::default(),
            tickets: AtomicU64::new(1),
            last_ms: AtomicI64::new(0),
            agenda: Agenda::default(),
            kept_until_ms: AtomicI64::new(0),
            importing: Arc::default(),
            takes_any_version: Arc::default(),
        }
    }

    /// An empty keyspace of as many databases, with the same thresholds.
    pub fn empty_twin(&self) -> Self {
        Self { packing: self.packing.clone(), ..Self::new(self.databases) }
    }

    /// The number of databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// The thresholds between packed and large encodings.
    pub fn packing(&self) -> &Arc<Packing> {
        &self.packing
    }

    /// Locks one shard. Only one may be held at a time this way: locks are taken in ascending order.
    pub fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.lock_soon(shard).unwrap_or_else(|| self.lock_late(shard))
    }

    /// Locks one shard, unless a script holds it and takes its time.
    pub(super) fn lock_soon(&self, shard: usize) -> Option<MutexGuard<'_, Shard>> {
        let shard = &self.shards[shard].0;
        shard.try_lock().or_else(|| shard.try_lock_for(PATIENCE))
    }

    /// Waits for a lock however long a script holds it: the tasks of this thread go on elsewhere, so that
    /// somebody hears who wants to end the script.
    #[cold]
    fn lock_late(&self, shard: usize) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[shard].0;
        let runtime = tokio::runtime::Handle::try_current().map(|runtime| runtime.runtime_flavor());
        match runtime {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| shard.lock()),
            _ => shard.lock(),
        }
    }

    /// Looks at a shard: through the transaction that the thread runs a command in, or under its lock.
    pub fn look<R>(&self, shard: usize, f: impl FnOnce(&Shard) -> R) -> R {
        if HELD.is_set() && HELD.with(|txn| txn.holds(shard)) {
            return HELD.with(|txn| f(txn.held_shard(shard)));
        }
        f(&self.lock(shard))
    }

    /// Locks the shards whose bits are set in `set`, in ascending order.
    pub(super) fn lock_set(&self, set: u64) -> Vec<MutexGuard<'_, Shard>> {
        let mut rest = set;
        let mut held = Vec::with_capacity(set.count_ones() as usize);
        while rest != 0 {
            held.push(self.lock(rest.trailing_zeros() as usize));
            rest &= rest - 1;
        }
        held
    }

    /// Likewise, unless a shard is not to be had soon: then none is locked.
    pub(super) fn lock_set_soon(&self, set: u64) -> Option<Vec<MutexGuard<'_, Shard>>> {
        let mut rest = set;
        let mut held = Vec::with_capacity(set.count_ones() as usize);
        let mut until = None;
        while rest != 0 {
            let shard = &self.shards[rest.trailing_zeros() as usize].0;
            held.push(match shard.try_lock() {
                Some(guard) => guard,
                None => shard.try_lock_until(*until.get_or_insert_with(|| Instant::now() + PATIENCE))?,
            });
            rest &= rest - 1;
        }
        Some(held)
    }

    /// Begins to bring the bucket of `key` in database `db` into the cache, unless somebody holds its shard.
    #[inline(always)]
    pub fn prefetch_bucket(&self, db: u32, key: &Key<'_>) {
        if let Some(shard) = self.shards[key.shard()].0.try_lock() {
            shard.tables[db as usize].prefetch_bucket(key.hash);
        }
    }

    /// Likewise its entry; its bucket should be there.
    #[inline(always)]
    pub fn prefetch_entry(&self, db: u32, key: &Key<'_>) {
        if let Some(shard) = self.shards[key.shard()].0.try_lock() {
            shard.tables[db as usize].prefetch_entry(key.hash);
        }
    }

    /// Shows the entry of `key` in database `db` to `f`, if it is there and nobody holds its shard: only to prefetch what
    /// it leads to, as it may be past its time.
    pub fn glance<R>(&self, db: u32, key: &Key<'_>, f: impl FnOnce(EntryRef<'_>) -> R) -> Option<R> {
        let shard = self.shards[key.shard()].0.try_lock()?;
        shard.tables[db as usize].find(key.hash, key.bytes).map(f)
    }

    /// Keys in database `db`, and how many of them have a TTL.
    pub fn counts(&self, db: u32) -> (usize, usize) {
        (0..SHARDS).fold((0, 0), |(keys, expiring), s| {
            self.look(s, |shard| {
                let table = &shard.tables[db as usize];
                (keys + table.len(), expiring + table.expiring())
            })
        })
    }

    /// Who listens to changes.
    pub fn listening(&self) -> &Arc<Listening> {
        &self.listening
    }

    /// Frees an entry, in the background when it is heavy.
    pub fn free(&self, entry: EntryBox) {
        self.reaper.drop_entry(entry);
    }

    /// Frees garbage in the background.
    pub fn free_later(&self, garbage: Garbage) {
        self.reaper.send(garbage);
    }

    /// Frees garbage before it returns.
    pub fn free_now(&self, garbage: Garbage) {
        self.reaper.free_now(garbage);
    }

    /// Counts what is freed in the background from zero again.
    pub fn reset_lazy_free_count(&self) {
        self.reaper.reset_count();
    }

    /// Objects waiting to be freed in the background, and freed there so far.
    pub fn lazy_free_counts(&self) -> (u64, u64) {
        self.reaper.counts()
    }

    /// Which queues are to be looked after, and when.
    pub fn agenda(&self) -> &Agenda {
        &self.agenda
    }

    /// Removes no key only because it is due before `until_ms` (unix). Nobody sees such a key all the same.
    pub fn keep_due_until(&self, until_ms: i64) {
        self.kept_until_ms.store(until_ms, Relaxed);
    }

    /// Whether keys that are due stay at `now_ms`.
    pub fn keeps_due(&self, now_ms: i64) -> bool {
        now_ms < self.kept_until_ms.load(Relaxed) || self.is_importing()
    }

    /// Set while another server is copied here, which tells of the keys that expire there: none is removed only because
    /// it is due.
    pub fn importing(&self) -> &Arc<AtomicBool> {
        &self.importing
    }

    /// Set while data of versions that are not known is taken, as far as it can be read.
    pub fn takes_any_version(&self) -> &Arc<AtomicBool> {
        &self.takes_any_version
    }

    /// See [`Keyspace::importing`].
    pub fn is_importing(&self) -> bool {
        self.importing.load(Relaxed)
    }

    /// The next ticket of a blocked client.
    pub fn next_ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Relaxed)
    }

    /// `now_ms`, or the latest time a transaction has seen if the clock stepped back behind it.
    pub fn monotonic_ms(&self, now_ms: i64) -> i64 {
        self.last_ms.fetch_max(now_ms, Relaxed).max(now_ms)
    }
}
