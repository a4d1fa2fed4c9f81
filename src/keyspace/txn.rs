//! A transaction: the shards of its keys, locked, and everything that may be done under them.

mod fields;
mod flush;

use super::access::Access;
use super::agenda::Agenda;
use super::edit::Edit;
use super::effects::Effects;
use super::entry::{Collection, EntryBox, EntryRef, Kind, StrRef};
use super::event::Class;
use super::shard::{Hooks, Keyspace, SHARD_BITS, SHARDS, Shard};
use super::table::{Slot, Spot, Table};
use crate::base::lock::MutexGuard;
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
}

impl<T: Collection> DataType for T {
    type Ref<'a> = &'a T;
    const KIND: Kind = <T as Collection>::KIND;
    fn view(entry: EntryRef<'_>) -> Option<&T> {
        entry.collection()
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

/// The locks a transaction holds.
enum Held<'k> {
    None,
    One(usize, MutexGuard<'k, Shard>),
    /// Ascending; the set has the bits of the shards held.
    Many(u64, Vec<MutexGuard<'k, Shard>>),
    /// Held by an enclosing transaction.
    LentOne(usize, &'k mut Shard),
    /// Likewise, as `Many`.
    Lent(u64, Vec<&'k mut Shard>),
}

impl Held<'_> {
    /// The set of the shards held.
    fn set(&self) -> u64 {
        match self {
            Held::None => 0,
            Held::One(shard, _) | Held::LentOne(shard, _) => 1 << shard,
            Held::Many(set, _) | Held::Lent(set, _) => *set,
        }
    }
}

/// The locks of a call's keys, before its transaction begins.
pub struct Locks<'k>(Held<'k>);

/// Where the guard of `shard` is among those of `set`.
fn place(set: u64, shard: usize) -> usize {
    (set & ((1 << shard) - 1)).count_ones() as usize
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
    event: &'static str,
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

/// What a transaction is begun with.
#[derive(Clone, Copy, Debug)]
pub struct Begin {
    /// The database of the keys.
    pub db: u32,
    /// The transaction's time in unix milliseconds.
    pub now_ms: i64,
    /// What accesses note in entries; `None` for those that are nobody's.
    pub access: Option<Access>,
    /// The name of the event that edits tell by default.
    pub event: &'static str,
}

impl Keyspace {
    /// Locks the shards of `keys` in ascending order and settles the expiry of each of them.
    pub fn begin<'k>(&'k self, keys: &'k [Key<'k>], begin: Begin, effects: &'k mut Effects) -> Txn<'k> {
        let held = match keys {
            [] => Held::None,
            [key] => Held::One(key.shard(), self.lock(key.shard())),
            keys => {
                let set = keys.iter().fold(0u64, |set, key| set | 1 << key.shard());
                if set.is_power_of_two() {
                    Held::One(keys[0].shard(), self.lock(keys[0].shard()))
                } else {
                    Held::Many(set, self.lock_set(set))
                }
            }
        };
        let mut txn = self.txn(held, keys, begin, effects);
        txn.settle_keys();
        txn
    }

    /// As [`Keyspace::begin`], unless a shard is not to be had soon: a script holds it and takes its time.
    #[inline(always)]
    pub fn begin_soon<'k>(
        &'k self,
        keys: &'k [Key<'k>],
        begin: Begin,
        effects: &'k mut Effects,
    ) -> Option<Txn<'k>> {
        let mut txn = self.enter(self.hold_soon(keys)?, keys, begin, effects);
        txn.settle_keys();
        Some(txn)
    }

