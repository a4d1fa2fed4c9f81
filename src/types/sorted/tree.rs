//! The order of a large sorted set: a B+-tree over (score, member) that knows the size of every subtree.
//!
//! Invariants:
//! - leaves hold scores and nodes in order, the scores beside the nodes so that a search by score
//!   touches no node;
//! - an inner node of `n` children has `n` counts, and `n - 1` separators: `separators[i - 1]` is
//!   exactly the first element of child `i`, so no separator outlives its node;
//! - all leaves are at the same depth, no child is empty, and the root is a leaf or has two children or more;
//! - the tree points to nodes and never frees them.
//!
//! Recursion goes down the tree, which is some six levels deep at most.

use super::node::Node;
use crate::base::simd::prefetch_lines;
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::ops::Range;

/// Elements of a leaf: it is then 1024 bytes, a size class of its own.
const LEAF_MAX: usize = if cfg!(test) { 8 } else { 63 };
/// Children of an inner node.
const INNER_MAX: usize = if cfg!(test) { 6 } else { 32 };
/// How many nodes an iterator brings into the cache ahead of the one it stands at.
const AHEAD: usize = 8;

/// A place between elements: before or behind all that compare equal to the given parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    /// Compared first; `None` leaves scores out, as ranges by member do.
    pub score: Option<f64>,
    /// Compared among equal scores; `None` stands for every member.
    pub member: Option<&'a [u8]>,
    /// Whether the place is behind what compares equal.
    pub after: bool,
}

impl<'a> Probe<'a> {
    /// The place right behind the element (score, member), whether it exists or not.
    pub fn behind(score: f64, member: &'a [u8]) -> Self {
        Self { score: Some(score), member: Some(member), after: true }
    }

    /// Whether an element of this score lies before this place; `compare` tells how its member
    /// stands to the given one, and is asked only where scores do not decide.
    pub fn is_past(&self, score: f64, compare: impl FnOnce(&[u8]) -> Ordering) -> bool {
        // No score is NaN; -0 and 0 are equal.
        let by_score = self.score.and_then(|own| score.partial_cmp(&own)).unwrap_or(Ordering::Equal);
        let order = by_score.then_with(|| self.member.map_or(Ordering::Equal, compare));
        order == Ordering::Less || (self.after && order == Ordering::Equal)
    }
}

/// How to find one element on the way down.
trait Path {
    fn child(&mut self, inner: &Inner) -> usize;
    fn slot(&mut self, leaf: &Leaf) -> usize;
}

/// An element of the tree.
struct Known {
    score: f64,
    node: Node,
}

impl Path for Known {
    fn child(&mut self, inner: &Inner) -> usize {
        inner.child_at(&Probe::behind(self.score, self.node.member()))
    }

    fn slot(&mut self, leaf: &Leaf) -> usize {
        leaf.place(self.score, self.node)
    }
}

/// The element of a rank; finds its neighbour as well, which is the next one for who takes from an end.
struct Ranked {
    rank: usize,
    neighbour: Option<Node>,
}

impl Path for Ranked {
    fn child(&mut self, inner: &Inner) -> usize {
        inner.child_of(&mut self.rank)
    }

    fn slot(&mut self, leaf: &Leaf) -> usize {
        let at = self.rank;
        let downwards = at + 1 == leaf.len();
        let near = |n: usize| leaf.nodes.get(if downwards { at.wrapping_sub(n) } else { at + n });
        self.neighbour = near(1).copied();
        if let Some(node) = near(AHEAD) {
            node.prefetch();
        }
        at
    }
}

#[derive(Debug, Default)]
struct Leaf {
    scores: SmallVec<[f64; LEAF_MAX]>,
    nodes: SmallVec<[Node; LEAF_MAX]>,
}

impl Leaf {
    fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many elements lie before `probe`.
    fn position(&self, probe: &Probe) -> usize {
        let (mut low, mut high) = (0, self.len());
        if let Some(score) = probe.score {
            low = self.scores.partition_point(|s| *s < score);
            high = low + self.scores[low..].partition_point(|s| *s == score);
        }
        let among_equals = Probe { score: None, ..*probe };
        low + self.nodes[low..high]
            .partition_point(|node| among_equals.is_past(0.0, |own| node.member().cmp(own)))
    }

