//! The allocator: jemalloc, with slabs for the sizes that it rounds up by 8 bytes or more.
//!
//! An in-memory store is made of small allocations of the same few sizes, and jemalloc has four sizes per doubling:
//! 88 bytes (a key of 16 with a value of 64) take 96, 136 take 160. In a slab they take what they ask for, in steps of 8, and
//! up to 128 bytes of 4, if they need not be aligned to more.
//!
//! ```text
//!  a slab: 32 KiB, aligned to as much
//!   0            mark                mark + 64                                   32 KiB
//!  ┌──────┬─────┬───────────────────┬──────┬──────┬───────────────────────┬─────┐
//!  │ slot │ …   │ Slab: its counts  │ slot │ slot │ …                     │ end │
//!  └──────┴─────┴───────────────────┴──────┴──────┴───────────────────────┴─────┘
//!                 a free slot begins with the offset of the next one plus 1 (u32; 0: none)
//! ```
//! The counts stand at another place (`mark`) in every slab, or all would compete for the same lines of the cache.
//! Slabs lie side by side in blocks (`blocks`), and so do the arrays of hash tables (`runs`), so that huge pages can hold them.
//!
//! Threads are spread over stripes, each with its own lock and slabs; what is freed goes back to the stripe of its slab.
//! New values go to the fullest slab with room, so that the emptier ones run out of values and are given back.
//!
//! Invariants: a slab is linked in the list of its class and level, unless it is full or its stripe's spare; whoever
//! changes a slab holds the lock of its stripe, and only its stripe and class never change while it has values.
#![allow(unsafe_code)]

mod blocks;
mod classes;
mod range;
mod runs;
mod slabs;

use super::lock::{Lock, Mutex};
use blocks::Blocks;
pub use classes::taken;
use classes::{class_of, size_of_class};
use parking_lot::lock_api::RawMutex;
use runs::{Runs, UNIT};
use slabs::{SLAB, Stripe, slab_of};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};
use tikv_jemallocator::Jemalloc;
/// Groups of threads that share slabs.
const STRIPES: usize = 8;

/// The blocks that slabs lie in. Who locks it may hold a stripe's lock, and never the other way round.
static BLOCKS: Mutex<Blocks> = Mutex::const_new(<Lock as RawMutex>::INIT, Blocks::NEW);

thread_local!(static FLOW: Cell<i64> = const { Cell::new(0) });

/// Counts bytes as the calling thread's.
fn note_flow(bytes: isize) {
    // A thread that ends counts no more.
    let _ = FLOW.try_with(|flow| flow.set(flow.get() + bytes as i64));
}

/// A slab; null when there is no memory.
#[cold]
fn add_slab() -> *mut u8 {
    let at = BLOCKS.lock().take();
    if at.is_null() {
        // SAFETY: the layout is not empty.
        return unsafe { Jemalloc.alloc(LAYOUT) };
    }
    at
}

/// Takes a slab back.
///
/// # Safety
/// It came from [`add_slab`], and nobody uses it any more.
unsafe fn give_slab(at: *mut u8) {
    if !BLOCKS.lock().give(at) {
        // SAFETY: as the caller promises: jemalloc gave it with this layout.
        unsafe { Jemalloc.dealloc(at, LAYOUT) }
    }
}

/// The arrays of hash tables, by their layouts.
static RUNS: Mutex<Runs> = Mutex::const_new(<Lock as RawMutex>::INIT, Runs::NEW);

/// The units that serve `layout`, if runs do: those of arrays of cache lines, whose sizes they fit.
#[inline]
fn units_of(layout: Layout) -> Option<usize> {
    let is_array = layout.align() == 64 && (8192..=32768).contains(&layout.size());
    (is_array && layout.size().is_multiple_of(UNIT)).then_some(layout.size() / UNIT)
}

/// Memory that slabs do not serve; null when there is none.
///
/// # Safety
/// As for [`GlobalAlloc::alloc`].
#[inline]
unsafe fn alloc_large(layout: Layout) -> *mut u8 {
    if let Some(units) = units_of(layout) {
        let at = RUNS.lock().take(units);
        if !at.is_null() {
            note_flow((units * UNIT) as isize);
            return at;
        }
    }
    // SAFETY: as the caller promises.
    unsafe { Jemalloc.alloc(layout) }
}

/// Takes it back.
///
/// # Safety
/// As for [`GlobalAlloc::dealloc`]; it came from [`alloc_large`].
#[inline]
unsafe fn dealloc_large(at: *mut u8, layout: Layout) {
    if let Some(units) = units_of(layout)
        && RUNS.lock().give(at, units)
    {
        return note_flow(-((units * UNIT) as isize));
    }
    // SAFETY: as the caller promises.
    unsafe { Jemalloc.dealloc(at, layout) }
}

/// The layout of a slab.
const LAYOUT: Layout = match Layout::from_size_align(SLAB, SLAB) {
    Ok(layout) => layout,
    Err(_) => panic!("the size of a slab is a power of two"),
};

/// On cache lines of its own.
#[repr(align(128))]
struct Place(Mutex<Stripe>);

static STRIPE: [Place; STRIPES] =
    [const { Place(Mutex::const_new(<Lock as RawMutex>::INIT, Stripe::NEW)) }; STRIPES];

