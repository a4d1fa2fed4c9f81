//! All messages of a queue in the order of their ids, whatever their state, and which of them comes next.
//!
//! Invariants: no segment is empty; a segment is in a lane's index exactly if it has such a message.

use super::State;
use super::body::Body;
use super::card::CardNo;
use super::segment::{PRIORITIES, Segment, Slot};
use crate::types::footprint::{btree, taken};
use crate::types::stream::Id;
use std::collections::{BTreeMap, BTreeSet};

/// Where a message is: its segment's id, and the slot in it. Holds until a message is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) base: Id,
    pub(super) slot: usize,
}

/// Segments by how their priority ranks: the highest first.
type Lanes = BTreeSet<(u8, Id)>;

/// The most slots of a segment that is joined with another.
const SMALL: usize = 16;

/// The messages of a queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages {
    segments: BTreeMap<Id, Box<Segment>>,
    /// Segments with ready messages of a priority.
    ready: Lanes,
    /// Segments with messages that may be delivered.
    open: Lanes,
    /// Bytes allocated for the slots of all segments.
    segments_memory: usize,
}

fn rank(pri: u8) -> u8 {
    (PRIORITIES - 1) as u8 - pri
}

impl Messages {
    fn segment(&self, base: Id) -> &Segment {
        self.segments.get(&base).expect("a place is of a segment that exists")
    }

    /// Appends a message with an id above all others; it is delayed for now.
    pub(super) fn push(&mut self, id: Id, mut body: Body, pri: u8, card: CardNo) -> Place {
        if let Some(mut last) = self.segments.last_entry() {
            let before = last.get().memory();
            let pushed = last.get_mut().push(id, body, pri, card);
            self.segments_memory += last.get().memory() - before;
            match pushed {
                Ok(slot) => return Place { base: *last.key(), slot },
                Err(back) => body = back,
            }
        }
        let mut segment = Box::new(Segment::new(id));
        let slot = segment.push(id, body, pri, card).map_err(drop).expect("ids have short sequence numbers");
        self.segments_memory += segment.memory();
        self.segments.insert(id, segment);
        Place { base: id, slot }
    }

    /// Where the message `id` is.
    pub(super) fn find(&self, id: Id) -> Option<Place> {
        let (base, segment) = self.segments.range(..=id).next_back()?;
        Some(Place { base: *base, slot: segment.find(id)? })
    }

    pub(super) fn id(&self, at: Place) -> Id {
        self.segment(at.base).id(at.slot)
    }