    /// The locks of the shards of `keys`, unless one is not to be had soon.
    #[inline(always)]
    pub fn hold_soon<'k>(&'k self, keys: &[Key<'_>]) -> Option<Locks<'k>> {
        Some(Locks(match keys {
            [key] => Held::One(key.shard(), self.lock_soon(key.shard())?),
            keys => self.hold_several_soon(keys)?,
        }))
    }

    fn hold_several_soon(&self, keys: &[Key<'_>]) -> Option<Held<'_>> {
        self.hold_set_soon(keys.iter().fold(0u64, |set, key| set | 1 << key.shard()))
    }

    fn hold_set_soon(&self, set: u64) -> Option<Held<'_>> {
        Some(match set {
            0 => Held::None,
            set if set.is_power_of_two() => {
                let shard = set.trailing_zeros() as usize;
                Held::One(shard, self.lock_soon(shard)?)
            }
            set => Held::Many(set, self.lock_set_soon(set)?),
        })
    }

    /// Begins a transaction under the locks of its `keys`. A transaction is large: made and left where the caller
    /// keeps it, it is not moved. [`Txn::settle_keys`] is to come next.
    #[inline(always)]
    pub fn enter<'k>(
        &'k self,
        locks: Locks<'k>,
        keys: &'k [Key<'k>],
        begin: Begin,
        effects: &'k mut Effects,
    ) -> Txn<'k> {
        self.txn(locks.0, keys, begin, effects)
    }

    /// As [`Keyspace::begin_set`], unless a shard is not to be had soon.
    pub fn begin_set_soon<'k>(&'k self, set: u64, begin: Begin, effects: &'k mut Effects) -> Option<Txn<'k>> {
        let held = self.hold_set_soon(set)?;
        Some(self.txn(held, &[], begin, effects))
    }

    /// Locks every shard: for scripts, EXEC and whatever touches keys it cannot name before.
    pub fn begin_all<'k>(&'k self, begin: Begin, effects: &'k mut Effects) -> Txn<'k> {
        let held = Held::Many(u64::MAX, self.lock_set(u64::MAX));
        self.txn(held, &[], begin, effects)
    }

    /// Locks the shards whose bits are set in `set`: for EXEC, whose calls are [`Txn::nested`].
    pub fn begin_set<'k>(&'k self, set: u64, begin: Begin, effects: &'k mut Effects) -> Txn<'k> {
        let held = Held::Many(set, self.lock_set(set));
        self.txn(held, &[], begin, effects)
    }

    /// Locks one shard: a step of a walk over the whole keyspace.
    pub fn begin_shard<'k>(&'k self, shard: usize, begin: Begin, effects: &'k mut Effects) -> Txn<'k> {
        let held = Held::One(shard, self.lock(shard));
        self.txn(held, &[], begin, effects)
    }

    #[inline(always)]
    fn txn<'k>(
        &'k self,
        held: Held<'k>,
        keys: &'k [Key<'k>],
        begin: Begin,
        effects: &'k mut Effects,
    ) -> Txn<'k> {
        effects.reset(self.listening().get());
        let Begin { db, now_ms, access, event } = begin;
        let (next, caller) = (Cell::new(0), Caller::default());
        let due_fields = false;
        Txn {
            keyspace: self,
            held,
            keys,
            next,
            db,
            now_ms,
            access,
            event,
            due_fields,
            caller,
            saw: None,
            effects,
        }
    }
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

    /// A call of EXEC or of a script: a transaction within this one over `keys`, whose expiry it settles.
    /// What it does are effects of this one. `None` when a key's shard is not held.
    pub fn nested<'n>(&'n mut self, keys: &'n [Key<'n>], begin: Begin) -> Option<Txn<'n>> {
        let set = keys.iter().fold(0, |set, key| set | 1 << key.shard());
        let mut txn = self.within(set, keys, begin)?;
        txn.settle_keys();
        Some(txn)
    }

    /// Likewise over all the shards that this one holds, for calls that walk over the keyspace.
    pub fn nested_all(&mut self, begin: Begin) -> Txn<'_> {
        self.within(self.held.set(), &[], begin).expect("it holds what it holds")
    }

    fn within<'n>(&'n mut self, set: u64, keys: &'n [Key<'n>], begin: Begin) -> Option<Txn<'n>> {
        if set & !self.held.set() != 0 {
            return None;
        }
        let one = set.is_power_of_two().then(|| set.trailing_zeros() as usize);
        let held = match &mut self.held {
            _ if set == 0 => Held::None,
            Held::One(shard, guard) => Held::LentOne(*shard, guard),
            Held::LentOne(shard, lent) => Held::LentOne(*shard, lent),
            Held::Many(all, guards) => match one {
                Some(shard) => Held::LentOne(shard, &mut guards[place(*all, shard)]),
                None => Held::Lent(set, chosen(*all, set, guards.iter_mut().map(|guard| &mut **guard))),
            },
            Held::Lent(all, lent) => match one {
                Some(shard) => Held::LentOne(shard, lent[place(*all, shard)]),
                None => Held::Lent(set, chosen(*all, set, lent.iter_mut().map(|lent| &mut **lent))),
            },
            Held::None => return None,
        };
        let Begin { db, now_ms, access, event } = begin;
        let (keyspace, effects) = (self.keyspace, &mut *self.effects);
        let (next, caller) = (Cell::new(0), Caller::default());
        let due_fields = false;
        Some(Txn {
            keyspace,
            held,
            keys,
            next,
            db,
            now_ms,
            access,
            event,
            due_fields,
            caller,
            saw: None,
            effects,
        })
    }

    /// Whether `shard` is locked by this transaction.
    pub fn holds(&self, shard: usize) -> bool {
        self.held.set() & 1 << shard != 0
    }

    /// A held shard, to look at.
    pub(super) fn held_shard(&self, shard: usize) -> &Shard {
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

    /// Whether nothing was changed so far.
    pub fn is_clean(&self) -> bool {
        self.effects.dirty == 0
    }

    #[inline(always)]
    fn hash_of(&self, key: &[u8]) -> u64 {
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
        match &self.held {
            Held::One(held, guard) if *held == shard => guard,
            Held::Many(set, guards) if set & (1 << shard) != 0 => &guards[place(*set, shard)],
            Held::LentOne(held, lent) if *held == shard => lent,
            Held::Lent(set, lent) if set & (1 << shard) != 0 => lent[place(*set, shard)],
            _ => panic!("shard {shard} is not locked: a command touches a key that it did not declare"),
        }
    }

    fn shard_mut(&mut self, shard: usize) -> (&mut Shard, &mut Effects) {
        let shard = match &mut self.held {
            Held::One(held, guard) if *held == shard => &mut **guard,
            Held::Many(set, guards) if *set & (1 << shard) != 0 => &mut *guards[place(*set, shard)],
            Held::LentOne(held, lent) if *held == shard => &mut **lent,
            Held::Lent(set, lent) if *set & (1 << shard) != 0 => &mut *lent[place(*set, shard)],
            _ => panic!("shard {shard} is not locked: a command touches a key that it did not declare"),
        };
        (shard, self.effects)
    }

    /// The shards held, for walks over the whole keyspace.
    pub fn held_shards(&self) -> impl Iterator<Item = usize> + use<> {
        let set = self.held.set();
        (0..SHARDS).filter(move |shard| set & (1u64 << shard) != 0)
    }

    /// Where the newest record about a shard held ends in the log.
    pub fn logged(&self) -> u64 {
        match &self.held {
            Held::None => 0,
            Held::One(_, shard) => shard.logged,
            Held::Many(_, shards) => shards.iter().map(|shard| shard.logged).max().unwrap_or(0),
            Held::LentOne(_, shard) => shard.logged,
            Held::Lent(_, shards) => shards.iter().map(|shard| shard.logged).max().unwrap_or(0),
        }
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
        match &mut self.held {
            Held::None => {}
            Held::One(_, shard) => shard.logged = lsn,
            Held::Many(_, shards) => shards.iter_mut().for_each(|shard| shard.logged = lsn),
            Held::LentOne(_, shard) => shard.logged = lsn,
            Held::Lent(_, shards) => shards.iter_mut().for_each(|shard| shard.logged = lsn),
        }
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
        let hash = self.hash_of(key);
        if self.table(shard_of(hash)).timed() != 0 {
            self.expire(Key { bytes: key, hash }, true);
        }
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

    /// Removes what is due of its keys.
    #[inline(always)]
    pub fn settle_keys(&mut self) {
        for key in self.keys {
            self.settle(*key);
        }
    }

    #[inline(always)]
    fn settle(&mut self, key: Key<'_>) {
        if self.table(key.shard()).timed() != 0 {
            self.expire(key, !self.keeps_due());
        }
    }

    /// Whether keys that are due stay for now, while clients are paused or another server is imported.
    pub fn keeps_due(&self) -> bool {
        self.keyspace.keeps_due(self.now_ms)
    }

    /// Removes `key` if it is due and `may` go; notes it when only fields of it are due.
    fn expire(&mut self, key: Key<'_>, may: bool) {
        let Some(entry) = self.table(key.shard()).find(key.hash, key.bytes) else { return };
        if entry.expire_at().is_some_and(|at| self.is_due(at)) {
            if may && self.remove(key.bytes, "expired", Class::EXPIRED) {
                self.effects.expired += 1;
            }
        } else if entry.due_at().is_some_and(|at| self.is_due(at)) {
            self.due_fields = true;
        }
    }

    /// The entry of `key`, unless it is due. Notes neither access nor hit.
    #[inline(always)]
    pub fn peek(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = self.hash_of(key);
        let entry = self.table(shard_of(hash)).find(hash, key)?;
        match entry.expire_at() {
            Some(t) if self.is_due(t) => None,
            _ => Some(entry),
        }
    }

    /// The entry of `key`, the hit or miss counted; its access is not noted.
    #[inline(always)]
    pub fn look(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let entry = self.peek(key);
        match entry {
            Some(_) => self.effects.hits.set(self.effects.hits.get() + 1),
            None => self.effects.miss(self.db, key),
        }
        entry
    }

    /// The entry of `key`, the hit or miss counted, but nobody told of it.
    pub fn glance(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let entry = self.peek(key);
        let count = if entry.is_some() { &self.effects.hits } else { &self.effects.misses };
        count.set(count.get() + 1);
        entry
    }

    /// Counts a miss, and tells of it, when `key` is absent: for changes that look it up as readers do.
    pub fn note_if_absent(&self, key: &[u8]) {
        if self.peek(key).is_none() {
            self.effects.miss(self.db, key);
        }
    }

    /// The entry of `key`, its access noted and the hit or miss counted.
    #[inline(always)]
    pub fn entry(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let entry = self.look(key);
        entry.into_iter().for_each(|entry| self.note_access(entry));
        entry
    }

    #[inline(always)]
    fn note_access(&self, entry: EntryRef<'_>) {
        if let Some(access) = self.access {
            entry.touch(access.again(entry.access()));
        }
    }

    /// What accesses note in entries.
    pub fn access(&self) -> Access {
        self.access.unwrap_or(Access::at(self.now_ms, None))
    }

    /// Whether `key` exists.
    pub fn exists(&self, key: &[u8]) -> bool {
        self.peek(key).is_some()
    }

    /// The type of the value of `key`.
    pub fn kind(&self, key: &[u8]) -> Option<Kind> {
        self.peek(key).map(EntryRef::kind)
    }

    /// Reads `key` as a `T`; several values may be read at once.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when it holds another type.
    pub fn read<T: DataType>(&self, key: &[u8]) -> Result<Option<T::Ref<'_>>> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => T::view(entry).map(Some).ok_or(Error::WRONG_TYPE),
        }
    }

    /// Reads `key` as a `T` to decide on a change: its access is noted, but hits and misses are for readers.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when it holds another type.
    pub fn probe<T: DataType>(&self, key: &[u8]) -> Result<Option<T::Ref<'_>>> {
        let Some(entry) = self.peek(key) else { return Ok(None) };
        self.note_access(entry);
        T::view(entry).map(Some).ok_or(Error::WRONG_TYPE)
    }

    /// Opens `key` for change, if it exists.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when it holds another type.
    pub fn edit<'t, T: DataType>(&'t mut self, key: &'t [u8]) -> Result<Option<Edit<'t, T>>> {
        let hash = self.hash_of(key);
        let spot = self.locate::<T>(key, hash)?;
        Ok(spot.map(|spot| self.open(key, hash, spot, false)))
    }

    /// Where `key` stands, its access noted, if it exists.
    #[inline(always)]
    fn locate<T: DataType>(&self, key: &[u8], hash: u64) -> Result<Option<Spot>> {
        let Some((spot, entry)) = self.table(shard_of(hash)).locate(hash, key) else { return Ok(None) };
        if entry.expire_at().is_some_and(|at| self.is_due(at)) {
            return Ok(None);
        }
        if entry.kind() != T::KIND {
            return Err(Error::WRONG_TYPE);
        }
        self.note_access(entry);
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

    fn open_or_create<'t, T: DataType>(
        &'t mut self,
        key: &'t [u8],
        create: impl FnOnce() -> EntryBox,
    ) -> Result<Edit<'t, T>> {
        let hash = self.hash_of(key);
        if let Some(spot) = self.locate::<T>(key, hash)? {
            return Ok(self.open(key, hash, spot, false));
        }
        self.expire_if_due(key);
        let access = self.access.map_or(0, Access::fresh);
        let db = self.db as usize;
        let mut entry = create();
        entry.set_access(access);
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

    /// Notes that `event` happened to `key`: watchers, waiters, listeners.
    pub fn touch(&mut self, key: &[u8], event: &'static str, class: Class) {
        let hash = self.hash_of(key);
        let db = self.db;
        let (shard, effects) = self.shard_mut(shard_of(hash));
        note(&shard.hooks, effects, db, key, event, class);
    }

    /// Records a deterministic command (an effect) for the log.
    pub fn record(&mut self, argv: &[&[u8]]) {
        let db = self.db;
        self.effects.record(db, argv);
    }

    /// Gives `key` the string `value`, whatever it held. Tells no event but `new`: callers name theirs.
    ///
    /// Returns the expiry the key has now.
    pub fn put_string(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Option<i64> {
        let hash = self.hash_of(key);
        let access = self.access.map_or(0, Access::fresh);
        let (db, keyspace) = (self.db, self.keyspace);
        let (shard, effects) = self.shard_mut(shard_of(hash));
        let table = &mut shard.tables[db as usize];
        let mut fresh = false;
        let expire_at = match table.slot(hash, key) {
            Some(mut slot) => {
                let expire_at = match ttl {
                    Ttl::Clear => None,
                    Ttl::Keep => slot.entry().expire_at(),
                    Ttl::At(t) => Some(t),
                };
                if expire_at.is_some() || !slot.overwrite(value, access) {
                    slot.update(|entry| overwrite(entry, key, value, expire_at, access, keyspace));
                }
                expire_at
            }
            None => {
                fresh = true;
                let expire_at = if let Ttl::At(t) = ttl { Some(t) } else { None };
                let mut entry = EntryBox::string(key, value, expire_at);
                entry.set_access(access);
                table.add(hash, entry);
                expire_at
            }
        };
        effects.dirty += 1;
        if fresh {
            effects.touch(db, key, "new", Class::NEW);
        }
        if effects.is_recording() {
            match expire_at {
                None => effects.record(db, &[b"SET", key, value]),
                Some(t) => effects
                    .record(db, &[b"SET", key, value, b"PXAT", itoa::Buffer::new().format(t).as_bytes()]),
            }
        }
        expire_at
    }

    /// Gives `key` a string that a command built: it stays text, and is reported as `raw`. Otherwise as
    /// [`Txn::put_string`] without an expiry.
    pub fn put_built(&mut self, key: &[u8], value: &[u8]) {
        let mut entry = EntryBox::text(key, value, None);
        entry.set_raw();
        self.put_entry(key, entry);
        self.record(&[b"SET", key, value]);
    }

    /// Gives `key` a ready-made entry, replacing what it held. Tells no event but `new`, records
    /// nothing: callers do. The replaced value is freed.
    pub fn put_entry(&mut self, key: &[u8], mut entry: EntryBox) {
        let hash = self.hash_of(key);
        let db = self.db;
        let keyspace = self.keyspace;
        keyspace.agenda().adopt_entry(db, &mut entry);
        if entry.as_ref().access() == 0 {
            entry.set_access(self.access().fresh());
        }
        let (shard, effects) = self.shard_mut(shard_of(hash));
        match shard.tables[db as usize].insert(hash, entry) {
            Some(old) => keyspace.free(old),
            None => effects.touch(db, key, "new", Class::NEW),
        }
        effects.dirty += 1;
    }

    /// Takes the entry of `key` out of the keyspace. Tells no event, records nothing: callers do.
    pub fn take_entry(&mut self, key: &[u8]) -> Option<EntryBox> {
        let hash = self.hash_of(key);
        let db = self.db as usize;
        let (shard, effects) = self.shard_mut(shard_of(hash));
        let entry = shard.tables[db].remove(hash, key)?;
        effects.dirty += 1;
        Some(entry)
    }

    /// Frees an entry taken out, in the background when it is heavy.
    pub fn free(&self, entry: EntryBox) {
        self.keyspace.free(entry);
    }

    /// Removes `key` and tells `event`; false when it is absent.
    pub fn remove(&mut self, key: &[u8], event: &'static str, class: Class) -> bool {
        let Some(entry) = self.take_entry(key) else { return false };
        self.keyspace.free(entry);
        self.record(&[b"DEL", key]);
        self.touch(key, event, class);
        true
    }

    /// Removes `key` as DEL does; false when it is absent.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.remove(key, "del", Class::GENERIC)
    }

    /// Sets or removes the expiry of a key that exists; false when it is absent. Tells no event.
    pub fn set_expire_at(&mut self, key: &[u8], expire_at: Option<i64>) -> bool {
        let hash = self.hash_of(key);
        let db = self.db;
        let (shard, effects) = self.shard_mut(shard_of(hash));
        let Some(mut slot) = shard.tables[db as usize].slot(hash, key) else { return false };
        slot.update(|entry| replace_with(entry, |entry| entry.with_expire_at(expire_at)));
        effects.dirty += 1;
        if effects.is_recording() {
            match expire_at {
                None => effects.record(db, &[b"PERSIST", key]),
                Some(t) => effects.record(db, &[b"PEXPIREAT", key, itoa::Buffer::new().format(t).as_bytes()]),
            }
        }
        true
    }
}

