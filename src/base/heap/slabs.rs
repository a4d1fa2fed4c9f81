//! Slabs: slots of one size each, linked by how full they are.

use super::classes::{CLASSES, STEP};
use super::{add_slab, give_slab};
use std::ptr;

/// Bytes of a slab, and what it is aligned to.
pub(super) const SLAB: usize = 32 * 1024;
/// Bytes of its counts.
const HEAD: usize = 64;
/// Levels of slabs with room: the quarters that they are full to.
const LEVELS: usize = 4;
/// The level of a full slab.
const FULL: u8 = LEVELS as u8;

/// The counts of a slab.
#[repr(C, align(64))]
pub(super) struct Slab {
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
    pub(super) stripe: u16,
    class: u16,
    level: u8,
}

const _: () = assert!(size_of::<Slab>() == HEAD);

/// Where the counts of the slab at `base` stand: multiples of their size over the first 4 KiB, in turns.
fn mark(base: usize) -> usize {
    base / SLAB % 64 * HEAD
}

/// The slab that the slot `at` is in.
pub(super) fn slab_of(at: *mut u8) -> *mut Slab {
    let base = at.map_addr(|at| at & !(SLAB - 1));
    base.wrapping_add(mark(base.addr())).cast()
}

impl Slab {
    /// Its first byte.
    pub(super) fn base(this: *mut Slab) -> *mut u8 {
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
pub(super) struct Stripe {
    /// Slabs with room, by class and level: the first of each list.
    pub(super) lists: [[*mut Slab; LEVELS]; CLASSES],
    /// A slab without values, for whatever class needs one next.
    pub(super) spare: *mut Slab,
    /// Bytes of slots that nobody uses.
    pub(super) unused: usize,
}

// SAFETY: slabs belong to their stripe, and are only touched under its lock.
unsafe impl Send for Stripe {}

impl Stripe {
    pub(super) const NEW: Stripe =
        Stripe { lists: [[ptr::null_mut(); LEVELS]; CLASSES], spare: ptr::null_mut(), unused: 0 };

    /// A slot of `class`; null when there is no memory.
    ///
    /// # Safety
    /// This is stripe number `own`.
    pub(super) unsafe fn take(&mut self, class: usize, own: usize) -> *mut u8 {
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
    pub(super) unsafe fn give(&mut self, at: *mut u8) {
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