    pub(super) fn slot(&self, at: Place) -> Slot<'_> {
        self.segment(at.base).slot(at.slot)
    }

    pub(super) fn set_card(&mut self, at: Place, card: CardNo) {
        self.resize(at.base, |segment| segment.set_card(at.slot, card));
    }

    pub(super) fn state(&self, at: Place) -> State {
        self.segment(at.base).state(at.slot)
    }

    /// Puts a message into `state`; a ready one is kept by its group if `held`.
    pub(super) fn set_state(&mut self, at: Place, state: State, held: bool) {
        self.change(at, |segment| segment.set_state(at.slot, state, held));
    }

    /// Whether a message may be delivered.
    pub(super) fn is_open(&self, at: Place) -> bool {
        let segment = self.segment(at.base);
        segment.lane(segment.slot(at.slot).pri).1 & 1 << at.slot != 0
    }

    /// Changes a segment where it concerns the priority of the message at `at`.
    fn change<R>(&mut self, at: Place, f: impl FnOnce(&mut Segment) -> R) -> R {
        let segment = self.segments.get_mut(&at.base).expect("a place is of a segment that exists");
        let pri = segment.slot(at.slot).pri;
        let before = segment.lane(pri);
        let result = f(segment);
        let after = segment.lane(pri);
        let key = (rank(pri), at.base);
        index(&mut self.ready, key, before.0, after.0);
        index(&mut self.open, key, before.1, after.1);
        result
    }

    /// Takes a message out.
    pub(super) fn remove(&mut self, at: Place) -> (Body, CardNo) {
        let removed = self.change(at, |segment| segment.remove(at.slot));
        let segment = self.segment(at.base);
        if segment.used == 0 {
            self.segments_memory -= segment.memory();
            self.segments.remove(&at.base);
        } else if segment.is_sparse() {
            self.compact(at.base);
        }
        removed
    }

    /// Drops the empty slots of a segment, and joins it with a neighbour that is small too.
    fn compact(&mut self, base: Id) {
        self.unlist(base);
        self.resize(base, Segment::compact);
        self.list(base);
        let is_small = |base: &Id| self.segment(*base).len() <= SMALL;
        let before = self.segments.range(..base).next_back().map(|(base, _)| *base);
        let next = self.segments.range(base..).nth(1).map(|(base, _)| *base);
        if let Some(before) = before.filter(is_small) {
            self.join(before, base);
        } else if let Some(next) = next.filter(is_small) {
            self.join(base, next);
        }
    }

    /// Moves all of a segment into the one before it, if that has room for it.
    fn join(&mut self, base: Id, next: Id) {
        for base in [base, next] {
            self.unlist(base);
            self.resize(base, Segment::compact);
        }
        if self.segment(base).has_room_for(self.segment(next))
            && let Some(other) = self.segments.remove(&next)
        {
            self.segments_memory -= other.memory();
            self.resize(base, |segment| segment.absorb(*other));
        } else {
            self.list(next);
        }
        self.list(base);
    }

    /// Changes a segment so that more or less may be allocated for it.
    fn resize<R>(&mut self, base: Id, f: impl FnOnce(&mut Segment) -> R) -> R {
        let segment = self.segments.get_mut(&base).expect("a place is of a segment that exists");
        let before = segment.memory();
        let result = f(segment);
        self.segments_memory = self.segments_memory + segment.memory() - before;
        result
    }

    fn unlist(&mut self, base: Id) {
        for pri in 0..PRIORITIES as u8 {
            self.ready.remove(&(rank(pri), base));
            self.open.remove(&(rank(pri), base));
        }
    }

    fn list(&mut self, base: Id) {
        for pri in 0..PRIORITIES as u8 {
            let (ready, open) = self.segment(base).lane(pri);
            index(&mut self.ready, (rank(pri), base), 0, ready);
            index(&mut self.open, (rank(pri), base), 0, open);
        }
    }

    /// The message to be delivered next.
    pub(super) fn next(&self) -> Option<Place> {
        let (rank_of, base) = *self.open.first()?;
        let (_, open) = self.segment(base).lane(rank(rank_of));
        Some(Place { base, slot: open.trailing_zeros() as usize })
    }

    /// Whether a message may be delivered.
    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The ready messages in the order in which a full queue drops them: of the lowest priority the oldest first.
    pub(super) fn expendable(&self) -> impl Iterator<Item = Place> + '_ {
        (0..PRIORITIES as u8).rev().flat_map(move |rank_of| {
            let lane = self.ready.range((rank_of, Id::MIN)..=(rank_of, Id::MAX));
            lane.flat_map(move |(_, base)| {
                slots(self.segment(*base).lane(rank(rank_of)).0).map(|slot| Place { base: *base, slot })
            })
        })
    }

    /// The messages in one of `states` from `from` on, in the order of their ids.
    pub(super) fn iter<'a>(&'a self, from: Id, states: &'a [State]) -> impl Iterator<Item = Place> + 'a {
        let first = self.segments.range(..=from).next_back().map_or(from, |(base, _)| *base);
        self.segments.range(first..).flat_map(move |(base, segment)| {
            let bits = states.iter().fold(0, |all, state| all | segment.bits(*state));
            let bits = if *base < from { bits & segment.from(from) } else { bits };
            slots(bits).map(|slot| Place { base: *base, slot })
        })
    }

    /// The ready message with the lowest id.
    pub(super) fn oldest_ready(&self) -> Option<Id> {
        let lanes = (0..PRIORITIES as u8).filter_map(|rank_of| {
            let (_, base) = *self.ready.range((rank_of, Id::MIN)..=(rank_of, Id::MAX)).next()?;
            let slot = self.segment(base).lane(rank(rank_of)).0.trailing_zeros() as usize;
            Some(self.segment(base).id(slot))
        });
        lanes.min()
    }

    /// Bytes it takes, without the bodies.
    pub(super) fn memory(&self) -> usize {
        let segments = self.segments.len() * taken(size_of::<Segment>());
        btree::<(Id, Box<Segment>)>(self.segments.len()) + segments + self.segments_memory
    }

    /// Allocations to free, roughly.
    pub(super) fn weight(&self) -> usize {
        self.segments.len() * super::segment::SLOTS
    }
}

/// Enters a segment into an index, or takes it out, when it got its first such message or lost its last.
fn index(lanes: &mut Lanes, key: (u8, Id), before: u64, after: u64) {
    if before == 0 && after != 0 {
        lanes.insert(key);
    } else if before != 0 && after == 0 {
        lanes.remove(&key);
    }
}

/// The slots whose bits are set, in ascending order.
fn slots(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let slot = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(slot)
    })
}
