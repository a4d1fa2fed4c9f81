//! Addresses for blocks, reserved at once; memory for them as they are needed.

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, mprotect};
use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};

/// Bytes of a block, and what it is aligned to: a huge page.
pub(super) const BLOCK: usize = 2 << 20;

/// Up to `BLOCKS` blocks side by side, with a record of each, zeros at first.
///
/// ```text
///  ┌ block 0 ┬ block 1 ┬ … ┬ block n ┬ not accessible yet … ┐ records
/// ```
pub(super) struct Range<R, const BLOCKS: usize> {
    /// The first block; null before the first one is asked for.
    base: *mut u8,
    records: *mut R,
    /// Blocks that are accessible.
    len: usize,
    /// Whether huge pages may hold them.
    huge: bool,
}

// SAFETY: what it points to is its own.
unsafe impl<R: Send, const BLOCKS: usize> Send for Range<R, BLOCKS> {}

impl<R: Copy, const BLOCKS: usize> Range<R, BLOCKS> {
    const BYTES: usize = BLOCKS * BLOCK;

    /// An empty one; nothing is reserved yet.
    pub const NEW: Self = Range { base: ptr::null_mut(), records: ptr::null_mut(), len: 0, huge: false };

    /// Blocks that are accessible.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The record of a block.
    pub fn record(&mut self, index: usize) -> &mut R {
        assert!(index < self.len);
        // SAFETY: there are so many records, for which zeros are values (`grow`), and they are this range's alone.
        unsafe { &mut *self.records.add(index) }
    }

    /// The first byte of a block.
    pub fn block(&self, index: usize) -> *mut u8 {
        self.base.wrapping_add(index * BLOCK)
    }

    /// The block that an address is in, and the offset there; `None` for one of somewhere else.
    pub fn find(&self, at: *mut u8) -> Option<(usize, usize)> {
        let offset = at.addr().wrapping_sub(self.base.addr());
        (offset < self.len * BLOCK).then_some((offset / BLOCK, offset % BLOCK))
    }

    /// Allows huge pages to hold the blocks, or forbids it: those that are there stay.
    pub fn allow_huge_pages(&mut self, allowed: bool) {
        self.huge = allowed;
        if !self.base.is_null() {
            self.advise();
        }
    }

    fn advise(&self) {
        let advice = if self.huge { MmapAdvise::MADV_HUGEPAGE } else { MmapAdvise::MADV_NOHUGEPAGE };
        // SAFETY: the range is one's own, and loses nothing. A kernel without huge pages goes on without them.
        let _ = unsafe { advise(self.base, Self::BYTES, advice) };
    }

    /// Makes another block accessible, with `record`; an error when the addresses or the memory are used up.
    #[cold]
    pub fn grow(&mut self, record: R) -> nix::Result<()> {
        if self.base.is_null() {
            self.reserve()?;
        }
        if self.len == BLOCKS {
            return Err(nix::Error::ENOMEM);
        }
        let at = NonNull::new(self.block(self.len)).ok_or(nix::Error::EINVAL)?;
        // SAFETY: the block lies within the range, where nothing is yet, and its record behind it.
        unsafe {
            open(at, BLOCK)?;
            self.records.add(self.len).write(record);
        }
        self.len += 1;
        Ok(())
    }

    fn reserve(&mut self) -> nix::Result<()> {
        let records = (BLOCKS * size_of::<R>()).next_multiple_of(BLOCK);
        // Blocks are aligned within it.
        let whole = NonZeroUsize::new(BLOCK + Self::BYTES + records).ok_or(nix::Error::EINVAL)?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: new mappings replace none.
        let at = unsafe { mmap_anonymous(None, whole, ProtFlags::PROT_NONE, flags)? }.cast::<u8>().as_ptr();
        let base = at.wrapping_add(at.align_offset(BLOCK));
        let end = NonNull::new(base.wrapping_add(Self::BYTES)).ok_or(nix::Error::EINVAL)?;
        // SAFETY: they lie within the mapping, which nobody knows yet.
        unsafe { open(end, records)? };
        (self.base, self.records) = (base, end.as_ptr().cast());
        self.advise();
        Ok(())
    }
}

/// Gives memory back to the system: it reads as zeros then. What the system does not take stays.
///
/// # Safety
/// It is of a block, and nobody uses it.
pub(super) unsafe fn give_back(at: *mut u8, len: usize) {
    // SAFETY: as the caller promises.
    let _ = unsafe { advise(at, len, MmapAdvise::MADV_DONTNEED) };
}

/// Makes memory accessible.
///
/// # Safety
/// It is of a mapping of one's own.
unsafe fn open(at: NonNull<u8>, len: usize) -> nix::Result<()> {
    // SAFETY: as the caller promises.
    unsafe { mprotect(at.cast::<c_void>(), len, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE) }
}

/// Tells the system what memory is for.
///
/// # Safety
/// It is of a mapping of one's own, and may lose what is in it if the advice says so.
unsafe fn advise(at: *mut u8, len: usize, advice: MmapAdvise) -> nix::Result<()> {
    let at = NonNull::new(at.cast::<c_void>()).ok_or(nix::Error::EINVAL)?;
    // SAFETY: as the caller promises.
    unsafe { madvise(at, len, advice) }
}
