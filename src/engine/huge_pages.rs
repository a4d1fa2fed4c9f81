//! Huge pages: a large data set in pages of 2 MiB instead of 4 KiB spares most misses of the processor's
//! page table cache, which random access pays for with every key. No process is forked here, so they cost no
//! copies; but in a small or sparse heap they would hold memory that nobody uses.

use crate::metrics::Memory;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Bytes in use from which on huge pages are worth it.
const HEAP_MIN: usize = 64 << 20;

/// Bytes resident that are no heap, at most: the program, stacks.
const PROGRAM: usize = 16 << 20;

/// Whether the kernel may back the heap with huge pages. The allocator asks for them everywhere
/// (`main.rs`); the process forbids them as long as they do not pay.
#[derive(Debug, Default)]
pub struct HugePages(AtomicBool);

impl HugePages {
    /// Allows huge pages while the heap is large and dense, and forbids them otherwise: memory that was
    /// given back is then not filled up again behind the allocator's back.
    pub fn follow(&self, memory: &Memory) {
        let allowed = self.0.load(Relaxed);
        let wanted = pay(memory, allowed);
        if wanted != allowed {
            self.allow(wanted);
        }
    }

    /// Allows or forbids them from here on.
    pub fn allow(&self, allowed: bool) {
        self.0.store(allowed, Relaxed);
        if let Err(error) = nix::sys::prctl::set_thp_disable(!allowed) {
            tracing::debug!("the kernel does not let huge pages be switched: {error}");
        }
    }
}

/// Whether huge pages pay: they begin to where at most 8 % of the memory held are unused, and go on to where 11 % are. The
/// kernel's count tells, as the allocator's does not know what was filled up again.
fn pay(memory: &Memory, allowed: bool) -> bool {
    let held = memory.rss.saturating_sub(PROGRAM);
    let used = if allowed { held / 100 * 89 } else { held / 100 * 92 };
    memory.allocated >= HEAP_MIN && memory.allocated >= used
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap(allocated_mib: usize, rss_mib: usize) -> Memory {
        Memory { allocated: allocated_mib << 20, rss: rss_mib << 20, ..Memory::default() }
    }

    #[test]
    fn they_pay_in_a_large_and_dense_heap() {
        assert!(!pay(&heap(10, 10), false));
        assert!(pay(&heap(1000, 1080), false));
        assert!(!pay(&heap(1000, 1120), false));
        assert!(pay(&heap(1000, 1120), true));
        assert!(!pay(&heap(1000, 1200), true));
    }
}
