//! Locking shards and beginning a transaction over them, or within another one.

use super::held::Held;
use super::{Caller, Key, Txn};
use crate::keyspace::access::Access;
use crate::keyspace::effects::Effects;
use crate::keyspace::shard::Keyspace;
use std::cell::Cell;

/// The locks of a call's keys, before its transaction begins.
pub struct Locks<'k>(Held<'k>);

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
    /// Locks the shards of `keys` in ascending order, and notes whether one of them is due.
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
        txn.look_for_due();
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
        txn.look_for_due();
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
    /// keeps it, it is not moved. [`Txn::look_for_due`] is to come next.
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
        Txn::over(self, held, keys, begin, effects)
    }
}

impl<'k> Txn<'k> {
    /// A call of EXEC or of a script: a transaction within this one over `keys`; [`Txn::expire_found`] ends it.
    /// What it does are effects of this one. `None` when a key's shard is not held.
    pub fn nested<'n>(&'n mut self, keys: &'n [Key<'n>], begin: Begin) -> Option<Txn<'n>> {
        let set = keys.iter().fold(0, |set, key| set | 1 << key.shard());
        let mut txn = self.within(set, keys, begin)?;
        txn.look_for_due();
        Some(txn)
    }

    /// Likewise over all the shards that this one holds, for calls that walk over the keyspace.
    pub fn nested_all(&mut self, begin: Begin) -> Txn<'_> {
        self.within(self.held.set(), &[], begin).expect("it holds what it holds")
    }

    fn within<'n>(&'n mut self, set: u64, keys: &'n [Key<'n>], begin: Begin) -> Option<Txn<'n>> {
        Some(Txn::over(self.keyspace, self.held.lend(set)?, keys, begin, self.effects))
    }

    /// Made where the caller keeps it.
    #[inline(always)]
    fn over(
        keyspace: &'k Keyspace,
        held: Held<'k>,
        keys: &'k [Key<'k>],
        Begin { db, now_ms, access, event }: Begin,
        effects: &'k mut Effects,
    ) -> Self {
        Txn {
            keyspace,
            held,
            keys,
            next: Cell::new(0),
            db,
            now_ms,
            access,
            counted: Cell::new([0; 2]),
            event,
            due_keys: false,
            due_fields: false,
            caller: Caller::default(),
            saw: None,
            effects,
        }
    }
}
