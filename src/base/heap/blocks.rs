//! Where slabs lie: blocks as large as a huge page.
//!
//! ```text
//!  a block     ┌ slab 0 ┬ slab 1 ┬ … ┬ slab 63 ┐
//!  its record  free: a bit for each slab that nobody has
//!              held: of these, a bit for each that still holds memory
//!              used: slabs that somebody has
//! ```
//! Side by side, slabs fill blocks without gaps, so that a huge page under each costs nothing; between jemalloc's own
//! allocations two blocks of three had holes. New slabs come from the first block with room: the last ones run empty, and
//! give their memory back whole.

use super::SLAB;
use super::range::{BLOCK, Range, give_back};
use std::ptr;

const SLABS: usize = BLOCK / SLAB;
/// Blocks for 1 TiB of addresses: more than there is memory. Without so many (`ulimit -v`), or beyond them, slabs are jemalloc's.
const BLOCKS: usize = (1 << 40) / BLOCK;

/// What is known of a block.
#[derive(Clone, Copy)]
struct Record {
    free: u64,
    held: u64,
    used: u32,
}

const _: () = assert!(SLABS == u64::BITS as usize);

/// The blocks of a range.
pub(super) struct Blocks {
    range: Range<Record, BLOCKS>,
    /// No block before this one has room.
    first: usize,
    /// Slabs that somebody has.
    used: usize,
    /// Slabs that nobody has and that still hold memory.
    held: usize,
    /// Blocks of which somebody has a slab.
    busy: usize,
}

/// Slabs of a block that are to give their memory back. Nobody is given them meanwhile.
pub(super) struct Surplus {
    block: usize,
    slabs: u64,
    at: *mut u8,
}

impl Blocks {
    pub const NEW: Blocks = Blocks { range: Range::NEW, first: 0, used: 0, held: 0, busy: 0 };

    /// Slabs that somebody has.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Slabs that nobody has and that still hold memory.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Bytes of the blocks of which somebody has a slab.
    pub fn busy_bytes(&self) -> usize {
        self.busy * BLOCK
    }

    /// Allows huge pages to hold the blocks, or forbids it.
    pub fn allow_huge_pages(&mut self, allowed: bool) {
        self.range.allow_huge_pages(allowed);
    }

    /// A slab; null when addresses or memory are used up.
    pub fn take(&mut self) -> *mut u8 {
        while self.first < self.range.len() && self.range.record(self.first).free == 0 {
            self.first += 1;
        }
        let index = self.first;
        if index == self.range.len() && self.range.grow(Record { free: u64::MAX, held: 0, used: 0 }).is_err()
        {
            return ptr::null_mut();
        }
        let block = self.range.record(index);
        let held = block.held & block.free;
        let slab = if held == 0 { block.free } else { held }.trailing_zeros();
        block.free &= !(1 << slab);
        let was_held = block.held >> slab & 1;
        block.held &= !(1 << slab);
        block.used += 1;
        self.busy += usize::from(block.used == 1);
        self.held -= was_held as usize;
        self.used += 1;
        self.range.block(index).wrapping_add(slab as usize * SLAB)
    }

    /// Takes a slab back; false when it is of somewhere else.
    pub fn give(&mut self, at: *mut u8) -> bool {
        let Some((index, offset)) = self.range.find(at) else { return false };
        let (block, slab) = (self.range.record(index), offset / SLAB);
        block.free |= 1 << slab;
        block.held |= 1 << slab;
        block.used -= 1;
        self.busy -= usize::from(block.used == 0);
        self.held += 1;
        self.used -= 1;
        self.first = self.first.min(index);
        true
    }

