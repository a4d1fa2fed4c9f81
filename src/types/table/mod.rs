//! The hash table of large collections: records of bytes, found by the [`Item`] they begin with.
//!
//! ```text
//!            directory, 2^depth                       records of one hash prefix
//!           ┌───────────┐
//!  hash ──▶ │ 00        │──▶ segment (depth 1: serves 00 and 01)
//!  leading  │ 01 (none) │
//!  bits     │ 10        │──▶ segment (depth 2)
//!           │ 11        │──▶ segment (depth 2)
//!           └───────────┘
//! ```
//! Records have no allocation of their own: they stand in the arenas of [`segment`]s of up to 64 KiB, at
//! about 6 bytes of overhead each. A full segment splits in two by the next bit of the hash, so no
//! insert ever waits for more than one segment's rehash (some tens of microseconds), whatever the size
//! of the table; the directory doubles when the deepest segment splits. Neighbours that have become
//! small merge, and the directory halves with them.
//!
//! A record that is too long for an arena has an allocation of its own, and a stub in the arena:
//! the byte [`STUB`] and four bytes of index.
//!
//! A scan's cursor is a position in the space of hashes (48 bits of it). What stands before the cursor
//! has been visited, whatever splits, grows, merges or shrinks between the calls.

mod key;
mod segment;

pub(super) use key::{Key, hash};
use segment::{Segment, Slot};
use std::marker::PhantomData;
use std::ops::ControlFlow;

use super::item::Item;
use crate::base::random;

/// The longest record kept in an arena, in bytes.
const INLINE_MAX: usize = 1024;
/// The first byte of a stub; no record begins with it.
const STUB: u8 = 0xFF;
const STUB_SIZE: usize = 5;
/// The deepest directory: far beyond what memory holds.
const DEPTH_MAX: u32 = 32;

/// How a table's records are laid out. A record never begins with the byte 0xFF.
pub(super) trait Record {
    /// Where in the record its key stands.
    fn key_at(bytes: &[u8]) -> usize;
    /// Bytes of the record that `bytes` begin with.
    fn size(bytes: &[u8]) -> usize;
}

/// Where a record stands, until the table changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    index: usize,
    slot: Slot,
}

/// A hash table of records laid out as `R` says.
#[derive(Clone)]
pub(super) struct Table<R> {
    directory: Vec<Option<Box<Segment>>>,
    /// The directory has 2^depth entries.
    depth: u32,
    /// Segments that are as deep as the directory.
    deepest: usize,
    len: usize,
    /// Bytes allocated by segments and long records.
    bytes: usize,
    segments: usize,
    long: Long,
    /// The most records of a segment for each directory entry it serves, or a little more: by this
    /// [`Table::random`] makes fuller segments likelier.
    peak: usize,
    /// `len` when `peak` was last measured.
    peak_len: usize,
    layout: PhantomData<fn(R)>,
}

/// The records that are too long for an arena.
#[derive(Clone, Default)]
struct Long {
    records: Vec<Box<[u8]>>,
    free: Vec<u32>,
}

impl Long {
    fn index(stub: &[u8]) -> Option<usize> {
        match stub {
            [STUB, a, b, c, d, ..] => Some(u32::from_le_bytes([*a, *b, *c, *d]) as usize),
            _ => None,
        }
    }

    /// The record that `bytes` are, or are the stub of.
    fn resolve<'a>(&'a self, bytes: &'a [u8]) -> &'a [u8] {
        Self::index(bytes).map_or(bytes, |index| &self.records[index])
    }

    fn add(&mut self, record: Box<[u8]>) -> [u8; STUB_SIZE] {
        let index = self.free.pop().unwrap_or(self.records.len() as u32);
        match self.records.get_mut(index as usize) {
            Some(free) => *free = record,
            None => self.records.push(record),
        }
        let [a, b, c, d] = index.to_le_bytes();
        [STUB, a, b, c, d]
    }

