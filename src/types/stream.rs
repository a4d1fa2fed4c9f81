//! The stream: entries of fields and values under ids that only grow, and the groups that read them.
//!
//! Entries lie in blocks. The newest block, the tail, is at hand for appending; full ones are sealed
//! and found by the id they begin with.
//!
//! Invariants: blocks do not overlap, and only the tail may be empty, when it is the default block;
//! `len` is the number of entries that are not deleted; no id is greater than `last_id`.

mod block;
mod group;
mod id;
pub mod producers;
mod progress;
#[cfg(test)]
mod tests;
mod trim;
mod varint;
mod weight;

pub use block::Entry;
pub use group::{Consumer, ConsumerNo, Group, Pending};
pub use id::Id;
pub use trim::{Deleted, References, Trim, Until};

use super::Packing;
use super::footprint::{btree, taken};
use block::Block;
use producers::{Bounds, Producers};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream(Box<Inner>);

#[derive(Clone, Debug, Default)]
struct Inner {
    sealed: BTreeMap<Id, Block>,
    tail: Block,
    len: u64,
    last_id: Id,
    max_deleted: Id,
    entries_added: u64,
    groups: BTreeMap<Box<[u8]>, Box<Group>>,
    /// Those that ever named what they sent, or for whom something was set.
    producers: Option<Box<Producers>>,
}

impl Stream {
    /// An empty stream.
    pub fn new() -> Self {
        Stream::default()
    }

    /// How many entries it has.
    pub fn len(&self) -> u64 {
        self.0.len
    }

    /// Whether it has no entries; it may still have groups, and is kept.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// The greatest id it ever had.
    pub fn last_id(&self) -> Id {
        self.0.last_id
    }

    /// The greatest id that was deleted from it singly.
    pub fn max_deleted_id(&self) -> Id {
        self.0.max_deleted
    }

    /// How many entries were ever added.
    pub fn entries_added(&self) -> u64 {
        self.0.entries_added
    }

    /// Sets the last id, and the counters where given, as XSETID does.
    pub fn set_id(&mut self, last: Id, entries_added: Option<u64>, max_deleted: Option<Id>) {
        self.0.last_id = last;
        self.0.entries_added = entries_added.unwrap_or(self.0.entries_added);
        self.0.max_deleted = max_deleted.unwrap_or(self.0.max_deleted);
    }

    /// Appends an entry; `pairs` are fields and values in turns. `false` if `id` is not greater than the last.
    pub fn append(&mut self, id: Id, pairs: &[&[u8]], packing: &Packing) -> bool {
        debug_assert!(!pairs.is_empty() && pairs.len().is_multiple_of(2));
        let inner = &mut *self.0;
        if id <= inner.last_id {
            return false;
        }
        let text_len = pairs.iter().map(|text| text.len()).sum();
        let (bytes_max, entries_max) = (packing.stream_node_max_bytes(), packing.stream_node_max_entries());
        if inner.tail.len() == 0 {
            inner.tail = Block::new(id, pairs);
        } else if inner.tail.is_full_for(text_len, bytes_max, entries_max) {
            let mut full = std::mem::replace(&mut inner.tail, Block::new(id, pairs));
            full.seal();
            inner.sealed.insert(full.master(), full);
        }
        inner.tail.append(id, pairs);
        inner.len += 1;
        inner.entries_added += 1;
        inner.last_id = id;
        true
    }

