//! The locks that a transaction holds.

use crate::base::lock::MutexGuard;
use crate::keyspace::shard::{SHARDS, Shard};

/// The shards a transaction holds, by its own locks or by those of the one that it runs within.
pub(super) enum Held<'k> {
    None,
    One(usize, MutexGuard<'k, Shard>),
    /// Ascending; the set has the bits of the shards held.
    Many(u64, Vec<MutexGuard<'k, Shard>>),
    /// Held by an enclosing transaction.
    LentOne(usize, &'k mut Shard),
    /// Likewise, as `Many`.
    Lent(u64, Vec<&'k mut Shard>),
}

impl Held<'_> {
    /// The set of the shards held.
    pub(super) fn set(&self) -> u64 {
        match self {
            Held::None => 0,
            Held::One(shard, _) | Held::LentOne(shard, _) => 1 << shard,
            Held::Many(set, _) | Held::Lent(set, _) => *set,
        }
    }

    #[inline(always)]
    pub(super) fn shard(&self, shard: usize) -> &Shard {
        match self {
            Held::One(held, guard) if *held == shard => guard,
            Held::Many(set, guards) if set & (1 << shard) != 0 => &guards[place(*set, shard)],
            Held::LentOne(held, lent) if *held == shard => lent,
            Held::Lent(set, lent) if set & (1 << shard) != 0 => lent[place(*set, shard)],
            _ => not_locked(shard),
        }
    }

    #[inline]
    pub(super) fn shard_mut(&mut self, shard: usize) -> &mut Shard {
        match self {
            Held::One(held, guard) if *held == shard => guard,
            Held::Many(set, guards) if *set & (1 << shard) != 0 => &mut guards[place(*set, shard)],
            Held::LentOne(held, lent) if *held == shard => lent,
            Held::Lent(set, lent) if *set & (1 << shard) != 0 => lent[place(*set, shard)],
            _ => not_locked(shard),
        }
    }

    /// The shards of `set`, for a transaction within; `None` when one of them is not held.
    pub(super) fn lend(&mut self, set: u64) -> Option<Held<'_>> {
        if set & !self.set() != 0 {
            return None;
        }
        let one = set.is_power_of_two().then(|| set.trailing_zeros() as usize);
        Some(match self {
            _ if set == 0 => Held::None,
            Held::One(shard, guard) => Held::LentOne(*shard, guard),
            Held::LentOne(shard, lent) => Held::LentOne(*shard, lent),
            Held::Many(all, guards) => match one {
                Some(shard) => Held::LentOne(shard, &mut guards[place(*all, shard)]),
                None => Held::Lent(set, chosen(*all, set, guards.iter_mut().map(|guard| &mut **guard))),
            },
            Held::Lent(all, lent) => match one {
                Some(shard) => Held::LentOne(shard, lent[place(*all, shard)]),
                None => Held::Lent(set, chosen(*all, set, lent.iter_mut().map(|lent| &mut **lent))),
            },
            Held::None => return None,
        })
    }

    /// Where the newest record about one of them ends in the log.
    pub(super) fn logged(&self) -> u64 {
        match self {
            Held::None => 0,
            Held::One(_, shard) => shard.logged,
            Held::Many(_, shards) => shards.iter().map(|shard| shard.logged).max().unwrap_or(0),
            Held::LentOne(_, shard) => shard.logged,
            Held::Lent(_, shards) => shards.iter().map(|shard| shard.logged).max().unwrap_or(0),
        }
    }

    /// Notes that the newest record about them ends at `lsn`.
    pub(super) fn set_logged(&mut self, lsn: u64) {
        match self {
            Held::None => {}
            Held::One(_, shard) => shard.logged = lsn,
            Held::Many(_, shards) => shards.iter_mut().for_each(|shard| shard.logged = lsn),
            Held::LentOne(_, shard) => shard.logged = lsn,
            Held::Lent(_, shards) => shards.iter_mut().for_each(|shard| shard.logged = lsn),
        }
    }
}

#[cold]
fn not_locked(shard: usize) -> ! {
    panic!("shard {shard} is not locked: a command touches a key that it did not declare")
}

/// Where the guard of `shard` is among those of `set`.
fn place(set: u64, shard: usize) -> usize {
    (set & ((1 << shard) - 1)).count_ones() as usize
}

/// Those of `shards` (which are the shards of `all`) that are in `set`.
fn chosen<'n>(all: u64, set: u64, shards: impl Iterator<Item = &'n mut Shard>) -> Vec<&'n mut Shard> {
    let numbers = (0..SHARDS).filter(|shard| all & 1 << shard != 0);
    shards.zip(numbers).filter(|(_, shard)| set & 1 << shard != 0).map(|(lent, _)| lent).collect()
}
