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
mod range;
mod runs;

use super::lock::{Lock, Mutex};
use blocks::Blocks;
use parking_lot::lock_api::RawMutex;
use runs::{Runs, UNIT};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};
use tikv_jemallocator::Jemalloc;

/// Bytes of a slab, and what it is aligned to.
const SLAB: usize = 32 * 1024;
/// Bytes of its counts.
const HEAD: usize = 64;
/// The largest slot, in bytes.
const SLOT_MAX: usize = 1024;
/// Sizes of slots are multiples of this many bytes, which they are aligned to; those of twice as many to that.
const STEP: usize = 4;
/// The largest slot, in bytes, for which so small a step is worth slabs of its own.
const FINE_MAX: usize = 128;
const CLASSES: usize = SLOT_MAX / STEP + 1;
/// Groups of threads that share slabs.
const STRIPES: usize = 8;
/// Levels of slabs with room: the quarters that they are full to.
const LEVELS: usize = 4;
/// The level of a full slab.
const FULL: u8 = LEVELS as u8;

/// Whether slabs serve a class: jemalloc would take a step more, or several.
const SERVED: [bool; CLASSES] = {
    let mut served = [false; CLASSES];
    let mut class = 1;
    while class < CLASSES {
        let size = class * STEP;
        let is_fine = !size.is_multiple_of(2 * STEP);
        served[class] = if is_fine { size < FINE_MAX } else { rounded(size) >= size + 2 * STEP };
        class += 1;
    }
    served
};

/// The class of slots for `size` bytes aligned to `align`, 8 at most.
#[inline(always)]
const fn class_for(size: usize, align: usize) -> usize {
    let step = if size <= FINE_MAX && align <= STEP { STEP } else { 2 * STEP };
    size.next_multiple_of(step) / STEP
}

/// What jemalloc takes for `size` bytes (at least 1).
const fn rounded(size: usize) -> usize {
    let step = match size {
        0..=8 => 8,
        9..=128 => 16,
        _ => 1 << ((size - 1).ilog2() - 2),
    };
    size.next_multiple_of(step)
}

/// Bytes that an allocation of `size` takes, aligned to 4 at most or else a multiple of 8; 0 for none.
pub const fn taken(size: usize) -> usize {
    let class = class_for(size, 1);
    match size {
        0 => 0,
        _ if class < CLASSES && SERVED[class] => class * STEP,
        _ => rounded(size),
    }
}

/// The class of slots that serves `layout`, if slabs do.
#[inline]
fn class_of(layout: Layout) -> Option<usize> {
    let class = class_for(layout.size(), layout.align());
    (class < CLASSES && SERVED[class] && layout.align() <= 2 * STEP).then_some(class)
}

/// The counts of a slab.
#[repr(C, align(64))]
struct Slab {
    prev: *mut Slab,
    next: *mut Slab,
    /// Slots in use.
    used: u32,
    /// Slots there are.
    capacity: u32,
    /// Slots given out once at least.
    touched: u32,
    /// The offset of the first slot that was given back, plus 1; 0 when there is none.
    free: u32,
    stripe: u16,
    class: u16,
    level: u8,
}

const _: () = assert!(size_of::<Slab>() == HEAD);

/// Where the counts of the slab at `base` stand: multiples of their size over the first 4 KiB, in turns.
fn mark(base: usize) -> usize {
    base / SLAB % 64 * HEAD
}

/// The slab that the slot `at` is in.
fn slab_of(at: *mut u8) -> *mut Slab {
    let base = at.map_addr(|at| at & !(SLAB - 1));
    base.wrapping_add(mark(base.addr())).cast()
}

impl Slab {
    /// Its first byte.
    fn base(this: *mut Slab) -> *mut u8 {
        this.cast::<u8>().map_addr(|at| at & !(SLAB - 1))
    }

    fn slot_size(&self) -> usize {
        usize::from(self.class) * STEP
    }

