//! Where the arrays of hash tables lie: runs of units of 2 KiB in blocks, so that huge pages can hold them too.
//!
//! ```text
//!  a block  ┌ unit 0 ┬ … ┬ unit 1023 ┐     its record: a bit for each unit in use
//! ```
//! A run lies at the first place where it fits. A block that nobody uses any more gives its memory back, and so do single
//! runs while more than half of what the blocks hold is unused.

use super::range::{BLOCK, Range, give_back};
use std::ptr;

/// Bytes of a unit, and what runs are aligned to.
pub(super) const UNIT: usize = 2048;
const UNITS: usize = BLOCK / UNIT;
const WORDS: usize = UNITS / u64::BITS as usize;
/// Pages of the kernel are given back whole.
const PAGE: usize = 4096;
/// Blocks for 256 GiB: the tables of some 10^10 keys.
const BLOCKS: usize = (256 << 30) / BLOCK;

/// What is known of a block.
#[derive(Clone, Copy)]
struct Record {
    /// A bit for each unit in use.
    taken: [u64; WORDS],
    /// Units in use.
    used: usize,
}

/// Runs of all sizes.
pub(super) struct Runs {
    range: Range<Record, BLOCKS>,
    /// Units in use.
    used: usize,
    /// Blocks in use.
    busy: usize,
}

impl Runs {
    pub const NEW: Runs = Runs { range: Range::NEW, used: 0, busy: 0 };

    /// Bytes in use, and of the blocks that they lie in.
    pub fn density(&self) -> (usize, usize) {
        (self.used * UNIT, self.busy * BLOCK)
    }

    /// Allows huge pages to hold the blocks, or forbids it.
    pub fn allow_huge_pages(&mut self, allowed: bool) {
        self.range.allow_huge_pages(allowed);
    }

    /// A run of `units` (1 to 64); null when addresses or memory are used up.
    pub fn take(&mut self, units: usize) -> *mut u8 {
        for index in 0..self.range.len() {
            let record = self.range.record(index);
            if record.used + units <= UNITS
                && let Some(first) = gap(&record.taken, units)
            {
                return self.settle(index, first, units);
            }
        }
        match self.range.grow(Record { taken: [0; WORDS], used: 0 }) {
            Ok(()) => self.settle(self.range.len() - 1, 0, units),
            Err(_) => ptr::null_mut(),
        }
    }

    fn settle(&mut self, index: usize, first: usize, units: usize) -> *mut u8 {
        let record = self.range.record(index);
        flip(&mut record.taken, first, units);
        self.busy += usize::from(record.used == 0);
        record.used += units;
        self.used += units;
        self.range.block(index).wrapping_add(first * UNIT)
    }

    /// Takes a run back that [`Runs::take`] gave; false when it is of somewhere else.
    pub fn give(&mut self, at: *mut u8, units: usize) -> bool {
        let Some((index, offset)) = self.range.find(at) else { return false };
        let record = self.range.record(index);
        flip(&mut record.taken, offset / UNIT, units);
        record.used -= units;
        self.used -= units;
        if record.used == 0 {
            self.busy -= 1;
            // SAFETY: nobody has a run of the block.
            unsafe { give_back(self.range.block(index), BLOCK) };
        } else if self.used * UNIT < self.busy * BLOCK / 2 {
            let (first, end) = (at.align_offset(PAGE), (at.addr() + units * UNIT) / PAGE * PAGE - at.addr());
            // SAFETY: the pages lie within the run, which nobody has any more.
            unsafe { give_back(at.wrapping_add(first), end - first) };
        }
        true
    }
}

/// Where the first `units` in a row are free.
fn gap(taken: &[u64; WORDS], units: usize) -> Option<usize> {
    let (mut first, mut at) = (0, 0);
    while at < UNITS {
        let word = taken[at / 64] >> (at % 64);
        let rest = 64 - at % 64;
        let free = (word.trailing_zeros() as usize).min(rest);
        at += free;
        if at - first >= units {
            return Some(first);
        }
        if free < rest {
            at += (!(word >> free)).trailing_zeros().min((rest - free) as u32) as usize;
            first = at;
        }
    }
    None
}

/// Turns the bits of a run over.
fn flip(taken: &mut [u64; WORDS], first: usize, units: usize) {
    for unit in first..first + units {
        taken[unit / 64] ^= 1 << (unit % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_do_not_overlap_and_their_blocks_are_used_again() {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut runs, mut taken) = (Runs::NEW, Vec::new());
        for step in 0..40_000u64 {
            if random.u32(..10) < if step / 5_000 % 2 == 0 { 7 } else { 3 } {
                let units = random.usize(4..=10);
                let at = runs.take(units);
                assert!(!at.is_null() && at.addr().is_multiple_of(UNIT));
                for unit in 0..units {
                    // SAFETY: the run is ours, and as large.
                    unsafe { at.add(unit * UNIT).cast::<u64>().write(step) };
                }
                taken.push((at, units, step));
            } else if !taken.is_empty() {
                let (at, units, step): (*mut u8, _, _) = taken.swap_remove(random.usize(..taken.len()));
                for unit in 0..units {
                    // SAFETY: as above.
                    assert_eq!(unsafe { at.add(unit * UNIT).cast::<u64>().read() }, step);
                }
                assert!(runs.give(at, units));
            }
            assert_eq!(runs.used, taken.iter().map(|(_, units, _)| units).sum::<usize>());
        }
        let most = runs.range.len();
        taken.drain(..).for_each(|(at, units, _)| assert!(runs.give(at, units)));
        assert_eq!((runs.used, runs.busy), (0, 0));
        (0..most * UNITS / 8).for_each(|_| assert!(!runs.take(8).is_null()));
        assert_eq!(runs.range.len(), most);
        assert!(!runs.give(ptr::dangling_mut(), 4));
    }

    #[test]
    fn a_run_lies_at_the_first_place_where_it_fits() {
        let mut runs = Runs::NEW;
        let taken: Vec<*mut u8> = (0..400).map(|_| runs.take(5)).collect();
        assert_eq!(runs.range.len(), 2);
        for at in [taken[13], taken[14], taken[300]] {
            assert!(runs.give(at, 5));
        }
        assert_eq!([runs.take(10), runs.take(5)], [taken[13], taken[300]]);
    }
}
