//! A sub-table: a flat array of buckets for one range of hashes.
//!
//! An entry's *position* are the hash bits from `start` on (those before it chose the shard and the sub-table);
//! its *home* is the bucket at `position × buckets` in that range, so homes are in hash order whatever the number
//! of buckets. An entry lives in the first bucket from its home on (round the end) that had room, and every bucket
//! it passed counts it in `overflow`: a lookup goes on only while that is above zero, and a removal needs no
//! tombstone.
//!
//! Words carry [`TAG_BITS`] position bits, from bit `taken` on. Splits move `start` on, so the first
//! `start - taken` of them are used up; when too few would remain, the split reads the keys again.

use super::bucket::{Bucket, SLOTS, Slots, TAG_BITS, Word};
use crate::base::simd::prefetch_lines;
use crate::keyspace::entry::{Collection, EntryBox, EntryRef};
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ptr;

/// No entry with a TTL has its home in this bucket.
pub(super) const NEVER: u32 = u32::MAX;
/// Tag bits that splits may use up: the rest (2,048 positions) spreads entries evenly over the buckets.
const CONSUMED_MAX: u32 = 6;

/// Where an entry stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub home: usize,
    pub bucket: usize,
    pub slot: usize,
}

pub(super) struct SubTable {
    buckets: Box<[Bucket]>,
    /// Per bucket a lower bound of the expiry of the entries homed there, in unix seconds; empty until one has a TTL.
    due: Box<[u32]>,
    len: u32,
    timed: u32,
    start: u8,
    taken: u8,
    owner: PhantomData<EntryBox>,
}

/// The second that `due_at` falls in, as a hint.
fn second(due_at: i64) -> u32 {
    (due_at / 1000).clamp(0, i64::from(NEVER - 1)) as u32
}

/// Buckets for `len` entries: the smallest size with some room left. Sizes are those of the allocator, four
/// per doubling, as memory in between would be lost.
pub(super) fn buckets_for(len: usize) -> usize {
    let mut buckets = 1;
    while capacity(buckets) < len + len / 16 {
        buckets = next_size(buckets);
    }
    buckets
}

/// The size after `buckets`: 1, 2, … 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, …
fn next_size(buckets: usize) -> usize {
    let step = if buckets < 8 { 1 } else { 1 << (buckets.ilog2() - 2) };
    (buckets / step + 1) * step
}

/// Entries that fit `buckets` before they grow: 94 % of the slots, as lookups stay short.
pub(super) const fn capacity(buckets: usize) -> usize {
    if buckets == 1 { SLOTS } else { buckets * SLOTS * 94 / 100 }
}

/// What a lookup needs of a sub-table.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    buckets: &'a [Bucket],
    start: u8,
    taken: u8,
}

impl<'a> View<'a> {
    fn position_bits(self) -> u32 {
        TAG_BITS - u32::from(self.start - self.taken)
    }

    fn tag(self, hash: u64) -> u32 {
        (hash << self.taken >> (u64::BITS - TAG_BITS)) as u32
    }

    fn home_of(self, tag: u32) -> usize {
        home(tag, self.position_bits(), self.buckets.len())
    }

    fn after(self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    /// Where the entry of `key` stands.
    pub(super) fn find(self, hash: u64, key: &[u8]) -> Option<(Place, EntryRef<'a>)> {
        self.probe(hash, key)
    }

    /// The entry of `key`.
    #[inline]
    pub(super) fn entry(self, hash: u64, key: &[u8]) -> Option<EntryRef<'a>> {
        self.probe(hash, key).map(|(_, entry)| entry)
    }

    #[inline(always)]
    fn probe(self, hash: u64, key: &[u8]) -> Option<(Place, EntryRef<'a>)> {
        let (print, tag) = (Bucket::print(hash), self.tag(hash));
        let home = self.home_of(tag);
        let mut bucket = home;
        loop {
            let b = &self.buckets[bucket];
            for slot in b.candidates(print, tag) {
                let entry = b.entry(slot);
                if entry.has_key(key) {
                    return Some((Place { home, bucket, slot }, entry));
                }
            }
            bucket = self.after(bucket);
            if !b.overflows() || bucket == home {
                return None;
            }
        }
    }

    /// Loads the home bucket of `hash` into the cache.
    pub(super) fn prefetch_bucket(self, hash: u64) {
        let at = self.buckets.as_ptr().wrapping_add(self.home_of(self.tag(hash))).cast::<u8>();
        prefetch_lines(at, 2);
    }

    /// Loads the entry that `hash` seems to belong to, if it stands in its home bucket.
    pub(super) fn prefetch_entry(self, hash: u64) {
        let tag = self.tag(hash);
        let bucket = &self.buckets[self.home_of(tag)];
        if let Some(slot) = bucket.candidates(Bucket::print(hash), tag).next() {
            bucket.word(slot).prefetch();
        }
    }
}

