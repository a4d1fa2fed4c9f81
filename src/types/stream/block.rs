//! A run of consecutive entries in one allocation.
//!
//! ```text
//! block:  master field count │ master field … │ entry …             (counts: varint, fields: items)
//! entry:  head │ ms delta │ seq │ [field count] │ item … │ back
//!   head   varint: size from behind it up to `back`, shifted by two; bit 1: the master's fields, bit 0: deleted
//!   ms     varint: milliseconds after the block's master id
//!   seq    varint: sequence number, less the master's when `ms delta` is 0
//!   item … the values when the entry has the master's fields; else the count, and field and value in turns
//!   back   backwards varint: size of the entry before it, so that entries can be read from the end
//! ```
//! The master is the entry the block began with: its id is the base of all deltas, its fields are
//! written once. Deleting marks; a block that is mostly marks is rewritten without them.

use super::Id;
use super::varint::{push_back_varint, push_varint, read_back_varint, read_varint, varint_size};
use super::weight;
use crate::types::footprint::taken;
use crate::types::item::{Item, size_of_first};

const DELETED: u8 = 1;
const SAME_FIELDS: u64 = 2;
/// The largest block in bytes when `stream-node-max-bytes` sets no limit.
const BYTES_MAX: usize = 1 << 30;

/// Entries with ids from `master` on, in ascending order.
#[derive(Clone, Debug, Default)]
pub struct Block {
    master: Id,
    bytes: Vec<u8>,
    live: u32,
    /// Entries deleted since the block began, whether or not their bytes are still there.
    dead: u32,
    /// Deleted entries whose bytes are still there.
    marked: u32,
    /// Bytes of Redis' node for these entries, but for its counts of them.
    weight: u32,
}

impl Block {
    /// An empty block for entries from `id` on, with the fields of the entry it begins with.
    pub fn new(id: Id, pairs: &[&[u8]]) -> Self {
        let mut block = Block { master: id, weight: weight::of_master(pairs) as u32, ..Block::default() };
        push_varint(pairs.len() as u64 / 2, &mut block.bytes);
        for field in pairs.iter().step_by(2) {
            Item::from(*field).push_to(&mut block.bytes);
        }
        block
    }

    /// The id the block began with.
    pub fn master(&self) -> Id {
        self.master
    }

    /// Entries that are not deleted.
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        taken(self.bytes.capacity())
    }

    /// Whether an entry of `text_len` bytes has to begin a new block, by the two limits (0: none).
    pub fn is_full_for(&self, text_len: usize, bytes_max: i64, entries_max: i64) -> bool {
        let bytes_max = match usize::try_from(bytes_max) {
            Ok(max) if max > 0 && max < BYTES_MAX => max,
            _ => BYTES_MAX,
        };
        let (live, dead) = (i64::from(self.live), i64::from(self.dead));
        let weight = self.weight as usize + weight::of_number(live) + weight::of_number(dead);
        weight + text_len >= bytes_max || (entries_max > 0 && live + dead >= entries_max)
    }

    /// Gives back what was allocated ahead: nothing will be appended any more.
    pub fn seal(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Appends an entry, whose id is greater than all in the block; `pairs` are fields and values in turns.
    pub fn append(&mut self, id: Id, pairs: &[&[u8]]) {
        let same = self.has_master_fields(pairs);
        let (ms, seq) = match id.ms - self.master.ms {
            0 => (0, id.seq - self.master.seq),
            delta => (delta, id.seq),
        };
        let items = pairs.iter().skip(same.into()).step_by(1 + usize::from(same));
        let count = (!same).then_some(pairs.len() as u64 / 2);
        let size = varint_size(ms)
            + varint_size(seq)
            + count.map_or(0, varint_size)
            + items.clone().map(|item| Item::from(*item).size()).sum::<usize>();

        let from = self.bytes.len();
        push_varint((size as u64) << 2 | if same { SAME_FIELDS } else { 0 }, &mut self.bytes);
        push_varint(ms, &mut self.bytes);
        push_varint(seq, &mut self.bytes);
        if let Some(count) = count {
            push_varint(count, &mut self.bytes);
        }
        for item in items {
            Item::from(*item).push_to(&mut self.bytes);
        }
        push_back_varint((self.bytes.len() - from) as u64, &mut self.bytes);
        self.weight += weight::of_entry(self.master, id, pairs, same) as u32;
        self.live += 1;
    }

    fn has_master_fields(&self, pairs: &[&[u8]]) -> bool {
        let (count, mut at) = read_varint(&self.bytes);
        count == pairs.len() as u64 / 2
            && pairs.iter().step_by(2).all(|field| {
                let (item, size) = Item::decode(&self.bytes[at..]);
                at += size;
                item.text().as_bytes() == *field
            })
    }

    /// Where the entries begin.
    fn start(&self) -> usize {
        let (count, mut at) = read_varint(&self.bytes);
        for _ in 0..count {
            at += size_of_first(&self.bytes[at..]);
        }
        at
    }

    /// Its entries that are not deleted, readable from both ends.
    pub fn entries(&self) -> Entries<'_> {
        Entries { block: self, front: self.start(), back: self.bytes.len() }
    }

    /// The id of its last entry, deleted or not.
    pub fn last_id(&self) -> Id {
        self.entries().last_any().map_or(self.master, |entry| entry.id)
    }

    /// Deletes the entry `id`; `false` if there is none.
    pub fn delete(&mut self, id: Id) -> bool {
        let found = self.entries().find(|entry| entry.id >= id);
        let Some(entry) = found.filter(|entry| entry.id == id) else { return false };
        let head = entry.head;
        self.bytes[head] |= DELETED;
        self.live -= 1;
        self.dead += 1;
        self.marked += 1;
        if self.marked > self.live && self.live > 0 {
            self.compact();
        }
        true
    }

    /// Rewrites the block without the deleted entries.
    fn compact(&mut self) {
        let mut bytes = self.bytes[..self.start()].to_vec();
        for entry in self.entries() {
            bytes.extend_from_slice(&self.bytes[entry.head..entry.end]);
        }
        self.bytes = bytes;
        self.marked = 0;
    }
}