    fn remove(&mut self, index: usize) -> Box<[u8]> {
        self.free.push(index as u32);
        let record = std::mem::take(&mut self.records[index]);
        if self.free.len() == self.records.len() {
            *self = Long::default();
        }
        record
    }
}

/// Bytes that a record of `size` bytes takes in an arena: its own, or its stub's.
pub(super) fn size_in_arena(size: usize) -> usize {
    if size > INLINE_MAX { STUB_SIZE } else { size }
}

/// Bytes in the arena of the record that `bytes` begin with: the record's, or its stub's.
fn arena_size<R: Record>(bytes: &[u8]) -> usize {
    if bytes[0] == STUB { STUB_SIZE } else { R::size(bytes) }
}

fn key_of<R: Record>(record: &[u8]) -> Item<'_> {
    Item::decode(&record[R::key_at(record)..]).0
}

/// Where the segment stands that serves directory entry `index`: there, or at the next lower index
/// with more zeros at its end.
fn owner(directory: &[Option<Box<Segment>>], mut index: usize) -> usize {
    while directory[index].is_none() {
        index &= index - 1;
    }
    index
}

/// The records of `segment` for each entry it serves of a directory of `depth` bits, rounded up.
fn load(segment: &Segment, depth: u32) -> usize {
    segment.live().div_ceil(1 << (depth - segment.depth))
}

impl<R: Record> Table<R> {
    /// An empty table, with room for about `records` that take `bytes` of its arenas without a rehash.
    pub(super) fn new(records: usize, bytes: usize) -> Self {
        let depth = segment::depth_for(records, bytes);
        let segments = 1 << depth;
        // Chance brings some segments a little more.
        let records = if segments == 1 { records } else { (records + records / 16) >> depth };
        let segment = || Some(Box::new(Segment::new(depth, records, bytes >> depth)));
        let directory: Vec<_> = (0..segments).map(|_| segment()).collect();
        Table {
            depth,
            deepest: segments,
            len: 0,
            bytes: directory.iter().flatten().map(|segment| segment.memory()).sum(),
            segments,
            directory,
            long: Long::default(),
            peak: 1,
            peak_len: 0,
            layout: PhantomData,
        }
    }

    /// How many records it has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes it has allocated, itself included.
    pub(super) fn memory(&self) -> usize {
        let long = self.long.records.capacity() * size_of::<Box<[u8]>>() + self.long.free.capacity() * 4;
        size_of::<Self>() + self.bytes + long + self.directory.capacity() * size_of::<Option<Box<Segment>>>()
    }

    /// How many allocations it is made of.
    pub(super) fn weight(&self) -> usize {
        2 + 3 * self.segments + self.long.records.len()
    }

    fn index(&self, hash: u64) -> usize {
        let index = if self.depth == 0 { 0 } else { (hash >> (64 - self.depth)) as usize };
        owner(&self.directory, index)
    }

    fn segment(&self, index: usize) -> &Segment {
        self.directory[index].as_ref().expect("a place names a segment")
    }

    fn segment_mut(&mut self, index: usize) -> &mut Segment {
        self.directory[index].as_mut().expect("a place names a segment")
    }

    /// Where the record of `key` stands.
    pub(super) fn find(&self, key: &Key<'_>) -> Option<Place> {
        let index = self.index(key.hash);
        let slot = self.segment(index).find(key.hash, |bytes| {
            let record = self.long.resolve(bytes);
            key.needle.leads(&record[R::key_at(record)..])
        })?;
        Some(Place { index, slot })
    }

    /// Begins to bring the bucket where [`Table::find`] looks for `hash` into the cache.
    pub(super) fn prefetch_bucket(&self, hash: u64) {
        self.segment(self.index(hash)).prefetch_bucket(hash);
    }

    /// Likewise what that bucket, which should be there, leads to.
    pub(super) fn prefetch_record(&self, hash: u64) {
        self.segment(self.index(hash)).prefetch_record(hash);
    }