/// A sub-table as a directory place knows it: one load away from the bucket.
#[derive(Clone, Copy)]
pub(super) struct Route {
    /// The address of the first bucket.
    buckets: usize,
    count: u32,
    /// The sub-table's index: directories have at most 2^16 places.
    id: u16,
    start: u8,
    taken: u8,
}

impl Route {
    /// The sub-table's index.
    pub(super) fn id(self) -> usize {
        self.id.into()
    }

    /// # Safety
    /// The sub-table is alive, was not changed since [`SubTable::route`] but through its buckets' content,
    /// and nobody changes it for `'a`.
    pub(super) unsafe fn view<'a>(self) -> View<'a> {
        let at = ptr::with_exposed_provenance(self.buckets);
        // SAFETY: the address and length are those of the sub-table's boxed buckets; the rest is the caller's promise.
        let buckets = unsafe { std::slice::from_raw_parts(at, self.count as usize) };
        View { buckets, start: self.start, taken: self.taken }
    }
}

impl SubTable {
    /// An empty sub-table for hashes that agree in their first `start` bits.
    pub(super) fn new(start: u32, taken: u32, buckets: usize) -> Self {
        debug_assert!(taken <= start && start - taken <= CONSUMED_MAX);
        SubTable {
            buckets: vec![Bucket::EMPTY; buckets].into_boxed_slice(),
            due: Box::default(),
            len: 0,
            timed: 0,
            start: start as u8,
            taken: taken as u8,
            owner: PhantomData,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Entries with something that expires: the key or a field.
    pub(super) fn timed(&self) -> usize {
        self.timed as usize
    }

    pub(super) fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// Hash bits, from the top, that all its entries share.
    pub(super) fn start(&self) -> u32 {
        u32::from(self.start)
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= capacity(self.buckets.len())
    }

    /// Whether under 40 % of the slots are in use, or none of a single bucket.
    pub(super) fn is_sparse(&self) -> bool {
        match self.buckets.len() {
            1 => self.len == 0,
            buckets => self.len() * 5 < buckets * SLOTS * 2,
        }
    }

    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.buckets) + size_of_val(&*self.due)
    }

