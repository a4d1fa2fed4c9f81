//! The body of a message: stored once; long ones are shared with replies and copies of the queue.

use crate::types::footprint::taken;
use bytes::Bytes;

/// The length from which on a body is shared, in bytes: sharing takes 64 bytes of its own.
const SHARED_MIN: usize = 1024;

/// The body of a message. An allocation has no bytes but the body's, so that none falls into the next
/// size class of the allocator.
#[derive(Clone, Debug)]
pub enum Body {
    /// Bytes of its own.
    Short(Box<[u8]>),
    /// Shared bytes.
    Long(Box<Bytes>),
}

impl Body {
    /// A body with a copy of `bytes`.
    pub fn new(bytes: &[u8]) -> Body {
        if bytes.len() < SHARED_MIN {
            Body::Short(bytes.into())
        } else {
            Body::Long(Box::new(Bytes::from(Box::<[u8]>::from(bytes))))
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Body::Short(bytes) => bytes,
            Body::Long(bytes) => bytes,
        }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it occupies beside its place in the queue, in bytes.
    pub(super) fn memory(&self) -> usize {
        match self {
            Body::Short(bytes) => taken(bytes.len()),
            // The handle, and what counts its owners.
            Body::Long(bytes) => taken(bytes.len()) + 2 * taken(size_of::<Bytes>()),
        }
    }
}
