//! The sorted set: unique members in the order of (score, member bytes).
//!
//! A small one is one packed list. A large one has an index from members to nodes, and a B+-tree over
//! the nodes that counts its subtrees, so that ranks and ranges of any kind take O(log n); every member
//! is stored once. Scores are never NaN.

mod index;
mod large;
mod node;
mod range;
mod small;
mod tree;

pub use range::{LexEdge, LexRange, ScoreEdge, ScoreRange};

use super::forms::forms;
use super::{Item, PackedIter, Packing};
use crate::base::random;
use large::Large;
use small::Small;
use std::ops::Range;
use tree::Probe;

/// A sorted set.
#[derive(Clone)]
pub struct Sorted(Forms);

forms! { Small(Small); Large(Large) }

/// What became of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It is as it was.
    None,
    /// It is new, with this score.
    Added(f64),
    /// It has another score than before: this one.
    Updated(f64),
}

impl Default for Sorted {
    fn default() -> Self {
        Self::new()
    }
}

impl Sorted {
    /// An empty sorted set.
    pub fn new() -> Self {
        Sorted(Form::Small(Small::default()).into())
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        match self.0.view() {
            View::Small(small) => small.len(),
            View::Large(large) => large.len(),
        }
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers with.
    pub fn encoding(&self) -> &'static str {
        match self.0.view() {
            View::Small(_) => "listpack",
            View::Large(_) => "skiplist",
        }
    }

    /// Allocations to free, roughly.
    pub fn weight(&self) -> usize {
        match self.0.view() {
            View::Small(_) => 1,
            View::Large(large) => large.len(),
        }
    }

    /// Bytes it has allocated.
    pub fn memory(&self) -> usize {
        match self.0.view() {
            View::Small(small) => small.memory(),
            View::Large(large) => large.memory(),
        }
    }

    /// Takes the large form if `members` are more than a small one may have, before they are added.
    pub fn expect(&mut self, members: usize, packing: &Packing) {
        if members as i64 > packing.zset_max_listpack_entries() {
            self.large();
        }
    }

    /// Takes the large form, however few members there are.
    pub fn spread(&mut self) {
        self.large();
    }

    /// Whether it has the large form.
    pub fn is_large(&self) -> bool {
        matches!(self.0.view(), View::Large(_))
    }

    /// The large form, which it takes.
    fn large(&mut self) -> &mut Large {
        if let View::Small(small) = self.0.view() {
            let mut large = Box::<Large>::default();
            for (member, score) in small.iter_from(0) {
                large.add(score, member.text().as_bytes());
            }
            self.0 = Form::Large(large).into();
        }
        match self.0.view_mut() {
            ViewMut::Large(large) => large,
            ViewMut::Small(_) => unreachable!("it has just become large"),
        }
    }

    /// Takes the small form again if it may: for a set that was just computed.
    pub fn pack(&mut self, packing: &Packing) {
        let View::Large(large) = self.0.view() else { return };
        if large.len() as i64 > packing.zset_max_listpack_entries() {
            return;
        }
        let mut small = Small::default();
        for (score, node) in large.range(0..large.len()) {
            if node.member().len() as i64 > packing.zset_max_listpack_value()
                || !small.fits(node.member().len())
            {
                return;
            }
            small.push(score, node.member());
        }
        self.0 = Form::Small(small).into();
    }

    /// Begins to bring the place where `member` is looked for into the cache; returns a hash for [`Self::prefetch_record`].
    /// `None` in a small form, of which there is only the whole.
    pub fn prefetch_place(&self, member: &[u8]) -> Option<u64> {
        let View::Large(large) = self.0.view() else { return None };
        Some(large.prefetch_slot(member))
    }

    /// Begins to bring what that place, which should be there, leads to into the cache.
    pub fn prefetch_record(&self, hash: u64) {
        if let View::Large(large) = self.0.view() {
            large.prefetch_node(hash);
        }
    }

