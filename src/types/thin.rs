//! A growable run of bytes behind one thin pointer: what every packed form is made of.
//!
//! ```text
//!            0       1           2      3          4
//!           ┌───────┬───────────┬──────┬──────────┬───────────┬───────┐
//!  compact  │ class │ count     │ len  │ note     │ bytes     │ spare │   classes up to 256 bytes
//!           │ u8    │ u8        │ u8   │ u8       │ (len)     │       │
//!           └───────┴───────────┴──────┴──────────┴───────────┴───────┘
//!            0       1                  4          8           12
//!           ┌───────┬──────────────────┬──────────┬───────────┬───────────┬───────┐
//!  wide     │ class │ count            │ len      │ note      │ bytes     │ spare │
//!           │ u8    │ u24              │ u32      │ u32       │ (len)     │       │
//!           └───────┴──────────────────┴──────────┴───────────┴───────────┴───────┘
//! ```
//! `count` (elements, usually; no more than there are bytes) and `note` belong to the user. `class` is the size class the
//! allocation has: sizes are multiples of 8 up to 128, then eight steps to each doubling, and four from 1,024 on, as the
//! allocator's are ([`crate::base::heap`]), so growing by one class at a time copies each byte only a few times. An empty
//! buffer has no allocation.
//!
//! Invariants: the allocation's layout and the head's follow from `class`; head and `len` bytes fit into it; all its bytes
//! are initialised; class 0 is the shared [`EMPTY`] head, never written to; the pointer's low bits are a number of its
//! owner's ([`super::forms`]), which is kept and means nothing here.
#![allow(unsafe_code)]

use crate::base::simd::prefetch_lines;
use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};
use std::slice;

const COMPACT_HEAD: usize = 4;
const WIDE_HEAD: usize = 12;
const ALIGN: usize = 8;
/// The bits of an address that are 0 in every allocation's.
pub(super) const NUMBER: usize = ALIGN - 1;
/// The most bytes a buffer may hold.
pub(super) const LEN_MAX: usize = 1 << 30;
/// The highest `count`.
pub(super) const COUNT_MAX: usize = (1 << 24) - 1;

#[repr(C, align(8))]
struct Empty([u8; ALIGN]);

static EMPTY: Empty = Empty([0; ALIGN]);

/// Below this many bytes there are eight classes to a doubling, from here on four.
const COARSE: usize = 1024;
/// The class of [`COARSE`] bytes.
const COARSE_CLASS: usize = 40;
/// The largest class with a compact head: 256 bytes, whose lengths fit a byte.
const COMPACT_CLASS: u8 = 24;
/// The most bytes behind a compact head.
const COMPACT_MAX: usize = class_size(COMPACT_CLASS) - COMPACT_HEAD;

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
const fn class_size(class: u8) -> usize {
    const fn size(above: usize, base: usize, steps: usize) -> usize {
        let base = base << ((above - 1) / steps);
        base + ((above - 1) % steps + 1) * base / steps
    }
    match class as usize {
        class @ 0..=16 => 8 * class,
        class @ 17..=COARSE_CLASS => size(class - 16, 128, 8),
        class => size(class - COARSE_CLASS, COARSE, 4),
    }
}

/// The bytes the allocator hands out when asked for `size`.
pub(super) fn size_class(size: usize) -> usize {
    class_size(class_for(size))
}

/// Bytes of the head that an allocation of `class` has.
const fn head_size(class: u8) -> usize {
    if class <= COMPACT_CLASS { COMPACT_HEAD } else { WIDE_HEAD }
}

/// The class of a buffer for `len` bytes.
fn class_of_len(len: usize) -> u8 {
    class_for(len + if len <= COMPACT_MAX { COMPACT_HEAD } else { WIDE_HEAD })
}

fn layout(class: u8) -> Layout {
    Layout::from_size_align(class_size(class), ALIGN).expect("a size class fits isize")
}

/// What a head tells.
#[derive(Clone, Copy)]
struct Head {
    class: u8,
    count: u32,
    len: u32,
    note: u32,
}

/// A buffer of bytes with a count and a note: 8 bytes wide, one allocation, none when empty.
#[repr(transparent)]
pub(super) struct Thin(NonNull<u8>);

