//! A growable run of bytes behind one thin pointer: what every packed form is made of.
//!
//! ```text
//!  0         4           7       8
//! ┌─────────┬───────────┬───────┬───────────┬───────┐
//! │ len     │ count     │ class │ bytes     │ spare │
//! │ u32     │ u24       │ u8    │ (len)     │       │
//! └─────────┴───────────┴───────┴───────────┴───────┘
//! ```
//! `count` belongs to the user (elements, usually). `class` is the size class the allocation has: sizes are multiples of 8
//! up to 128, then eight steps to each doubling, and four from 1,024 on, as the allocator's are ([`crate::base::heap`]), so
//! growing by one class at a time copies each byte only a few times. An empty buffer has no allocation.
//!
//! Invariants: the allocation's layout follows from `class`; `len` bytes and the header fit into it;
//! all its bytes are initialised; class 0 is the shared [`EMPTY`] header, never written to.
#![allow(unsafe_code)]

use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};
use std::slice;

const HEADER: usize = 8;
/// The most bytes a buffer may hold.
pub(super) const LEN_MAX: usize = 1 << 30;
/// The highest `count`.
pub(super) const COUNT_MAX: usize = (1 << 24) - 1;

#[repr(C, align(8))]
struct Head {
    len: u32,
    count_class: u32,
}

static EMPTY: Head = Head { len: 0, count_class: 0 };

/// Below this many bytes there are eight classes to a doubling, from here on four.
const COARSE: usize = 1024;
/// The class of [`COARSE`] bytes.
const COARSE_CLASS: usize = 40;

/// The smallest size class of at least `size` bytes.
fn class_for(size: usize) -> u8 {
    let class = |first: usize, base: usize, steps: usize| {
        let doubling = ((size - 1) / base).ilog2() as usize;
        let base = base << doubling;
        first + steps * doubling + (size - base).div_ceil(base / steps)
    };
    (match size {
        0..=128 => size.div_ceil(8),
        129..=COARSE => class(16, 128, 8),
        _ => class(COARSE_CLASS, COARSE, 4),
    }) as u8
}

/// The bytes of size class `class`.
fn class_size(class: u8) -> usize {
    let size = |above: usize, base: usize, steps: usize| {
        let base = base << ((above - 1) / steps);
        base + ((above - 1) % steps + 1) * base / steps
    };
    match class.into() {
        class @ 0..=16 => 8 * class,
        class @ 17..=COARSE_CLASS => size(class - 16, 128, 8),
        class => size(class - COARSE_CLASS, COARSE, 4),
    }
}

/// The bytes the allocator hands out when asked for `size`.
pub(super) fn size_class(size: usize) -> usize {
    class_size(class_for(size))
}

fn layout(class: u8) -> Layout {
    Layout::from_size_align(class_size(class), HEADER).expect("a size class fits isize")
}

/// A buffer of bytes with a count: 8 bytes wide, one allocation, none when empty.
pub(super) struct Thin(NonNull<Head>);

// SAFETY: a Thin owns its allocation of plain bytes; the EMPTY header it may share is never written to.
unsafe impl Send for Thin {}
// SAFETY: as above; `&Thin` only reads.
unsafe impl Sync for Thin {}

impl Thin {
    pub(super) const fn new() -> Self {
        Thin(NonNull::from_ref(&EMPTY))
    }

    fn head(&self) -> &Head {
        // SAFETY: the pointer is to an initialised header: EMPTY, or the head of our allocation.
        unsafe { self.0.as_ref() }
    }

    fn class(&self) -> u8 {
        (self.head().count_class >> 24) as u8
    }

    pub(super) fn len(&self) -> usize {
        self.head().len as usize
    }

    pub(super) fn count(&self) -> usize {
        self.head().count_class as usize & COUNT_MAX
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        class_size(self.class())
    }

    /// Sets the count; of an empty buffer without allocation it must stay 0.
    pub(super) fn set_count(&mut self, count: usize) {
        assert!(count <= COUNT_MAX && (self.class() != 0 || count == 0));
        if self.class() != 0 {
            let class = self.head().count_class & !(COUNT_MAX as u32);
            // SAFETY: class is not 0, so this header is ours.
            unsafe { self.0.as_mut().count_class = class | count as u32 };
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `len` initialised bytes stand behind the header (none behind EMPTY).
        unsafe { slice::from_raw_parts(self.0.as_ptr().cast::<u8>().add(HEADER), self.len()) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and we own them; the slice is empty for EMPTY.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr().cast::<u8>().add(HEADER), self.len()) }
    }