    /// The quarter that it is full to, or [`FULL`].
    fn level_now(&self) -> u8 {
        match self.used {
            used if used == self.capacity => FULL,
            used => (used * LEVELS as u32 / self.capacity) as u8,
        }
    }
}

/// The slabs of one group of threads.
struct Stripe {
    /// Slabs with room, by class and level: the first of each list.
    lists: [[*mut Slab; LEVELS]; CLASSES],
    /// A slab without values, for whatever class needs one next.
    spare: *mut Slab,
    /// Bytes of slots that nobody uses.
    unused: usize,
}

// SAFETY: slabs belong to their stripe, and are only touched under its lock.
unsafe impl Send for Stripe {}

impl Stripe {
    const NEW: Stripe =
        Stripe { lists: [[ptr::null_mut(); LEVELS]; CLASSES], spare: ptr::null_mut(), unused: 0 };

    /// A slot of `class`; null when there is no memory.
    ///
    /// # Safety
    /// This is stripe number `own`.
    unsafe fn take(&mut self, class: usize, own: usize) -> *mut u8 {
        let found = self.lists[class].iter().rev().find(|first| !first.is_null());
        // SAFETY: as the caller promises.
        let slab = found.copied().unwrap_or_else(|| unsafe { self.add(class, own) });
        // SAFETY: linked slabs are alive, and changed only under this stripe's lock. A slab with room has a slot that was
        // given back, whose first bytes are the offset of the next one, or one that was never given out.
        unsafe {
            let Some(counts) = slab.as_mut() else { return ptr::null_mut() };
            let size = counts.slot_size();
            let base = Slab::base(slab);
            let at = if counts.free == 0 {
                let (index, mark) = (counts.touched as usize, mark(base.addr()));
                counts.touched += 1;
                let before = mark / size;
                base.add(if index < before { index * size } else { mark + HEAD + (index - before) * size })
            } else {
                let at = base.add(counts.free as usize - 1);
                counts.free = at.cast::<u32>().read();
                at
            };
            counts.used += 1;
            self.unused -= size;
            self.settle(slab);
            at
        }
    }

    /// Takes the slot `at` back.
    ///
    /// # Safety
    /// It came from [`Stripe::take`] of this stripe, and nobody uses it any more.
    unsafe fn give(&mut self, at: *mut u8) {
        let slab = slab_of(at);
        // SAFETY: the slab has a slot in use, so it is alive; the slot is free from here on.
        unsafe {
            let counts = &mut *slab;
            at.cast::<u32>().write(counts.free);
            counts.free = (at.addr() - Slab::base(slab).addr()) as u32 + 1;
            counts.used -= 1;
            self.unused += counts.slot_size();
            if counts.used == 0 {
                return self.retire(slab);
            }
            self.settle(slab);
        }
    }

    /// Moves a slab to the list that it belongs to now.
    ///
    /// # Safety
    /// It is one of this stripe's.
    #[inline]
    unsafe fn settle(&mut self, slab: *mut Slab) {
        // SAFETY: it is alive, and changed only under this stripe's lock.
        let (old, new) = unsafe { ((*slab).level, (*slab).level_now()) };
        if old != new {
            // SAFETY: it is linked as its level says.
            unsafe {
                self.unlink(slab);
                self.link(slab, new);
            }
        }
    }

    /// # Safety
    /// The slab is one of this stripe's, and linked nowhere.
    unsafe fn link(&mut self, slab: *mut Slab, level: u8) {
        // SAFETY: as the caller promises; linked slabs are alive.
        unsafe {
            (*slab).level = level;
            if level == FULL {
                return;
            }
            let first = &mut self.lists[usize::from((*slab).class)][usize::from(level)];
            (*slab).prev = ptr::null_mut();
            (*slab).next = *first;
            if let Some(next) = first.as_mut() {
                next.prev = slab;
            }
            *first = slab;
        }
    }

