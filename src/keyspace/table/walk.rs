//! Walks over a table: SCAN, random picks, due entries, everything.

use super::sub::NEVER;
use super::{CURSOR_BITS, EntryBox, EntryRef, Place, SubTable, Table};
use crate::base::random;

/// Random slots tried before a sub-table is searched in order.
const TRIES_MAX: usize = 64;
/// Buckets whose hint may be stale that one random pick looks into.
const STALE_MAX: usize = 16;

impl Table {
    /// The hash that begins at `cursor`, wherever a client took it from.
    pub(super) fn hash_at(cursor: u64) -> u64 {
        cursor << (u64::BITS - CURSOR_BITS)
    }

    /// The cursor where the bucket after `home` begins in the sub-table of `cursor`; None past the table's end.
    pub(super) fn after(&self, sub: &SubTable, home: usize, cursor: u64) -> Option<u64> {
        let cursor = cursor & ((1 << CURSOR_BITS) - 1);
        let rest = CURSOR_BITS - sub.start();
        let bits = sub.position_bits();
        let position = ((home as u64 + 1) << bits).div_ceil(sub.buckets() as u64);
        let next = (cursor >> rest << rest) + (position << (rest - bits));
        let shard = CURSOR_BITS - u32::from(self.prefix_bits);
        (next >> shard == cursor >> shard).then_some(next)
    }

    /// Visits every entry of the bucket that `cursor` falls in; returns the cursor of the next bucket, None at the
    /// table's end. A cursor is the top 48 bits of a hash, shard prefix included. An entry that is there from the
    /// first call to the last is visited, whatever happens between the calls; some may be visited twice.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(EntryRef<'_>)) -> Option<u64> {
        let hash = Self::hash_at(cursor);
        let sub = self.sub(hash)?;
        let home = sub.home(hash);
        sub.homed(home).for_each(|(place, _)| visit(sub.entry(place)));
        self.after(sub, home, cursor)
    }

    /// Visits entries that are due at `now_ms`, from cursor `from` (0 at first) on, about `limit` of them at most;
    /// returns the cursor to go on from, None at the table's end. Due entries are found by their buckets' hints,
    /// without touching others; a bucket whose hint was too early counts as one visit.
    pub fn due(
        &mut self,
        now_ms: i64,
        limit: usize,
        from: u64,
        visit: &mut dyn FnMut(EntryRef<'_>),
    ) -> Option<u64> {
        let second = (now_ms / 1000).clamp(0, i64::from(NEVER - 1)) as u32;
        let (mut cursor, mut visits) = (from, 0);
        while visits < limit {
            let hash = Self::hash_at(cursor);
            let id = self.sub_id(hash)?;
            let sub = &mut self.subs[id];
            let home = match sub.next_due(sub.home(hash), second) {
                Some(home) => {
                    visits += sub.visit_due(home, now_ms, visit).max(1);
                    home
                }
                None => sub.buckets() - 1,
            };
            cursor = self.after(&self.subs[id], home, cursor)?;
        }
        Some(cursor)
    }

    /// Gives entries new allocations, from cursor `from` (0 at first) on, about `limit` of them; returns the cursor to
    /// go on from, None at the table's end, and how many there were. A table with a part of a cut is left alone.
    pub fn renew(&mut self, from: u64, limit: usize) -> (Option<u64>, usize) {
        let (mut cursor, mut renewed) = (Some(from), 0);
        while let Some(at) = cursor.filter(|_| renewed < limit) {
            let hash = Self::hash_at(at);
            let Some(id) = self.sub_id(hash).filter(|_| !self.has_cut()) else { return (None, renewed) };
            let sub = &mut self.subs[id];
            let home = sub.home(hash);
            let places: Vec<Place> = sub.homed(home).map(|(place, _)| place).collect();
            renewed += places.len();
            places.into_iter().for_each(|place| sub.update(place, EntryBox::renew));
            cursor = self.after(&self.subs[id], home, at);
        }
        (cursor, renewed)
    }

    /// A random entry, each about as likely as any other.
    pub fn random(&self) -> Option<EntryRef<'_>> {
        if self.is_empty() {
            return None;
        }
        self.subs_from_anywhere().find_map(SubTable::random)
    }

    /// A random entry with a TTL; None when there is none, or none was found with bounded work.
    pub fn random_expiring(&self) -> Option<EntryRef<'_>> {
        if self.expiring == 0 {
            return None;
        }
        self.subs_from_anywhere().find_map(SubTable::random_expiring)
    }

    /// All sub-tables in hash order from a random one on, each as likely to be first as its share of hashes says.
    fn subs_from_anywhere(&self) -> impl Iterator<Item = &SubTable> {
        let (before, after) = self.directory.split_at(random::below(self.directory.len()));
        after.iter().chain(before).map(|route| &self.subs[route.id()])
    }

    /// Every entry, in no useful order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.subs.iter().flat_map(SubTable::iter)
    }
}

impl SubTable {
    fn random(&self) -> Option<EntryRef<'_>> {
        if self.len() == 0 {
            return None;
        }
        let from = random::below(self.buckets());
        let guesses =
            (0..TRIES_MAX).map(|_| (random::below(self.buckets()), random::below(super::bucket::SLOTS)));
        let searched = (0..self.buckets()).map(|i| (from + i) % self.buckets());
        guesses
            .map(|(bucket, slot)| self.occupied(bucket).find(|s| *s == slot).map(|slot| (bucket, slot)))
            .chain(searched.map(|bucket| {
                let occupied = self.occupied(bucket);
                let pick = random::below(occupied.count() as usize);
                self.occupied(bucket).nth(pick).map(|slot| (bucket, slot))
            }))
            .flatten()
            .next()
            .map(|(bucket, slot)| self.entry_at(bucket, slot))
    }

    fn random_expiring(&self) -> Option<EntryRef<'_>> {
        if self.timed() == 0 {
            return None;
        }
        let from = random::below(self.buckets());
        let homes = (0..self.buckets()).map(|i| (from + i) % self.buckets());
        homes.filter(|home| self.may_expire(*home)).take(STALE_MAX).find_map(|home| {
            let expiring = || {
                let timed = self.homed(home).filter(|(_, word)| word.has_ttl());
                timed.map(|(place, _)| self.entry(place)).filter(|entry| entry.expire_at().is_some())
            };
            let pick = random::below(expiring().count());
            expiring().nth(pick)
        })
    }
}