    /// Where `node` stands, which is in here under `score`. No member is read.
    fn place(&self, score: f64, node: Node) -> usize {
        let low = self.scores.partition_point(|s| *s < score);
        let place = self.nodes[low..].iter().position(|other| *other == node);
        low + place.expect("a node of the set is in its tree")
    }

    /// Moves `node` to where it belongs with another `score`. False where one of both places is the leaf's first, or the
    /// new one behind the leaf, whose elements lie before `bound`: then nothing changes.
    fn rescore(&mut self, node: Node, score: f64, bound: Option<(f64, Node)>) -> bool {
        let (from, there) = (self.place(node.score(), node), Probe::behind(score, node.member()));
        let to = self.position(&there) - usize::from(self.scores[from] <= score);
        let is_bound_past = |(score, first): (f64, Node)| there.is_past(score, |own| first.member().cmp(own));
        if from == 0 || to == 0 || bound.is_some_and(is_bound_past) {
            return false;
        }
        if from < to {
            self.scores[from..=to].rotate_left(1);
            self.nodes[from..=to].rotate_left(1);
        } else {
            self.scores[to..=from].rotate_right(1);
            self.nodes[to..=from].rotate_right(1);
        }
        self.scores[to] = score;
        node.set_score(score);
        true
    }

    fn insert(&mut self, at: usize, score: f64, node: Node) {
        self.scores.insert(at, score);
        self.nodes.insert(at, node);
    }

    fn split_off(&mut self, at: usize) -> Leaf {
        let right = Leaf {
            scores: SmallVec::from_slice(&self.scores[at..]),
            nodes: SmallVec::from_slice(&self.nodes[at..]),
        };
        self.scores.truncate(at);
        self.nodes.truncate(at);
        right
    }

    /// Moves the last `n` elements to the front of `right`.
    fn shift_right(&mut self, n: usize, right: &mut Leaf) {
        let keep = self.len() - n;
        right.scores.insert_from_slice(0, &self.scores[keep..]);
        right.nodes.insert_from_slice(0, &self.nodes[keep..]);
        self.scores.truncate(keep);
        self.nodes.truncate(keep);
    }

    /// Takes the first `n` elements of `right` to the end.
    fn shift_left(&mut self, n: usize, right: &mut Leaf) {
        self.scores.extend(right.scores.drain(..n));
        self.nodes.extend(right.nodes.drain(..n));
    }
}

#[derive(Debug, Default)]
struct Inner {
    separators: SmallVec<[(f64, Node); INNER_MAX]>,
    counts: SmallVec<[usize; INNER_MAX]>,
    children: SmallVec<[Child; INNER_MAX]>,
}

#[derive(Debug)]
enum Child {
    Leaf(Box<Leaf>),
    Inner(Box<Inner>),
}

/// The right half of a node that was split.
struct Split {
    first: (f64, Node),
    count: usize,
    child: Child,
}

impl Inner {
    /// The child that holds the element right before `probe`, or would hold one inserted there.
    fn child_at(&self, probe: &Probe) -> usize {
        self.separators.partition_point(|(score, node)| probe.is_past(*score, |own| node.member().cmp(own)))
    }

    /// The child that holds the element of this rank, which becomes its rank in there.
    fn child_of(&self, rank: &mut usize) -> usize {
        let mut i = 0;
        while *rank >= self.counts[i] {
            *rank -= self.counts[i];
            i += 1;
        }
        i
    }

