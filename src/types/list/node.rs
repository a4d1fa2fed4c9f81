//! One node of a large list: elements side by side in a buffer that may have room at both ends.
//!
//! ```text
//! ┌───────┬─────────┬─────────┬───┬───────┐
//! │ spare │ element │ element │ … │ spare │    elements as in a `Packed<true>`
//! └───────┴─────────┴─────────┴───┴───────┘
//!         ^ start                 ^ buf.len()
//! ```
//! Pushing into spare room and popping move no other element.

use super::limit::{Limit, Size, extra};
use crate::types::footprint::taken;
use crate::types::item::{Item, Needle, Search, size_of_first};
use crate::types::packed::{Iter, last_total, total, write_back};
use crate::types::{End, Packed};
use std::ops::Range;

/// The first allocation of a node that is expected to fill, in bytes.
const FIRST_ROOM: usize = 256;

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    buf: Vec<u8>,
    start: usize,
    count: u32,
    /// See [`Size::extra`].
    extra: u32,
}

impl Node {
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    fn bytes(&self) -> &[u8] {
        &self.buf[self.start..]
    }

    pub(super) fn size(&self) -> Size {
        Size { bytes: self.bytes().len(), extra: self.extra as usize, count: self.len() }
    }

    /// Whether it is kept for one large element.
    pub(super) fn is_plain(&self, limit: Limit) -> bool {
        self.count == 1 && self.first().is_some_and(|item| limit.is_large(item.len()))
    }

    pub(super) fn memory(&self) -> usize {
        taken(self.buf.capacity())
    }

