//! Taking an element out of the graph, and linking those that lose it with each other.

use super::super::points::Points;
use super::Graph;
use super::link::Need;
use super::near::Near;
use super::walk::with_scratch;

/// Elements in view of the walk for a new neighbour.
const EF: usize = 100;

impl Graph {
    /// Removes an element; the last takes its number. The points are still as they were.
    pub(in super::super) fn swap_remove(&mut self, points: &Points, number: u32) {
        let (last, level) = (self.len() as u32 - 1, self.level(number));
        let layers: Vec<Vec<u32>> =
            (0..=level).map(|level| self.neighbours(number, level).collect()).collect();
        for (level, neighbours) in layers.iter().enumerate() {
            neighbours.iter().for_each(|neighbour| self.lists.remove(*neighbour, level, number));
        }
        self.lists.clear(number);
        self.levels[level] -= 1;
        if self.entry == number && last > 0 {
            self.entry = self.another_entry(&layers, number);
        }
        for (level, neighbours) in layers.iter().enumerate() {
            self.mend(points, level, neighbours);
        }
        self.lists.swap_remove(number);
        if self.entry == last {
            self.entry = number;
        }
    }

    /// An element on the highest layer that has any: a neighbour of the one that goes, as a rule.
    fn another_entry(&self, layers: &[Vec<u32>], gone: u32) -> u32 {
        let top = self.max_level();
        let near = layers.iter().rev().flatten().copied().find(|number| self.level(*number) == top);
        let mut all = (0..self.len() as u32).filter(|number| *number != gone);
        near.or_else(|| all.find(|number| self.level(*number) == top)).unwrap_or_default()
    }

    /// Gives elements that lost a link on a layer another one: with each other, the nearest first, or with whom a walk finds.
    fn mend(&mut self, points: &Points, level: usize, orphans: &[u32]) {
        let room = self.room(level);
        let mut pairs = Vec::new();
        for (i, a) in orphans.iter().enumerate() {
            for (j, b) in orphans.iter().enumerate().skip(i + 1) {
                if self.neighbours(*a, level).all(|other| other != *b) {
                    pairs.push((Near::new(points.distance(points.get(*a), *b), 0), i, j));
                }
            }
        }
        pairs.sort_unstable();
        let mut is_mended = vec![false; orphans.len()];
        for (_, i, j) in pairs {
            let has_room = |n: usize| self.neighbours(orphans[n], level).len() < room;
            if !is_mended[i] && !is_mended[j] && has_room(i) && has_room(j) {
                self.link(orphans[i], orphans[j], level);
                (is_mended[i], is_mended[j]) = (true, true);
            }
        }
        for (orphan, is_mended) in orphans.iter().zip(is_mended) {
            if !is_mended && self.neighbours(*orphan, level).len() < self.width {
                self.find_neighbour(points, level, *orphan, orphans);
            }
        }
    }

    /// Gives an element one more link on a layer: with one of the others that lost theirs, or with whom a walk finds. Without
    /// the others, the entry could be left alone, where every walk begins.
    fn find_neighbour(&mut self, points: &Points, level: usize, orphan: u32, others: &[u32]) {
        let (count, query) = (self.neighbours(orphan, level).len(), points.get(orphan));
        let mut candidates: Vec<Near> = points.nears(query, others.iter().copied()).collect();
        candidates.sort_unstable();
        self.connect(points, orphan, level, &candidates, count + 1, Need::Some);
        if self.neighbours(orphan, level).len() > count {
            return;
        }
        let need = if count > self.width / 2 { Need::Some } else { Need::High };
        with_scratch(|scratch| {
            let from = self.descend(points, query, level, scratch);
            self.walk(points, query, from, level, EF, scratch);
            self.connect(points, orphan, level, scratch.pool.nearest(), count + 1, need);
        });
    }
}