    /// # Safety
    /// The slab is one of this stripe's, and linked as its level says.
    unsafe fn unlink(&mut self, slab: *mut Slab) {
        // SAFETY: as the caller promises; linked slabs are alive.
        unsafe {
            let Slab { prev, next, class, level, .. } = *slab;
            if level == FULL {
                return;
            }
            match prev.as_mut() {
                Some(prev) => prev.next = next,
                None => self.lists[usize::from(class)][usize::from(level)] = next,
            }
            if let Some(next) = next.as_mut() {
                next.prev = prev;
            }
        }
    }

    /// Adds a slab for `class`; null when there is no memory.
    ///
    /// # Safety
    /// This is stripe number `own`.
    unsafe fn add(&mut self, class: usize, own: usize) -> *mut Slab {
        let mut slab = std::mem::replace(&mut self.spare, ptr::null_mut());
        if slab.is_null() {
            let base = add_slab();
            if base.is_null() {
                return ptr::null_mut();
            }
            slab = slab_of(base);
        } else {
            self.unused -= SLAB;
        }
        let size = class * STEP;
        let mark = mark(slab.addr());
        let capacity = mark / size + (SLAB - mark - HEAD) / size;
        let (prev, next) = (ptr::null_mut(), ptr::null_mut());
        let (stripe, class) = (own as u16, class as u16);
        let counts = Slab {
            prev,
            next,
            used: 0,
            capacity: capacity as u32,
            touched: 0,
            free: 0,
            stripe,
            class,
            level: 0,
        };
        self.unused += capacity * size;
        // SAFETY: the slab is this stripe's alone, and its counts lie inside it, aligned to their size.
        unsafe {
            slab.write(counts);
            self.link(slab, 0);
        }
        slab
    }

    /// Keeps a slab that has no values any more as the spare, or gives it back.
    ///
    /// # Safety
    /// It is one of this stripe's, linked as its level says, and no slot of it is in use.
    #[cold]
    unsafe fn retire(&mut self, slab: *mut Slab) {
        // SAFETY: as the caller promises.
        unsafe {
            self.unlink(slab);
            self.unused -= (*slab).capacity as usize * (*slab).slot_size();
            if self.spare.is_null() {
                self.unused += SLAB;
                self.spare = slab;
            } else {
                give_slab(Slab::base(slab));
            }
        }
    }
}

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
    note_flow(SLAB as isize);
    at
}

