//! Who is linked with whom, on each layer, by numbers.
//!
//! ```text
//!  bottom   links on layer 0: u32 …
//!  tower    of the few elements that are on layer 1 and above
//!            links on layer 1, 2, … (u16 each) │ on layer 1: u32 … │ on layer 2: u32 … │ …
//! ```

use super::super::super::thin::Thin;
use super::super::pages::Pages;
use std::ops::Range;

/// A number of an element, as it stands in a list.
pub(in super::super) type Link = [u8; 4];

/// Bytes of a link.
const LINK: usize = size_of::<Link>();
/// Bytes of a count in a tower.
const COUNT: usize = 2;

/// The links of all elements.
pub(super) struct Lists {
    bottom: Pages<Thin>,
    towers: Pages<Thin>,
    /// Bytes allocated for links.
    bytes: usize,
    /// Lists that have an allocation.
    allocations: usize,
}

impl Clone for Lists {
    fn clone(&self) -> Self {
        let (bottom, towers) = (self.bottom.clone(), self.towers.clone());
        // A copy has no spare room.
        let lists =
            (0..self.len() as u32).flat_map(|number| [&bottom.row(number)[0], &towers.row(number)[0]]);
        Lists { bytes: lists.map(Thin::memory).sum(), allocations: self.allocations, bottom, towers }
    }
}

fn count_in(tower: &[u8], level: usize) -> usize {
    let at = (level - 1) * COUNT;
    u16::from_le_bytes([tower[at], tower[at + 1]]).into()
}

/// Where in a tower the links of a layer stand.
fn place_in(tower: &Thin, level: usize) -> Range<usize> {
    let bytes = tower.bytes();
    let before: usize = (1..level).map(|below| count_in(bytes, below)).sum();
    let from = tower.count() * COUNT + before * LINK;
    from..from + count_in(bytes, level) * LINK
}