/// The number of the calling thread's stripe.
fn own_stripe() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: Cell<usize> = const { Cell::new(STRIPES) });
    // A thread that ends has none any more: any will do.
    OWN.try_with(|own| {
        if own.get() == STRIPES {
            own.set(THREADS.fetch_add(1, Relaxed) % STRIPES);
        }
        own.get()
    })
    .unwrap_or(0)
}

/// Blocks that one call of [`Heap::trim`] empties.
const TRIM_MAX: usize = 256;

/// Larger memory that has to be zero is asked of jemalloc, which has the system map fresh pages. Taking each of these costs
/// several times what clearing a page does.
const CLEARED_MAX: usize = 4 << 20;

/// Slabs that hold memory for what comes next: a thirty-second of those in use, as giving back a part of a huge page takes it
/// apart.
fn keep(blocks: &Blocks) -> usize {
    blocks.used() / 32
}

/// The global allocator of Synap's programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

static AT_HAND: AtomicIsize = AtomicIsize::new(0);

impl Heap {
    /// Bytes in use that jemalloc does not count, and of slabs without values that still hold memory.
    pub fn in_blocks() -> (usize, usize) {
        let runs = RUNS.lock().density().0;
        let blocks = BLOCKS.lock();
        (runs + blocks.used() * SLAB, blocks.held() * SLAB)
    }

    /// Bytes of values in blocks, and of these blocks.
    pub fn density() -> (usize, usize) {
        let (unused, runs) = (Self::unused(), RUNS.lock().density());
        let blocks = BLOCKS.lock();
        (runs.0 + (blocks.used() * SLAB).saturating_sub(unused), runs.1 + blocks.busy_bytes())
    }

    /// Allows huge pages to hold the blocks, or forbids it.
    pub fn allow_huge_pages(allowed: bool) {
        BLOCKS.lock().allow_huge_pages(allowed);
        RUNS.lock().allow_huge_pages(allowed);
    }

    /// Bytes in slabs and runs that this thread took, less those that it gave back.
    pub fn flow() -> i64 {
        FLOW.try_with(Cell::get).unwrap_or(0)
    }

    /// Whether [`Heap::trim`] has anything to do.
    pub fn has_surplus() -> bool {
        let blocks = BLOCKS.lock();
        blocks.held() > keep(&blocks)
    }

    /// Gives memory of slabs without values back to the system, but for a part that is soon used again, which is at
    /// most 512 MiB in one call; or `all` of it. It takes some milliseconds for each hundred; others allocate meanwhile.
    pub fn trim(all: bool) {
        for _ in 0..if all { usize::MAX } else { TRIM_MAX } {
            let mut blocks = BLOCKS.lock();
            let keep = if all { 0 } else { keep(&blocks) };
            let Some(surplus) = blocks.surplus(keep) else { return };
            drop(blocks);
            surplus.give_back();
            BLOCKS.lock().settle(surplus);
        }
    }

    /// Bytes that slabs hold and nobody uses.
    pub fn unused() -> usize {
        STRIPE.iter().map(|stripe| stripe.0.lock().unused).sum()
    }

    /// Says that `change` bytes more are kept at hand, or less: they do not count as in use.
    pub fn keep_at_hand(change: isize) {
        AT_HAND.fetch_add(change, Relaxed);
    }

    /// Bytes kept at hand for whatever work comes, however much data there is: buffers at rest, counters.
    pub fn at_hand() -> usize {
        usize::try_from(AT_HAND.load(Relaxed)).unwrap_or(0)
    }
}

// SAFETY: what slabs serve follows from the layout alone, so a layout's memory goes back where it came from; slots do not
// overlap, are as large as the layout's size rounded up to a step, and aligned to that. All else is jemalloc's.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        match class_of(layout) {
            None => unsafe { alloc_large(layout) },
            Some(class) => {
                let own = own_stripe();
                let at = unsafe { STRIPE[own].0.lock().take(class, own) };
                if !at.is_null() {
                    note_flow(size_of_class(class) as isize);
                }
                at
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises; the stripe of a slab with values does not change.
        unsafe {
            match class_of(layout) {
                None => dealloc_large(at, layout),
                Some(class) => {
                    STRIPE[usize::from((*slab_of(at)).stripe)].0.lock().give(at);
                    note_flow(-(size_of_class(class) as isize));
                }
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises; a slot is as large as its layout.
        unsafe {
            if layout.size() > CLEARED_MAX {
                return Jemalloc.alloc_zeroed(layout);
            }
            let at = self.alloc(layout);
            if !at.is_null() {
                at.write_bytes(0, layout.size());
            }
            at
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises: `size` is not zero and, rounded up, no overflow; both are valid for what is copied.
        unsafe {
            let wanted = Layout::from_size_align_unchecked(size, layout.align());
            match (class_of(layout), class_of(wanted)) {
                (None, None) if units_of(layout).or(units_of(wanted)).is_none() => {
                    Jemalloc.realloc(at, layout, size)
                }
                (Some(old), Some(new)) if old == new => at,
                _ => {
                    let new = self.alloc(wanted);
                    if !new.is_null() {
                        ptr::copy_nonoverlapping(at, new, layout.size().min(size));
                        self.dealloc(at, layout);
                    }
                    new
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
