//! What structures of the standard library take of the allocator, as they do not tell.

pub(super) use crate::base::heap::taken;

/// Elements of a full node of a B-tree.
const NODE_MAX: usize = 11;
/// Elements of a node on average, in trees that are filled in ascending order: a full one is split in halves, and the
/// lower half stays as it is.
const NODE_FILL: usize = 6;
/// Bytes of a node besides its elements: its parent and counts.
const NODE_HEAD: usize = 12;

/// Bytes that a B-tree of `len` elements of type `T` takes, or pairs of them.
pub(super) fn btree<T>(len: usize) -> usize {
    let leaf = taken((NODE_HEAD + NODE_MAX * size_of::<T>()).next_multiple_of(8));
    let inner = taken((NODE_HEAD + NODE_MAX * size_of::<T>() + (NODE_MAX + 1) * 8).next_multiple_of(8));
    match len {
        0 => 0,
        1..=NODE_MAX => leaf,
        _ => {
            let leaves = len.div_ceil(NODE_FILL + 1);
            leaves * leaf + leaves.div_ceil(NODE_FILL) * inner
        }
    }
}