    /// Makes room in the full leaf `i` by moving elements to a neighbour with room; false if there is none.
    fn make_room(&mut self, i: usize) -> bool {
        const ROOMY: usize = LEAF_MAX * 3 / 4;
        let room = |child: Option<&Child>| match child {
            Some(Child::Leaf(leaf)) if leaf.len() <= ROOMY => (LEAF_MAX - leaf.len()).div_ceil(2),
            _ => 0,
        };
        let before = if i > 0 { room(self.children.get(i - 1)) } else { 0 };
        let behind = room(self.children.get(i + 1));
        if before.max(behind) == 0 {
            return false;
        }
        let (left, n) = if before > behind { (i - 1, before) } else { (i, behind) };
        let [Child::Leaf(a), Child::Leaf(b)] = &mut self.children[left..left + 2] else {
            unreachable!("leaves are at one depth")
        };
        if before > behind {
            a.shift_left(n, b);
        } else {
            a.shift_right(n, b);
        }
        self.counts[left] = a.len();
        self.counts[left + 1] = b.len();
        self.separators[left] = (b.scores[0], b.nodes[0]);
        true
    }

    fn insert(&mut self, probe: &Probe, node: Node, rightmost: bool, bytes: &mut usize) -> Option<Split> {
        let mut i = self.child_at(probe);
        let last = |i, of: &Self| rightmost && i + 1 == of.children.len();
        if let Child::Leaf(leaf) = &self.children[i]
            && leaf.len() == LEAF_MAX
            && !last(i, self)
            && self.make_room(i)
        {
            i = self.child_at(probe);
        }
        let rightmost = last(i, self);
        let split = self.children[i].insert(probe, node, rightmost, bytes);
        self.counts[i] += 1;
        let split = split?;
        self.counts[i] -= split.count;
        self.separators.insert(i, split.first);
        self.counts.insert(i + 1, split.count);
        self.children.insert(i + 1, split.child);
        if self.children.len() < INNER_MAX {
            return None;
        }
        let keep = if rightmost { INNER_MAX - 2 } else { INNER_MAX / 2 };
        let right = Inner {
            separators: self.separators.drain(keep..).collect(),
            counts: self.counts.drain(keep..).collect(),
            children: self.children.drain(keep..).collect(),
        };
        let first = self.separators.pop()?;
        *bytes += size_of::<Inner>();
        Some(Split { first, count: right.counts.iter().sum(), child: Child::Inner(Box::new(right)) })
    }

    /// Takes one element out; tells whether it was the first of this subtree.
    fn take(&mut self, path: &mut impl Path, bytes: &mut usize) -> (Node, bool) {
        let i = path.child(self);
        let (node, was_first) = self.children[i].take(path, bytes);
        self.counts[i] -= 1;
        if self.counts[i] == 0 {
            self.counts.remove(i);
            *bytes -= self.children.remove(i).size();
            if !self.separators.is_empty() {
                self.separators.remove(i.saturating_sub(1));
            }
        } else {
            if was_first && i > 0 {
                self.separators[i - 1] = self.children[i].first();
            }
            self.merge(i, bytes);
        }
        (node, was_first && i == 0)
    }

    /// Joins child `i` with a neighbour if both together fill three quarters of a node at most.
    fn merge(&mut self, i: usize, bytes: &mut usize) {
        let fits = |left: usize| match self.children.get(left..left + 2) {
            Some([Child::Leaf(a), Child::Leaf(b)]) => a.len() + b.len() <= LEAF_MAX * 3 / 4,
            Some([Child::Inner(a), Child::Inner(b)]) => {
                a.children.len() + b.children.len() <= INNER_MAX * 3 / 4
            }
            _ => false,
        };
        let left = if fits(i) {
            i
        } else if i > 0 && fits(i - 1) {
            i - 1
        } else {
            return;
        };
        let separator = self.separators.remove(left);
        let count = self.counts.remove(left + 1);
        let right = self.children.remove(left + 1);
        *bytes -= right.size();
        self.counts[left] += count;
        match (&mut self.children[left], right) {
            (Child::Leaf(a), Child::Leaf(b)) => {
                a.scores.extend_from_slice(&b.scores);
                a.nodes.extend_from_slice(&b.nodes);
            }
            (Child::Inner(a), Child::Inner(b)) => {
                a.separators.push(separator);
                a.separators.extend(b.separators);
                a.counts.extend(b.counts);
                a.children.extend(b.children);
            }
            _ => unreachable!("leaves are at one depth"),
        }
    }
}