// SAFETY: a Thin owns its allocation of plain bytes; the EMPTY head it may share is never written to.
unsafe impl Send for Thin {}
// SAFETY: as above; `&Thin` only reads.
unsafe impl Sync for Thin {}

impl Thin {
    pub(super) const fn new() -> Self {
        Thin(NonNull::from_ref(&EMPTY).cast())
    }

    /// Its first byte.
    fn at(&self) -> *mut u8 {
        self.0.as_ptr().map_addr(|at| at & !NUMBER)
    }

    #[inline]
    fn head(&self) -> Head {
        let at = self.at();
        // SAFETY: 4 initialised bytes of a head stand there (EMPTY has 8), 8-aligned, and of a wide one 8 more.
        unsafe {
            let first = at.cast::<u32>().read();
            let (class, rest) = (first as u8, first >> 8);
            if class <= COMPACT_CLASS {
                return Head { class, count: rest & 0xFF, len: rest >> 8 & 0xFF, note: rest >> 16 };
            }
            let (len, note) = (at.add(4).cast::<u32>().read(), at.add(8).cast::<u32>().read());
            Head { class, count: rest, len, note }
        }
    }

    /// Writes the head of an allocation of its own.
    ///
    /// # Safety
    /// `at` is an allocation of `head.class`, which is not 0, and holds its `len` bytes.
    #[inline]
    unsafe fn write_head(at: *mut u8, head: Head) {
        let Head { class, count, len, note } = head;
        // SAFETY: as the caller promises; a head of that class lies inside.
        unsafe {
            if class <= COMPACT_CLASS {
                assert!(count | note <= 0xFF, "no more elements than bytes");
                let head = u32::from(class) | count << 8 | len << 16 | note << 24;
                return at.cast::<u32>().write(head);
            }
            assert!(count as usize <= COUNT_MAX);
            at.cast::<u32>().write(u32::from(class) | count << 8);
            at.add(4).cast::<u32>().write(len);
            at.add(8).cast::<u32>().write(note);
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.head().len as usize
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        self.head().count as usize
    }

    /// The user's number.
    #[inline]
    pub(super) fn note(&self) -> u32 {
        self.head().note
    }

    /// Sets the user's number: up to 255 while the buffer has 252 bytes or fewer, and 0 while it is empty.
    #[inline]
    pub(super) fn set_note(&mut self, note: u32) {
        let head = self.head();
        if head.note != note {
            assert_ne!(head.class, 0, "an empty buffer has no room for a note");
            // SAFETY: class is not 0, so the allocation is ours; nothing but the note changes.
            unsafe { Self::write_head(self.at(), Head { note, ..head }) }
        }
    }

    /// Begins to bring its first bytes into the cache.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        prefetch_lines(self.at(), 3);
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        class_size(self.head().class)
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        let Head { class, len, .. } = self.head();
        // SAFETY: `len` initialised bytes stand behind the head (none behind EMPTY).
        unsafe { slice::from_raw_parts(self.at().add(head_size(class)), len as usize) }
    }