    /// What the last block with memory for nobody has of it, if there is more than `keep` slabs of that.
    pub fn surplus(&mut self, keep: usize) -> Option<Surplus> {
        if self.held <= keep {
            return None;
        }
        let index = (0..self.range.len()).rfind(|index| self.range.record(*index).held != 0)?;
        let at = self.range.block(index);
        let block = self.range.record(index);
        // A huge page held all of them, asked for or not.
        let slabs = std::mem::take(&mut block.free);
        let held = std::mem::take(&mut block.held);
        self.held -= held.count_ones() as usize;
        Some(Surplus { block: index, slabs, at })
    }

    /// Takes slabs back that gave up their memory.
    pub fn settle(&mut self, Surplus { block, slabs, .. }: Surplus) {
        self.range.record(block).free |= slabs;
        self.first = self.first.min(block);
    }
}

impl Surplus {
    /// Gives the memory back to the system.
    pub fn give_back(&self) {
        let mut slabs = self.slabs;
        while slabs != 0 {
            let first = slabs.trailing_zeros();
            let count = (slabs >> first).trailing_ones();
            let at = self.at.wrapping_add(first as usize * SLAB);
            // SAFETY: nobody has these slabs, nor is given them before they are settled.
            unsafe { give_back(at, count as usize * SLAB) };
            slabs &= !(u64::MAX >> (u64::BITS - count) << first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nobody_is_given_a_slab_twice_and_what_is_given_back_reads_as_zeros() {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut blocks, mut taken, mut known) = (Blocks::NEW, Vec::new(), HashSet::new());
        for step in 0..20_000 {
            let is_growing = step / 2_000 % 2 == 0;
            if random.u32(..10) < if is_growing { 7 } else { 3 } {
                let at = blocks.take();
                assert!(!at.is_null() && at.addr().is_multiple_of(SLAB) && known.insert(at));
                // SAFETY: the slab is ours, and as large.
                unsafe { at.cast::<u64>().write(step) };
                taken.push((at, step));
            } else if !taken.is_empty() {
                let (at, byte) = taken.swap_remove(random.usize(..taken.len()));
                // SAFETY: as above.
                assert_eq!(unsafe { at.cast::<u64>().read() }, byte);
                known.remove(&at);
                assert!(blocks.give(at));
            }
            if step % 100 == 0
                && let Some(surplus) = blocks.surplus(random.usize(..200))
            {
                surplus.give_back();
                for slab in (0..SLABS).filter(|slab| surplus.slabs >> slab & 1 == 1) {
                    // SAFETY: it lies in a block, and nobody has it.
                    assert_eq!(unsafe { surplus.at.add(slab * SLAB).cast::<u64>().read() }, 0);
                }
                blocks.settle(surplus);
            }
            assert_eq!(blocks.used(), taken.len());
        }
        taken.drain(..).for_each(|(at, _)| assert!(blocks.give(at)));
        while let Some(surplus) = blocks.surplus(0) {
            blocks.settle(surplus);
        }
        assert_eq!((blocks.used(), blocks.held(), blocks.busy), (0, 0, 0));
        assert!(!blocks.give(ptr::dangling_mut()));
    }

    #[test]
    fn slabs_come_from_the_first_block_with_room() {
        let mut blocks = Blocks::NEW;
        let taken: Vec<*mut u8> = (0..3 * SLABS).map(|_| blocks.take()).collect();
        assert_eq!(blocks.range.len(), 3);
        assert_eq!(blocks.busy, 3);
        let freed = [taken[2 * SLABS], taken[SLABS + 7], taken[5]];
        freed.iter().for_each(|at| assert!(blocks.give(*at)));
        assert_eq!(blocks.take(), taken[5]);
        // What still holds memory goes back from the last block on.
        assert_eq!(blocks.held(), 2);
        let surplus = blocks.surplus(1).unwrap();
        assert_eq!((surplus.block, surplus.slabs), (2, 1));
        assert!(blocks.surplus(1).is_none());
        blocks.settle(surplus);
        assert_eq!([blocks.take(), blocks.take()], [taken[SLABS + 7], taken[2 * SLABS]]);
    }
}
