//! When values are moved together. After many were deleted, the pages of the allocator hold few each: what they
//! waste is given back to the system only once nothing stands in them any more.

use crate::config::{ACTIVE_DEFRAG_IGNORE_BYTES, ACTIVE_DEFRAG_THRESHOLD_LOWER, ACTIVEDEFRAG, Settings};
use crate::metrics::Memory;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What pages may waste without `activedefrag`, in bytes, and in percent of what is in use.
const WASTE_MIN: usize = 32 << 20;
const WASTE_PERCENT: usize = 20;

/// The state of moving values together.
#[derive(Debug, Default)]
pub struct Compaction {
    /// Whether values are being moved.
    pub running: AtomicBool,
    /// Values moved so far.
    pub moved: AtomicU64,
    /// Bytes that pages wasted when it was last done: what could not be helped.
    left: AtomicUsize,
}

impl Compaction {
    /// Whether enough is wasted that moving values pays.
    pub fn pays(&self, memory: &Memory, settings: &Settings) -> bool {
        let (bytes, percent) = match settings.yes(ACTIVEDEFRAG) {
            true => {
                let bytes = settings.int(ACTIVE_DEFRAG_IGNORE_BYTES);
                (bytes as usize, settings.int(ACTIVE_DEFRAG_THRESHOLD_LOWER) as usize)
            }
            false => (WASTE_MIN, WASTE_PERCENT),
        };
        exceeds(memory, bytes, percent, self.left.load(Relaxed))
    }

    /// Notes what is wasted behind it.
    pub fn done(&self, memory: &Memory) {
        self.left.store(wasted(memory), Relaxed);
    }
}

fn wasted(memory: &Memory) -> usize {
    memory.active.saturating_sub(memory.allocated)
}

/// Whether more is wasted than `bytes` and `percent`, and so much more than what was `left` that it is new.
fn exceeds(memory: &Memory, bytes: usize, percent: usize, left: usize) -> bool {
    let (wasted, used) = (wasted(memory), memory.allocated);
    wasted >= bytes
        && wasted / percent.max(1) >= used / 100
        && wasted - left.min(wasted) >= bytes.max(used / 20) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_pays_when_much_is_wasted_that_was_not_left_before() {
        let heap = |used: usize, wasted: usize| Memory {
            allocated: used << 20,
            active: (used + wasted) << 20,
            ..Memory::default()
        };
        let pays = |used, wasted, left: usize| exceeds(&heap(used, wasted), 32 << 20, 20, left << 20);
        assert!(pays(100, 900, 0));
        assert!(!pays(10, 20, 0));
        assert!(!pays(1000, 150, 0));
        assert!(pays(1000, 250, 0));
        assert!(!pays(1000, 250, 240));
        assert!(pays(1000, 500, 240));
        assert!(!pays(100, 40, 100));
    }
}
