//! How long the values of a table are: how many lie in each power of two, per type. Kept as values change, so that
//! INFO need not look at them all.

use super::EntryRef;
use crate::keyspace::Kind;

/// Types that are counted: strings, lists, sets, sorted sets, hashes.
pub const TYPES: usize = 5;
/// Bins of a type: one for the length 0, then one for each power of two; the last takes all that is longer.
pub const BINS: usize = 50;

/// The histograms of all types.
pub type Bins = [[u32; BINS]; TYPES];

/// The histograms of one table; nothing while it never held a value that is counted.
#[derive(Default)]
pub struct Sizes(Option<Box<Bins>>);

/// Where a value is counted: its type and bin; `None` for types that are not.
pub type Bin = Option<(u8, u8)>;

/// Where the value of `entry` is counted by its length.
pub fn bin_of(entry: EntryRef<'_>) -> Bin {
    bin_by(entry.kind(), || entry.size())
}

/// Where a value of type `kind` is counted by what `size` tells of it.
#[inline]
pub fn bin_by(kind: Kind, size: impl FnOnce() -> usize) -> Bin {
    let kind = match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Sorted => 3,
        Kind::Hash => 4,
        Kind::Stream | Kind::Queue | Kind::VectorSet => return None,
    };
    let bits = (usize::BITS - size().leading_zeros()) as usize;
    Some((kind, bits.min(BINS - 1) as u8))
}

impl Sizes {
    /// Counts a value, or no longer.
    #[inline]
    pub fn count(&mut self, bin: Bin, more: bool) {
        let Some((kind, bin)) = bin else { return };
        let bins = self.0.get_or_insert_with(|| Box::new([[0; BINS]; TYPES]));
        let count = &mut bins[usize::from(kind)][usize::from(bin)];
        *count = if more { count.wrapping_add(1) } else { count.wrapping_sub(1) };
    }

    /// Counts in bin `to` a value that was counted in `from`.
    #[inline]
    pub fn recount(&mut self, from: Bin, to: Bin) {
        if from != to {
            self.count(from, false);
            self.count(to, true);
        }
    }

    /// The histograms, if there ever was a value.
    pub fn bins(&self) -> Option<&Bins> {
        self.0.as_deref()
    }
}
