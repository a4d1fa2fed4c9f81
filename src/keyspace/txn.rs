//! A transaction: the shards of its keys, locked, and everything that may be done under them.

mod begin;
mod fields;
mod flush;
mod held;
mod read;
mod write;

pub use begin::{Begin, Locks};
use write::alert;
pub(super) use write::{note, replace_with};

use self::held::Held;
use super::access::Access;
use super::agenda::Agenda;
use super::edit::Edit;
use super::effects::Effects;
use super::entry::{Collection, EntryBox, EntryRef, Kind, StrRef};
use super::event::Class;
use super::shard::{Hooks, Keyspace, SHARD_BITS, SHARDS, Shard};
use super::table::{Slot, Spot, Table};
use crate::resp::{Error, Result};
use crate::types::Packing;
use crate::types::queue::{Id, Owner};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A key with its hash, taken once.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key's bytes.
    pub bytes: &'a [u8],
    /// [`super::hash()`] of them.
    pub hash: u64,
}

impl<'a> Key<'a> {
    /// Hashes `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, hash: super::hash(bytes) }
    }

    /// Whether it is these very bytes, not only equal ones.
    #[inline(always)]
    fn is(&self, bytes: &[u8]) -> bool {
        std::ptr::eq(self.bytes, bytes)
    }

    /// The shard the key belongs to.
    pub fn shard(&self) -> usize {
        shard_of(self.hash)
    }
}

/// The shard of a hash: its top bits.
pub fn shard_of(hash: u64) -> usize {
    (hash >> (64 - SHARD_BITS)) as usize
}

/// A type of value that can be read from an entry.
pub trait DataType {
    /// What a reader sees.
    type Ref<'a>;
    /// The type it is.
    const KIND: Kind;
    /// The value, if the entry holds this type.
    fn view(entry: EntryRef<'_>) -> Option<Self::Ref<'_>>;
    /// Whether the entry, which holds this type, has no members left, so that its key has to go.
    fn is_hollow(entry: EntryRef<'_>) -> bool;
}

impl<T: Collection> DataType for T {
    type Ref<'a> = &'a T;
    const KIND: Kind = <T as Collection>::KIND;
    fn view(entry: EntryRef<'_>) -> Option<&T> {
        entry.collection()
    }
    fn is_hollow(entry: EntryRef<'_>) -> bool {
        entry.collection::<T>().is_some_and(|value| value.is_empty())
    }
}

/// The string type: stored in the entry itself, read as [`StrRef`].
pub struct Str;

impl DataType for Str {
    type Ref<'a> = StrRef<'a>;
    const KIND: Kind = Kind::String;
    fn view(entry: EntryRef<'_>) -> Option<StrRef<'_>> {
        entry.string()
    }
    fn is_hollow(_entry: EntryRef<'_>) -> bool {
        false
    }
}

/// What happens to a key's expiry when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// The key loses it.
    Clear,
    /// The key keeps what it has.
    Keep,
    /// Unix time in milliseconds.
    At(i64),
}

/// A transaction over the shards of its keys. Dropping it unlocks them; `engine::commit` first
/// passes on what it did.
pub struct Txn<'k> {
    keyspace: &'k Keyspace,
    held: Held<'k>,
    keys: &'k [Key<'k>],
    /// The position in `keys` expected to be asked for next: handlers go through them in order.
    next: Cell<usize>,
    db: u32,
    now_ms: i64,
    access: Option<Access>,
    /// The keys whose access was counted last for a change: that is once per call, however often it looks at them.
    counted: Cell<[u64; 2]>,
    event: &'static str,
    /// One of its keys is due.
    due_keys: bool,
    /// A hash with fields that are due is among what was looked at.
    due_fields: bool,
    caller: Caller,
    /// See [`Txn::saw`].
    saw: Option<u64>,
    effects: &'k mut Effects,
}

/// On whose behalf a transaction runs, for what is given to a client.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The client; `None` where nobody needs to know.
    pub owner: Option<Arc<Owner>>,
    /// It waited, and is served now.
    pub is_woken: bool,
    /// How far its call came before; `None` when that begins.
    pub progress: Option<Progress>,
}

