//! The graph that leads to what is near: a hierarchical navigable small world.
//!
//! ```text
//!  layer 2            ○───────────────○              few elements, wide steps
//!  layer 1      ○─────○──────○────────○──────○       a quarter of those below
//!  layer 0   ○──○──○──○──○───○──○──○──○──○───○──○    all elements
//! ```
//! After Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small
//! World graphs" (2016). As in Redis every link has its counterpart, so that a removed element leaves nothing behind.
//!
//! Invariants: a link and its counterpart are on the same layer, which both elements are on; no element is linked with
//! itself or twice with another; the entry is on the highest layer that has elements.

mod link;
mod lists;
mod near;
mod unlink;
mod walk;
mod weaving;

pub(super) use near::Near;
pub(super) use walk::{Scratch, with_scratch};
pub(super) use weaving::Weaving;

use super::attributes::Attributes;
use super::points::Points;
use super::quantize::PointRef;
use super::search::Filter;
use lists::Lists;

/// The highest layer there may be.
pub(super) const LEVEL_MAX: usize = 16;
/// Of the elements on a layer, one in so many is on the next.
const SPARSITY_BITS: u32 = 2;

/// How many elements for each one in view, at least, make a walk cheaper than to look at all.
fn walk_pays_from(ef: usize) -> usize {
    ef.saturating_mul(8 + ef / 64)
}

/// The highest layer of the element that is the `id`th ever inserted: by chance, but the same wherever it is inserted.
pub(super) fn level_of(id: u64) -> usize {
    // The finalizer of SplitMix64.
    let mut bits = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    ((bits.trailing_zeros() / SPARSITY_BITS) as usize).min(LEVEL_MAX)
}

/// The links of the elements of a set, by their numbers.
#[derive(Clone)]
pub(super) struct Graph {
    lists: Lists,
    /// Links of an element on a layer above the lowest.
    width: usize,
    /// Where walks begin.
    entry: u32,
    /// How many elements are on each layer as their highest.
    levels: [u32; LEVEL_MAX + 1],
}

impl Graph {
    pub(super) fn new(width: u32) -> Self {
        Graph { lists: Lists::new(), width: width as usize, entry: 0, levels: [0; LEVEL_MAX + 1] }
    }

    fn len(&self) -> usize {
        self.lists.len()
    }

    /// The highest layer that has elements.
    pub(super) fn max_level(&self) -> usize {
        self.levels.iter().rposition(|count| *count > 0).unwrap_or(0)
    }

    /// The highest layer of an element.
    pub(super) fn level(&self, number: u32) -> usize {
        self.lists.level(number)
    }

    /// Who an element is linked with on a layer that it is on.
    pub(super) fn neighbours(&self, number: u32, level: usize) -> impl ExactSizeIterator<Item = u32> {
        self.lists.neighbours(number, level)
    }

    /// How many links an element should have on a layer, at most.
    fn room(&self, level: usize) -> usize {
        if level == 0 { 2 * self.width } else { self.width }
    }

    /// Fills the pool with the elements nearest to `query` of those that `filter` lets pass, as far as they are found with
    /// `ef` in view.
    pub(super) fn search(
        &self,
        points: &Points,
        query: PointRef<'_>,
        ef: usize,
        filter: Option<(&Attributes, &mut Filter<'_>)>,
        scratch: &mut Scratch,
    ) {
        let from = self.descend(points, query, 0, scratch);
        match filter {
            None => self.walk(points, query, from, 0, ef, scratch),
            Some(filter) => self.walk_filtered(points, query, from, ef, filter, scratch),
        }
    }

    /// Whether a search with `ef` in view pays: otherwise it is cheaper to look at all elements.
    pub(super) fn pays(&self, ef: usize) -> bool {
        self.len() > walk_pays_from(ef)
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.lists.memory()
    }

    /// How many allocations it is made of.
    pub(super) fn weight(&self) -> usize {
        self.lists.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_four_goes_up() {
        let levels: Vec<usize> = (1..=100_000).map(level_of).collect();
        for level in 1..5 {
            let above = levels.iter().filter(|other| **other >= level).count() as f64;
            let expected = 100_000.0 / f64::from(1 << (2 * level));
            assert!((above / expected - 1.0).abs() < 0.25, "{level}: {above}");
        }
    }
}
