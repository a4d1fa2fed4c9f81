//! Walking through the graph to what is nearest to a point.

use super::super::attributes::Attributes;
use super::super::points::Points;
use super::super::quantize::PointRef;
use super::super::search::Filter;
use super::Graph;
use super::near::{Near, Pool};
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Elements that were seen during a walk, a bit each.
#[derive(Default)]
struct Seen {
    words: Vec<u64>,
    /// The words that are not 0.
    marked: Vec<u32>,
}

impl Seen {
    /// Forgets what was seen, and prepares for numbers below `len`.
    fn begin(&mut self, len: usize) {
        self.marked.drain(..).for_each(|at| self.words[at as usize] = 0);
        self.words.resize(self.words.len().max(len.div_ceil(64)), 0);
    }

    /// Notes a number; false when it was seen.
    #[inline(always)]
    fn note(&mut self, number: u32) -> bool {
        let (at, bit) = (number / 64, 1 << (number % 64));
        let word = &mut self.words[at as usize];
        if *word == 0 {
            self.marked.push(at);
        }
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

/// What a thread needs for a walk, kept for the next one: those who only read leave no mark in the set.
#[derive(Default)]
pub(in super::super) struct Scratch {
    seen: Seen,
    /// What was found, the nearest first.
    pub(in super::super) pool: Pool,
    batch: Vec<u32>,
    distances: Vec<f32>,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Lends the scratch of this thread to `f`.
pub(in super::super) fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = f(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}

impl Graph {
    /// The nearest element to `query` that leads there from the top, through the layers above `bottom`.
    pub(super) fn descend(
        &self,
        points: &Points,
        query: PointRef<'_>,
        bottom: usize,
        scratch: &mut Scratch,
    ) -> u32 {
        let Scratch { batch, distances, .. } = scratch;
        let mut nearest = self.entry;
        points.distances(query, &[nearest], distances);
        let mut distance = distances[0];
        for level in (bottom + 1..=self.max_level()).rev() {
            loop {
                batch.clear();
                batch.extend(self.lists.neighbours(nearest, level));
                points.distances(query, batch, distances);
                let before = nearest;
                for (neighbour, at) in batch.iter().zip(&*distances) {
                    if *at < distance {
                        (nearest, distance) = (*neighbour, *at);
                    }
                }
                if nearest == before {
                    break;
                }
            }
        }
        nearest
    }

    /// Fills the pool with the `ef` elements of a layer that are nearest to `query`, as far as a walk from `from` finds them.
    pub(super) fn walk(
        &self,
        points: &Points,
        query: PointRef<'_>,
        from: u32,
        level: usize,
        ef: usize,
        scratch: &mut Scratch,
    ) {
        let Scratch { seen, pool, batch, distances } = scratch;
        seen.begin(self.len());
        pool.begin(ef);
        seen.note(from);
        points.distances(query, &[from], distances);
        pool.offer(Near::new(distances[0], from));
        while let Some(nearest) = pool.next() {
            self.look_around(points, nearest, level, seen, batch);
            if let Some(next) = pool.peek() {
                self.lists.prefetch(next);
            }
            points.distances(query, batch, distances);
            for (number, distance) in batch.iter().zip(&*distances) {
                pool.offer(Near::new(*distance, *number));
            }
        }
    }

    /// As [`Graph::walk`] on layer 0, but only what `filter` lets pass is found.
    pub(super) fn walk_filtered(
        &self,
        points: &Points,
        query: PointRef<'_>,
        from: u32,
        ef: usize,
        (attributes, filter): (&Attributes, &mut Filter<'_>),
        scratch: &mut Scratch,
    ) {
        let Scratch { seen, pool, batch, distances } = scratch;
        seen.begin(self.len());
        pool.begin(ef);
        seen.note(from);
        let mut open = BinaryHeap::new();
        let mut looked_at = 1;
        batch.clear();
        batch.push(from);
        loop {
            points.distances(query, batch, distances);
            for (number, distance) in batch.iter().zip(&*distances) {
                let near = Near::new(*distance, *number);
                if pool.wants(near) {
                    open.push(Reverse(near));
                    if attributes.get(*number).is_some_and(|text| (filter.matches)(text)) {
                        pool.offer(near);
                    }
                }
            }
            if filter.effort > 0 && looked_at >= filter.effort {
                return;
            }
            let Some(Reverse(nearest)) = open.pop() else { return };
            if !pool.wants(nearest) {
                return;
            }
            looked_at += 1;
            self.look_around(points, nearest.number(), 0, seen, batch);
        }
    }

    /// Gathers the neighbours that were not seen yet, and begins to bring their points into the cache.
    #[inline(always)]
    fn look_around(&self, points: &Points, from: u32, level: usize, seen: &mut Seen, batch: &mut Vec<u32>) {
        batch.clear();
        for neighbour in self.lists.neighbours(from, level) {
            if seen.note(neighbour) {
                points.prefetch(neighbour);
                batch.push(neighbour);
            }
        }
    }
}
