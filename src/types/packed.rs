//! The packed list: the small form of hash, set, sorted set and list, and the block of a stream.
//!
//! All elements stand in one allocation behind a thin pointer (8 bytes), in insertion order, each as
//! an [`Item`]. `Packed` walks forward only; `Packed<true>` keeps behind each element the
//! bytes it takes, and so also walks backward:
//!
//! ```text
//!            ┌────────┬──────┬──────┬─────┬──────┐
//!  Packed    │ header │ item │ item │  …  │ item │
//!            └────────┴──────┴──────┴─────┴──────┘
//!            ┌────────┬──────┬──────┬──────┬──────┬─────┐
//!  <true>    │ header │ item │ size │ item │ size │  …  │   size: 7 bits a byte, the low ones last,
//!            └────────┴──────┴──────┴──────┴──────┴─────┘   0x80 where more stand before
//! ```
//! An element's overhead is one byte for strings under 64 bytes (two under 4096), none for integers
//! under 128; one more byte in `Packed<true>`. The head takes 4 bytes, and 12 above 252.
//!
//! Positions ([`At`]) are byte offsets: valid until something before them changes.

use super::forms::Buffer;
use super::item::{Item, Needle, Search, size_of_first};
use super::thin::{COUNT_MAX, LEN_MAX, Thin};

/// The position of an element: valid until an element before it, or it, is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(u32);

impl At {
    /// The position of the first element.
    pub const START: At = At(0);

    fn offset(self) -> usize {
        self.0 as usize
    }
}

/// A list of small strings and integers in one allocation; with `BACK`, walkable backward.
#[derive(Clone)]
#[repr(transparent)]
pub struct Packed<const BACK: bool = false>(Thin);

// SAFETY: it is a Thin and nothing else.
#[allow(unsafe_code)]
unsafe impl<const BACK: bool> Buffer for Packed<BACK> {}

impl<const BACK: bool> Default for Packed<BACK> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BACK: bool> Packed<BACK> {
    /// An empty list, without an allocation.
    pub const fn new() -> Self {
        Packed(Thin::new())
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.0.count()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes its elements take, without the header.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Bytes it has allocated.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    /// A number that its owner keeps with it; 0 while it has no elements.
    pub(super) fn note(&self) -> u32 {
        self.0.note()
    }

    /// Sets that number: at most 255 while the elements take 252 bytes or fewer.
    pub(super) fn set_note(&mut self, note: u32) {
        self.0.set_note(note);
    }

    /// Whether `elements` more of `bytes` text together are sure to fit below the hard limits (1 GiB, 2^24).
    pub fn fits(&self, elements: usize, bytes: usize) -> bool {
        self.len().saturating_add(elements) <= COUNT_MAX
            && self.size().saturating_add(bytes).saturating_add(elements.saturating_mul(16)) <= LEN_MAX
    }

    /// Gives back spare memory.
    pub fn shrink(&mut self) {
        self.0.shrink();
    }

    /// The position behind the last element, where [`Packed::insert`] appends.
    pub fn end(&self) -> At {
        At(self.0.len() as u32)
    }

    /// The position of the first element.
    pub fn first(&self) -> Option<At> {
        self.existing(0)
    }

    /// The position of the element after the one at `at`.
    pub fn next(&self, at: At) -> Option<At> {
        self.existing(self.after(at.offset()))
    }

    /// The position of the element at `index`, counted from 0: by walking, from the nearer end if it can.
    pub fn seek(&self, index: usize) -> Option<At> {
        if index >= self.len() {
            return None;
        }
        let mut offset = 0;
        if BACK && index > self.len() / 2 {
            offset = self.0.len();
            for _ in index..self.len() {
                offset = self.before(offset);
            }
        } else {
            for _ in 0..index {
                offset = self.after(offset);
            }
        }
        Some(At(offset as u32))
    }

    /// How many elements stand before the one at `at`: by walking.
    pub fn index(&self, at: At) -> usize {
        let (mut offset, mut index) = (0, 0);
        while offset < at.offset() {
            offset = self.after(offset);
            index += 1;
        }
        index
    }

    /// The element at `at`.
    pub fn get(&self, at: At) -> Item<'_> {
        Item::decode(&self.0.bytes()[at.offset()..]).0
    }