/// Those of `shards` (which are the shards of `all`) that are in `set`.
fn chosen<'n>(all: u64, set: u64, shards: impl Iterator<Item = &'n mut Shard>) -> Vec<&'n mut Shard> {
    let numbers = (0..SHARDS).filter(|shard| all & 1 << shard != 0);
    shards.zip(numbers).filter(|(_, shard)| set & 1 << shard != 0).map(|(lent, _)| lent).collect()
}

/// Replaces `*entry` by what `f` makes of it.
pub(super) fn replace_with(entry: &mut EntryBox, f: impl FnOnce(EntryBox) -> EntryBox) {
    let taken = std::mem::replace(entry, EntryBox::int(b"", 0, None));
    *entry = f(taken);
}

/// Overwrites `entry` with a string, in place when its allocation fits.
fn overwrite(
    entry: &mut EntryBox,
    key: &[u8],
    value: &[u8],
    expire_at: Option<i64>,
    access: u32,
    keyspace: &Keyspace,
) {
    if entry.put_short(value, expire_at) {
        entry.set_access(access);
        return;
    }
    let mut new = EntryBox::string(key, value, expire_at);
    new.set_access(access);
    keyspace.free(std::mem::replace(entry, new));
}

/// Passes a touch on: at once to watchers, with the commit to everybody else.
pub(super) fn note(
    hooks: &Hooks,
    effects: &mut Effects,
    db: u32,
    key: &[u8],
    event: &'static str,
    class: Class,
) {
    if !hooks.is_empty() {
        if !class.meets(Class::BESIDE) {
            hooks.watchers.touch(db, key);
        }
        if !class.meets(Class::FRUITLESS) && hooks.waiters.waits(db, key) {
            effects.wake(db, key);
        }
    }
    effects.touch(db, key, event, class);
}

/// An entry's slot, for [`Edit`].
pub(super) type OpenSlot<'t> = Slot<'t>;