impl Lists {
    pub(super) fn new() -> Self {
        Lists { bottom: Pages::new(1), towers: Pages::new(1), bytes: 0, allocations: 0 }
    }

    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        self.bottom.len()
    }

    /// The highest layer of an element.
    pub(super) fn level(&self, number: u32) -> usize {
        self.towers.row(number)[0].count()
    }

    /// The links of an element on a layer that it is on.
    #[inline(always)]
    pub(super) fn links(&self, number: u32, level: usize) -> &[Link] {
        let bytes = match level {
            0 => self.bottom.row(number)[0].bytes(),
            _ => {
                let tower = &self.towers.row(number)[0];
                &tower.bytes()[place_in(tower, level)]
            }
        };
        bytes.as_chunks().0
    }

    /// The numbers that the links of an element on a layer lead to.
    #[inline(always)]
    pub(super) fn neighbours(&self, number: u32, level: usize) -> impl ExactSizeIterator<Item = u32> {
        self.links(number, level).iter().map(|link| u32::from_le_bytes(*link))
    }

    /// Begins to bring an element's links on layer 0 into the cache.
    #[inline(always)]
    pub(super) fn prefetch(&self, number: u32) {
        self.bottom.row(number)[0].prefetch();
    }

    /// Appends the next element, which has no links yet, with its highest layer.
    pub(super) fn push(&mut self, level: usize) {
        self.bottom.push();
        let tower = &mut self.towers.push()[0];
        tower.splice(0, 0, level * COUNT, level).fill(0);
        self.bytes += tower.memory();
        self.allocations += usize::from(level > 0);
    }

    /// Replaces the bytes `at` of an element's list by `new` others.
    fn splice(&mut self, number: u32, level: usize, at: Range<usize>, new: usize) {
        let list = match level {
            0 => &mut self.bottom.row_mut(number)[0],
            _ => &mut self.towers.row_mut(number)[0],
        };
        let (count, memory) = (list.count(), list.memory());
        list.splice(at.start, at.len(), new, count);
        self.bytes = self.bytes + list.memory() - memory;
        self.allocations += usize::from(memory == 0 && list.memory() > 0);
        self.allocations -= usize::from(memory > 0 && list.memory() == 0);
    }

    fn recount(&mut self, number: u32, level: usize, count: usize) {
        if level > 0 {
            let at = (level - 1) * COUNT;
            let tower = &mut self.towers.row_mut(number)[0];
            tower.bytes_mut()[at..at + COUNT].copy_from_slice(&(count as u16).to_le_bytes());
        }
    }

    fn place(&self, number: u32, level: usize) -> Range<usize> {
        match level {
            0 => 0..self.bottom.row(number)[0].len(),
            _ => place_in(&self.towers.row(number)[0], level),
        }
    }

    fn links_mut(&mut self, number: u32, level: usize) -> &mut [Link] {
        let place = self.place(number, level);
        let list = match level {
            0 => &mut self.bottom.row_mut(number)[0],
            _ => &mut self.towers.row_mut(number)[0],
        };
        list.bytes_mut()[place].as_chunks_mut().0
    }

    /// Appends links to an element's on a layer.
    pub(super) fn extend(&mut self, number: u32, level: usize, to: &[u32]) {
        let place = self.place(number, level);
        let count = place.len() / LINK;
        self.splice(number, level, place.end..place.end, to.len() * LINK);
        self.recount(number, level, count + to.len());
        let links = &mut self.links_mut(number, level)[count..];
        links.iter_mut().zip(to).for_each(|(link, to)| *link = to.to_le_bytes());
    }

    /// Appends a link to an element's on a layer.
    pub(super) fn add(&mut self, number: u32, level: usize, to: u32) {
        self.extend(number, level, &[to]);
    }

    /// Removes an element's link to another on a layer, if there is one.
    pub(super) fn remove(&mut self, number: u32, level: usize, to: u32) {
        let links = self.links(number, level);
        let Some(at) = links.iter().position(|link| *link == to.to_le_bytes()) else { return };
        let (count, from) = (links.len(), self.place(number, level).start + at * LINK);
        self.splice(number, level, from..from + LINK, 0);
        self.recount(number, level, count - 1);
    }

    /// Removes all links of an element, but not those to it.
    pub(super) fn clear(&mut self, number: u32) {
        for level in (0..=self.level(number)).rev() {
            let place = self.place(number, level);
            self.splice(number, level, place, 0);
            self.recount(number, level, 0);
        }
    }

    /// Has the links of an element lead to where `new` says.
    pub(super) fn rename(&mut self, number: u32, new: impl Fn(u32) -> u32) {
        for level in 0..=self.level(number) {
            let links = self.links_mut(number, level);
            links.iter_mut().for_each(|link| *link = new(u32::from_le_bytes(*link)).to_le_bytes());
        }
    }

    /// Removes an element that has no links, nor any to it; the last takes its number, and the links to that follow.
    pub(super) fn swap_remove(&mut self, number: u32) {
        let last = self.len() as u32 - 1;
        if number != last {
            for level in 0..=self.level(last) {
                let neighbours: Vec<u32> = self.neighbours(last, level).collect();
                for neighbour in neighbours {
                    let links = self.links_mut(neighbour, level);
                    let link = links.iter_mut().find(|link| **link == last.to_le_bytes());
                    link.into_iter().for_each(|link| *link = number.to_le_bytes());
                }
            }
        }
        for list in [&self.bottom.row(number)[0], &self.towers.row(number)[0]] {
            self.bytes -= list.memory();
            self.allocations -= usize::from(list.memory() > 0);
        }
        self.bottom.swap_remove(number);
        self.towers.swap_remove(number);
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.bottom.memory() + self.towers.memory() + self.bytes
    }

    /// How many allocations they are made of.
    pub(super) fn weight(&self) -> usize {
        self.bottom.weight() + self.towers.weight() + self.allocations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn they_are_lists(
            levels in prop::collection::vec(0usize..4, 2..20),
            ops in prop::collection::vec((any::<(u8, u8, u8)>(), any::<bool>()), 0..300),
        ) {
            let mut lists = Lists::new();
            levels.iter().for_each(|level| lists.push(*level));
            let mut twin = BTreeSet::new();
            for ((a, b, level), add) in ops {
                let [a, b] = [a, b].map(|n| n as usize % levels.len());
                let level = level as usize % (levels[a].min(levels[b]) + 1);
                let link = |a: usize, b: usize| (a as u32, level, b as u32);
                for (a, b) in [(a, b), (b, a)] {
                    if add && a != b && twin.insert(link(a, b)) {
                        lists.add(a as u32, level, b as u32);
                    } else if !add {
                        twin.remove(&link(a, b));
                        lists.remove(a as u32, level, b as u32);
                    }
                }
            }
            let all = |lists: &Lists| -> BTreeSet<(u32, usize, u32)> {
                let layers = (0..lists.len() as u32).flat_map(|n| (0..=lists.level(n)).map(move |level| (n, level)));
                layers.flat_map(|(n, level)| lists.neighbours(n, level).map(move |to| (n, level, to))).collect()
            };
            prop_assert_eq!(&all(&lists), &twin);
            let last = levels.len() as u32 - 1;
            twin.iter().filter(|link| link.0 == 0).for_each(|link| lists.remove(link.2, link.1, 0));
            lists.clear(0);
            lists.swap_remove(0);
            let renamed = |n: u32| if n == last { 0 } else { n };
            let twin: BTreeSet<_> = twin
                .into_iter()
                .filter(|link| link.0 > 0 && link.2 > 0)
                .map(|(a, level, b)| (renamed(a), level, renamed(b)))
                .collect();
            prop_assert_eq!(&all(&lists), &twin);
            for n in (0..last).rev() {
                lists.clear(n);
                lists.swap_remove(n);
            }
            prop_assert_eq!((lists.bytes, lists.allocations), (0, 0));
        }
    }
}