    pub(super) fn iter(&self) -> Iter<'_, true> {
        Iter(self.bytes())
    }

    /// The elements from `index` on.
    pub(super) fn iter_from(&self, index: usize) -> Iter<'_, true> {
        Iter(&self.bytes()[self.offset(index)..])
    }

    pub(super) fn first(&self) -> Option<Item<'_>> {
        self.iter().next()
    }

    pub(super) fn last(&self) -> Option<Item<'_>> {
        self.iter().next_back()
    }

    /// Where the element at `index` begins, counted from `start`; the end for the count itself.
    fn offset(&self, index: usize) -> usize {
        let bytes = self.bytes();
        if index > self.len() / 2 {
            let mut end = bytes.len();
            for _ in index..self.len() {
                end -= last_total(&bytes[..end]);
            }
            return end;
        }
        let mut at = 0;
        for _ in 0..index {
            at += total::<true>(size_of_first(&bytes[at..]));
        }
        at
    }

    /// Adds `item` at one end.
    pub(super) fn push(&mut self, end: End, item: Item<'_>) {
        let needle = Needle::new(item);
        let (size, whole) = (needle.size(), total::<true>(needle.size()));
        let slot = match end {
            End::Front => {
                if self.start < whole {
                    self.make_room(End::Front, whole);
                }
                self.start -= whole;
                &mut self.buf[self.start..self.start + whole]
            }
            End::Back => {
                if self.buf.capacity() - self.buf.len() < whole {
                    self.make_room(End::Back, whole);
                }
                let at = self.buf.len();
                self.buf.resize(at + whole, 0);
                &mut self.buf[at..]
            }
        };
        needle.write(slot);
        write_back(&mut slot[size..], size);
        self.count += 1;
        self.extra += extra(item) as u32;
    }

    /// Moves to a buffer with room for at least `need` more bytes at one end, and none at the other.
    fn make_room(&mut self, end: End, need: usize) {
        let len = self.bytes().len();
        // A first element larger than that is likely to stay alone.
        let whole = match len {
            0 if need > FIRST_ROOM => need,
            _ => (len + need).next_power_of_two().max(FIRST_ROOM),
        };
        let mut buf = Vec::with_capacity(whole);
        let gap = if end == End::Front { whole - len } else { 0 };
        buf.resize(gap, 0);
        buf.extend_from_slice(self.bytes());
        (self.buf, self.start) = (buf, gap);
    }

    /// Removes the element at one end; there is one.
    pub(super) fn drop_end(&mut self, end: End) {
        match end {
            End::Front => self.cut(0, 1),
            End::Back => self.cut(self.len() - 1, 1),
        }
    }

    /// Removes the `count` elements from `index` on.
    pub(super) fn cut(&mut self, index: usize, count: usize) {
        let from = self.start + self.offset(index);
        let mut lost = 0;
        let mut at = from;
        for _ in 0..count {
            let (item, size) = Item::decode(&self.buf[at..]);
            lost += extra(item);
            at += total::<true>(size);
        }
        if from == self.start {
            self.start = at;
        } else {
            self.buf.drain(from..at);
        }
        self.count -= count as u32;
        self.extra -= lost as u32;
    }

    /// Inserts `item` before the element at `index`, which may be the count.
    pub(super) fn insert(&mut self, index: usize, item: Item<'_>) {
        match index {
            0 => self.push(End::Front, item),
            _ if index == self.len() => self.push(End::Back, item),
            _ => {
                let at = self.start + self.offset(index);
                self.put(at..at, item);
                self.count += 1;
            }
        }
    }

    /// Puts `item` in the place of the element at `index`, which exists.
    pub(super) fn replace(&mut self, index: usize, item: Item<'_>) {
        let at = self.start + self.offset(index);
        let (old, size) = Item::decode(&self.buf[at..]);
        self.extra -= extra(old) as u32;
        self.put(at..at + total::<true>(size), item);
    }

    /// Writes `item` over these bytes of the buffer, which are whole elements or none.
    fn put(&mut self, range: Range<usize>, item: Item<'_>) {
        let needle = Needle::new(item);
        let (size, whole) = (needle.size(), total::<true>(needle.size()));
        let at = range.start;
        self.buf.splice(range, std::iter::repeat_n(0, whole));
        needle.write(&mut self.buf[at..]);
        write_back(&mut self.buf[at + size..at + whole], size);
        self.extra += extra(item) as u32;
    }

    /// Moves the elements from `index` on into a node of their own.
    pub(super) fn split_off(&mut self, index: usize) -> Node {
        let at = self.start + self.offset(index);
        let sum = |bytes| Iter::<true>(bytes).map(extra).sum::<usize>() as u32;
        // The shorter part is counted.
        let lost = match index < self.len() / 2 {
            true => self.extra - sum(&self.buf[self.start..at]),
            false => sum(&self.buf[at..]),
        };
        let back =
            Node { buf: self.buf[at..].to_vec(), start: 0, count: self.count - index as u32, extra: lost };
        self.buf.truncate(at);
        self.count = index as u32;
        self.extra -= lost;
        back
    }

    /// Adds the elements of `other` behind its own.
    pub(super) fn append(&mut self, other: &Node) {
        self.buf.extend_from_slice(other.bytes());
        self.count += other.count;
        self.extra += other.extra;
    }

    /// Removes up to `max` elements equal to `item`, the first or the last ones; tells how many.
    pub(super) fn remove(&mut self, item: Item<'_>, from: End, max: usize) -> usize {
        let search = Search::new(item);
        let mut found = Vec::new();
        let mut at = self.start;
        while at < self.buf.len() {
            if search.leads(&self.buf[at..]) {
                found.push(at);
            }
            at += total::<true>(size_of_first(&self.buf[at..]));
        }
        let surplus = found.len().saturating_sub(max);
        let found = match from {
            End::Front => &found[..found.len() - surplus],
            End::Back => &found[surplus..],
        };
        if !found.is_empty() {
            let whole = total::<true>(search.size());
            let mut kept = Vec::with_capacity(self.bytes().len() - found.len() * whole);
            let mut at = self.start;
            for hit in found {
                kept.extend_from_slice(&self.buf[at..*hit]);
                at = hit + whole;
            }
            kept.extend_from_slice(&self.buf[at..]);
            (self.buf, self.start) = (kept, 0);
            self.count -= found.len() as u32;
            self.extra -= (extra(item) * found.len()) as u32;
        }
        found.len()
    }

    /// Gives back spare room worth it: the node is no longer at an end of its list.
    pub(super) fn settle(&mut self) {
        let len = self.bytes().len();
        if self.memory() - len > len / 16 {
            self.buf = self.bytes().to_vec();
            self.start = 0;
        }
    }
}

impl From<&Packed<true>> for Node {
    fn from(packed: &Packed<true>) -> Self {
        Node {
            buf: packed.bytes().to_vec(),
            start: 0,
            count: packed.len() as u32,
            extra: packed.iter().map(extra).sum::<usize>() as u32,
        }
    }
}

impl From<&Node> for Packed<true> {
    fn from(node: &Node) -> Self {
        let mut packed = Packed::from_bytes(node.bytes(), node.len());
        packed.set_note(node.extra);
        packed
    }
}
