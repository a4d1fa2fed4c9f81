//! A look at the keys: at each of them, or at a part that is spread over the hashes, where each stands for several.

use super::entry::EntryRef;
use super::shard::{SHARD_BITS, SHARDS};
use super::table::Table;
use crate::base::random;

/// Keys that are looked at, about, when there are more than twice as many.
pub const VISITS_MAX: usize = 1 << 17;
/// Buckets visited under one hold of a shard's lock.
const STEP: usize = 64;
/// Keys up to which a shard's table is visited as a whole.
const SMALL: usize = 256;
/// Bits of a cursor behind the shard's number.
const PLACE_BITS: u32 = super::table::CURSOR_BITS - SHARD_BITS;

/// Which part of the keys is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The share of the hashes that is visited in large tables.
    share: f64,
}

impl Sample {
    /// A look at `keys` keys.
    pub fn of(keys: usize) -> Self {
        let share = VISITS_MAX as f64 / keys.max(1) as f64;
        Self { share: if share < 0.5 { share } else { 1.0 } }
    }

    /// Whether every key is looked at.
    pub fn is_whole(self) -> bool {
        self.share >= 1.0
    }

    /// Has `see` look at the keys of one shard of a database, and tells it for how many each stands. `held` runs its argument
    /// under the shard's lock: again and again, so that nobody waits long.
    pub fn visit(
        self,
        shard: usize,
        mut held: impl FnMut(&mut dyn FnMut(&Table)),
        see: &mut impl FnMut(EntryRef<'_>, f64),
    ) {
        debug_assert!(shard < SHARDS);
        let begin = (shard as u64) << PLACE_BITS;
        let mut at = Some(begin);
        while let Some(from) = at {
            held(&mut |table| at = self.step(table, from, from == begin, see));
        }
    }

    /// Visits some buckets from the cursor `from` on; returns where to go on.
    fn step(
        self,
        table: &Table,
        from: u64,
        is_first: bool,
        see: &mut impl FnMut(EntryRef<'_>, f64),
    ) -> Option<u64> {
        let share = if table.len() <= SMALL { 1.0 } else { self.share };
        let mut at = from;
        if is_first && share < 1.0 {
            // As if the walk had come from before: of gaps of 0 to 2 m, two thirds of m are left on average.
            at += skip((table.scan(at, &mut |_| {})? - at) / 2, share) * 2 / 3;
        }
        for _ in 0..STEP {
            if table.is_empty() || at >> PLACE_BITS != from >> PLACE_BITS {
                return None;
            }
            let next = table.scan(at, &mut |entry| see(entry, 1.0 / share))?;
            at = next + skip(next - at, share);
        }
        Some(at)
    }
}

/// How far to go on behind a bucket whose end was `rest` away, so that the share of what is visited is right on average: a
/// walk comes down anywhere in a bucket, so that half of its width is left, and the next is to be a width / share away.
fn skip(rest: u64, share: f64) -> u64 {
    if share >= 1.0 {
        return 0;
    }
    let mean = rest as f64 * (2.0 / share - 1.0);
    random::below((2.0 * mean) as usize + 1) as u64
}
