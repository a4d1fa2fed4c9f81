//! The nearest elements that are known, in order.

/// An element and how far it is: ordered by the distance, then by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Near(u64);

/// Its neighbours were looked at.
const DONE: u64 = 1;

impl Near {
    /// An element of a number below 2^31; no number is farther than one that is none.
    #[inline(always)]
    pub(in super::super) fn new(distance: f32, number: u32) -> Self {
        // Rounding may make a distance negative. The bits of the others are in order, those that are no numbers last.
        let distance = if distance < 0.0 { 0.0 } else { distance };
        Near(u64::from(distance.to_bits()) << 32 | u64::from(number) << 1)
    }

    pub(in super::super) fn number(self) -> u32 {
        self.0 as u32 >> 1
    }

    pub(in super::super) fn distance(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }
}

/// The nearest elements of those that were offered, up to a number of them, the nearest first; and which of them are done.
///
/// A walk needs no other queue: what falls out of the pool is farther than all that it would still look at.
#[derive(Default)]
pub(in super::super) struct Pool {
    nearest: Vec<Near>,
    room: usize,
    /// All before are done.
    next: usize,
}

impl Pool {
    /// Empties it, and makes room for so many.
    pub(super) fn begin(&mut self, room: usize) {
        self.nearest.clear();
        self.room = room;
        self.next = 0;
    }

    /// Whether `near` would come in.
    #[inline(always)]
    pub(super) fn wants(&self, near: Near) -> bool {
        self.nearest.len() < self.room || self.nearest.last().is_some_and(|last| near < *last)
    }

    /// Takes `near` in if it is among the nearest.
    #[inline(always)]
    pub(super) fn offer(&mut self, near: Near) {
        if !self.wants(near) {
            return;
        }
        if self.nearest.len() == self.room {
            self.nearest.pop();
        }
        let at = self.nearest.partition_point(|other| *other < near);
        self.nearest.insert(at, near);
        self.next = self.next.min(at);
    }

    /// The nearest that is not done, which it is then.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<u32> {
        self.skip_done();
        let near = self.nearest.get_mut(self.next)?;
        near.0 |= DONE;
        Some(near.number())
    }

    /// The nearest that is not done.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> Option<u32> {
        self.skip_done();
        self.nearest.get(self.next).map(|near| near.number())
    }

    #[inline(always)]
    fn skip_done(&mut self) {
        while self.nearest.get(self.next).is_some_and(|near| near.0 & DONE != 0) {
            self.next += 1;
        }
    }

    /// Fills it with the nearest of `all`.
    pub(in super::super) fn pick(&mut self, all: impl Iterator<Item = Near>, room: usize) {
        self.begin(room);
        self.nearest.extend(all);
        if room < self.nearest.len() {
            self.nearest.select_nth_unstable(room);
            self.nearest.truncate(room);
        }
        self.nearest.sort_unstable();
    }

    /// The elements, the nearest first.
    pub(in super::super) fn nearest(&self) -> &[Near] {
        &self.nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_keeps_the_nearest(
            offers in prop::collection::vec((-0.1f32..2.1, 0u32..1 << 31), 0..200),
            room in 1usize..50,
        ) {
            let mut all: Vec<Near> = offers.iter().map(|(distance, number)| Near::new(*distance, *number)).collect();
            let mut pool = Pool::default();
            pool.begin(room);
            all.iter().for_each(|near| pool.offer(*near));
            let mut picked = Pool::default();
            picked.pick(all.iter().copied(), room);
            all.sort();
            all.truncate(room);
            prop_assert_eq!(pool.nearest(), &all[..]);
            prop_assert_eq!(picked.nearest(), &all[..]);
            let done: Vec<u32> = std::iter::from_fn(|| pool.next()).collect();
            prop_assert_eq!(done, all.iter().map(|near| near.number()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_no_number_is_farthest() {
        for nan in [f32::NAN, -f32::NAN] {
            assert!(Near::new(nan, 0) > Near::new(f32::INFINITY, 1));
        }
    }
}
