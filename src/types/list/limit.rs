//! How much a node may hold, and what form a list has: `list-max-listpack-size`.
//!
//! Sizes are those of the listpack that Redis would hold in our place, so that the form reported
//! changes where Redis' changes.

use crate::types::{Item, Packing};

/// Bytes of a listpack without elements.
const EMPTY: usize = 7;
/// Redis' allowance for what an element takes beside its text.
const ELEMENT: usize = 8;
/// Bytes a node may have when it is limited by its count.
const COUNTED_BYTES: usize = 8192;
/// Bytes a node may have for the settings -1 to -5.
const BYTES: [usize; 5] = [4096, 8192, 16_384, 32_768, 65_536];

/// The limits of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    bytes: usize,
    count: usize,
}

/// The size of a run of elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Bytes of our own form.
    pub bytes: usize,
    /// What a listpack takes beyond that.
    pub extra: usize,
    /// How many elements.
    pub count: usize,
}

impl Size {
    fn listpack(self) -> usize {
        EMPTY + self.bytes + self.extra
    }
}

/// What a listpack takes for `item` beyond our form: it has no integers of 40, 48 or 56 bits.
pub(super) fn extra(item: Item<'_>) -> usize {
    match item {
        Item::Int(n) if i32::try_from(n).is_err() => 9 - item.size(),
        _ => 0,
    }
}

impl Limit {
    pub(super) fn new(packing: &Packing) -> Self {
        match packing.list_max_listpack_size() {
            count @ 0.. => Limit { bytes: usize::MAX, count: count.max(1) as usize },
            level => Limit { bytes: BYTES[level.unsigned_abs().min(5) as usize - 1], count: usize::MAX },
        }
    }

    fn is_exceeded(self, bytes: usize, count: usize) -> bool {
        let by_count = self.bytes == usize::MAX && (bytes > COUNTED_BYTES || count > self.count);
        by_count || bytes > self.bytes
    }

    /// Whether a packed list of `size` becomes one of nodes when `count` elements of `text` bytes join it.
    pub(super) fn outgrown(self, size: Size, count: usize, text: usize) -> bool {
        self.is_exceeded(size.listpack() + text, size.count + count)
    }

    /// Whether a node of `size` has room for an element of `text` bytes.
    pub(super) fn admits(self, size: Size, text: usize) -> bool {
        !self.is_exceeded(size.listpack() + text + ELEMENT, size.count + 1)
    }

    /// Whether an element of `text` bytes has to have a node of its own.
    pub(super) fn is_large(self, text: usize) -> bool {
        text > if self.bytes == usize::MAX { COUNTED_BYTES } else { self.bytes }
    }

    /// Whether two nodes may become one.
    pub(super) fn admits_merge(self, a: Size, b: Size) -> bool {
        !self.is_exceeded(a.listpack() + b.listpack() - EMPTY, a.count + b.count)
    }

    /// Whether a packed list may be of `size`.
    pub(super) fn holds(self, size: Size) -> bool {
        size.listpack() <= self.bytes && size.count <= self.count
    }

    /// Whether a list of one node of `size` becomes a packed list again after it lost elements.
    pub(super) fn shrunk_to(self, size: Size) -> bool {
        let bytes = if self.bytes == usize::MAX { usize::MAX } else { self.bytes / 2 };
        let count = if self.count == usize::MAX { usize::MAX } else { self.count / 2 };
        size.listpack() <= bytes && size.count <= count
    }
}
