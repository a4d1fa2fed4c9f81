//! Up to 64 messages with ids in ascending order, and their states as sets of bits.
//!
//! ```text
//!  slot      0         1         2        …      bits   used      1 1 1 1 0 1 …
//!      ┌─────────┬─────────┬─────────┬────            ready[5]  1 0 0 1 0 0 …
//!      │ pri, ms │         │         │                in_flight 0 1 0 0 0 0 …
//!      │ seq     │         │         │                dead      0 0 1 0 0 0 …
//!      │ body    │         │         │                used, and in no other: delayed
//!      └─────────┴─────────┴─────────┴────
//!      ┌─────────┬─────────┬─────────┬────
//!      │ card    │         │         │         once a message has one
//!      └─────────┴─────────┴─────────┴────
//! ```
//! Ids are told from the segment's own, which none of them is below.

use super::State;
use super::body::Body;
use super::card::{CardNo, NONE};
use crate::types::footprint::taken;
use crate::types::stream::Id;

/// Slots of a segment.
pub(super) const SLOTS: usize = 64;
/// Priorities there are.
pub(super) const PRIORITIES: usize = 10;

/// A message in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot<'a> {
    pub(super) body: &'a Body,
    pub(super) card: CardNo,
    pub(super) pri: u8,
}

/// Bits of an [`Item`]'s time that are the time, in ms: three days.
const TIME_BITS: u32 = 28;

/// What there is of each message.
#[derive(Clone, Debug)]
struct Item {
    /// Milliseconds behind the segment's id; above them the priority.
    time: u32,
    seq: u32,
    body: Body,
}

impl Item {
    fn ms(&self) -> u32 {
        self.time & ((1 << TIME_BITS) - 1)
    }

    fn pri(&self) -> u8 {
        (self.time >> TIME_BITS) as u8
    }
}

/// Messages with ids in ascending order.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    base: Id,
    items: Vec<Item>,
    /// The messages' cards; empty while none has one.
    cards: Vec<CardNo>,
    pub(super) used: u64,
    ready: [u64; PRIORITIES],
    /// Ready, but their group keeps them.
    held: u64,
    in_flight: u64,
    dead: u64,
}

impl Segment {
    pub(super) fn new(base: Id) -> Self {
        Segment {
            base,
            items: Vec::new(),
            cards: Vec::new(),
            used: 0,
            ready: [0; PRIORITIES],
            held: 0,
            in_flight: 0,
            dead: 0,
        }
    }

    /// How many slots it has, empty ones included.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes allocated for its slots.
    pub(super) fn memory(&self) -> usize {
        taken(self.items.capacity() * size_of::<Item>()) + taken(self.cards.capacity() * size_of::<CardNo>())
    }