    /// The record at `place`, and what happens to stand behind it.
    pub(super) fn get(&self, place: Place) -> &[u8] {
        self.long.resolve(self.segment(place.index).bytes(place.slot))
    }

    /// The record at `place`, to be changed without changing its key or growing; see [`Table::shrunk`].
    pub(super) fn get_mut(&mut self, place: Place) -> &mut [u8] {
        let segment = self.directory[place.index].as_mut().expect("a place names a segment");
        match Long::index(segment.bytes(place.slot)) {
            Some(index) => &mut self.long.records[index],
            None => segment.bytes_mut(place.slot),
        }
    }

    /// Tells that the record at `place` was changed to take `bytes` less than before.
    pub(super) fn shrunk(&mut self, place: Place, bytes: usize) {
        let segment = self.segment_mut(place.index);
        if Long::index(segment.bytes(place.slot)).is_none() {
            segment.waste(bytes);
        }
    }

    /// Adds the record of `key`, which must be absent: `size` bytes, which `write` fills.
    pub(super) fn insert(&mut self, key: &Key<'_>, size: usize, write: impl FnOnce(&mut [u8])) {
        if size > INLINE_MAX {
            let mut record = vec![0; size].into_boxed_slice();
            write(&mut record);
            self.bytes += size;
            let stub = self.long.add(record);
            self.insert_inline(key.hash, STUB_SIZE, |bytes| bytes.copy_from_slice(&stub));
        } else {
            self.insert_inline(key.hash, size, write);
        }
        self.len += 1;
    }

    fn insert_inline(&mut self, hash: u64, size: usize, write: impl FnOnce(&mut [u8])) {
        loop {
            let index = self.index(hash);
            let segment = self.directory[index].as_mut().expect("owner finds a segment");
            let mut fits = segment.has_room(size);
            if !fits {
                let before = segment.memory();
                fits = segment.reserve(size, arena_size::<R>);
                self.bytes += segment.memory();
                self.bytes -= before;
            }
            if fits {
                write(segment.insert(hash, size));
                self.peak = self.peak.max(load(segment, self.depth));
                return;
            }
            self.split(index);
        }
    }

    fn split(&mut self, index: usize) {
        let depth = self.segment(index).depth;
        assert!(depth < DEPTH_MAX, "a segment of {DEPTH_MAX} bits of prefix is full");
        let mut index = index;
        if depth == self.depth {
            let doubled = Vec::with_capacity(2 * self.directory.len());
            let old = std::mem::replace(&mut self.directory, doubled);
            for segment in old {
                self.directory.extend([segment, None]);
            }
            self.depth += 1;
            self.deepest = 0;
            index *= 2;
        }
        let low = self.directory[index].as_mut().expect("a segment is split at its own index");
        let before = low.memory();
        let long = &self.long;
        let high = low.split(arena_size::<R>, |bytes| key::hash(key_of::<R>(long.resolve(bytes))));
        self.bytes += low.memory() + high.memory();
        self.bytes -= before;
        self.segments += 1;
        if low.depth == self.depth {
            self.deepest += 2;
        }
        let neighbour = index + (1 << (self.depth - low.depth));
        self.directory[neighbour] = Some(Box::new(high));
        if depth + 1 == self.depth && self.deepest == 2 {
            self.measure_peak();
        }
    }

    fn measure_peak(&mut self) {
        let loads = self.directory.iter().flatten().map(|segment| load(segment, self.depth));
        self.peak = loads.max().unwrap_or(0).max(1);
        self.peak_len = self.len;
    }

    /// Removes the record at `place`.
    pub(super) fn remove(&mut self, place: Place) {
        let segment = self.directory[place.index].as_mut().expect("a place names a segment");
        let bytes = segment.bytes(place.slot);
        let (size, long) = (arena_size::<R>(bytes), Long::index(bytes));
        if let Some(long) = long {
            self.bytes -= self.long.remove(long).len();
        }
        segment.remove(place.slot, size);
        self.len -= 1;
        let before = segment.memory();
        let small = segment.tidy(arena_size::<R>);
        self.bytes += segment.memory();
        self.bytes -= before;
        if small {
            self.merge(place.index);
        }
        if self.peak << self.depth > 2 * self.len && self.len + self.len / 8 < self.peak_len.max(self.peak) {
            self.measure_peak();
        }
    }