    #[inline]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let Head { class, len, .. } = self.head();
        // SAFETY: as in `bytes`, and we own them; the slice is empty for EMPTY.
        unsafe { slice::from_raw_parts_mut(self.at().add(head_size(class)), len as usize) }
    }

    /// Replaces the `old` bytes at `at` by `new` others, which the caller writes into the returned slice, and sets the
    /// count.
    pub(super) fn splice(&mut self, at: usize, old: usize, new: usize, count: usize) -> &mut [u8] {
        let mut head = self.head();
        let len = head.len as usize;
        assert!(at <= len && old <= len - at);
        let (tail, len) = (len - at - old, len - old + new);
        assert!(len <= LEN_MAX && count <= len, "a packed buffer may not pass {LEN_MAX} bytes");
        let room = class_size(head.class);
        if head_size(head.class) + len > room {
            if len == 0 {
                return &mut [];
            }
            head = self.reallocate(head, class_of_len(len));
        }
        let mut base = head_size(head.class) + at;
        // SAFETY: the allocation holds its head and `len` initialised bytes (old content and new alike fit it), so source
        // and destination of the move lie inside.
        unsafe {
            if old != new {
                let gap = self.at().add(base);
                ptr::copy(gap.add(old), gap.add(new), tail);
            }
            (head.len, head.count) = (len as u32, count as u32);
            Self::write_head(self.at(), head);
        }
        if new < old && 2 * (head_size(head.class) + len) <= room {
            let fit = class_of_len(len);
            if fit < head.class {
                head = self.reallocate(head, fit);
                base = head_size(head.class) + at;
            }
        }
        // SAFETY: as above: `new` bytes from there on lie inside, and we own them.
        unsafe { slice::from_raw_parts_mut(self.at().add(base), new) }
    }

    /// Gives back what was allocated beyond the need.
    pub(super) fn shrink(&mut self) {
        let head = self.head();
        let fit = if head.len == 0 { 0 } else { class_of_len(head.len as usize) };
        if fit < head.class {
            self.reallocate(head, fit);
        }
    }

    /// Moves to an allocation of `class`, which holds all content; count and note go when it is 0. Returns the head there.
    fn reallocate(&mut self, head: Head, class: u8) -> Head {
        let (from, to) = (class_size(head.class), class_size(class));
        let number = self.0.addr().get() & NUMBER;
        let moved = Head { class, ..head };
        // SAFETY: both layouts are of non-zero size where they are used; the old allocation has the layout of `head.class`;
        // bytes added to it are zeroed before anybody sees them; `len` bytes fit behind either head.
        unsafe {
            let p = if class == 0 {
                Thin::new().0.as_ptr()
            } else if head.class != 0 && head_size(head.class) == head_size(class) {
                let p = alloc::realloc(self.at(), layout(head.class), to);
                if !p.is_null() && to > from {
                    p.add(from).write_bytes(0, to - from);
                }
                p
            } else {
                let p = alloc::alloc_zeroed(layout(class));
                if !p.is_null() {
                    let bytes = self.at().add(head_size(head.class));
                    ptr::copy_nonoverlapping(bytes, p.add(head_size(class)), head.len as usize);
                }
                p
            };
            if p.is_null() {
                alloc::handle_alloc_error(layout(class));
            }
            if head.class != 0 && (class == 0 || head_size(head.class) != head_size(class)) {
                alloc::dealloc(self.at(), layout(head.class));
            }
            if class != 0 {
                Self::write_head(p, moved);
            }
            self.0 = NonNull::new_unchecked(p.map_addr(|at| at | number));
        }
        moved
    }
}

impl Drop for Thin {
    fn drop(&mut self) {
        let class = self.head().class;
        if class != 0 {
            // SAFETY: class is not 0, so the allocation is ours and has this layout.
            unsafe { alloc::dealloc(self.at(), layout(class)) }
        }
    }
}

impl Clone for Thin {
    fn clone(&self) -> Self {
        let mut twin = Thin::new();
        twin.splice(0, 0, self.len(), self.count()).copy_from_slice(self.bytes());
        twin.set_note(self.note());
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
        assert!(class_size(class_of_len(LEN_MAX)) >= WIDE_HEAD + LEN_MAX);
        assert_eq!(
            (class_of_len(COMPACT_MAX), class_of_len(COMPACT_MAX + 1)),
            (COMPACT_CLASS, COMPACT_CLASS + 1)
        );
    }

    proptest! {
        #[test]
        fn it_is_a_vec(ops in prop::collection::vec((any::<u16>(), 0usize..400, 0usize..80, any::<u8>()), 0..200)) {
            let (mut thin, mut twin) = (Thin::new(), Vec::new());
            for (at, old, new, fill) in ops {
                let at = at as usize % (twin.len() + 1);
                let old = old.min(twin.len() - at);
                twin.splice(at..at + old, vec![fill; new]);
                let kept = if twin.is_empty() { 0 } else { thin.note().min(7) };
                thin.set_note(kept);
                thin.splice(at, old, new, twin.len()).fill(fill);
                prop_assert_eq!(thin.bytes(), &twin[..]);
                prop_assert_eq!(thin.note(), kept);
                if !twin.is_empty() {
                    thin.set_note(if twin.len() > COMPACT_MAX { 1000 } else { fill.into() });
                }
                if fill < 8 {
                    thin.shrink();
                    prop_assert!(thin.memory() <= twin.len() + twin.len() / 4 + 24);
                }
                let clone = thin.clone();
                prop_assert_eq!(clone.bytes(), &twin[..]);
                prop_assert_eq!((thin.count(), thin.note()), (twin.len(), clone.note()));
            }
        }
    }
}