    pub(super) fn slot(&self, slot: usize) -> Slot<'_> {
        let item = &self.items[slot];
        Slot { body: &item.body, card: self.cards.get(slot).copied().unwrap_or(NONE), pri: item.pri() }
    }

    pub(super) fn set_card(&mut self, slot: usize, card: CardNo) {
        if self.cards.is_empty() && card != NONE {
            // As much room as the messages have.
            self.cards.reserve_exact(self.items.capacity());
            self.cards.resize(self.items.len(), NONE);
        }
        if let Some(place) = self.cards.get_mut(slot) {
            *place = card;
        }
    }

    /// An id as it is told from the segment's own, if it can be.
    fn short(&self, id: Id) -> Option<(u32, u32)> {
        let ms = u32::try_from(id.ms.checked_sub(self.base.ms)?).ok().filter(|ms| ms >> TIME_BITS == 0)?;
        // Sequence numbers begin anew with each millisecond.
        Some((ms, u32::try_from(id.seq).ok()?))
    }

    /// Appends a message, which is delayed for now; `None` if the segment has no room for it.
    pub(super) fn push(&mut self, id: Id, body: Body, pri: u8, card: CardNo) -> Result<usize, Body> {
        let Some((ms, seq)) = self.short(id).filter(|_| self.items.len() < SLOTS) else { return Err(body) };
        let slot = self.items.len();
        self.items.push(Item { time: ms | u32::from(pri) << TIME_BITS, seq, body });
        if !self.cards.is_empty() {
            self.cards.push(NONE);
        }
        self.set_card(slot, card);
        self.used |= 1 << slot;
        Ok(slot)
    }

    pub(super) fn id(&self, slot: usize) -> Id {
        let item = &self.items[slot];
        Id::new(self.base.ms + u64::from(item.ms()), u64::from(item.seq))
    }

    /// The slot of `id`.
    pub(super) fn find(&self, id: Id) -> Option<usize> {
        let key = self.short(id)?;
        let slot = self.items.binary_search_by_key(&key, |item| (item.ms(), item.seq)).ok()?;
        (self.used & 1 << slot != 0).then_some(slot)
    }

    /// The bits of the slots from `id` on.
    pub(super) fn from(&self, id: Id) -> u64 {
        let slot = (0..self.items.len()).find(|slot| self.id(*slot) >= id).unwrap_or(SLOTS);
        u64::MAX.checked_shl(slot as u32).unwrap_or(0)
    }

    pub(super) fn state(&self, slot: usize) -> State {
        let bit = 1 << slot;
        if self.in_flight & bit != 0 {
            State::InFlight
        } else if self.dead & bit != 0 {
            State::Dead
        } else if self.ready[self.items[slot].pri() as usize] & bit != 0 {
            State::Ready
        } else {
            State::Delayed
        }
    }

    /// Puts a message into `state`; a ready one is kept by its group if `held`.
    pub(super) fn set_state(&mut self, slot: usize, state: State, held: bool) {
        let bit = 1 << slot;
        let ready = &mut self.ready[self.items[slot].pri() as usize];
        for (set, on) in [
            (ready, state == State::Ready),
            (&mut self.held, state == State::Ready && held),
            (&mut self.in_flight, state == State::InFlight),
            (&mut self.dead, state == State::Dead),
        ] {
            *set = if on { *set | bit } else { *set & !bit };
        }
    }

    /// The bits of the messages in `state`.
    pub(super) fn bits(&self, state: State) -> u64 {
        let ready = self.ready.iter().fold(0, |all, bits| all | bits);
        match state {
            State::Ready => ready,
            State::InFlight => self.in_flight,
            State::Dead => self.dead,
            State::Delayed => self.used & !(ready | self.in_flight | self.dead),
        }
    }

    /// The bits of ready messages of priority `pri`, and of those that may be delivered.
    pub(super) fn lane(&self, pri: u8) -> (u64, u64) {
        let ready = self.ready[pri as usize];
        (ready, ready & !self.held)
    }

    /// Takes a message out; its slot stays behind, empty.
    pub(super) fn remove(&mut self, slot: usize) -> (Body, CardNo) {
        self.set_state(slot, State::Delayed, false);
        self.used &= !(1 << slot);
        let card = self.slot(slot).card;
        (std::mem::replace(&mut self.items[slot].body, Body::Short(Box::default())), card)
    }

    /// Whether more than three in four slots are empty.
    pub(super) fn is_sparse(&self) -> bool {
        self.items.len() >= 8 && self.used.count_ones() as usize * 4 <= self.items.len()
    }

    /// Drops empty slots.
    pub(super) fn compact(&mut self) {
        let used = self.used;
        let squeeze = |bits: u64| {
            let kept = (0..SLOTS).filter(|slot| used & 1 << slot != 0);
            kept.enumerate().fold(0, |out, (to, from)| out | (bits >> from & 1) << to)
        };
        self.ready = self.ready.map(squeeze);
        self.held = squeeze(self.held);
        self.in_flight = squeeze(self.in_flight);
        self.dead = squeeze(self.dead);
        self.used = squeeze(used);
        retain(&mut self.items, used);
        retain(&mut self.cards, used);
    }

    /// Whether it has room for all of the segment behind this one; both are compact.
    pub(super) fn has_room_for(&self, other: &Segment) -> bool {
        self.items.len() + other.items.len() <= SLOTS / 2
            && (0..other.items.len()).all(|slot| self.short(other.id(slot)).is_some())
    }

    /// Takes in all of a segment for which it has room.
    pub(super) fn absorb(&mut self, other: Segment) {
        let shift = self.items.len();
        let slots: Vec<(Id, CardNo)> =
            (0..other.items.len()).map(|slot| (other.id(slot), other.slot(slot).card)).collect();
        for ((id, card), item) in slots.into_iter().zip(other.items) {
            let pri = item.pri();
            let Ok(_) = self.push(id, item.body, pri, card) else { continue };
        }
        self.used |= other.used << shift;
        self.held |= other.held << shift;
        self.in_flight |= other.in_flight << shift;
        self.dead |= other.dead << shift;
        for (own, its) in self.ready.iter_mut().zip(other.ready) {
            *own |= its << shift;
        }
    }
}

/// Keeps the items whose bits are set.
fn retain<T>(items: &mut Vec<T>, used: u64) {
    let mut at = 0..;
    items.retain(|_| at.next().is_some_and(|slot: usize| used & 1 << slot != 0));
    items.shrink_to_fit();
}