    /// Replaces the `old` bytes at `at` by `new` others, which the caller writes into the returned slice.
    pub(super) fn splice(&mut self, at: usize, old: usize, new: usize) -> &mut [u8] {
        let len = self.len();
        assert!(at <= len && old <= len - at);
        let (tail, len) = (len - at - old, len - old + new);
        assert!(len <= LEN_MAX, "a packed buffer may not pass {LEN_MAX} bytes");
        if HEADER + len > self.memory() {
            self.reallocate(class_for(HEADER + len));
        } else if self.class() == 0 {
            return &mut [];
        }
        // SAFETY: the allocation holds HEADER + len initialised bytes (old content and new alike fit it),
        // so source and destination of the move lie inside.
        unsafe {
            let gap = self.0.as_ptr().cast::<u8>().add(HEADER + at);
            if old != new {
                ptr::copy(gap.add(old), gap.add(new), tail);
                self.0.as_mut().len = len as u32;
            }
        }
        if 2 * (HEADER + len) <= self.memory() && new < old {
            self.reallocate(class_for(HEADER + len));
        }
        &mut self.bytes_mut()[at..at + new]
    }

    /// Gives back what was allocated beyond the need.
    pub(super) fn shrink(&mut self) {
        let fit = if self.len() == 0 { 0 } else { class_for(HEADER + self.len()) };
        if fit < self.class() {
            self.reallocate(fit);
        }
    }

    /// Moves to an allocation of `class`, which holds all content; the count goes when it is 0.
    fn reallocate(&mut self, class: u8) {
        let (old, head, len) = (self.class(), self.head().count_class, self.len());
        if class == 0 {
            *self = Thin::new();
            return;
        }
        let (from, to) = (class_size(old), class_size(class));
        // SAFETY: both layouts are of non-zero size where they are used; the old allocation has the layout of
        // `old`; bytes added to it are zeroed before anybody sees them.
        unsafe {
            let p = if old == 0 {
                alloc::alloc_zeroed(layout(class))
            } else {
                alloc::realloc(self.0.as_ptr().cast(), layout(old), to)
            };
            let Some(p) = NonNull::new(p) else { alloc::handle_alloc_error(layout(class)) };
            if old != 0 && to > from {
                p.add(from).write_bytes(0, to - from);
            }
            self.0 = p.cast();
            let count_class = head & COUNT_MAX as u32 | u32::from(class) << 24;
            self.0.write(Head { len: len as u32, count_class });
        }
    }
}

impl Drop for Thin {
    fn drop(&mut self) {
        if self.class() != 0 {
            // SAFETY: class is not 0, so the allocation is ours and has this layout.
            unsafe { alloc::dealloc(self.0.as_ptr().cast(), layout(self.class())) }
        }
    }
}

impl Clone for Thin {
    fn clone(&self) -> Self {
        let mut twin = Thin::new();
        twin.splice(0, 0, self.len()).copy_from_slice(self.bytes());
        twin.set_count(self.count());
        twin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_are_the_allocators() {
        let steps = [(8, 128), (16, 256), (32, 512), (64, 1024), (256, 2048), (512, 4096)];
        let mut size = 0;
        for (step, end) in steps {
            while size < end {
                size += step;
                assert_eq!(class_size(class_for(size)), size);
                assert_eq!(
                    class_for(size),
                    class_for(size - 1) + u8::from(class_size(class_for(size - 1)) < size)
                );
            }
        }
        for size in 1..100_000 {
            let class = class_for(size);
            assert!(class_size(class) >= size && class_size(class - 1) < size);
        }
        assert!(class_size(class_for(HEADER + LEN_MAX)) >= HEADER + LEN_MAX);
    }

    proptest! {
        #[test]
        fn it_is_a_vec(ops in prop::collection::vec((any::<u16>(), 0usize..80, 0usize..80, any::<u8>()), 0..200)) {
            let (mut thin, mut twin) = (Thin::new(), Vec::new());
            for (at, old, new, fill) in ops {
                let at = at as usize % (twin.len() + 1);
                let old = old.min(twin.len() - at);
                thin.splice(at, old, new).fill(fill);
                twin.splice(at..at + old, vec![fill; new]);
                prop_assert_eq!(thin.bytes(), &twin[..]);
                if thin.memory() > 0 {
                    thin.set_count(twin.len());
                }
                if fill < 8 {
                    thin.shrink();
                    prop_assert!(thin.memory() <= twin.len() + twin.len() / 4 + 24);
                }
                let clone = thin.clone();
                prop_assert_eq!(clone.bytes(), &twin[..]);
                prop_assert_eq!(thin.count(), twin.len());
            }
        }
    }
}
