//! From a member to its node: a hash index that grows, shrinks and is scanned in small steps.
//!
//! ```text
//!  hash, 48 bits   │ prefix: which segment │ tag, 16 bits │ rest │
//!
//!  directory       │ 0 │ 0 │ 1 │ 2 │        one entry for each prefix of the deepest segment
//!                    ╰───┴─╮  ╰──╮
//!  segment         │ ∅ │ tag,node │ tag,node │ ∅ │ ∅ │ tag,node │ …     one u64 for each slot
//! ```
//! A slot is a node's address with 16 bits of its hash above. A segment is an array with gaps, in order
//! of tags: the tag scaled to the array's length is where a search begins, and it ends at a gap or a
//! higher tag. So a segment is resized without reading a node, and only a split of a full one (8 KiB)
//! reads its nodes, to learn the next bit of their hashes. The whole is in order of hashes, whatever
//! the sizes of segments: a place in that order is a cursor that stays valid.
//!
//! Invariants: tags ascend; no gap between where a tag's search begins and where it stands.

use super::node::Node;
use crate::base::simd::prefetch;
use ahash::RandomState;
use std::sync::LazyLock;

/// Bits of a hash that are used; cursors are therefore below 2^48.
const HASH_BITS: u32 = 48;
const TAG_BITS: u32 = 16;
/// The largest hash.
pub(super) const HASH_MAX: u64 = (1 << HASH_BITS) - 1;
/// The deepest prefix.
const DEPTH_MAX: u32 = HASH_BITS - TAG_BITS;
/// Slots of a segment that is split instead of growing further.
const SLOTS_MAX: usize = if cfg!(test) { 64 } else { 1024 };
/// Slots behind the last place where a search may begin.
const TAIL: usize = 8;
const EMPTY: u64 = 0;

/// Keyed by secret numbers, so that nobody can choose members that collide.
static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The hash of a member, of [`HASH_BITS`] bits.
pub(super) fn hash(member: &[u8]) -> u64 {
    STATE.hash_one(member) >> (64 - HASH_BITS)
}

fn tag_of(slot: u64) -> u64 {
    slot >> Node::ADDRESS_BITS
}

fn node_of(slot: u64) -> Node {
    Node::from_address(slot & ((1 << Node::ADDRESS_BITS) - 1))
}

/// All members of one prefix.
#[derive(Debug, Default)]
struct Segment {
    slots: Vec<u64>,
    live: usize,
    prefix: u64,
    depth: u32,
}

/// The least number of slots of at least `slots` that fills one of the allocator's size classes.
fn size_class(slots: usize) -> usize {
    let slots = slots.max(2 * TAIL);
    slots.next_multiple_of(1 << ((slots - 1).ilog2() - 2))
}

/// Slots to give a segment of `live` members.
fn slots_for(live: usize) -> usize {
    if live == 0 { 0 } else { size_class(live + live / 4 + TAIL) }
}

impl Segment {
    /// The tag of `hash` behind this segment's prefix.
    fn tag(&self, hash: u64) -> u64 {
        (hash >> (DEPTH_MAX - self.depth)) & ((1 << TAG_BITS) - 1)
    }

    /// The lowest hash that has `tag` here.
    fn hash_of(&self, tag: u64) -> u64 {
        ((self.prefix << TAG_BITS) + tag) << (DEPTH_MAX - self.depth)
    }

    fn home(&self, tag: u64) -> usize {
        (tag as usize * (self.slots.len() - TAIL)) >> TAG_BITS
    }

    /// The first slot of `tag` or a higher one, or the gap where it would be.
    fn seek(&self, tag: u64) -> usize {
        if self.slots.is_empty() {
            return 0;
        }
        let mut at = self.home(tag);
        while self.slots.get(at).is_some_and(|slot| *slot != EMPTY && tag_of(*slot) < tag) {
            at += 1;
        }
        at
    }

    fn find(&self, tag: u64, is_it: impl Fn(Node) -> bool) -> Option<usize> {
        let from = self.seek(tag);
        let same = self.slots[from..].iter().take_while(|slot| **slot != EMPTY && tag_of(**slot) == tag);
        same.map(|slot| node_of(*slot)).position(is_it).map(|n| from + n)
    }

    /// Whether one more member would leave too few gaps.
    fn is_full(&self) -> bool {
        self.live + 1 > self.slots.len() * 7 / 8
    }

