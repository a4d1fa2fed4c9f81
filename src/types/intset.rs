//! A sorted set of integers in one allocation, as wide as its widest member needs.
//!
//! ```text
//! ┌────────┬───────┬───────┬─────┐
//! │ header │ n[0]  │ n[1]  │  …  │   each 2, 4 or 8 bytes, little-endian, ascending
//! └────────┴───────┴───────┴─────┘
//! ```
//! The width is not stored: it is the bytes divided by the count. It only ever grows.

use super::forms::Buffer;
use super::thin::{COUNT_MAX, LEN_MAX, Thin};

/// The most members an [`IntSet`] can hold.
pub const INTSET_MAX: usize = if COUNT_MAX < LEN_MAX / 8 { COUNT_MAX } else { LEN_MAX / 8 };

/// A sorted set of 64-bit integers, 8 bytes wide itself.
#[derive(Clone)]
#[repr(transparent)]
pub struct IntSet(Thin);

// SAFETY: it is a Thin and nothing else.
#[allow(unsafe_code)]
unsafe impl Buffer for IntSet {}

impl Default for IntSet {
    fn default() -> Self {
        Self::new()
    }
}

fn read(bytes: &[u8], width: usize, index: usize) -> i64 {
    let n = &bytes[index * width..][..width];
    match *n {
        [a, b] => i16::from_le_bytes([a, b]).into(),
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("an intset's width is 2, 4 or 8, not {width}"),
    }
}

fn write(bytes: &mut [u8], width: usize, index: usize, n: i64) {
    bytes[index * width..][..width].copy_from_slice(&n.to_le_bytes()[..width]);
}

fn width_of(n: i64) -> usize {
    if i16::try_from(n).is_ok() {
        2
    } else if i32::try_from(n).is_ok() {
        4
    } else {
        8
    }
}

impl IntSet {
    /// An empty set, without an allocation.
    pub const fn new() -> Self {
        IntSet(Thin::new())
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        self.0.count()
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes it has allocated.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    fn width(&self) -> usize {
        self.0.len().checked_div(self.len()).unwrap_or(2)
    }

    /// The member at `index` in ascending order.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| read(self.0.bytes(), self.width(), index))
    }

    /// The index of `n`, or where it would be inserted.
    fn search(&self, n: i64) -> Result<usize, usize> {
        let bytes = self.0.bytes();
        match self.width() {
            2 => bytes.as_chunks().0.binary_search_by_key(&n, |n| i16::from_le_bytes(*n).into()),
            4 => bytes.as_chunks().0.binary_search_by_key(&n, |n| i32::from_le_bytes(*n).into()),
            _ => bytes.as_chunks().0.binary_search_by_key(&n, |n| i64::from_le_bytes(*n)),
        }
    }

    /// Whether `n` is a member.
    pub fn contains(&self, n: i64) -> bool {
        self.search(n).is_ok()
    }

    /// Adds `n`; false when it is a member already. At most [`INTSET_MAX`] members fit.
    pub fn insert(&mut self, n: i64) -> bool {
        let Err(index) = self.search(n) else { return false };
        let (len, need) = (self.len(), width_of(n));
        if need > self.width() {
            self.widen(need);
        }
        let width = if len == 0 { need } else { self.width() };
        let gap = self.0.splice(index * width, 0, width, len + 1);
        write(gap, width, 0, n);
        true
    }

    fn widen(&mut self, width: usize) {
        let (old, len) = (self.width(), self.len());
        let end = self.0.len();
        self.0.splice(end, 0, len * (width - old), len);
        let bytes = self.0.bytes_mut();
        for index in (0..len).rev() {
            let n = read(bytes, old, index);
            write(bytes, width, index, n);
        }
    }

    /// Removes `n`; false when it is no member.
    pub fn remove(&mut self, n: i64) -> bool {
        let Ok(index) = self.search(n) else { return false };
        let (len, width) = (self.len(), self.width());
        self.0.splice(index * width, width, 0, len - 1);
        true
    }

    /// The members in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> + DoubleEndedIterator + Clone + '_ {
        let (bytes, width) = (self.0.bytes(), self.width());
        (0..self.len()).map(move |index| read(bytes, width, index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_sorted_set(ops in prop::collection::vec(
            (any::<bool>(), prop_oneof![-9i64..9, any::<i16>().prop_map(i64::from), any::<i32>().prop_map(i64::from), any::<i64>()]),
            0..200,
        )) {
            let (mut set, mut twin) = (IntSet::new(), BTreeSet::new());
            for (add, n) in ops {
                if add {
                    prop_assert_eq!(set.insert(n), twin.insert(n));
                } else {
                    prop_assert_eq!(set.remove(n), twin.remove(&n));
                }
                prop_assert_eq!(set.contains(n), twin.contains(&n));
                prop_assert_eq!(set.iter().collect::<Vec<_>>(), twin.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(set.get(0), twin.first().copied());
            }
        }
    }

    #[test]
    fn ten_small_members_take_24_bytes() {
        let mut set = IntSet::new();
        for n in 0..10 {
            assert!(set.insert(1000 * n));
        }
        assert_eq!((set.len(), set.memory(), set.get(10)), (10, 24, None));
        set.insert(1 << 40);
        assert_eq!((set.len(), set.memory(), set.get(10)), (11, 96, Some(1 << 40)));
    }
}
