//! One member with its score, in a thin allocation that the table of members owns and the tree points to.
//!
//! ```text
//! 0       8     9            9 (13 for a long member)
//! ┌───────┬─────┬────────────┬────────┐
//! │ score │ len │ len u32,   │ member │
//! │ f64   │ u8  │ if len=255 │        │
//! └───────┴─────┴────────────┴────────┘
//! ```
//! Invariant of the module `sorted`: a [`Node`] is freed by [`Node::free`] alone, after it has left
//! both the table and the tree of its set; every `Node` in reach is therefore alive.
#![allow(unsafe_code)]

use crate::base::simd::prefetch;
use crate::types::footprint::taken;
use std::alloc::{self, Layout};
use std::num::NonZero;
use std::ptr::{self, NonNull};

const LEN_AT: usize = 8;
const SHORT_AT: usize = LEN_AT + 1;
const LONG_AT: usize = SHORT_AT + 4;
/// The length byte of a member whose length is a `u32` of its own.
const LONG: u8 = u8::MAX;

/// A pointer to a member and its score; copied freely within the set it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node(NonNull<u8>);

// SAFETY: a Node is plain memory without interior references; who owns the set owns its nodes, and
// only `set_score`, through `&mut` of the set, writes to them.
unsafe impl Send for Node {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Node {}

impl Node {
    fn layout(len: usize) -> Layout {
        let head = if len < LONG as usize { SHORT_AT } else { LONG_AT };
        Layout::from_size_align(head + len, align_of::<f64>()).expect("a member's size fits isize")
    }

    /// Allocates a node.
    ///
    /// # Panics
    /// When the member is longer than 4 GiB, which no request can bring.
    pub fn new(score: f64, member: &[u8]) -> Self {
        let layout = Self::layout(member.len());
        let long = u32::try_from(member.len()).expect("a member is shorter than 4 GiB");
        // SAFETY: the layout is never empty; the parts written lie inside it, the score 8-aligned.
        unsafe {
            let Some(at) = NonNull::new(alloc::alloc(layout)) else { alloc::handle_alloc_error(layout) };
            let p = at.as_ptr();
            p.cast::<f64>().write(score);
            let text = if member.len() < LONG as usize {
                p.add(LEN_AT).write(member.len() as u8);
                p.add(SHORT_AT)
            } else {
                p.add(LEN_AT).write(LONG);
                p.add(SHORT_AT).cast::<u32>().write_unaligned(long);
                p.add(LONG_AT)
            };
            ptr::copy_nonoverlapping(member.as_ptr(), text, member.len());
            Node(at)
        }
    }

    /// Bits of an address that may be other than 0.
    pub const ADDRESS_BITS: u32 = 48;

    /// The node's address.
    pub fn address(self) -> u64 {
        let address = self.0.expose_provenance().get() as u64;
        assert!(address >> Self::ADDRESS_BITS == 0, "addresses have 48 bits");
        address
    }

    /// The node that has this address: one of the same set, alive.
    pub fn from_address(address: u64) -> Self {
        let address = NonZero::new(address as usize).expect("no node is at address 0");
        Node(NonNull::with_exposed_provenance(address))
    }

    /// The score.
    pub fn score(self) -> f64 {
        // SAFETY: a node is alive (see the module), and begins with its score.
        unsafe { self.0.as_ptr().cast::<f64>().read() }
    }

    /// Changes the score; the caller holds the set by `&mut` and moves the node in the tree.
    pub fn set_score(self, score: f64) {
        // SAFETY: as `score`; the set is held exclusively, so nobody reads meanwhile.
        unsafe { self.0.as_ptr().cast::<f64>().write(score) }
    }

    /// The member, for as long as this copy stays where it is in the set.
    pub fn member(&self) -> &[u8] {
        // SAFETY: a node is alive (see the module); the length stands where `new` wrote it.
        unsafe {
            let p = self.0.as_ptr();
            match p.add(LEN_AT).read() {
                LONG => {
                    let len = p.add(SHORT_AT).cast::<u32>().read_unaligned();
                    std::slice::from_raw_parts(p.add(LONG_AT), len as usize)
                }
                len => std::slice::from_raw_parts(p.add(SHORT_AT), len as usize),
            }
        }
    }

    /// Begins to bring the node into the cache.
    pub fn prefetch(self) {
        prefetch(self.0.as_ptr());
    }

    /// Bytes that a node with `len` bytes of member takes of the allocator.
    pub fn size(len: usize) -> usize {
        taken(Self::layout(len).pad_to_align().size())
    }

    /// Frees the node.
    ///
    /// # Safety
    /// No other copy of this `Node`, and no slice of its member, is used afterwards.
    pub unsafe fn free(self) {
        let layout = Self::layout(self.member().len());
        // SAFETY: allocated by `new` with this layout; the caller says that nobody else uses it.
        unsafe { alloc::dealloc(self.0.as_ptr(), layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_every_length_read_back() {
        for len in [0, 1, 22, 254, 255, 256, 70_000] {
            let member: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let node = Node::new(-0.0, &member);
            assert!(node.score().is_sign_negative());
            node.set_score(f64::INFINITY);
            assert_eq!((node.score(), node.member()), (f64::INFINITY, &member[..]));
            // SAFETY: the only copy.
            unsafe { node.free() };
        }
        assert_eq!((Node::size(22), Node::size(24)), (32, 40));
    }
}
