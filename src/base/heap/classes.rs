//! Sizes of allocations, and the classes of slots that serve them.

use std::alloc::Layout;

/// The largest slot, in bytes.
pub(super) const SLOT_MAX: usize = 1024;
/// Sizes of slots are multiples of this many bytes, which they are aligned to; those of twice as many to that.
pub(super) const STEP: usize = 4;
/// The largest slot, in bytes, for which so small a step is worth slabs of its own.
pub(super) const FINE_MAX: usize = 128;
pub(super) const CLASSES: usize = SLOT_MAX / STEP + 1;

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

/// Bytes of a slot of `class`.
#[inline(always)]
pub(super) const fn size_of_class(class: usize) -> usize {
    class * STEP
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
        _ if class < CLASSES && SERVED[class] => size_of_class(class),
        _ => rounded(size),
    }
}

/// The class of slots that serves `layout`, if slabs do.
#[inline]
pub(super) fn class_of(layout: Layout) -> Option<usize> {
    let class = class_for(layout.size(), layout.align());
    (class < CLASSES && SERVED[class] && layout.align() <= 2 * STEP).then_some(class)
}