    /// The element at `index`, counted from 0: by walking.
    pub fn nth(&self, index: usize) -> Option<Item<'_>> {
        self.seek(index).map(|at| self.get(at))
    }

    /// The elements from first to last.
    pub fn iter(&self) -> Iter<'_, BACK> {
        self.iter_from(At::START)
    }

    /// The elements from the one at `at` to the last.
    pub fn iter_from(&self, at: At) -> Iter<'_, BACK> {
        Iter(&self.0.bytes()[at.offset()..])
    }

    /// The first element equal to `item` among the one at `from` and every `step`th after it: with a
    /// step of 2, fields are searched and their values passed over.
    pub fn find(&self, from: At, item: Item<'_>, step: usize) -> Option<At> {
        let search = Search::new(item);
        let mut rest = &self.0.bytes()[from.offset()..];
        while !rest.is_empty() {
            if search.leads(rest) {
                return Some(At((self.0.len() - rest.len()) as u32));
            }
            for _ in 0..step {
                if rest.is_empty() {
                    return None;
                }
                rest = &rest[total::<BACK>(size_of_first(rest))..];
            }
        }
        None
    }

    /// Appends `item`.
    pub fn push(&mut self, item: Item<'_>) {
        self.insert(self.end(), &[item]);
    }

    /// Inserts `items` before the element at `at`.
    pub fn insert(&mut self, at: At, items: &[Item<'_>]) {
        self.splice(at, 0, items);
    }

    /// Puts `item` in the place of the element at `at`.
    pub fn replace(&mut self, at: At, item: Item<'_>) {
        self.splice(at, 1, &[item]);
    }

    /// Removes `n` elements from the one at `at` on; fewer when the list ends before.
    pub fn remove(&mut self, at: At, n: usize) {
        self.splice(at, n, &[]);
    }

    /// Puts `items` in the place of `n` elements from the one at `at` on.
    pub fn splice(&mut self, at: At, n: usize, items: &[Item<'_>]) {
        let (mut end, mut removed) = (at.offset(), 0);
        while removed < n && end < self.0.len() {
            end = self.after(end);
            removed += 1;
        }
        let new: usize = items.iter().map(|item| total::<BACK>(item.size())).sum();
        let count = self.len() - removed + items.len();
        let mut gap = self.0.splice(at.offset(), end - at.offset(), new, count);
        for item in items {
            let size = Needle::new(*item).write(gap);
            let total = total::<BACK>(size);
            if BACK {
                write_back(&mut gap[size..total], size);
            }
            gap = &mut gap[total..];
        }
    }

    /// Moves `n` elements from the one at `at` on before the element at `to`, which is none of them but the first, or the
    /// end; returns where they are then.
    pub fn relocate(&mut self, at: At, n: usize, to: At) -> At {
        let (from, to) = (at.offset(), to.offset());
        let behind = (0..n).fold(from, |offset, _| self.after(offset));
        let (size, bytes) = (behind - from, self.0.bytes_mut());
        if to <= from {
            bytes[to..behind].rotate_right(size);
            At(to as u32)
        } else {
            bytes[from..to].rotate_left(size);
            At((to - size) as u32)
        }
    }

    /// Removes the elements from the one at `at` on and returns them as a list of their own.
    pub fn split_off(&mut self, at: At) -> Self {
        let mut tail = Packed::new();
        let moved = self.iter_from(at).count();
        if moved > 0 {
            let bytes = &self.0.bytes()[at.offset()..];
            tail.0.splice(0, 0, bytes.len(), moved).copy_from_slice(bytes);
            let kept = self.len() - moved;
            self.0.splice(at.offset(), self.0.len() - at.offset(), 0, kept);
        }
        tail
    }

    /// A list of the `count` elements that stand in `bytes`.
    pub(super) fn from_bytes(bytes: &[u8], count: usize) -> Self {
        let mut list = Packed::new();
        list.0.splice(0, 0, bytes.len(), count).copy_from_slice(bytes);
        list
    }

    /// The bytes its elements stand in.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Appends the elements of `other`.
    pub fn append(&mut self, other: &Self) {
        let (bytes, count) = (other.0.bytes(), self.len() + other.len());
        self.0.splice(self.0.len(), 0, bytes.len(), count).copy_from_slice(bytes);
    }

    fn existing(&self, offset: usize) -> Option<At> {
        (offset < self.0.len()).then_some(At(offset as u32))
    }

    fn after(&self, offset: usize) -> usize {
        offset + total::<BACK>(size_of_first(&self.0.bytes()[offset..]))
    }

    /// The offset of the element that ends at `offset`; only with `BACK`.
    fn before(&self, offset: usize) -> usize {
        offset - last_total(&self.0.bytes()[..offset])
    }
}

impl Packed<true> {
    /// The position of the last element.
    pub fn last(&self) -> Option<At> {
        self.prev(self.end())
    }

    /// The position of the element before the one at `at`, which may be [`Packed::end`].
    pub fn prev(&self, at: At) -> Option<At> {
        (at > At::START).then(|| At(self.before(at.offset()) as u32))
    }
}

/// Bytes of an element whose item takes `size`.
pub(super) fn total<const BACK: bool>(size: usize) -> usize {
    if !BACK {
        return size;
    }
    if size < 128 {
        return size + 1;
    }
    let bits = usize::BITS - (size | 1).leading_zeros();
    size + bits.div_ceil(7) as usize
}

/// Fills `out` with `size`, to be read from its end.
pub(super) fn write_back(out: &mut [u8], mut size: usize) {
    let first = out.len() - 1;
    for (i, byte) in out.iter_mut().rev().enumerate() {
        *byte = size as u8 & 0x7F | if i < first { 0x80 } else { 0 };
        size >>= 7;
    }
}

/// Bytes of the last element in `bytes`, read from the size at its end.
pub(super) fn last_total(bytes: &[u8]) -> usize {
    let (mut size, mut shift) = (0, 0);
    for byte in bytes.iter().rev() {
        size |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    size + shift / 7
}

/// Walks the elements of a [`Packed`]; from either end with `BACK`.
#[derive(Clone)]
pub struct Iter<'a, const BACK: bool>(pub(super) &'a [u8]);

impl<'a, const BACK: bool> Iterator for Iter<'a, BACK> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (item, size) = Item::decode(self.0);
        self.0 = &self.0[total::<BACK>(size)..];
        Some(item)
    }

    /// Those before are passed over without being read.
    fn nth(&mut self, n: usize) -> Option<Item<'a>> {
        for _ in 0..n {
            if self.0.is_empty() {
                return None;
            }
            self.0 = &self.0[total::<BACK>(size_of_first(self.0))..];
        }
        self.next()
    }
}