impl Child {
    /// Bytes of the node itself.
    fn size(&self) -> usize {
        match self {
            Child::Leaf(_) => size_of::<Leaf>(),
            Child::Inner(_) => size_of::<Inner>(),
        }
    }

    /// The first element.
    fn first(&self) -> (f64, Node) {
        let mut at = self;
        loop {
            match at {
                Child::Leaf(leaf) => return (leaf.scores[0], leaf.nodes[0]),
                Child::Inner(inner) => at = &inner.children[0],
            }
        }
    }

    fn insert(&mut self, probe: &Probe, node: Node, rightmost: bool, bytes: &mut usize) -> Option<Split> {
        let leaf = match self {
            Child::Inner(inner) => return inner.insert(probe, node, rightmost, bytes),
            Child::Leaf(leaf) => leaf,
        };
        let (at, score) = (leaf.position(probe), node.score());
        if leaf.len() < LEAF_MAX {
            leaf.insert(at, score, node);
            return None;
        }
        // Ascending inserts (a timeline) leave full leaves behind.
        let keep = if rightmost && at == LEAF_MAX { LEAF_MAX } else { LEAF_MAX / 2 };
        let mut right = Box::new(leaf.split_off(keep));
        *bytes += size_of::<Leaf>();
        if at < keep {
            leaf.insert(at, score, node);
        } else {
            right.insert(at - keep, score, node);
        }
        let first = (right.scores[0], right.nodes[0]);
        Some(Split { first, count: right.len(), child: Child::Leaf(right) })
    }

    fn take(&mut self, path: &mut impl Path, bytes: &mut usize) -> (Node, bool) {
        match self {
            Child::Inner(inner) => inner.take(path, bytes),
            Child::Leaf(leaf) => {
                let at = path.slot(leaf);
                leaf.scores.remove(at);
                (leaf.nodes.remove(at), at == 0)
            }
        }
    }
}

/// The elements of a sorted set in order.
#[derive(Debug)]
pub(super) struct Tree {
    root: Child,
    len: usize,
    bytes: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: Child::Leaf(Box::default()), len: 0, bytes: size_of::<Leaf>() }
    }
}

impl Tree {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a node, which must not be in the tree yet.
    pub fn insert(&mut self, node: Node) {
        let probe = Probe::behind(node.score(), node.member());
        let split = self.root.insert(&probe, node, true, &mut self.bytes);
        self.len += 1;
        if let Some(Split { first, count, child }) = split {
            let mut inner = Box::<Inner>::default();
            inner.separators.push(first);
            inner.counts.extend([self.len - count, count]);
            let left = std::mem::replace(&mut self.root, Child::Leaf(Box::default()));
            inner.children.extend([left, child]);
            self.root = Child::Inner(inner);
            self.bytes += size_of::<Inner>();
        }
    }

    /// Takes out a node that is in the tree under `score`.
    pub fn remove(&mut self, score: f64, node: Node) {
        self.take(&mut Known { score, node });
    }

    /// Gives a node of the tree another score.
    pub fn rescore(&mut self, node: Node, score: f64) {
        if !self.rescore_in_leaf(node, score) {
            self.remove(node.score(), node);
            node.set_score(score);
            self.insert(node);
        }
    }

    /// Likewise where it stays in its leaf, behind the first there: most scores change by little. False if it does not.
    fn rescore_in_leaf(&mut self, node: Node, score: f64) -> bool {
        let here = Probe::behind(node.score(), node.member());
        let (mut at, mut bound) = (&mut self.root, None);
        loop {
            match at {
                Child::Leaf(leaf) => return leaf.rescore(node, score, bound),
                Child::Inner(inner) => {
                    let i = inner.child_at(&here);
                    bound = inner.separators.get(i).copied().or(bound);
                    at = &mut inner.children[i];
                }
            }
        }
    }

    /// Begins to bring a leaf that may hold elements of this score into the cache: its scores, which are searched first.
    pub fn prefetch_leaf(&self, score: f64) {
        let (mut at, place) = (&self.root, Probe { score: Some(score), member: None, after: false });
        loop {
            match at {
                Child::Leaf(leaf) => {
                    return prefetch_lines(leaf.scores.as_ptr().cast(), size_of::<Leaf>() / 64);
                }
                Child::Inner(inner) => at = &inner.children[inner.child_at(&place)],
            }
        }
    }