    /// Entries with ids from `start` to `end`, both included, readable from both ends.
    pub fn range(&self, start: Id, end: Id) -> impl DoubleEndedIterator<Item = Entry<'_>> + Clone {
        let inner = &*self.0;
        // Whoever has read everything asks for what comes behind the last: no block is read for that.
        let any = start <= end && start <= inner.last_id;
        let first = inner.sealed.range(..=start).next_back().map_or(start, |(master, _)| *master);
        let sealed = any.then(|| inner.sealed.range(first..=end));
        let tail = (any && inner.tail.len() > 0 && inner.tail.master() <= end).then_some(&inner.tail);
        let entries =
            sealed.into_iter().flatten().map(|(_, block)| block).chain(tail).flat_map(Block::entries);
        Range { entries, start, end }
    }

    /// The entry `id`.
    pub fn get(&self, id: Id) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// Whether there is an entry `id`.
    pub fn contains(&self, id: Id) -> bool {
        self.get(id).is_some()
    }

    /// The entry with the least id.
    pub fn first(&self) -> Option<Entry<'_>> {
        self.range(Id::MIN, Id::MAX).next()
    }

    /// The entry with the greatest id.
    pub fn last(&self) -> Option<Entry<'_>> {
        self.range(Id::MIN, Id::MAX).next_back()
    }

    /// The group called `name`.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.0.groups.get(name).map(|group| &**group)
    }

    /// The group called `name`, to change it.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.0.groups.get_mut(name).map(|group| &mut **group)
    }

    /// Up to `count` entries that are pending in a group and were last delivered at or before `until_ms`, the longest idle
    /// ones first. What is no longer in the stream is passed over.
    pub fn idle(&mut self, group: &[u8], until_ms: i64, count: usize) -> Vec<(Id, Pending)> {
        self.group_mut(group).into_iter().for_each(Group::order_by_time);
        let idle = self.group(group).into_iter().flat_map(|group| group.idle(until_ms));
        idle.filter(|(id, _)| self.contains(*id)).take(count).collect()
    }

    /// All groups, in the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.0.groups.iter().map(|(name, group)| (&**name, &**group))
    }

    /// Adds a group; `false` if there is one of that name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        match self.0.groups.entry(name.into()) {
            Slot::Vacant(slot) => {
                slot.insert(Box::new(group));
                true
            }
            Slot::Occupied(_) => false,
        }
    }

    /// Removes a group with all that is pending in it; `false` if there is none of that name.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        self.0.groups.remove(name).is_some()
    }

    /// What its producers sent of late, if any ever named what it sent.
    pub fn producers(&self) -> Option<&Producers> {
        self.0.producers.as_deref()
    }

    /// Its producers, to change what is known of them; of new ones `bounds` says how much that is.
    pub fn producers_mut(&mut self, bounds: Bounds) -> &mut Producers {
        self.0.producers.get_or_insert_with(|| Box::new(Producers::new(bounds)))
    }

    /// How many blocks the entries lie in.
    pub fn blocks(&self) -> usize {
        self.0.sealed.len() + usize::from(self.0.tail.len() > 0)
    }

    /// The name OBJECT ENCODING answers with.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Allocations to free, roughly.
    pub fn weight(&self) -> usize {
        let producers = self.producers().map_or(0, Producers::weight);
        1 + self.blocks() + producers + self.0.groups.values().map(|group| group.weight()).sum::<usize>()
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        let blocks = self.0.sealed.values().map(Block::memory).sum::<usize>() + self.0.tail.memory();
        let groups = self.0.groups.iter();
        let groups =
            groups.map(|(name, group)| taken(name.len()) + taken(size_of::<Group>()) + group.memory());
        taken(size_of::<Inner>())
            + blocks
            + btree::<(Id, Block)>(self.0.sealed.len())
            + btree::<(Box<[u8]>, Box<Group>)>(self.0.groups.len())
            + groups.sum::<usize>()
            + self.producers().map_or(0, Producers::memory)
    }
}

/// Cuts the entries of whole blocks to those from `start` to `end`.
#[derive(Clone)]
struct Range<I> {
    entries: I,
    start: Id,
    end: Id,
}

impl<'a, I: Iterator<Item = Entry<'a>>> Iterator for Range<I> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let entry = self.entries.find(|entry| entry.id >= self.start)?;
        (entry.id <= self.end).then_some(entry)
    }
}

impl<'a, I: DoubleEndedIterator<Item = Entry<'a>>> DoubleEndedIterator for Range<I> {
    fn next_back(&mut self) -> Option<Entry<'a>> {
        let entry = self.entries.rfind(|entry| entry.id <= self.end)?;
        (entry.id >= self.start).then_some(entry)
    }
}