impl<'a, const BACK: bool> Iter<'a, BACK> {
    /// Of each element, the bytes from it on, and how many of them it takes itself (see [`Item::decode`]).
    pub fn encoded(self) -> impl Iterator<Item = (&'a [u8], usize)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (here, size) = (rest, size_of_first(rest));
            rest = &rest[total::<BACK>(size)..];
            Some((here, size))
        })
    }

    /// Bytes of the elements left.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Of each element, whether it is the one searched for: faster than to decode and compare it.
    pub(super) fn matches(self, search: &Search<'_>) -> impl Iterator<Item = bool> {
        self.encoded().map(|(bytes, _)| search.leads(bytes))
    }
}

impl<'a> Iter<'a, true> {
    /// The same from the last element to the first.
    pub(super) fn matches_back(self, search: &Search<'_>) -> impl Iterator<Item = bool> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (before, last) = rest.split_at(rest.len() - last_total(rest));
            rest = before;
            Some(search.leads(last))
        })
    }
}

impl<'a> DoubleEndedIterator for Iter<'a, true> {
    fn next_back(&mut self) -> Option<Item<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (rest, last) = self.0.split_at(self.0.len() - last_total(self.0));
        self.0 = rest;
        Some(Item::decode(last).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => prop::collection::vec(any::<u8>(), 0..8),
            4 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
            4 => (-5000i64..5000).prop_map(|n| n.to_string().into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 60..200),
            1 => (4000usize..17_000).prop_map(|n| vec![b'v'; n]),
        ]
    }

    #[derive(Debug, Clone)]
    enum Op {
        Push(Vec<u8>),
        Relocate(usize, usize, usize),
        Insert(usize, Vec<Vec<u8>>),
        Replace(usize, Vec<u8>),
        Remove(usize, usize),
        Split(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let index = 0usize..1000;
        prop_oneof![
            4 => text().prop_map(Op::Push),
            2 => (index.clone(), prop::collection::vec(text(), 0..4)).prop_map(|(i, t)| Op::Insert(i, t)),
            2 => (index.clone(), text()).prop_map(|(i, t)| Op::Replace(i, t)),
            2 => (index.clone(), 0usize..4).prop_map(|(i, n)| Op::Remove(i, n)),
            1 => (index.clone(), 0usize..4, index.clone()).prop_map(|(i, n, to)| Op::Relocate(i, n, to)),
            1 => index.prop_map(Op::Split),
        ]
    }

    fn run<const BACK: bool>(ops: &[Op]) -> (Packed<BACK>, Vec<Vec<u8>>) {
        let (mut list, mut twin) = (Packed::<BACK>::new(), Vec::<Vec<u8>>::new());
        for op in ops {
            match op {
                Op::Push(t) => {
                    list.push(Item::from(&t[..]));
                    twin.push(t.clone());
                }
                Op::Insert(i, t) => {
                    let i = i % (twin.len() + 1);
                    let items: Vec<_> = t.iter().map(|t| Item::from(&t[..])).collect();
                    list.insert(list.seek(i).unwrap_or(list.end()), &items);
                    twin.splice(i..i, t.iter().cloned());
                }
                Op::Replace(i, t) if !twin.is_empty() => {
                    let i = i % twin.len();
                    list.replace(list.seek(i).unwrap(), Item::from(&t[..]));
                    twin[i] = t.clone();
                }
                Op::Remove(i, n) if !twin.is_empty() => {
                    let i = i % twin.len();
                    list.remove(list.seek(i).unwrap(), *n);
                    twin.drain(i..(i + n).min(twin.len()));
                }
                Op::Split(i) if !twin.is_empty() => {
                    let i = i % twin.len();
                    let tail = list.split_off(list.seek(i).unwrap());
                    assert_eq!(tail.len(), twin.len() - i);
                    list.append(&tail);
                }
                Op::Relocate(i, n, to) if !twin.is_empty() => {
                    let i = i % twin.len();
                    let n = *n.min(&(twin.len() - i));
                    let moved: Vec<_> = twin.drain(i..i + n).collect();
                    let to = to % (twin.len() + 1);
                    let place = if to > i { to + n } else { to };
                    let place = list.seek(place).unwrap_or(list.end());
                    let at = list.relocate(list.seek(i).unwrap(), n, place);
                    twin.splice(to..to, moved);
                    assert_eq!(at, list.seek(to).unwrap_or(list.end()));
                }
                _ => {}
            }
            assert_eq!(list.len(), twin.len());
        }
        (list, twin)
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_strings(ops in prop::collection::vec(op(), 0..120)) {
            let (list, twin) = run::<false>(&ops);
            prop_assert_eq!(list.iter().map(Item::to_vec).collect::<Vec<_>>(), twin.clone());
            for (i, text) in twin.iter().enumerate() {
                let (at, item) = (list.seek(i).unwrap(), Item::from(&text[..]));
                prop_assert_eq!((list.get(at), list.index(at)), (item, i));
                prop_assert_eq!(list.find(at, item, 1), Some(at));
                let found = list.find(At::START, item, 2);
                let first = twin.iter().step_by(2).position(|t| t == text);
                prop_assert_eq!(found, first.and_then(|n| list.seek(2 * n)));
            }
            prop_assert_eq!(list.find(At::START, Item::Bytes(b"not in there"), 1), None);
            let encoded = list.iter().encoded().map(|(bytes, size)| Item::decode(&bytes[..size]));
            prop_assert!(encoded.eq(list.iter().map(|item| (item, item.size()))));
            for (first, n) in [(0, 0), (1, 0), (0, 1), (2, 3), (0, 200)] {
                let (mut items, mut texts) = (list.iter(), twin.iter());
                if first > 0 {
                    items.nth(first - 1);
                    texts.nth(first - 1);
                }
                prop_assert_eq!(items.nth(n).map(Item::to_vec), texts.nth(n).cloned());
                prop_assert_eq!(items.next().map(Item::to_vec), texts.next().cloned());
            }
        }

        #[test]
        fn it_walks_backward(ops in prop::collection::vec(op(), 0..120)) {
            let (list, twin) = run::<true>(&ops);
            let mut back: Vec<_> = list.iter().rev().map(Item::to_vec).collect();
            back.reverse();
            prop_assert_eq!(&back, &twin);
            let mut at = list.end();
            for text in twin.iter().rev() {
                at = list.prev(at).unwrap();
                prop_assert_eq!(&list.get(at).to_vec(), text);
            }
            prop_assert_eq!(at, At::START);
        }
    }

    #[test]
    fn a_small_hash_takes_its_text_and_a_byte_for_each_string() {
        let mut list = Packed::<false>::new();
        for i in 0..5 {
            list.insert(list.end(), &[Item::Bytes(format!("field{i}").as_bytes()), Item::Bytes(b"value1")]);
        }
        assert_eq!((list.size(), list.memory()), (70, 80));
        list.remove(At::START, 10);
        assert_eq!((list.size(), list.len(), list.first()), (0, 0, None));
    }
}
