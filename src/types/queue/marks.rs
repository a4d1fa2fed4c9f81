//! Up to where the log has which messages, as far as that matters: who is given a message waits until its push is
//! durable, and for nothing that was written since.
//!
//! ```text
//!  pushed   1 2 3 4 5 6 7 8 9 …          a mark says: all messages up to this one
//!  marks        │     │   │              are in the log before this place
//!               3@90  6@120 8@140
//! ```
//! There are few marks, of which the older ones lie farther apart; where one is missing, the next has to do.

use crate::types::footprint::taken;
use crate::types::stream::Id;
use std::collections::VecDeque;

/// Marks that are kept.
const MARKS: usize = 16;

/// Messages and places in the log, both ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(VecDeque<(Id, u64)>);

impl Marks {
    /// Notes that all messages up to `id` are in the log before `lsn`.
    pub(super) fn note(&mut self, id: Id, lsn: u64) {
        if id == Id::MIN || self.0.back().is_some_and(|(last, _)| *last >= id) {
            return;
        }
        if self.0.len() == MARKS {
            // Of two neighbours the later holds for both.
            let mut at = 0..;
            self.0.retain(|_| at.next().is_some_and(|at: usize| at % 2 == 1));
        }
        self.0.push_back((id, lsn));
    }

    /// The place before which the log has the message `id`; marks of older ones are forgotten.
    pub(super) fn find(&mut self, id: Id) -> Option<u64> {
        while self.0.front().is_some_and(|(last, _)| *last < id) {
            self.0.pop_front();
        }
        self.0.front().map(|(_, lsn)| *lsn)
    }

    pub(super) fn memory(&self) -> usize {
        taken(self.0.capacity() * size_of::<(Id, u64)>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_never_too_early_and_few_are_kept() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut marks, mut lsn, mut pushed) = (Marks::default(), 1, Vec::new());
        for round in 0..2_000 {
            for _ in 0..rng.usize(..4) {
                pushed.push(Id::new(pushed.len() as u64 + 1, 0));
            }
            // What was pushed is in the log from here on.
            lsn += rng.u64(1..100);
            let known = pushed.len();
            pushed.last().into_iter().for_each(|id| marks.note(*id, lsn));
            assert!(marks.0.len() <= MARKS);
            if round % 7 == 0 && known > 0 {
                let at = known - 1 - rng.usize(..known.min(50));
                let found = marks.find(pushed[at]).expect("all that was noted is known");
                assert!(found <= lsn);
                assert!(marks.0.iter().zip(marks.0.iter().skip(1)).all(|(a, b)| a.0 < b.0 && a.1 < b.1));
            }
        }
        assert_eq!(marks.find(Id::new(u64::MAX, 0)), None);
    }

    #[test]
    fn the_place_is_that_of_the_push_or_a_later_one() {
        let mut marks = Marks::default();
        let places: Vec<(Id, u64)> = (1..=100).map(|n| (Id::new(n, 0), 10 * n)).collect();
        places.iter().for_each(|(id, lsn)| marks.note(*id, *lsn));
        let mut last = 0;
        for (id, lsn) in places {
            let found = marks.find(id).unwrap();
            assert!(found >= lsn && found >= last, "{id:?} is in the log by {lsn}, not {found}");
            last = found;
        }
        assert_eq!(last, 1_000);
    }
}