    /// Enters a slot; false when the gaps behind its place are used up.
    fn put(&mut self, slot: u64) -> bool {
        let at = self.seek(tag_of(slot));
        let Some(gap) = self.slots[at..].iter().position(|s| *s == EMPTY) else { return false };
        self.slots.copy_within(at..at + gap, at + 1);
        self.slots[at] = slot;
        self.live += 1;
        true
    }

    fn take(&mut self, at: usize) {
        let mut end = at + 1;
        while self.slots.get(end).is_some_and(|slot| *slot != EMPTY && self.home(tag_of(*slot)) < end) {
            end += 1;
        }
        self.slots.copy_within(at + 1..end, at);
        self.slots[end - 1] = EMPTY;
        self.live -= 1;
    }

    /// Enters slots in ascending order into at least `len` slots.
    fn fill(&mut self, from: impl Iterator<Item = u64> + Clone, mut len: usize) {
        'longer: loop {
            self.slots = vec![EMPTY; len];
            (self.live, len) = (0, size_class(len + 1));
            let mut free = 0;
            for slot in from.clone() {
                free = self.home(tag_of(slot)).max(free);
                let Some(place) = self.slots.get_mut(free) else { continue 'longer };
                *place = slot;
                (self.live, free) = (self.live + 1, free + 1);
            }
            return;
        }
    }

    fn resize(&mut self, len: usize) {
        let old = std::mem::take(&mut self.slots);
        self.fill(old.iter().copied().filter(|slot| *slot != EMPTY), len);
    }

    /// Splits by the next bit of the hashes; returns the upper half.
    fn split(&mut self) -> Segment {
        let old = std::mem::take(&mut self.slots);
        let (depth, prefix) = (self.depth + 1, self.prefix << 1);
        let mut low = Segment { depth, prefix, ..Segment::default() };
        let mut high = Segment { depth, prefix: prefix | 1, ..Segment::default() };
        let slots = old.iter().filter(|slot| **slot != EMPTY).map(|slot| {
            let node = node_of(*slot);
            let hash = hash(node.member());
            (hash, node)
        });
        let halves: Vec<_> = slots.collect();
        for half in [&mut low, &mut high] {
            let mut own: Vec<u64> = halves
                .iter()
                .filter(|(hash, _)| hash >> (HASH_BITS - depth) == half.prefix)
                .map(|(hash, node)| half.tag(*hash) << Node::ADDRESS_BITS | node.address())
                .collect();
            own.sort_unstable();
            half.fill(own.iter().copied(), slots_for(own.len()));
        }
        *self = low;
        high
    }

    /// Joins with the segment behind: tags lose their last bit and gain the one that told the two apart.
    fn join(&mut self, high: &Segment) {
        let old = std::mem::take(&mut self.slots);
        let widen = |bit: u64| {
            move |slot: &u64| {
                let tag = tag_of(*slot) >> 1 | bit << (TAG_BITS - 1);
                tag << Node::ADDRESS_BITS | node_of(*slot).address()
            }
        };
        let part = |slots: &[u64], bit| -> Vec<u64> {
            slots.iter().filter(|slot| **slot != EMPTY).map(widen(bit)).collect()
        };
        let both = [part(&old, 0), part(&high.slots, 1)].concat();
        (self.depth, self.prefix) = (self.depth - 1, self.prefix >> 1);
        self.fill(both.iter().copied(), slots_for(both.len()));
    }
}

/// The members of a sorted set by hash.
#[derive(Debug)]
pub(super) struct Index {
    directory: Vec<u32>,
    segments: Vec<Segment>,
    depth: u32,
    slots: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self { directory: vec![0], segments: vec![Segment::default()], depth: 0, slots: 0 }
    }
}

impl Index {
    fn id(&self, hash: u64) -> usize {
        self.directory[(hash >> (HASH_BITS - self.depth)) as usize] as usize
    }

    /// The node of `member`.
    pub fn find(&self, hash: u64, member: &[u8]) -> Option<Node> {
        let segment = &self.segments[self.id(hash)];
        let at = segment.find(segment.tag(hash), |node| node.member() == member)?;
        Some(node_of(segment.slots[at]))
    }

    /// Begins to bring the slot where a member of this hash is looked for into the cache.
    pub fn prefetch_slot(&self, hash: u64) {
        let segment = &self.segments[self.id(hash)];
        if !segment.slots.is_empty() {
            prefetch(&raw const segment.slots[segment.home(segment.tag(hash))]);
        }
    }