    /// What lookups need of it.
    fn view(&self) -> View<'_> {
        View { buckets: &self.buckets, start: self.start, taken: self.taken }
    }

    /// Where lookups find it without coming here; to be made anew whenever its buckets move.
    pub(super) fn route(&self, id: usize) -> Route {
        Route {
            buckets: self.buckets.as_ptr().expose_provenance(),
            count: self.buckets.len() as u32,
            id: id as u16,
            start: self.start,
            taken: self.taken,
        }
    }

    /// Tag bits that positions are made of.
    pub(super) fn position_bits(&self) -> u32 {
        self.view().position_bits()
    }

    fn tag(&self, hash: u64) -> u32 {
        self.view().tag(hash)
    }

    fn home_of(&self, tag: u32) -> usize {
        self.view().home_of(tag)
    }

    /// The bucket that `hash` belongs to.
    pub(super) fn home(&self, hash: u64) -> usize {
        self.home_of(self.tag(hash))
    }

    fn after(&self, bucket: usize) -> usize {
        self.view().after(bucket)
    }

    pub(super) fn entry(&self, place: Place) -> EntryRef<'_> {
        self.buckets[place.bucket].entry(place.slot)
    }

    /// Loads the entries that stand in `bucket` into the cache, if there is such a bucket.
    pub(super) fn prefetch_entries(&self, bucket: usize) {
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.occupied().for_each(|slot| bucket.word(slot).prefetch());
        }
    }

    /// Adds an entry whose key is not there; there must be room.
    pub(super) fn add(&mut self, hash: u64, entry: EntryBox) {
        let due_at = entry.as_ref().due_at();
        let word = Word::new(entry, self.tag(hash));
        self.settle(hash, word, due_at.map_or(NEVER, second));
    }

    /// Puts `word` where `hash` belongs; `due` is a lower bound of its expiry.
    fn settle(&mut self, hash: u64, word: Word, due: u32) {
        assert!(self.len() < self.buckets.len() * SLOTS, "a sub-table that is full was not grown");
        let tag = self.tag(hash);
        let home = self.home_of(tag);
        let mut bucket = home;
        let slot = loop {
            match self.buckets[bucket].vacant() {
                Some(slot) => break slot,
                None => self.buckets[bucket].pass(),
            }
            bucket = self.after(bucket);
        };
        self.buckets[bucket].put(slot, Bucket::print(hash), word.with_tag(tag));
        self.len += 1;
        if word.has_ttl() {
            self.timed += 1;
            self.hint(home, due);
        }
    }

    /// Notes that an entry homed at `home` expires at `due` at the earliest.
    fn hint(&mut self, home: usize, due: u32) {
        if self.due.is_empty() {
            self.due = vec![NEVER; self.buckets.len()].into_boxed_slice();
        }
        self.due[home] = self.due[home].min(due);
    }

    pub(super) fn remove(&mut self, place: Place) -> EntryBox {
        let word = self.buckets[place.bucket].vacate(place.slot);
        let mut passed = place.home;
        while passed != place.bucket {
            self.buckets[passed].unpass();
            passed = self.after(passed);
        }
        self.len -= 1;
        self.timed -= u32::from(word.has_ttl());
        // SAFETY: the word stood in an occupied slot, so it owns its entry; it was just taken out.
        unsafe { word.into_box() }
    }

    /// Lends the entry out to be changed or replaced by another of the same key.
    pub(super) fn update<R>(&mut self, place: Place, f: impl FnOnce(&mut EntryBox) -> R) -> R {
        let mut loan = Loan::new(self, place);
        f(loan.entry.as_mut().expect("the entry is on loan until the drop"))
    }

    /// Lends the collection of an entry, a `T`, out to be changed where it is.
    ///
    /// # Panics
    /// When the entry holds something else.
    pub(super) fn change<T: Collection, R>(&mut self, place: Place, f: impl FnOnce(&mut T) -> R) -> R {
        let word = self.buckets[place.bucket].word(place.slot);
        // SAFETY: the word stands in an occupied slot, so it owns its entry. The table is borrowed exclusively, and
        // the second owner neither drops the entry nor outlives this call.
        let mut entry = ManuallyDrop::new(unsafe { word.into_box() });
        f(entry.collection_mut().expect("the type was checked when the entry was opened"))
    }

    /// The entries whose home is `home`.
    pub(super) fn homed(&self, home: usize) -> impl Iterator<Item = (Place, Word)> {
        let mut next = Some(home);
        std::iter::from_fn(move || {
            let bucket = next?;
            let after = self.after(bucket);
            next = (self.buckets[bucket].overflows() && after != home).then_some(after);
            Some(bucket)
        })
        .flat_map(move |bucket| {
            let b = &self.buckets[bucket];
            b.occupied().map(move |slot| (Place { home, bucket, slot }, b.word(slot)))
        })
        .filter(move |(_, word)| self.home_of(word.tag()) == home)
    }

    /// The occupied slots of `bucket`, whatever their homes.
    pub(super) fn occupied(&self, bucket: usize) -> Slots {
        self.buckets[bucket].occupied()
    }

    /// The entry in an occupied slot.
    pub(super) fn entry_at(&self, bucket: usize, slot: usize) -> EntryRef<'_> {
        self.buckets[bucket].entry(slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.buckets.iter().flat_map(|bucket| bucket.occupied().map(|slot| bucket.entry(slot)))
    }

    /// The first bucket from `from` on where an entry may be due at `second` or before.
    pub(super) fn next_due(&self, from: usize, second: u32) -> Option<usize> {
        Some(from + self.due.get(from..)?.iter().position(|due| *due <= second)?)
    }

    /// Whether an entry homed at `home` may have a TTL.
    pub(super) fn may_expire(&self, home: usize) -> bool {
        self.due.get(home).is_some_and(|due| *due != NEVER)
    }

    /// Visits the entries homed at `home` that are due at `now_ms`, and makes the bucket's hint exact.
    pub(super) fn visit_due(
        &mut self,
        home: usize,
        now_ms: i64,
        visit: &mut dyn FnMut(EntryRef<'_>),
    ) -> usize {
        let (mut earliest, mut visited) = (NEVER, 0);
        for (place, _) in self.homed(home).filter(|(_, word)| word.has_ttl()) {
            let entry = self.entry(place);
            let Some(due_at) = entry.due_at() else { continue };
            earliest = earliest.min(second(due_at));
            if due_at <= now_ms {
                visited += 1;
                visit(entry);
            }
        }
        self.due[home] = earliest;
        visited
    }

    /// Moves everything to a new array of `buckets`.
    pub(super) fn resize(&mut self, buckets: usize, hasher: fn(&[u8]) -> u64) {
        let mut new = [SubTable::new(self.start(), u32::from(self.taken), buckets)];
        mem::take(self).pour(&mut new, hasher);
        [*self] = new;
    }

    /// Grows by one size.
    pub(super) fn grow(&mut self, hasher: fn(&[u8]) -> u64) {
        self.resize(next_size(self.buckets.len()), hasher);
    }

    /// Splits by the next hash bit, each half sized for its content.
    pub(super) fn split(self, hasher: fn(&[u8]) -> u64) -> [SubTable; 2] {
        let start = self.start() + 1;
        let taken = if start - u32::from(self.taken) > CONSUMED_MAX { start } else { self.taken.into() };
        let bit = self.position_bits() - 1;
        let upper = self.words().filter(|(_, word)| word.tag() >> bit & 1 == 1).count();
        let lower = self.len() - upper;
        let mut halves = [lower, upper].map(|len| SubTable::new(start, taken, buckets_for(len + 1)));
        self.pour(&mut halves, hasher);
        halves
    }

    /// Joins the two halves of a range.
    pub(super) fn merge(halves: [SubTable; 2], hasher: fn(&[u8]) -> u64) -> SubTable {
        let [a, b] = &halves;
        let start = a.start() - 1;
        let taken = if a.taken == b.taken { start.min(a.taken.into()) } else { start };
        let mut whole = [SubTable::new(start, taken, buckets_for(a.len() + b.len() + 1))];
        for half in halves {
            half.pour(&mut whole, hasher);
        }
        let [whole] = whole;
        whole
    }

    fn words(&self) -> impl Iterator<Item = (u8, Word)> {
        self.buckets.iter().flat_map(|b| b.occupied().map(|slot| (b.print_at(slot), b.word(slot))))
    }

    /// Moves every entry into the one of `into` that it belongs to: one sub-table, or the two halves of this one.
    fn pour(mut self, into: &mut [SubTable], hasher: fn(&[u8]) -> u64) {
        let buckets = mem::take(&mut self.buckets);
        let (bits, taken, due) = (self.position_bits(), self.taken, mem::take(&mut self.due));
        let halving_bit = u64::BITS - 1 - self.start();
        let reread = into[0].taken != taken;
        for (at, bucket) in buckets.iter().enumerate() {
            if reread && let Some(next) = buckets.get(at + 1) {
                next.occupied().for_each(|slot| next.word(slot).prefetch());
            }
            for slot in bucket.occupied() {
                let word = bucket.word(slot);
                let hash = if reread {
                    hasher(bucket.entry(slot).key())
                } else {
                    // All that the word knows of the hash: enough for a sub-table with the same tag bits.
                    u64::from(word.tag()) << (u64::BITS - TAG_BITS) >> taken
                        | u64::from(bucket.print_at(slot))
                };
                let hint = match word.has_ttl() {
                    true => due[home(word.tag(), bits, buckets.len())],
                    false => NEVER,
                };
                let half = if into.len() == 1 { 0 } else { (hash >> halving_bit & 1) as usize };
                into[half].settle(hash, word, hint);
            }
        }
    }
}