/// Takes a slab back.
///
/// # Safety
/// It came from [`add_slab`], and nobody uses it any more.
unsafe fn give_slab(at: *mut u8) {
    if BLOCKS.lock().give(at) {
        note_flow(-(SLAB as isize));
    } else {
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

    /// Bytes in blocks that this thread took, less those that it gave back.
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
                unsafe { STRIPE[own].0.lock().take(class, own) }
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises; the stripe of a slab with values does not change.
        unsafe {
            match class_of(layout) {
                None => dealloc_large(at, layout),
                Some(_) => STRIPE[usize::from((*slab_of(at)).stripe)].0.lock().give(at),
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises; a slot is as large as its layout.
        unsafe {
            if class_of(layout).is_none() && units_of(layout).is_none() {
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
mod tests {
    use super::*;

    /// An allocation filled with a byte of its own.
    struct Block {
        at: *mut u8,
        layout: Layout,
        byte: u8,
    }

    // SAFETY: a block is owned.
    unsafe impl Send for Block {}

    impl Block {
        fn new(size: usize, byte: u8) -> Self {
            let layout = Layout::from_size_align(size, 1 << (size % 4)).unwrap();
            // SAFETY: the layout is not empty, and the allocation as large.
            let at = unsafe { Heap.alloc(layout) };
            assert!(!at.is_null() && at.addr().is_multiple_of(layout.align()));
            unsafe { at.write_bytes(byte, size) };
            Self { at, layout, byte }
        }

        fn check(&self, len: usize) {
            // SAFETY: it is as long, and written.
            let bytes = unsafe { std::slice::from_raw_parts(self.at, len) };
            assert!(bytes.iter().all(|byte| *byte == self.byte), "{:?}", self.layout);
        }

        fn resize(&mut self, size: usize) {
            let len = size.min(self.layout.size());
            // SAFETY: it was allocated with this layout, and is as large as it then says.
            unsafe {
                self.at = Heap.realloc(self.at, self.layout, size);
                self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
                self.check(len);
                self.at.write_bytes(self.byte, size);
            }
        }

        fn free(self) {
            self.check(self.layout.size());
            // SAFETY: it was allocated with this layout, and is not used again.
            unsafe { Heap.dealloc(self.at, self.layout) };
        }
    }

    /// Random allocations of all sizes, some handed to another thread to be freed there.
    fn churn(seed: u64, other: &std::sync::Mutex<Vec<Block>>) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut blocks = Vec::new();
        for step in 0..60_000 {
            match random.u32(..10) {
                0..5 => blocks.push(Block::new(random.usize(1..1200), step as u8)),
                5 if !blocks.is_empty() => {
                    let at = random.usize(..blocks.len());
                    let block: &mut Block = &mut blocks[at];
                    block.resize(random.usize(1..1200));
                }
                6 if !blocks.is_empty() => {
                    let block = blocks.swap_remove(random.usize(..blocks.len()));
                    other.lock().unwrap().push(block);
                }
                7 => other.lock().unwrap().pop().into_iter().for_each(Block::free),
                _ if !blocks.is_empty() => blocks.swap_remove(random.usize(..blocks.len())).free(),
                _ => {}
            }
            // Slabs fill and run empty.
            if step % 20_000 == 19_999 {
                blocks.drain(..).for_each(Block::free);
            }
        }
        blocks.into_iter().for_each(Block::free);
    }

    #[test]
    fn what_is_allocated_is_nobody_elses() {
        let other = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for seed in 0..4 {
                let other = &other;
                scope.spawn(move || churn(seed, other));
            }
        });
        other.into_inner().unwrap().into_iter().for_each(Block::free);
    }

    #[test]
    fn slots_waste_less_than_a_step() {
        for size in 1..=SLOT_MAX {
            let layout = Layout::from_size_align(size, 4).unwrap();
            assert!(class_of(layout).is_none_or(|class| class * STEP == taken(size)));
            let step = if size <= FINE_MAX { STEP } else { 2 * STEP };
            assert!(taken(size) >= size && taken(size) - size < step, "{size} takes {}", taken(size));
            let layout = Layout::from_size_align(size, 8).unwrap().pad_to_align();
            assert!(class_of(layout).is_none_or(|class| class * STEP == taken(layout.size())));
        }
        assert!(class_of(Layout::from_size_align(88, 8).unwrap()).is_some());
        assert!(class_of(Layout::from_size_align(92, 4).unwrap()).is_some());
        assert!(class_of(Layout::from_size_align(92, 8).unwrap()).is_none());
        assert!(class_of(Layout::from_size_align(96, 8).unwrap()).is_none());
        assert!(class_of(Layout::from_size_align(88, 16).unwrap()).is_none());
    }

    #[test]
    fn emptied_slabs_are_given_back() {
        let mut stripe = Stripe::NEW;
        // SAFETY: the stripe is this test's alone; its slots are given back once each.
        unsafe {
            let taken: Vec<*mut u8> = (0..10_000).map(|_| stripe.take(22, 0)).collect();
            assert!(stripe.unused < SLAB);
            // Every other slot is free: new ones fill the holes, without another slab.
            taken.iter().step_by(2).for_each(|at| stripe.give(*at));
            let unused = stripe.unused;
            assert!(unused >= 5_000 * 88);
            let again: Vec<*mut u8> = (0..5_000).map(|_| stripe.take(22, 0)).collect();
            assert_eq!(stripe.unused, unused - 5_000 * 88);
            taken.iter().skip(1).step_by(2).chain(&again).for_each(|at| stripe.give(*at));
            assert_eq!(stripe.unused, SLAB);
            give_slab(Slab::base(stripe.spare));
        }
    }
}
