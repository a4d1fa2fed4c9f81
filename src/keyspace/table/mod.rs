//! The hash table of one shard of one database.
//!
//! ```text
//!        hash:  63 ─ prefix ─┬─ directory ─┬──── position in the sub-table ────┬─ … ─┬─ print ─ 0
//!                  (shard)   │  depth bits │                                   │     │
//!
//!  directory  [ 0 │ 0 │ 1 │ 2 ]          a sub-table's index and buckets for each value of the depth bits
//!               └─┬─┘   │   │
//!  sub-tables     0     1   2            flat arrays of 128-byte buckets, at most about 2,000 entries each
//! ```
//! A sub-table grows by 14 to 25 % at a time and splits in two when it is large, so no insert ever moves more than
//! one sub-table's entries; the table stays 75 to 94 % full. All orders are hash order: a cursor is a position in
//! it (the top 48 bits of the hash), and stays valid across growth, splits, merges and shrinking.
//!
//! Invariants: a sub-table of `start` bits is named by `2^(prefix + depth - start)` neighbouring directory places;
//! an empty table that never held anything has no directory; every sub-table has at least one bucket; a directory
//! place knows where its sub-table's buckets are: whoever moves them calls `Table::reroute`.
#![allow(unsafe_code)]

mod bucket;
mod cut;
pub mod sizes;
mod sub;
#[cfg(test)]
mod tests;
mod walk;

use super::cut::Cut;
use super::entry::{Collection, EntryBox, EntryRef};
use super::hash;
use sizes::{Sizes, bin_by, bin_of};
use std::mem;
use sub::{Place, Route, SubTable, View};

/// Buckets of the largest sub-table: moving or re-reading its 2,105 entries is meant to take under 100 µs.
const BUCKETS_MAX: usize = 160;
/// Two halves are merged when together they fill at most this much of a largest sub-table.
const MERGED_MAX: usize = sub::capacity(BUCKETS_MAX) / 2;
/// The most hash bits a directory may use.
const DEPTH_MAX: u32 = 16;
/// A directory of this many places is always allowed; a larger one needs [`ENTRIES_PER_PLACE`], so that keys
/// whose hashes begin alike cannot blow it up.
const DIRECTORY_MIN: usize = 1024;
const ENTRIES_PER_PLACE: usize = 64;
/// Bits of a cursor.
pub(super) const CURSOR_BITS: u32 = 48;

/// A hash table of entries by key. Hashes given to it must be those of [`hash::hash`].
pub struct Table {
    directory: Vec<Route>,
    subs: Vec<SubTable>,
    len: usize,
    expiring: usize,
    with_expiring_fields: usize,
    timed: usize,
    sizes: Sizes,
    prefix_bits: u8,
    /// The snapshot generation of entries stored now.
    generation: u8,
    /// Hash bits the directory uses.
    depth: u8,
    hasher: fn(&[u8]) -> u64,
    /// What is left here of a snapshot's cut.
    cut: Option<Box<Cut>>,
}

impl Table {
    /// An empty table of hashes that agree in their first `prefix_bits` bits (at most 8); allocates nothing.
    pub fn new(prefix_bits: u32) -> Self {
        Self::with_hasher(prefix_bits, hash::hash)
    }