    /// Takes out the element of this rank; tells its neighbour as well, if they share a leaf: the one that is
    /// taken next by who takes from an end.
    pub fn remove_at(&mut self, rank: usize) -> (Node, Option<Node>) {
        assert!(rank < self.len, "rank {rank} of {}", self.len);
        let mut path = Ranked { rank, neighbour: None };
        (self.take(&mut path), path.neighbour)
    }

    fn take(&mut self, path: &mut impl Path) -> Node {
        let (node, _) = self.root.take(path, &mut self.bytes);
        self.len -= 1;
        while let Child::Inner(inner) = &mut self.root
            && inner.children.len() < 2
        {
            self.root = inner.children.pop().unwrap_or(Child::Leaf(Box::default()));
            self.bytes -= size_of::<Inner>();
        }
        node
    }

    /// How many elements lie before `probe`.
    pub fn rank(&self, probe: &Probe) -> usize {
        let (mut at, mut rank) = (&self.root, 0);
        loop {
            match at {
                Child::Leaf(leaf) => return rank + leaf.position(probe),
                Child::Inner(inner) => {
                    let i = inner.child_at(probe);
                    rank += inner.counts[..i].iter().sum::<usize>();
                    at = &inner.children[i];
                }
            }
        }
    }

    /// The leaf that holds the element of this rank, and where in it.
    fn leaf(&self, mut rank: usize) -> (&Leaf, usize) {
        let mut at = &self.root;
        loop {
            match at {
                Child::Leaf(leaf) => return (leaf, rank),
                Child::Inner(inner) => at = &inner.children[inner.child_of(&mut rank)],
            }
        }
    }

    /// The elements of these ranks in order, from either end.
    pub fn range(&self, ranks: Range<usize>) -> Elements<'_> {
        let ranks = ranks.start..ranks.end.min(self.len);
        Elements { tree: self, ranks, front: Run::default(), back: Run::default() }
    }

    /// Bytes allocated, without those of the nodes.
    pub fn memory(&self) -> usize {
        self.bytes
    }
}

/// What is left of the leaf an end of an iterator stands in.
#[derive(Clone, Debug, Default)]
struct Run<'a> {
    scores: &'a [f64],
    nodes: &'a [Node],
}

/// Elements of a tree in order. An end that leaves its leaf finds the next one by rank, from the root.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a> {
    tree: &'a Tree,
    ranks: Range<usize>,
    front: Run<'a>,
    back: Run<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (f64, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next()?;
        if self.front.nodes.is_empty() {
            let (leaf, at) = self.tree.leaf(rank);
            self.front = Run { scores: &leaf.scores[at..], nodes: &leaf.nodes[at..] };
            let near = self.front.nodes.iter().take(AHEAD.min(self.ranks.len()));
            near.skip(1).for_each(|node| node.prefetch());
        }
        if let Some(node) = self.front.nodes.get(AHEAD) {
            node.prefetch();
        }
        let (score, scores) = self.front.scores.split_first()?;
        let (node, nodes) = self.front.nodes.split_first()?;
        self.front = Run { scores, nodes };
        Some((*score, node))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Elements<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next_back()?;
        if self.back.nodes.is_empty() {
            let (leaf, at) = self.tree.leaf(rank);
            self.back = Run { scores: &leaf.scores[..=at], nodes: &leaf.nodes[..=at] };
            let near = self.back.nodes.iter().rev().take(AHEAD.min(self.ranks.len()));
            near.skip(1).for_each(|node| node.prefetch());
        }
        if let [.., node, _, _, _, _, _, _, _, _] = self.back.nodes {
            node.prefetch();
        }
        let (score, scores) = self.back.scores.split_last()?;
        let (node, nodes) = self.back.nodes.split_last()?;
        self.back = Run { scores, nodes };
        Some((*score, node))
    }
}

impl ExactSizeIterator for Elements<'_> {}

#[cfg(test)]
mod tests;