/// The home of an entry whose tag's last `bits` are its position, among `buckets`.
fn home(tag: u32, bits: u32, buckets: usize) -> usize {
    let position = tag & ((1 << bits) - 1);
    ((u64::from(position) * buckets as u64) >> bits) as usize
}

impl Default for SubTable {
    fn default() -> Self {
        SubTable::new(0, 0, 0)
    }
}

impl Drop for SubTable {
    fn drop(&mut self) {
        for at in 0..self.buckets.len() {
            if let Some(next) = self.buckets.get(at + 1) {
                next.occupied().for_each(|slot| next.word(slot).prefetch());
            }
            for slot in self.buckets[at].occupied() {
                // SAFETY: the word stood in an occupied slot, so it owns its entry; it was just taken out.
                drop(unsafe { self.buckets[at].vacate(slot).into_box() });
            }
        }
    }
}

/// An entry lent out by [`SubTable::update`]; its slot is refreshed when it ends, by a panic too.
struct Loan<'a> {
    sub: &'a mut SubTable,
    place: Place,
    entry: Option<EntryBox>,
    print: u8,
    word: Word,
}

impl<'a> Loan<'a> {
    fn new(sub: &'a mut SubTable, place: Place) -> Self {
        let bucket = &mut sub.buckets[place.bucket];
        let (print, word) = (bucket.print_at(place.slot), bucket.word(place.slot));
        bucket.vacate(place.slot);
        // SAFETY: the word stood in an occupied slot, so it owns its entry; it was just taken out.
        let entry = Some(unsafe { word.into_box() });
        Loan { sub, place, entry, print, word }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else { return };
        let due_at = entry.as_ref().due_at();
        let word = Word::new(entry, self.word.tag());
        self.sub.buckets[self.place.bucket].put(self.place.slot, self.print, word);
        self.sub.timed += u32::from(word.has_ttl());
        self.sub.timed -= u32::from(self.word.has_ttl());
        if let Some(due_at) = due_at {
            self.sub.hint(self.place.home, second(due_at));
        }
    }
}