    /// A node whose member seems to have this hash: no node was looked at.
    pub fn guess(&self, hash: u64) -> Option<Node> {
        let segment = &self.segments[self.id(hash)];
        let tag = segment.tag(hash);
        let slot = segment.slots.get(segment.seek(tag));
        slot.filter(|slot| **slot != EMPTY && tag_of(**slot) == tag).map(|slot| node_of(*slot))
    }

    /// Adds a node whose member is not there yet.
    pub fn insert(&mut self, hash: u64, node: Node) {
        loop {
            let id = self.id(hash);
            let segment = &mut self.segments[id];
            let slot = segment.tag(hash) << Node::ADDRESS_BITS | node.address();
            if !segment.is_full() && segment.put(slot) {
                return;
            }
            let len = segment.slots.len();
            if len >= SLOTS_MAX && segment.depth < DEPTH_MAX {
                self.split(id);
            } else {
                segment.resize(size_class(len + 1));
                self.slots += segment.slots.len() - len;
            }
        }
    }

    /// Takes a node out that is there.
    pub fn remove(&mut self, hash: u64, node: Node) {
        let id = self.id(hash);
        let segment = &mut self.segments[id];
        let Some(at) = segment.find(segment.tag(hash), |other| other == node) else {
            unreachable!("a node of the set is in its index")
        };
        segment.take(at);
        if segment.live < segment.slots.len() / 3 {
            let len = segment.slots.len();
            segment.resize(slots_for(segment.live));
            self.slots = self.slots + segment.slots.len() - len;
            let prefix = self.segments[id].prefix;
            let depth = self.segments[id].depth;
            for up in 0..depth {
                if !self.join(prefix >> up, depth - up) {
                    break;
                }
            }
        }
    }

    /// The directory's entries for all hashes that begin with `prefix`.
    fn entries(&mut self, prefix: u64, depth: u32) -> &mut [u32] {
        let shift = self.depth - depth;
        &mut self.directory[(prefix << shift) as usize..((prefix + 1) << shift) as usize]
    }

    fn split(&mut self, id: usize) {
        if self.segments[id].depth == self.depth {
            self.directory = self.directory.iter().flat_map(|id| [*id; 2]).collect();
            self.depth += 1;
        }
        let len = self.segments[id].slots.len();
        let high = self.segments[id].split();
        self.slots = self.slots + self.segments[id].slots.len() + high.slots.len() - len;
        let new = self.segments.len() as u32;
        self.entries(high.prefix, high.depth).fill(new);
        self.segments.push(high);
    }

    /// Joins the segment of `prefix` with its other half; false when that would hold too many.
    fn join(&mut self, prefix: u64, depth: u32) -> bool {
        let [low, high] = [prefix & !1, prefix | 1].map(|prefix| self.entries(prefix, depth)[0] as usize);
        let live = self.segments[low].live + self.segments[high].live;
        if self.segments[low].depth != self.segments[high].depth || live > SLOTS_MAX / 4 {
            return false;
        }
        let gone = std::mem::take(&mut self.segments[high]);
        let len = self.segments[low].slots.len() + gone.slots.len();
        self.segments[low].join(&gone);
        self.slots = self.slots + self.segments[low].slots.len() - len;
        self.entries(prefix >> 1, depth - 1).fill(low as u32);
        self.segments.swap_remove(high);
        if let Some(moved) = self.segments.get(high) {
            let (prefix, depth) = (moved.prefix, moved.depth);
            self.entries(prefix, depth).fill(high as u32);
        }
        if self.segments.len() < self.segments.capacity() / 4 {
            self.segments.shrink_to(2 * self.segments.len());
        }
        while self.depth > 0 && self.segments.len() < 1 << (self.depth - 1) && self.halve() {}
        true
    }

    /// Halves the directory if no segment is as deep as it.
    fn halve(&mut self) -> bool {
        if self.directory.as_chunks::<2>().0.iter().any(|[a, b]| a != b) {
            return false;
        }
        self.directory = self.directory.iter().step_by(2).copied().collect();
        self.depth -= 1;
        true
    }