    fn with_hasher(prefix_bits: u32, hasher: fn(&[u8]) -> u64) -> Self {
        assert!(prefix_bits <= 8);
        let (directory, subs) = Default::default();
        let prefix_bits = prefix_bits as u8;
        Table {
            directory,
            subs,
            len: 0,
            expiring: 0,
            with_expiring_fields: 0,
            timed: 0,
            sizes: Sizes::default(),
            prefix_bits,
            generation: 0,
            depth: 0,
            hasher,
            cut: None,
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of entries with a TTL.
    pub fn expiring(&self) -> usize {
        self.expiring
    }

    /// Number of hashes with fields that expire, with a TTL of their own or without.
    pub fn with_expiring_fields(&self) -> usize {
        self.with_expiring_fields
    }

    /// Number of entries with something that expires: the key or a field.
    pub fn timed(&self) -> usize {
        self.timed
    }

    /// How long the values are.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Bytes the table itself occupies, without the entries.
    pub fn memory(&self) -> usize {
        self.directory.capacity() * size_of::<Route>()
            + self.subs.capacity() * size_of::<SubTable>()
            + self.subs.iter().map(SubTable::memory).sum::<usize>()
    }

    /// Takes everything out: the table is as new, and what it held can be dropped elsewhere.
    pub fn take(&mut self) -> Table {
        let mut empty = Self::with_hasher(self.prefix_bits.into(), self.hasher);
        empty.generation = self.generation;
        mem::replace(self, empty)
    }

    /// Hash bits the directory uses.
    #[inline(always)]
    fn depth(&self) -> u32 {
        self.depth.into()
    }

    /// The directory place of `hash`.
    #[inline(always)]
    fn place(&self, hash: u64) -> usize {
        (hash << self.prefix_bits >> 1 >> (u64::BITS - 1 - self.depth())) as usize
    }

    fn sub_id(&self, hash: u64) -> Option<usize> {
        self.directory.get(self.place(hash)).map(|route| route.id())
    }

    fn sub(&self, hash: u64) -> Option<&SubTable> {
        self.sub_id(hash).map(|id| &self.subs[id])
    }

    #[inline(always)]
    fn view(&self, hash: u64) -> Option<View<'_>> {
        // SAFETY: places are rerouted whenever a sub-table's buckets move; nobody changes them while `self` is borrowed.
        self.directory.get(self.place(hash)).map(|route| unsafe { route.view() })
    }

    /// Tells the directory where the buckets of sub-table `id`, which holds `hash`, are now.
    fn reroute(&mut self, id: usize, hash: u64) {
        let sub = &self.subs[id];
        let places = 1 << (u32::from(self.prefix_bits) + self.depth() - sub.start());
        let first = self.place(hash) & !(places - 1);
        let route = sub.route(id);
        self.directory[first..first + places].fill(route);
    }

    /// The entry of `key`.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<EntryRef<'_>> {
        self.view(hash)?.entry(hash, key)
    }