/// How far a call came that is done in several holds of its locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What it has done.
    pub done: usize,
    /// What is left for it to do.
    pub left: usize,
    /// While it still finds out how much it is about: the bytes found of what counts as done, and from which message on it
    /// goes on looking.
    pub sized: Option<(u64, Id)>,
}

impl<'k> Txn<'k> {
    /// The transaction's time in unix milliseconds; the only clock under the locks.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// The selected database.
    pub fn db(&self) -> u32 {
        self.db
    }

    /// Selects another database for what follows.
    pub fn select(&mut self, db: u32) {
        self.db = db;
    }

    /// The number of databases.
    pub fn databases(&self) -> usize {
        self.keyspace.databases()
    }

    /// The thresholds between packed and large encodings.
    pub fn packing(&self) -> &'k Packing {
        self.keyspace.packing()
    }

    /// Whether payloads are taken whatever their checksum.
    pub fn trusts_payloads(&self) -> bool {
        self.keyspace.trusts_payloads.load(Relaxed)
    }

    /// Whether payloads of versions that are not known are taken.
    pub fn takes_any_version(&self) -> bool {
        self.keyspace.takes_any_version().load(Relaxed)
    }

    /// Whether `shard` is locked by this transaction.
    pub fn holds(&self, shard: usize) -> bool {
        self.held.set() & 1 << shard != 0
    }

    /// A held shard, to look at.
    pub fn held_shard(&self, shard: usize) -> &Shard {
        self.shard(shard)
    }

    /// Names the event that edits tell from here on.
    pub fn set_event(&mut self, event: &'static str) {
        self.event = event;
    }

    /// Which queues are to be looked after, and when.
    pub fn agenda(&self) -> &'k Agenda {
        self.keyspace.agenda()
    }

    /// On whose behalf it runs.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Says on whose behalf it runs from here on.
    pub fn set_caller(&mut self, caller: Caller) {
        self.caller = caller;
    }

    /// How many clients wait for `key`.
    pub fn waiting_for(&mut self, key: &[u8]) -> usize {
        let db = self.db;
        self.hooks(key).waiters.count(db, key)
    }

    /// What was done so far.
    pub fn effects(&mut self) -> &mut Effects {
        self.effects
    }

    /// Counts what `f` changes as `changes`, however much it records.
    pub fn counting<R>(&mut self, changes: u64, f: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.effects.dirty;
        let result = f(self);
        self.effects.recount(before, changes);
        result
    }

    /// Whether nothing was changed so far.
    pub fn is_clean(&self) -> bool {
        self.effects.dirty == 0
    }

    #[inline(always)]
    pub(super) fn hash_of(&self, key: &[u8]) -> u64 {
        match self.keys {
            [only] if only.is(key) => only.hash,
            _ => self.hash_among(key),
        }
    }

    /// The hash of one of several keys, which handlers ask for in order.
    fn hash_among(&self, key: &[u8]) -> u64 {
        let next = self.next.get();
        for at in [next, next.wrapping_sub(1), 0] {
            if let Some(known) = self.keys.get(at)
                && known.is(key)
            {
                self.next.set(at + 1);
                return known.hash;
            }
        }
        super::hash(key)
    }

    #[inline(always)]
    fn shard(&self, shard: usize) -> &Shard {
        self.held.shard(shard)
    }

    #[inline]
    fn shard_mut(&mut self, shard: usize) -> (&mut Shard, &mut Effects) {
        (self.held.shard_mut(shard), self.effects)
    }

    /// The shards held, for walks over the whole keyspace.
    pub fn held_shards(&self) -> impl Iterator<Item = usize> + use<> {
        let set = self.held.set();
        (0..SHARDS).filter(move |shard| set & (1u64 << shard) != 0)
    }

    /// Where the newest record about a shard held ends in the log.
    pub fn logged(&self) -> u64 {
        self.held.logged()
    }

    /// Up to where the log has to be durable before what this transaction saw may be told.
    pub fn saw(&self) -> u64 {
        self.saw.unwrap_or_else(|| self.logged())
    }

    /// Says up to where the log holds what this transaction tells, where that is less than all that was written.
    pub fn set_saw(&mut self, lsn: u64) {
        self.saw = Some(lsn);
    }

    /// Where the records of all that was done before this transaction end, as long as it did nothing; `None` without a log.
    pub(super) fn logged_before(&self) -> Option<u64> {
        Some(self.logged()).filter(|lsn| *lsn > 0 && self.effects.log().is_empty())
    }

    /// Notes that what this transaction did ends at `lsn` in the log.
    pub fn set_logged(&mut self, lsn: u64) {
        self.held.set_logged(lsn);
    }

    /// The table of a held shard, in the selected database.
    #[inline(always)]
    pub fn table(&self, shard: usize) -> &Table {
        &self.shard(shard).tables[self.db as usize]
    }

    /// The tables of a held shard, one per database.
    pub fn tables(&self, shard: usize) -> &[Table] {
        &self.shard(shard).tables
    }

    /// A held shard, for what works on whole tables (FLUSHALL, SWAPDB) or on hooks (blocking, WATCH).
    pub fn whole_shard(&mut self, shard: usize) -> &mut Shard {
        self.shard_mut(shard).0
    }

    /// Watchers and waiters of the shard `key` belongs to.
    pub fn hooks(&mut self, key: &[u8]) -> &mut Hooks {
        let hash = self.hash_of(key);
        &mut self.shard_mut(shard_of(hash)).0.hooks
    }

    /// Removes `key` if it is due.
    pub fn expire_if_due(&mut self, key: &[u8]) {
        self.expire_found();
        let hash = self.hash_of(key);
        if self.table(shard_of(hash)).timed() != 0 {
            self.expire(Key { bytes: key, hash });
        }
    }

    /// Whether no client asks for this, but files that are imported: what they say is as it was.
    pub fn is_imported(&self) -> bool {
        self.effects.origin == 0
    }

    /// Whether what expires at `at_ms` is gone.
    pub fn is_due(&self, at_ms: i64) -> bool {
        at_ms <= self.now_ms && !self.effects.timeless
    }

    /// Whether what is to expire at `at_ms` is removed at once; it is not where its removal comes as a call of its own.
    pub fn is_past(&self, at_ms: i64) -> bool {
        self.is_due(at_ms) && !self.keyspace.is_importing()
    }

    /// Whether effects are replayed: what was allowed then is not judged again.
    pub fn is_replayed(&self) -> bool {
        self.effects.replayed
    }

    /// Notes whether one of its keys is due, or fields of it. Due keys go when they are looked at.
    #[inline(always)]
    pub fn look_for_due(&mut self) {
        for key in self.keys {
            if self.table(key.shard()).timed() != 0 {
                self.note_due(*key);
            }
        }
    }

    fn note_due(&mut self, key: Key<'_>) {
        let Some(entry) = self.table(key.shard()).find(key.hash, key.bytes) else { return };
        if entry.expire_at().is_some_and(|at| self.is_due(at)) {
            self.due_keys = true;
        } else if entry.due_at().is_some_and(|at| self.is_due(at)) {
            self.due_fields = true;
        }
    }

    /// Removes what is due of its keys.
    pub fn expire_keys(&mut self) {
        if self.due_keys {
            self.keys.iter().for_each(|key| self.expire_for_write(key.bytes));
            self.due_keys = false;
        }
    }

    /// Removes `key`, which is one of its keys, if it is due: what a command does that changes it without a look.
    #[inline(always)]
    pub fn expire_for_write(&mut self, key: &[u8]) {
        if self.due_keys && !self.keeps_due() {
            self.expire_if_due(key);
        }
    }

    /// Removes the keys that were found due. What looks at a key shares the transaction with others, and cannot.
    #[inline(always)]
    pub fn expire_found(&mut self) {
        if self.effects.has_found_due() {
            self.remove_found();
        }
    }

    #[cold]
    fn remove_found(&mut self) {
        let home = self.db;
        for (db, key) in self.effects.take_due() {
            self.db = db;
            // Who listens to events was told when it was found.
            if self.counting(0, |txn| txn.clear(&key)) {
                self.effects.expired += 1;
                let (shard, effects) = self.shard_mut(Key::new(&key).shard());
                alert(&shard.hooks, effects, db, &key, Class::EXPIRED);
            }
        }
        self.db = home;
    }

    /// Notes that `key` was found due.
    #[cold]
    fn find_due(&self, key: &[u8]) {
        if !self.keeps_due() {
            self.effects.find_due(self.db, key);
        }
    }

    /// Whether keys that are due stay for now, while clients are paused or another server is imported.
    pub fn keeps_due(&self) -> bool {
        self.keyspace.keeps_due(self.now_ms)
    }

    /// Deletes a key whose time was set into the past. Besides, as in Valkey, it counts as expired, and who waits for keys to
    /// expire hears of it.
    pub fn expire_now(&mut self, key: &[u8]) {
        if self.delete(key) {
            self.touch(key, "expired", Class::EXPIRED);
            self.effects.expired += 1;
        }
    }

    /// Removes `key` if it is due; notes it when only fields of it are due.
    fn expire(&mut self, key: Key<'_>) {
        let Some(entry) = self.table(key.shard()).find(key.hash, key.bytes) else { return };
        if entry.expire_at().is_some_and(|at| self.is_due(at)) {
            // What time does is no change that counts.
            if self.counting(0, |txn| txn.remove(key.bytes, "expired", Class::EXPIRED)) {
                self.effects.expired += 1;
            }
        } else if entry.due_at().is_some_and(|at| self.is_due(at)) {
            self.due_fields = true;
        }
    }

    /// Opens `key` for change, if it exists.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when it holds another type.
    pub fn edit<'t, T: DataType>(&'t mut self, key: &'t [u8]) -> Result<Option<Edit<'t, T>>> {
        self.expire_found();
        let hash = self.hash_of(key);
        let spot = self.locate::<T>(key, hash)?;
        Ok(spot.map(|spot| self.open(key, hash, spot, false)))
    }

    /// Where `key` stands, its access noted, if it exists.
    #[inline(always)]
    fn locate<T: DataType>(&self, key: &[u8], hash: u64) -> Result<Option<Spot>> {
        let Some((spot, entry)) = self.table(shard_of(hash)).locate(hash, key) else { return Ok(None) };
        if entry.expire_at().is_some_and(|at| self.is_due(at)) {
            self.find_due(key);
            return Ok(None);
        }
        self.note_change(hash, entry);
        if entry.kind() != T::KIND {
            return Err(Error::WRONG_TYPE);
        }
        Ok(Some(spot))
    }

    /// Opens `key` for change, creating an empty value when it is absent.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when it holds another type.
    pub fn upsert<'t, T: Collection + Default>(&'t mut self, key: &'t [u8]) -> Result<Edit<'t, T>> {
        self.open_or_create(key, || EntryBox::collection(key, T::default(), None))
    }

    /// Opens the string `key` for change, creating an empty one when it is absent. Only for commands
    /// that surely write then: unlike an empty collection it stays.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when it holds another type.
    pub fn upsert_string<'t>(&'t mut self, key: &'t [u8]) -> Result<Edit<'t, Str>> {
        self.open_or_create(key, || EntryBox::text(key, b"", None))
    }

    pub(super) fn open_or_create<'t, T: DataType>(
        &'t mut self,
        key: &'t [u8],
        create: impl FnOnce() -> EntryBox,
    ) -> Result<Edit<'t, T>> {
        self.expire_found();
        let hash = self.hash_of(key);
        if let Some(spot) = self.locate::<T>(key, hash)? {
            return Ok(self.open(key, hash, spot, false));
        }
        self.expire_if_due(key);
        let access = self.access.map_or(0, Access::fresh);
        let db = self.db as usize;
        let mut entry = create();
        entry.set_access(access);
        self.set_counted(hash);
        let table = &mut self.shard_mut(shard_of(hash)).0.tables[db];
        table.insert(hash, entry);
        let (spot, _) = table.locate(hash, key).expect("the entry was just stored");
        Ok(self.open(key, hash, spot, true))
    }

    /// Opens an entry that stands at `spot` and has the right type.
    fn open<'t, T: DataType>(&'t mut self, key: &'t [u8], hash: u64, spot: Spot, fresh: bool) -> Edit<'t, T> {
        let (db, event, now_ms, keyspace) = (self.db, self.event, self.now_ms, self.keyspace);
        let (shard, effects) = self.shard_mut(shard_of(hash));
        let slot = shard.tables[db as usize].open(spot);
        Edit::new(
            slot,
            &mut shard.hooks,
            effects,
            keyspace,
            super::edit::Place { key, db, now_ms, event, fresh },
        )
    }
}

/// An entry's slot, for [`Edit`].
pub(super) type OpenSlot<'t> = Slot<'t>;
