//! Ranges of a sorted set: by score and by member.

use super::tree::Probe;

/// One end of a range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreEdge {
    /// The score; may be infinite, never NaN.
    pub score: f64,
    /// Whether the score itself lies outside.
    pub exclusive: bool,
}

/// A range of scores; empty when it ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// Where it begins.
    pub min: ScoreEdge,
    /// Where it ends.
    pub max: ScoreEdge,
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexEdge<'a> {
    /// Before all members: `-`.
    First,
    /// Behind all members: `+`.
    Last,
    /// The member itself lies inside: `[`.
    Inclusive(&'a [u8]),
    /// The member itself lies outside: `(`.
    Exclusive(&'a [u8]),
}

/// A range of members, all of one score; empty when it ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// Where it begins.
    pub min: LexEdge<'a>,
    /// Where it ends.
    pub max: LexEdge<'a>,
}

impl ScoreRange {
    /// The places before its first and behind its last element.
    pub(super) fn probes(&self) -> [Probe<'static>; 2] {
        let probe = |edge: ScoreEdge, after| Probe { score: Some(edge.score), member: None, after };
        [probe(self.min, self.min.exclusive), probe(self.max, !self.max.exclusive)]
    }
}

impl<'a> LexRange<'a> {
    /// The places before its first and behind its last element.
    pub(super) fn probes(&self) -> [Probe<'a>; 2] {
        let probe = |edge, end| match edge {
            // With neither score nor member all elements are equal.
            LexEdge::First => Probe { score: None, member: None, after: false },
            LexEdge::Last => Probe { score: None, member: None, after: true },
            LexEdge::Inclusive(member) => Probe { score: None, member: Some(member), after: end },
            LexEdge::Exclusive(member) => Probe { score: None, member: Some(member), after: !end },
        };
        [probe(self.min, false), probe(self.max, true)]
    }
}
