//! The part of a snapshot's cut that a table holds.

use super::super::cut::{Cut, Witness};
use super::{Place, Table};
use std::sync::Arc;

impl Table {
    /// Makes everything that is stored now a part of a cut, as database `db`.
    pub(in super::super) fn begin_cut(&mut self, witness: &Arc<dyn Witness>, db: u32) {
        assert!(self.cut.is_none(), "a cut begins when the one before is over");
        self.generation ^= 1;
        self.cut = (self.len > 0).then(|| Box::new(Cut::new(witness.clone(), db, self.len)));
    }

    /// Whether a part of a cut is left here.
    pub fn has_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Hands over the entry at `place` of sub-table `id`, which is about to change, unless that was done before.
    #[cold]
    pub(super) fn hand_over(&mut self, id: usize, place: Place) {
        let Some(cut) = &mut self.cut else { return };
        let entry = self.subs[id].entry(place);
        if entry.generation() != self.generation {
            cut.take(entry);
            entry.mark(self.generation);
        }
        if cut.is_over() {
            self.cut = None;
        }
    }

    /// Hands over about `limit` entries of the cut, up to a part of a huge one. Bounded work: buckets without any count
    /// as one.
    pub fn walk_cut(&mut self, limit: usize) {
        let Some(mut cut) = self.cut.take() else { return };
        let mut visits = 0;
        'walk: while visits < limit && !cut.is_over() {
            let hash = Self::hash_at(cut.cursor);
            let Some(sub) = self.sub(hash) else { break };
            let home = sub.home(hash);
            sub.prefetch_entries(home + 1);
            for (place, _) in sub.homed(home) {
                let entry = sub.entry(place);
                if entry.generation() != self.generation {
                    visits += 1;
                    if !cut.take_some(entry) {
                        // The next step comes back to this bucket.
                        break 'walk;
                    }
                    entry.mark(self.generation);
                }
            }
            visits += 1;
            // Behind the last bucket nothing is left, so that the loop ends above.
            cut.cursor = self.after(sub, home, cut.cursor).unwrap_or_default();
        }
        self.cut = (!cut.is_over()).then_some(cut);
    }

    /// Hands the whole table to the witness of the cut it holds a part of; returns it when there is none.
    pub(in super::super) fn hand_over_whole(self) -> Option<Table> {
        let Some(cut) = &self.cut else { return Some(self) };
        cut.witness().flushed(self);
        None
    }
}
