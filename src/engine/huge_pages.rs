//! Huge pages: a large data set in pages of 2 MiB instead of 4 KiB spares most misses of the processor's
//! page table cache, which random access pays for with every key. No process is forked here, so they cost no
//! copies; but under blocks of few values they would hold memory that nobody uses.

use crate::base::heap::Heap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Bytes of blocks up to which gaps do not matter.
const BLOCKS_SMALL: usize = 16 << 20;

/// Whether the kernel may back the blocks of the heap with huge pages. All else is in small ones (`main.rs`).
#[derive(Debug, Default)]
pub struct HugePages(AtomicBool);

impl HugePages {
    /// Allows huge pages while there are few blocks or full ones, and forbids them otherwise: memory that was
    /// given back is then not filled up again behind the allocator's back.
    pub fn follow(&self) {
        let allowed = self.0.load(Relaxed);
        let (values, blocks) = Heap::density();
        let wanted = pay(values, blocks, allowed);
        if wanted != allowed {
            self.0.store(wanted, Relaxed);
            Heap::allow_huge_pages(wanted);
        }
    }
}

/// Whether huge pages pay for so many bytes of values in so many bytes of blocks: they begin to where at most an eighth is
/// unused, and go on to where a sixth is.
fn pay(values: usize, blocks: usize, allowed: bool) -> bool {
    let unused = blocks.saturating_sub(values);
    blocks <= BLOCKS_SMALL || unused <= blocks / if allowed { 6 } else { 8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_pay_in_few_blocks_or_full_ones() {
        let pays = |values: usize, blocks: usize, allowed| pay(values << 20, blocks << 20, allowed);
        assert!(pays(1, 16, false));
        assert!(!pays(1, 18, true));
        assert!(pays(880, 1000, false));
        assert!(!pays(870, 1000, false));
        assert!(pays(870, 1000, true));
        assert!(!pays(830, 1000, true));
    }
}
