//! The small form of a sorted set: one packed list, members and scores in turn, in order.
//!
//! A score is an integer item when it is a whole number, else a string item: the most significant
//! bytes of its IEEE representation without the zeros at their end (1.5 takes two, 0.1 all eight).

use super::tree::Probe;
use crate::types::forms::Buffer;
use crate::types::{At, Item, Packed, PackedIter};
use std::ops::Range;

/// Elements of a pair: member and score.
const PAIR: usize = 2;

/// Calls `f` with the item that stands for `score`.
fn with_score<R>(score: f64, f: impl FnOnce(Item<'_>) -> R) -> R {
    let whole = score as i64;
    // i64::MAX is no f64, and what saturates to it no i64. As in Redis, -0 becomes 0 here.
    if whole != i64::MAX && whole as f64 == score {
        return f(Item::Int(whole));
    }
    let bytes = score.to_bits().to_be_bytes();
    let zeros = score.to_bits().trailing_zeros() as usize / 8;
    f(Item::Bytes(&bytes[..8 - zeros.min(7)]))
}

/// The score that `item` stands for.
pub(super) fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Int(n) => n as f64,
        Item::Bytes(text) => {
            let mut bytes = [0; 8];
            bytes[..text.len()].copy_from_slice(text);
            f64::from_bits(u64::from_be_bytes(bytes))
        }
    }
}

/// Members and their scores in order, in one allocation.
#[derive(Clone, Default)]
#[repr(transparent)]
pub(super) struct Small(Packed);

// SAFETY: it is a packed list, which is a Thin, and nothing else.
#[allow(unsafe_code)]
unsafe impl Buffer for Small {}

impl Small {
    pub fn len(&self) -> usize {
        self.0.len() / PAIR
    }

    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    /// Whether one more member of this length is sure to fit below the packed list's hard limits.
    pub fn fits(&self, member: usize) -> bool {
        self.0.fits(PAIR, member)
    }

    /// The member's place and score.
    pub fn find(&self, member: &[u8]) -> Option<(At, f64)> {
        let at = self.0.find(At::START, Item::from(member), PAIR)?;
        Some((at, score_of(self.0.get(self.0.next(at)?))))
    }

    /// How many elements lie before `probe`, and where it is.
    pub fn position(&self, probe: &Probe) -> (usize, At) {
        let (mut rank, mut here) = (0, self.0.first());
        while let Some(at) = here {
            let Some(score_at) = self.0.next(at) else { break };
            let compare = |own: &[u8]| self.0.get(at).text().as_bytes().cmp(own);
            if !probe.is_past(score_of(self.0.get(score_at)), compare) {
                return (rank, at);
            }
            rank += 1;
            here = self.0.next(score_at);
        }
        (rank, self.0.end())
    }

    /// The ranks from the first element behind `start` on, as long as they lie before `end`; if `descending`, those from the
    /// last one before `end` down, as long as they lie behind `start`. None when all lie before `start` or behind `end`, by
    /// what the last and the first are.
    pub fn between(&self, [start, end]: &[Probe<'_>; 2], descending: bool) -> Range<usize> {
        let (mut up, mut down) = (None, 0..0);
        // Where the elements behind `start` began that are looked at in a row.
        let mut row = 0;
        for (rank, (member, score)) in self.iter_from(0).enumerate() {
            let lies_before =
                |probe: &Probe<'_>| probe.is_past(score, |own| member.text().as_bytes().cmp(own));
            let (behind_start, before_end) = (!lies_before(start), lies_before(end));
            if rank == 0 && !before_end {
                break;
            }
            if !behind_start {
                row = rank + 1;
            }
            if before_end {
                down = row..rank + 1;
            }
            if behind_start {
                up.get_or_insert(rank..rank);
            }
            if let Some(up) = up.as_mut().filter(|up| before_end && up.end == rank) {
                up.end += 1;
            }
        }
        if row == self.len() {
            return 0..0;
        }
        if descending { down } else { up.unwrap_or_default() }
    }

    /// Adds a member that is not there yet.
    pub fn insert(&mut self, score: f64, member: &[u8]) {
        let (_, at) = self.position(&Probe::behind(score, member));
        with_score(score, |score| self.0.insert(at, &[Item::from(member), score]));
    }

    /// Removes the pair at `at`.
    pub fn remove(&mut self, at: At) {
        self.0.remove(at, PAIR);
    }

    /// Removes the elements of these ranks.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        if let Some(at) = self.0.seek(PAIR * ranks.start) {
            self.0.remove(at, PAIR * ranks.len());
        }
    }

    /// Appends a member that is behind all others.
    pub fn push(&mut self, score: f64, member: &[u8]) {
        with_score(score, |score| self.0.insert(self.0.end(), &[Item::from(member), score]));
    }

    /// How many elements lie before the member, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let (at, score) = self.find(member)?;
        Some((self.0.index(at) / PAIR, score))
    }

    /// Members and scores in turn.
    pub fn items(&self) -> PackedIter<'_, false> {
        self.0.iter()
    }

    /// The elements from `rank` on.
    pub fn iter_from(&self, rank: usize) -> Pairs<'_> {
        Pairs(self.0.iter_from(self.0.seek(PAIR * rank).unwrap_or(self.0.end())))
    }
}

/// Walks the elements in order.
#[derive(Clone)]
pub(super) struct Pairs<'a>(PackedIter<'a, false>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (Item<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, score_of(self.0.next()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_take_few_bytes_and_read_back() {
        let cases = [
            (0.0, 1),
            (127.0, 1),
            (-1.0, 2),
            (1e6, 4),
            (-0.0, 1),
            (1.5, 3),
            (0.1, 9),
            (f64::INFINITY, 3),
            (f64::NEG_INFINITY, 3),
            (9_007_199_254_740_993.0, 8),
            (1e18, 9),
            (-9_223_372_036_854_775_808.0, 9),
            (9_223_372_036_854_775_808.0, 3),
            (1e300, 9),
            (f64::from_bits(1), 9),
        ];
        for (score, size) in cases {
            with_score(score, |item| {
                assert_eq!(score_of(item), score);
                assert_eq!(item.size(), size, "{score}");
            });
        }
    }
}