    /// Begins to bring what that, which should be there, leads to in the order of scores into the cache.
    pub fn prefetch_rank(&self, hash: u64) {
        if let View::Large(large) = self.0.view() {
            large.prefetch_leaf(hash);
        }
    }

    /// The score of `member`.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.0.view() {
            View::Small(small) => small.find(member).map(|(_, score)| score),
            View::Large(large) => large.score(member),
        }
    }

    /// Gives `member` the score that `decide` returns when it is told the present one; leaves all as it is
    /// for `None`.
    pub fn change(
        &mut self,
        member: &[u8],
        packing: &Packing,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Change {
        let (old, new, small) = match self.0.view_mut() {
            ViewMut::Large(large) => {
                let (old, new) = large.change(member, decide);
                (old, new, false)
            }
            ViewMut::Small(mut small) => {
                let found = small.find(member);
                let old = found.map(|(_, score)| score);
                let new = decide(old);
                if let (Some((at, old)), Some(score)) = (found, new)
                    && score != old
                {
                    small.remove(at);
                    small.insert(score, member);
                }
                (old, new, true)
            }
        };
        match (old, new) {
            (None, Some(score)) => {
                if small {
                    self.add(score, member, packing);
                }
                Change::Added(score)
            }
            (Some(old), Some(score)) if score != old => Change::Updated(score),
            _ => Change::None,
        }
    }

    /// Puts elements in the order that a sorted set has them in.
    pub fn arrange(elements: &mut [(Item<'_>, f64)]) {
        elements.sort_by(|(a, x), (b, y)| {
            let by_score = x.partial_cmp(y).unwrap_or(std::cmp::Ordering::Equal);
            by_score.then_with(|| a.text().as_bytes().cmp(b.text().as_bytes()))
        });
    }

    /// A sorted set of these elements, which are in order and none twice.
    pub fn gathered(elements: &[(Item<'_>, f64)], packing: &Packing) -> Self {
        let longest = elements.iter().map(|(member, _)| member.len()).max().unwrap_or(0);
        let mut set = Sorted::new();
        set.expect(elements.len(), packing);
        if longest as i64 > packing.zset_max_listpack_value() {
            set.large();
        }
        for (member, score) in elements {
            let mut text = member.text();
            if let ViewMut::Small(mut small) = set.0.view_mut()
                && small.fits(longest)
            {
                small.push(*score, text.as_bytes());
            } else {
                set.large().add(*score, text.as_bytes());
            }
        }
        set
    }

    /// Gives `member` this score.
    pub fn insert(&mut self, score: f64, member: &[u8], packing: &Packing) -> Change {
        self.change(member, packing, |_| Some(score))
    }

    /// Adds a member that is not there yet.
    fn add(&mut self, score: f64, member: &[u8], packing: &Packing) {
        if let ViewMut::Small(mut small) = self.0.view_mut()
            && (small.len() as i64) < packing.zset_max_listpack_entries()
            && member.len() as i64 <= packing.zset_max_listpack_value()
            && small.fits(member.len())
        {
            return small.insert(score, member);
        }
        self.large().add(score, member);
    }

    /// Removes `member`, and tells the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self.0.view_mut() {
            ViewMut::Large(large) => large.remove(member),
            ViewMut::Small(mut small) => {
                let (at, score) = small.find(member)?;
                small.remove(at);
                Some(score)
            }
        }
    }

    /// Removes the elements of these ranks.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        match self.0.view_mut() {
            ViewMut::Small(mut small) => small.remove_range(ranks),
            ViewMut::Large(large) => ranks.clone().for_each(|_| large.remove_at(ranks.start)),
        }
    }

    /// The rank of `member`, counted from 0, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        if let View::Small(small) = self.0.view() {
            return small.rank(member);
        }
        let score = self.score(member)?;
        let before = Probe { after: false, ..Probe::behind(score, member) };
        Some((self.position(&before), score))
    }

    /// How many elements lie before `probe`.
    fn position(&self, probe: &Probe) -> usize {
        match self.0.view() {
            View::Small(small) => small.position(probe).0,
            View::Large(large) => large.rank(probe),
        }
    }

    fn between(&self, [start, end]: [Probe<'_>; 2]) -> Range<usize> {
        let start = self.position(&start);
        start..self.position(&end).max(start)
    }

    /// The ranks of the elements whose scores are in `range`.
    pub fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        self.between(range.probes())
    }

    /// The ranks of the elements whose members are in `range`, if all have the same score. Otherwise members have no order:
    /// then the small form is searched one by one, from its end if `descending`, as Redis does; what the large form tells
    /// hangs on its shape.
    pub fn ranks_by_lex(&self, range: &LexRange<'_>, descending: bool) -> Range<usize> {
        match self.0.view() {
            View::Small(small) => small.between(&range.probes(), descending),
            View::Large(_) => self.between(range.probes()),
        }
    }

    /// The elements of these ranks, ascending or descending.
    pub fn iter(&self, ranks: Range<usize>, descending: bool) -> Iter<'_> {
        let ranks = ranks.start..ranks.end.min(self.len());
        Iter(match self.0.view() {
            View::Large(large) if descending => Walk::Down(large.range(ranks).rev()),
            View::Large(large) => Walk::Up(large.range(ranks)),
            View::Small(small) if descending => {
                let elements: Vec<_> = small.iter_from(ranks.start).take(ranks.len()).collect();
                Walk::SmallDown(elements.into_iter().rev())
            }
            View::Small(small) => Walk::SmallUp(small.iter_from(ranks.start), ranks.len()),
        })
    }

    /// Members and scores of the small form in turn, in order: see [`Sorted::score_of`].
    pub fn packed_items(&self) -> Option<PackedIter<'_, false>> {
        match self.0.view() {
            View::Small(small) => Some(small.items()),
            View::Large(_) => None,
        }
    }

    /// The score that an item of [`Sorted::packed_items`] stands for: an integer is itself.
    pub fn score_of(item: Item<'_>) -> f64 {
        small::score_of(item)
    }

    /// The elements from `edge` on, ascending.
    pub fn from_score(&self, edge: ScoreEdge) -> Iter<'_> {
        let [start, _] = ScoreRange { min: edge, max: edge }.probes();
        self.iter(self.position(&start)..self.len(), false)
    }

    /// The element of this rank.
    pub fn at(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        self.iter(rank..rank + 1, false).next()
    }

    /// An element, all equally likely; `None` when there is none.
    pub fn random(&self) -> Option<(Item<'_>, f64)> {
        self.at(random::below(self.len()))
    }

    /// Calls `visit` with elements from `cursor` on, about `count` of them, and returns the next cursor, 0 at
    /// the end. What is there from the first call of a scan to its last is visited; a small set at once.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match self.0.view() {
            View::Large(large) => large.scan(cursor, count, visit),
            View::Small(small) => {
                for (member, score) in small.iter_from(0) {
                    visit(member.text().as_bytes(), score);
                }
                0
            }
        }
    }
}

/// Elements of a [`Sorted`], in order or in reverse.
pub struct Iter<'a>(Walk<'a>);

enum Walk<'a> {
    Up(tree::Elements<'a>),
    Down(std::iter::Rev<tree::Elements<'a>>),
    SmallUp(small::Pairs<'a>, usize),
    SmallDown(std::iter::Rev<std::vec::IntoIter<(Item<'a>, f64)>>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        let large = |(score, node): (f64, &'a node::Node)| (Item::Bytes(node.member()), score);
        match &mut self.0 {
            Walk::Up(elements) => elements.next().map(large),
            Walk::Down(elements) => elements.next().map(large),
            Walk::SmallUp(pairs, left) => {
                *left = left.checked_sub(1)?;
                pairs.next()
            }
            Walk::SmallDown(pairs) => pairs.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = match &self.0 {
            Walk::Up(elements) => elements.len(),
            Walk::Down(elements) => elements.len(),
            Walk::SmallUp(_, left) => *left,
            Walk::SmallDown(pairs) => pairs.len(),
        };
        (len, Some(len))
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests;