/// One entry of a stream.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Its id.
    pub id: Id,
    block: &'a Block,
    /// Where its head stands, where its items begin, and where it ends.
    head: usize,
    items: usize,
    end: usize,
    fields: u64,
    same_fields: bool,
}

impl<'a> Entry<'a> {
    /// How many pairs of field and value it has.
    pub fn len(&self) -> usize {
        self.fields as usize
    }

    /// Whether it has no pairs; no entry is made so.
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// Its pairs of field and value, in the order they were added.
    pub fn pairs(&self) -> impl Iterator<Item = (Item<'a>, Item<'a>)> + use<'a> {
        let bytes = &self.block.bytes[..];
        let (mut at, same) = (self.items, self.same_fields);
        let mut master = if same { read_varint(bytes).1 } else { 0 };
        let take = |at: &mut usize| {
            let (item, size) = Item::decode(&bytes[*at..]);
            *at += size;
            item
        };
        (0..self.fields).map(move |_| {
            let field = take(if same { &mut master } else { &mut at });
            (field, take(&mut at))
        })
    }
}

/// The entries of a block that are not deleted.
#[derive(Clone)]
pub struct Entries<'a> {
    block: &'a Block,
    front: usize,
    back: usize,
}

impl<'a> Entries<'a> {
    /// Reads the entry at `head`, and tells whether it is deleted.
    fn read(&self, head: usize) -> (Entry<'a>, bool) {
        let block = self.block;
        let mut at = head;
        let mut number = || {
            let (n, size) = read_varint(&block.bytes[at..]);
            at += size;
            (n, at)
        };
        let (first, behind_head) = number();
        let ((ms, _), (seq, mut items)) = (number(), number());
        let same_fields = first & SAME_FIELDS != 0;
        let fields = if same_fields {
            read_varint(&block.bytes).0
        } else {
            let (count, behind_count) = number();
            items = behind_count;
            count
        };
        let master = block.master;
        let id = if ms == 0 { Id::new(master.ms, master.seq + seq) } else { Id::new(master.ms + ms, seq) };
        let back = behind_head + (first >> 2) as usize;
        let end = back + varint_size((back - head) as u64);
        (Entry { id, block, head, items, end, fields, same_fields }, first & u64::from(DELETED) != 0)
    }

    /// The last entry, deleted or not.
    fn last_any(&self) -> Option<Entry<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (size, back_size) = read_back_varint(&self.block.bytes[..self.back]);
        Some(self.read(self.back - back_size - size as usize).0)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        while self.front < self.back {
            let (entry, deleted) = self.read(self.front);
            self.front = entry.end;
            if !deleted {
                return Some(entry);
            }
        }
        None
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        while let Some(entry) = self.last_any() {
            self.back = entry.head;
            if self.block.bytes[entry.head] & DELETED == 0 {
                return Some(entry);
            }
        }
        None
    }
}