    /// The entry of `key`, to be changed or removed.
    pub fn slot(&mut self, hash: u64, key: &[u8]) -> Option<Slot<'_>> {
        let (spot, _) = self.locate(hash, key)?;
        Some(self.open(spot))
    }

    /// The entry of `key`, and where it stands until the table is changed.
    #[inline]
    pub fn locate(&self, hash: u64, key: &[u8]) -> Option<(Spot, EntryRef<'_>)> {
        // SAFETY: as for `view`.
        let route = self.directory.get(self.place(hash))?;
        let (place, entry) = unsafe { route.view() }.find(hash, key)?;
        Some((Spot { hash, id: route.id(), place }, entry))
    }

    /// The entry that stands at `spot`: the table was not changed since it was located.
    #[inline]
    pub fn open(&mut self, spot: Spot) -> Slot<'_> {
        Slot { table: self, spot }
    }

    /// Stores `entry` under its key; returns the one it replaces.
    pub fn insert(&mut self, hash: u64, entry: EntryBox) -> Option<EntryBox> {
        if let Some(mut slot) = self.slot(hash, entry.as_ref().key()) {
            return Some(slot.update(|old| mem::replace(old, entry)));
        }
        self.add(hash, entry);
        None
    }

    /// Stores `entry`, whose key is not there.
    pub fn add(&mut self, hash: u64, mut entry: EntryBox) {
        entry.set_generation(self.generation);
        let id = self.room(hash);
        self.len += 1;
        self.expiring += usize::from(entry.as_ref().expire_at().is_some());
        self.with_expiring_fields += usize::from(entry.as_ref().field_due_at().is_some());
        self.timed += usize::from(entry.as_ref().due_at().is_some());
        self.sizes.count(bin_of(entry.as_ref()), true);
        self.subs[id].add(hash, entry);
    }

    /// Takes the entry of `key` out.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<EntryBox> {
        self.slot(hash, key).map(Slot::remove)
    }

    /// Loads the bucket that `hash` belongs to into the cache.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if let Some(view) = self.view(hash) {
            view.prefetch_bucket(hash);
        }
    }

    /// Loads the beginning of the entry that `hash` belongs to into the cache; its bucket should be there.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        if let Some(view) = self.view(hash) {
            view.prefetch_entry(hash);
        }
    }

    /// The sub-table for a new entry of `hash`, with room for it.
    fn room(&mut self, hash: u64) -> usize {
        if self.directory.is_empty() {
            let prefix = self.prefix_bits.into();
            self.subs = Vec::with_capacity(1);
            self.subs.push(SubTable::new(prefix, prefix, 1));
            self.directory = vec![self.subs[0].route(0)];
        }
        loop {
            let place = self.place(hash);
            let id = self.directory[place].id();
            let sub = &self.subs[id];
            if !sub.is_full() {
                return id;
            }
            if sub.buckets() < BUCKETS_MAX || !self.may_split(id) {
                self.subs[id].grow(self.hasher);
                self.reroute(id, hash);
            } else {
                self.split(id, place);
            }
        }
    }

    fn may_split(&self, id: usize) -> bool {
        let depth = self.subs[id].start() - u32::from(self.prefix_bits);
        depth < self.depth()
            || depth < DEPTH_MAX
                && self.directory.len() * 2 <= DIRECTORY_MIN.max(self.len / ENTRIES_PER_PLACE)
    }

    /// Splits the sub-table that stands at `place`.
    fn split(&mut self, id: usize, place: usize) {
        let unused = |table: &Self| u32::from(table.prefix_bits) + table.depth() - table.subs[id].start();
        let mut place = place;
        if unused(self) == 0 {
            self.directory = self.directory.iter().flat_map(|route| [*route, *route]).collect();
            self.depth += 1;
            place *= 2;
        }
        let half = 1 << (unused(self) - 1);
        let [lower, upper] = mem::take(&mut self.subs[id]).split(self.hasher);
        let first = place & !(2 * half - 1);
        self.directory[first..first + half].fill(lower.route(id));
        self.directory[first + half..first + 2 * half].fill(upper.route(self.subs.len()));
        self.subs[id] = lower;
        self.subs.push(upper);
    }

    /// Gives memory back after a removal from the sub-table of `hash`.
    fn relax(&mut self, hash: u64) {
        let Some(id) = self.sub_id(hash).filter(|id| self.subs[*id].is_sparse()) else { return };
        let buckets = sub::buckets_for(self.subs[id].len() + 1);
        if self.merge(hash) {
            while self.merge(hash) {}
        } else if buckets < self.subs[id].buckets() {
            self.subs[id].resize(buckets, self.hasher);
            self.reroute(id, hash);
        }
    }

    /// Merges the sub-table of `hash` with the other half of its range, if both are small.
    fn merge(&mut self, hash: u64) -> bool {
        let Some(id) = self.sub_id(hash) else { return false };
        let start = self.subs[id].start();
        if start == u32::from(self.prefix_bits) {
            return false;
        }
        let Some(other) = self.sub_id(hash ^ 1 << (u64::BITS - start)) else { return false };
        if self.subs[other].start() != start || self.subs[id].len() + self.subs[other].len() > MERGED_MAX {
            return false;
        }
        let halves = [id, other].map(|id| mem::take(&mut self.subs[id]));
        self.subs[id] = SubTable::merge(halves, self.hasher);
        self.subs.swap_remove(other);
        // `other` is no more, and the last sub-table took its place.
        let moved = self.subs.len();
        for route in &mut self.directory {
            if route.id() == id || route.id() == other {
                *route = if id == moved { self.subs[other].route(other) } else { self.subs[id].route(id) };
            } else if route.id() == moved {
                *route = self.subs[other].route(other);
            }
        }
        self.halve_directory();
        true
    }

    fn halve_directory(&mut self) {
        let starts = self.subs.iter().map(SubTable::start).max().unwrap_or_default();
        if starts < u32::from(self.prefix_bits) + self.depth() {
            self.directory = self.directory.iter().step_by(2).copied().collect();
            self.depth -= 1;
            self.subs.shrink_to_fit();
        }
    }
}

