//! Linking a new element with its neighbours.

use super::super::points::Points;
use super::near::Near;
use super::walk::{Scratch, with_scratch};
use super::{Graph, walk_pays_from};
use smallvec::SmallVec;

/// How much an element needs links.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// It has enough of them, unless they are good: into other directions than those it has, and no worse than what they
    /// replace.
    Low,
    /// It has too few: any link is good that leaves others enough.
    Some,
    /// It has next to none: others may be given more links than they should have.
    High,
}

impl Graph {
    /// Adds the next element, whose point is there, and links it with the nearest of those that a walk with `ef` in view
    /// finds on each layer up to `level`.
    pub(in super::super) fn insert(&mut self, points: &Points, level: usize, ef: usize) {
        let (number, top) = (self.len() as u32, self.max_level());
        self.lists.push(level);
        self.levels[level] += 1;
        if number == 0 {
            self.entry = number;
            return;
        }
        let query = points.get(number);
        with_scratch(|scratch| {
            let mut from = self.descend_from(top, points, number, level, scratch);
            for level in (0..=level.min(top)).rev() {
                if level == 0 && number as usize <= walk_pays_from(ef) {
                    scratch.pool.pick(points.nears(query, 0..number), ef);
                } else {
                    self.walk(points, query, from, level, ef, scratch);
                }
                let candidates = scratch.pool.nearest();
                from = candidates.first().map_or(from, |near| near.number());
                self.weave(points, number, level, candidates);
            }
        });
        if level > top {
            self.entry = number;
        }
    }

    fn descend_from(
        &self,
        top: usize,
        points: &Points,
        number: u32,
        level: usize,
        scratch: &mut Scratch,
    ) -> u32 {
        if level >= top { self.entry } else { self.descend(points, points.get(number), level, scratch) }
    }

    /// Links an element with the best of `candidates`, the nearest first.
    fn weave(&mut self, points: &Points, number: u32, level: usize, candidates: &[Near]) {
        let width = self.width;
        self.connect(points, number, level, candidates, width, Need::Low);
        if level == 0 && self.neighbours(number, level).len() < width / 2 {
            self.connect(points, number, level, candidates, width, Need::Some);
        }
        if level == 0 && self.neighbours(number, level).len() < width / 4 {
            self.connect(points, number, level, candidates, width / 4, Need::High);
        }
    }

    /// Links an element with `candidates`, the nearest first, until it has as many links as are `wanted`.
    pub(super) fn connect(
        &mut self,
        points: &Points,
        number: u32,
        level: usize,
        candidates: &[Near],
        wanted: usize,
        need: Need,
    ) {
        let room = self.room(level);
        for near in candidates {
            if self.neighbours(number, level).len() >= wanted.min(room) {
                return;
            }
            let candidate = near.number();
            if candidate == number || self.neighbours(number, level).any(|other| other == candidate) {
                continue;
            }
            if need == Need::Low && !self.is_apart(points, number, level, *near) {
                continue;
            }
            if self.neighbours(candidate, level).len() >= room
                && !self.make_room(points, number, level, *near, need)
            {
                continue;
            }
            self.link(number, candidate, level);
        }
    }

    /// Whether a candidate is in another direction than the neighbours there are: none is nearer to it than the element.
    fn is_apart(&self, points: &Points, number: u32, level: usize, candidate: Near) -> bool {
        let point = points.get(candidate.number());
        let mut neighbours = self.neighbours(number, level);
        !neighbours.any(|other| points.distance(point, other) < candidate.distance())
    }

    /// Takes a link from a candidate that has as many as it should, so that the element `number` can be linked with it; false
    /// when it has none to spare.
    fn make_room(&mut self, points: &Points, number: u32, level: usize, near: Near, need: Need) -> bool {
        let candidate = near.number();
        let spared = match need {
            Need::Low => self.worse_link(points, number, level, near),
            Need::Some | Need::High => self.farthest_link(points, level, candidate),
        };
        if let Some(spared) = spared {
            self.unlink(candidate, spared, level);
        }
        let stretched = self.neighbours(candidate, level).len() < self.room(level) * 3 / 2;
        spared.is_some() || need == Need::High && stretched
    }

    /// Whom a candidate would rather not be linked with than with the element `number`: the farthest of those that are
    /// nearer to that than to the candidate, so that it leads there; else the farthest of all.
    fn worse_link(&self, points: &Points, number: u32, level: usize, near: Near) -> Option<u32> {
        let (point, new) = (points.get(near.number()), points.get(number));
        let mut links: SmallVec<[Near; 64]> =
            points.nears(point, self.neighbours(near.number(), level)).collect();
        links.retain(|link| link.distance() > near.distance());
        links.sort_unstable_by(|a, b| b.cmp(a));
        let is_spared = |link: &&Near| self.neighbours(link.number(), level).len() > self.width / 2;
        let led_to =
            links.iter().filter(is_spared).find(|link| points.distance(new, link.number()) < link.distance());
        led_to.or(links.first().filter(is_spared)).map(|link| link.number())
    }

    /// The farthest of those whom an element is linked with, and who have enough other links.
    fn farthest_link(&self, points: &Points, level: usize, number: u32) -> Option<u32> {
        let spared = self
            .neighbours(number, level)
            .filter(|other| self.neighbours(*other, level).len() > self.width / 4);
        points.nears(points.get(number), spared).max().map(|link| link.number())
    }

    /// Links two elements with each other.
    pub(super) fn link(&mut self, a: u32, b: u32, level: usize) {
        self.lists.add(a, level, b);
        self.lists.add(b, level, a);
    }

    /// Ends what [`Graph::link`] began.
    pub(super) fn unlink(&mut self, a: u32, b: u32, level: usize) {
        self.lists.remove(a, level, b);
        self.lists.remove(b, level, a);
    }
}