    /// Calls `visit` with nodes from `cursor` on, about `count` of them; returns the next cursor, 0 at the end.
    /// Nodes that are there from a scan's first call to its last are visited; some may be twice.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Node)) -> u64 {
        let (mut at, mut seen) = (cursor, 0);
        while at < 1 << HASH_BITS {
            let segment = &self.segments[self.id(at)];
            let from = segment.seek(segment.tag(at));
            let mut last = None;
            for slot in segment.slots[from..].iter().filter(|slot| **slot != EMPTY) {
                let tag = tag_of(*slot);
                if seen >= count && last != Some(tag) {
                    return segment.hash_of(tag);
                }
                visit(node_of(*slot));
                (seen, last) = (seen + 1, Some(tag));
            }
            at = segment.hash_of(1 << TAG_BITS);
        }
        0
    }

    /// Bytes allocated, without those of the nodes.
    pub fn memory(&self) -> usize {
        8 * self.slots + 4 * self.directory.capacity() + self.segments.capacity() * size_of::<Segment>()
    }
}

#[cfg(test)]
#[allow(unsafe_code)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeSet, HashMap};

    #[derive(Default)]
    struct Pair {
        index: Index,
        model: HashMap<u32, Node>,
    }

    impl Pair {
        fn toggle(&mut self, member: u32) {
            let text = member.to_le_bytes();
            let hash = hash(&text);
            match self.model.remove(&member) {
                Some(node) => {
                    assert_eq!(self.index.find(hash, &text), Some(node));
                    self.index.remove(hash, node);
                    // SAFETY: it has left index and model.
                    unsafe { node.free() }
                    assert_eq!(self.index.find(hash, &text), None);
                }
                None => {
                    let node = Node::new(0.0, &text);
                    self.index.insert(hash, node);
                    self.model.insert(member, node);
                    assert_eq!(self.index.find(hash, &text), Some(node));
                }
            }
        }

        fn check(&self) {
            let index = &self.index;
            assert_eq!(index.directory.len(), 1 << index.depth);
            assert_eq!(index.segments.iter().map(|s| s.live).sum::<usize>(), self.model.len());
            assert_eq!(index.segments.iter().map(|s| s.slots.len()).sum::<usize>(), index.slots);
            for (member, node) in &self.model {
                let text = member.to_le_bytes();
                assert_eq!(index.find(hash(&text), &text), Some(*node));
            }
            for (n, id) in index.directory.iter().enumerate() {
                let segment = &index.segments[*id as usize];
                assert_eq!(n as u64 >> (index.depth - segment.depth), segment.prefix);
            }
            let mut all = BTreeSet::new();
            let end = index.scan(0, usize::MAX, |node| assert!(all.insert(node.member().to_vec())));
            assert_eq!((end, all.len()), (0, self.model.len()));
        }
    }

    impl Drop for Pair {
        fn drop(&mut self) {
            for (_, node) in self.model.drain() {
                // SAFETY: the index goes too.
                unsafe { node.free() }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec(0..900u32, 1..4000)) {
            let mut pair = Pair::default();
            for step in &steps {
                pair.toggle(*step);
            }
            pair.check();
            for member in 0..900 {
                if pair.model.contains_key(&member) && member % 50 != 0 {
                    pair.toggle(member);
                }
            }
            pair.check();
        }

        #[test]
        fn a_scan_sees_what_stays(seed in 0..1_000_000u32, count in 1..40usize, grow in any::<bool>()) {
            let mut pair = Pair::default();
            let (stays, moves) = (seed..seed + 300, seed + 300..seed + 3000);
            stays.clone().for_each(|member| pair.toggle(member));
            if !grow {
                moves.clone().for_each(|member| pair.toggle(member));
            }
            let (mut cursor, mut seen, mut moves) = (0, BTreeSet::new(), moves);
            loop {
                cursor = pair.index.scan(cursor, count, |node| {
                    seen.insert(u32::from_le_bytes(node.member().try_into().unwrap()));
                });
                if cursor == 0 {
                    break;
                }
                moves.by_ref().take(100).for_each(|member| pair.toggle(member));
            }
            pair.check();
            prop_assert!(stays.into_iter().all(|member| seen.contains(&member)));
        }
    }

    #[test]
    fn memory_is_given_back() {
        let mut pair = Pair::default();
        let empty = pair.index.memory();
        (0..20_000).for_each(|member| pair.toggle(member));
        pair.check();
        let full = pair.index.memory();
        assert!(full < 20_000 * 14, "{full}");
        (0..20_000).for_each(|member| pair.toggle(member));
        assert!(pair.index.memory() < full / 50 + empty, "{}", pair.index.memory());
    }
}