    /// Merges the segment at `index` with its neighbour if both are small.
    fn merge(&mut self, index: usize) {
        let depth = self.segment(index).depth;
        if depth == 0 {
            return;
        }
        let bit = 1 << (self.depth - depth);
        let (low, high) = (index & !bit, index | bit);
        let (Some(a), Some(b)) = (&self.directory[low], &self.directory[high]) else { return };
        if !a.may_merge(b) {
            return;
        }
        let (mut both, high) = (self.directory[low].take(), self.directory[high].take());
        if let (Some(both), Some(high)) = (&mut both, &high) {
            self.bytes -= both.memory() + high.memory();
            both.merge(high, arena_size::<R>);
            self.bytes += both.memory();
            self.peak = self.peak.max(load(both, self.depth));
        }
        self.directory[low] = both;
        self.segments -= 1;
        if depth == self.depth {
            self.deepest -= 2;
            if self.deepest == 0 {
                self.halve();
            }
        }
    }

    fn halve(&mut self) {
        while self.depth > 0 && self.directory.iter().skip(1).step_by(2).all(Option::is_none) {
            self.directory = std::mem::take(&mut self.directory).into_iter().step_by(2).collect();
            self.directory.shrink_to_fit();
            self.depth -= 1;
            self.peak *= 2;
        }
        self.deepest = self.directory.iter().flatten().filter(|s| s.depth == self.depth).count();
    }

    /// A record, all equally likely; `None` when there is none.
    pub(super) fn random(&self) -> Option<Place> {
        if self.len == 0 {
            return None;
        }
        // The directory entry is uniform in the space of hashes; to accept its segment in proportion to its
        // records makes the record uniform.
        loop {
            let index = owner(&self.directory, random::below(self.directory.len()));
            let segment = self.segment(index);
            if random::below(self.peak << (self.depth - segment.depth)) < segment.live() {
                return Some(Place { index, slot: segment.random(random::below) });
            }
        }
    }

    /// Visits the records at `cursor` (0 to begin with) and returns the cursor to go on with: 0 at the end.
    /// Every record that is there from the first call to the last is visited at least once.
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8])) -> u64 {
        let position = cursor << 16;
        let index = self.index(position);
        let segment = self.segment(index);
        let next = segment.scan(((position << segment.depth) >> 48) as u16, |slot| {
            visit(self.long.resolve(segment.bytes(slot)));
        });
        let range = 48 - segment.depth;
        let start = position >> 16 >> range << range;
        match next {
            Some(tag) => start + (u64::from(tag) << range >> 16),
            None => (start + (1 << range)) % (1 << 48),
        }
    }

    /// Every record, each with what happens to stand behind it.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.places().map(|place| self.get(place))
    }

    /// Shows every record, each with what happens to stand behind it, to `visit`, until it breaks off.
    pub(super) fn visit<'s>(&'s self, mut visit: impl FnMut(&'s [u8]) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut segments = self.directory.iter().flatten();
        segments.try_for_each(|segment| segment.visit(|bytes| visit(self.long.resolve(bytes))))
    }

    /// The place of every record.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.directory
            .iter()
            .enumerate()
            .filter_map(|(index, segment)| Some((index, segment.as_ref()?)))
            .flat_map(|(index, segment)| segment.slots().map(move |slot| Place { index, slot }))
    }

    /// The records whose key has the hash `hash`.
    pub(super) fn find_by_hash(&self, hash: u64, same: impl Fn(&[u8]) -> bool) -> Option<Place> {
        let index = self.index(hash);
        let slot = self.segment(index).find(hash, |bytes| same(self.long.resolve(bytes)))?;
        Some(Place { index, slot })
    }
}