/// Where an entry of a table stands.
#[derive(Clone, Copy)]
pub struct Spot {
    hash: u64,
    id: usize,
    place: Place,
}

/// An entry of a table, found.
pub struct Slot<'a> {
    table: &'a mut Table,
    spot: Spot,
}

impl Slot<'_> {
    /// The entry.
    pub fn entry(&self) -> EntryRef<'_> {
        self.table.subs[self.spot.id].entry(self.spot.place)
    }

    /// Writes a string over one as long, in place: nothing changes about where and when the entry is. False when that
    /// cannot be.
    #[inline]
    pub fn overwrite(&mut self, value: &[u8], access: u32) -> bool {
        if !self.entry().fits(value) {
            return false;
        }
        self.hand_over();
        let entry = self.table.subs[self.spot.id].entry(self.spot.place);
        // SAFETY: it fits, as was just asked, and the table is borrowed exclusively.
        unsafe { entry.overwrite(value) };
        entry.mark(self.table.generation);
        entry.touch(access);
        true
    }

    /// Changes the entry; `f` may replace it by another of the same key.
    pub fn update<R>(&mut self, f: impl FnOnce(&mut EntryBox) -> R) -> R {
        self.hand_over();
        let generation = self.table.generation;
        let f = |entry: &mut EntryBox| {
            let result = f(entry);
            if entry.as_ref().generation() != generation {
                entry.set_generation(generation);
            }
            result
        };
        let sub = &mut self.table.subs[self.spot.id];
        let expires = |sub: &SubTable| {
            let entry = sub.entry(self.spot.place);
            (usize::from(entry.expire_at().is_some()), usize::from(entry.field_due_at().is_some()))
        };
        let (before, timed) = (expires(sub), sub.timed());
        let bin = bin_of(sub.entry(self.spot.place));
        let result = sub.update(self.spot.place, f);
        let moved = bin_of(sub.entry(self.spot.place));
        let after = expires(sub);
        self.table.sizes.recount(bin, moved);
        self.table.expiring = self.table.expiring + after.0 - before.0;
        self.table.with_expiring_fields = self.table.with_expiring_fields + after.1 - before.1;
        self.table.timed = self.table.timed + sub.timed() - timed;
        result
    }

    /// Changes the collection that the entry holds, a `T`, in place.
    ///
    /// # Panics
    /// When it holds something else.
    pub fn change<T: Collection, R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        self.hand_over();
        let Table { subs, sizes, generation, .. } = &mut *self.table;
        let sub = &mut subs[self.spot.id];
        let due_at = sub.entry(self.spot.place).field_due_at();
        let result = sub.change(self.spot.place, |value: &mut T| {
            let bin = bin_by(T::KIND, || value.size());
            let result = f(value);
            sizes.recount(bin, bin_by(T::KIND, || value.size()));
            result
        });
        let entry = sub.entry(self.spot.place);
        entry.mark(*generation);
        let is_due = entry.field_due_at();
        if is_due != due_at {
            let (before, after) = (usize::from(due_at.is_some()), usize::from(is_due.is_some()));
            self.table.with_expiring_fields = self.table.with_expiring_fields + after - before;
            // Its word and its bucket tell when something of it is due.
            self.update(|_| ());
        }
        result
    }

    /// Gives a running snapshot what stands here, before it changes.
    #[inline]
    fn hand_over(&mut self) {
        if self.table.cut.is_some() {
            self.table.hand_over(self.spot.id, self.spot.place);
        }
    }

    /// Takes the entry out.
    pub fn remove(mut self) -> EntryBox {
        self.hand_over();
        let sub = &mut self.table.subs[self.spot.id];
        let timed = sub.timed();
        let entry = sub.remove(self.spot.place);
        self.table.len -= 1;
        self.table.timed -= timed - sub.timed();
        self.table.expiring -= usize::from(entry.as_ref().expire_at().is_some());
        self.table.with_expiring_fields -= usize::from(entry.as_ref().field_due_at().is_some());
        self.table.sizes.count(bin_of(entry.as_ref()), false);
        self.table.relax(self.spot.hash);
        entry
    }
}
