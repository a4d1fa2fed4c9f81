//! The queue: messages that are delivered under a lease, and stay until they are acknowledged.
//!
//! ```text
//!  push ──► delayed ──► ready ──► in flight ──► gone (acknowledged)
//!              ▲          ▲           │
//!              └──────────┴───────────┤ given back, or the lease is over
//!                                     ▼
//!                     ready ◄─────── dead ──► gone (dropped, deleted, moved)
//! ```
//! A message lies in a segment with its neighbours by id, as little more than its body. One with options, or
//! that was delivered, has a card beside it; the timers are a heap of cards. The state follows from the
//! time: [`Queue::advance`] applies what is due, in as many steps as one likes, and everything else asks of
//! the queue that it was advanced to the present.
//!
//! Invariants: each message has one state, and [`Totals`] balance with their counts; a card's time in the
//! timers is when its message's state ends; of a group whose messages are ordered only the oldest that is
//! neither in flight nor dead may be delivered; ids only grow, and no lease's number is given twice.

mod advance;
mod body;
mod card;
mod changes;
mod deliver;
mod groups;
mod marks;
mod messages;
mod pages;
mod segment;
mod settings;
mod stored;
mod sweep;
#[cfg(test)]
mod tests;
mod timers;

pub use super::stream::Id;
pub use advance::News;
pub use body::Body;
pub use deliver::{Delivery, Lease, Nack};
pub use settings::{OnExpire, Overflow, Pause, Settings, Totals};
pub use stored::{Restoring, Stored, StoredQueue};

use super::footprint::{btree, taken};
use card::{Cards, NEVER, NONE};
use groups::Groups;
use marks::Marks;
use messages::{Messages, Place};
use settings::Bucket;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sweep::Sweep;
use timers::Timers;

/// Bytes that the name of a group or a deduplication id may have.
pub const NAME_MAX: usize = 512;
/// Bytes that are kept of the reason for which a message was given back.
pub const REASON_MAX: usize = 1024;
/// By how much a restart lets the numbers of leases jump: more than could have been lost.
const LEASE_JUMP: u64 = 1 << 16;

/// What a message is at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// To be delivered, unless its group keeps it.
    Ready,
    /// Not to be delivered yet.
    Delayed,
    /// Delivered, and its lease is not over.
    InFlight,
    /// Given up.
    Dead,
}

impl State {
    /// All states.
    pub const ALL: [State; 4] = [State::Ready, State::Delayed, State::InFlight, State::Dead];
    /// The states of messages that are not given up.
    pub const LIVE: [State; 3] = [State::Ready, State::Delayed, State::InFlight];

    /// The name of the state.
    pub fn name(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Delayed => "delayed",
            State::InFlight => "inflight",
            State::Dead => "dead",
        }
    }
}

/// Who was given a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The number of the client.
    pub client: u64,
    /// Its name, if it has one.
    pub name: Box<str>,
    /// Its address.
    pub addr: Box<str>,
}

/// What a message is pushed with.
#[derive(Clone, Debug)]
pub struct Push<'a> {
    /// Its bytes.
    pub body: Body,
    /// From 0 to 9; the highest is delivered first.
    pub pri: u8,
    /// The group it belongs to.
    pub group: Option<&'a [u8]>,
    /// By which it is known again.
    pub dedup: Option<&'a [u8]>,
    /// When it may be delivered, unix ms; in the past for at once.
    pub visible_at: i64,
    /// When its time to live is over, unix ms.
    pub expires_at: Option<i64>,
    /// Deliveries after which it is dead, 0 for no limit; `None` for what the queue says.
    pub limit: Option<u32>,
}

/// A message as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its id.
    pub id: Id,
    /// Its state.
    pub state: State,
    /// Its body.
    pub body: &'a Body,
    /// Its priority.
    pub pri: u8,
    /// Its group.
    pub group: Option<&'a [u8]>,
    /// How often it was delivered.
    pub attempts: u32,
    /// When it may be delivered, or its lease is over, unix ms; `None` of a dead one.
    pub visible_at: Option<i64>,
    /// When its time to live is over, unix ms.
    pub expires_at: Option<i64>,
    /// Who has it, in flight.
    pub owner: Option<&'a Owner>,
    /// Why it was given back last.
    pub reason: Option<&'a [u8]>,
    /// Deliveries after which it is dead, if it says so itself.
    pub limit: Option<u32>,
}

/// A queue.
#[derive(Clone, Debug, Default)]
pub struct Queue(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    messages: Messages,
    cards: Cards,
    timers: Timers,
    groups: Groups,
    /// The dead by age, and by when they died.
    dead: BTreeSet<Id>,
    graves: BTreeSet<(i64, Id)>,
    /// Deduplication ids, and those whose messages are gone.
    known: BTreeMap<Arc<[u8]>, Id>,
    windows: BTreeMap<Id, Arc<[u8]>>,
    /// Messages whose lease ends with a client's connection.
    tied: BTreeSet<(u64, Id)>,
    settings: Settings,
    totals: Totals,
    counts: [usize; 4],
    /// Bytes of the bodies in each state.
    lens: [u64; 4],
    /// Bytes allocated for bodies and texts.
    body_memory: usize,
    text_memory: usize,
    last_id: Id,
    /// The highest number a lease had, and the one that the next has to exceed.
    lease_max: u64,
    lease_floor: u64,
    bucket: Option<Bucket>,
    /// A change of many messages that is under way.
    sweep: Option<Sweep>,
    /// Up to where the log has which pushes.
    marks: Marks,
    /// The latest time it was advanced to: its time never steps back.
    clock_ms: i64,
    /// When somebody is to look after the queue next, as far as is known there.
    armed_ms: i64,
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            messages: Messages::default(),
            cards: Cards::default(),
            timers: Timers::default(),
            groups: Groups::default(),
            dead: BTreeSet::new(),
            graves: BTreeSet::new(),
            known: BTreeMap::new(),
            windows: BTreeMap::new(),
            tied: BTreeSet::new(),
            settings: Settings::default(),
            totals: Totals::default(),
            counts: [0; 4],
            lens: [0; 4],
            body_memory: 0,
            text_memory: 0,
            last_id: Id::MIN,
            lease_max: 0,
            lease_floor: 0,
            bucket: None,
            sweep: None,
            marks: Marks::default(),
            clock_ms: 0,
            armed_ms: NEVER,
        }
    }
}

impl Queue {
    /// How many messages are in a state.
    pub fn count(&self, state: State) -> usize {
        self.0.counts[state as usize]
    }

    /// How many messages are not dead.
    pub fn len(&self) -> usize {
        State::LIVE.iter().map(|state| self.count(*state)).sum()
    }

    /// Whether it has no message, dead ones included; it is kept all the same.
    pub fn is_empty(&self) -> bool {
        self.0.counts == [0; 4]
    }

    /// Bytes of all bodies.
    pub fn bytes(&self) -> u64 {
        self.0.lens.iter().sum()
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What happened to its messages.
    pub fn totals(&self) -> &Totals {
        &self.0.totals
    }

    /// The id pushed last.
    pub fn last_id(&self) -> Id {
        self.0.last_id
    }

    /// Groups with messages that are not dead, and those of them that have ready messages and keep them all.
    pub fn groups(&self) -> (usize, usize) {
        (self.0.groups.live, self.0.groups.held)
    }

    /// The oldest ready message, and the oldest in flight.
    pub fn oldest(&self) -> (Option<Id>, Option<Id>) {
        let in_flight = self.0.messages.iter(Id::MIN, &[State::InFlight]).next();
        (self.0.messages.oldest_ready(), in_flight.map(|at| self.0.messages.id(at)))
    }

    /// The message `id`.
    pub fn get(&self, id: Id) -> Option<Message<'_>> {
        self.0.messages.find(id).map(|at| self.0.message(at))
    }

    /// The messages in one of `states` from `from` on, in the order of their ids.
    pub fn iter<'a>(&'a self, from: Id, states: &'a [State]) -> impl Iterator<Item = Message<'a>> + 'a {
        self.0.messages.iter(from, states).map(|at| self.0.message(at))
    }

    /// The message that a deduplication id stands for at `now_ms`.
    pub fn known(&self, dedup: &[u8], now_ms: i64) -> Option<Id> {
        let id = *self.0.known.get(dedup)?;
        (!self.0.is_over(id, now_ms) || self.0.messages.find(id).is_some()).then_some(id)
    }

    /// Whether `count` messages with `bytes` of bodies fit, or how many ready ones have to go for them, of which at
    /// most `dropped_max` are counted; `None` when they do not fit.
    pub fn room_for(&self, count: usize, bytes: u64, dropped_max: usize) -> Option<usize> {
        let inner = &*self.0;
        let (len_max, bytes_max) = (inner.settings.len_max as u64, inner.settings.bytes_max as u64);
        let live_len: u64 = State::LIVE.iter().map(|state| inner.lens[*state as usize]).sum();
        let fits = |dropped: u64, freed: u64| {
            (len_max == 0 || self.len() as u64 - dropped + count as u64 <= len_max)
                && (bytes_max == 0 || live_len - freed + bytes <= bytes_max)
        };
        if fits(0, 0) {
            return Some(0);
        }
        let ready = State::Ready as usize;
        if inner.settings.overflow == Overflow::Reject || !fits(inner.counts[ready] as u64, inner.lens[ready])
        {
            return None;
        }
        let mut freed = 0;
        let mut dropped = inner.messages.expendable().take(dropped_max).zip(1..);
        let enough = dropped.find_map(|(place, dropped)| {
            freed += inner.messages.slot(place).body.len() as u64;
            fits(dropped as u64, freed).then_some(dropped)
        });
        Some(enough.unwrap_or(dropped_max))
    }

    /// The id of a message pushed at `now_ms`; none is left at the end of time.
    pub fn next_id(&self, now_ms: i64) -> Id {
        let last = self.0.last_id;
        let ms = now_ms.max(0) as u64;
        match () {
            () if ms > last.ms => Id::new(ms, 0),
            () if last.seq < u64::from(u32::MAX) => Id::new(last.ms, last.seq + 1),
            () => Id::new(last.ms + 1, 0),
        }
    }

    /// Adds a message under an id above all there were.
    pub fn push(&mut self, id: Id, push: Push<'_>, now_ms: i64) {
        debug_assert!(id > self.0.last_id);
        self.0.push(id, push, now_ms);
    }

    /// Drops the `count` ready messages that a full queue can do without; returns their ids.
    pub fn make_room(&mut self, count: usize, now_ms: i64) -> Vec<Id> {
        let inner = &mut *self.0;
        let ids: Vec<Id> = inner.messages.expendable().take(count).map(|at| inner.messages.id(at)).collect();
        self.drop_all(&ids, now_ms);
        ids
    }

    /// Drops messages, as a full queue does.
    pub fn drop_all(&mut self, ids: &[Id], now_ms: i64) {
        for id in ids {
            self.0.totals.dropped += u64::from(self.0.remove_id(*id, now_ms, false).is_some());
        }
    }

    /// Removes a message whatever its state; `false` if there is none. Its deduplication id is free again.
    pub fn delete(&mut self, id: Id, now_ms: i64) -> bool {
        let done = self.0.remove_id(id, now_ms, true).is_some();
        self.0.totals.deleted += u64::from(done);
        done
    }

    /// Removes all messages but keeps the settings; returns what held them, to be freed. Deduplication ids that are
    /// remembered beyond their messages are known again in steps.
    pub fn clear(&mut self) -> Queue {
        let inner = &mut *self.0;
        let count = inner.counts.iter().sum::<usize>() as u64;
        let kept = Inner {
            settings: inner.settings.clone(),
            totals: Totals { deleted: inner.totals.deleted + count, ..inner.totals },
            last_id: inner.last_id,
            lease_max: inner.lease_max,
            lease_floor: inner.lease_floor,
            bucket: inner.bucket,
            clock_ms: inner.clock_ms,
            armed_ms: inner.armed_ms,
            ..Inner::default()
        };
        let mut gone = std::mem::replace(inner, kept);
        // Ids of messages that were acknowledged stay known for their time.
        inner.windows = std::mem::take(&mut gone.windows);
        self.recall();
        Queue(Box::new(gone))
    }

    /// Makes a dead message ready, as if it had never been delivered; `false` if it is not dead.
    pub fn redrive(&mut self, id: Id) -> bool {
        self.0.redrive(id)
    }

    /// Takes a dead message out, to be moved to another queue.
    pub fn take_dead(&mut self, id: Id, now_ms: i64) -> bool {
        let is_dead = self.get(id).is_some_and(|message| message.state == State::Dead);
        let done = is_dead && self.0.remove_id(id, now_ms, false).is_some();
        self.0.totals.moved += u64::from(done);
        done
    }

    /// Counts pushes that were not done.
    pub fn count_refused(&mut self, duplicates: u64, rejected: u64) {
        self.0.totals.duplicates += duplicates;
        self.0.totals.rejected += rejected;
    }

    /// Changes the settings at `now_ms`.
    pub fn set(&mut self, settings: Settings, now_ms: i64) {
        let inner = &mut *self.0;
        let old = std::mem::replace(&mut inner.settings, settings);
        if old.rate != inner.settings.rate {
            inner.bucket = (inner.settings.rate.0 > 0).then(|| Bucket::full(inner.settings.rate, now_ms));
        }
        if old.group_max != inner.settings.group_max {
            self.regroup();
        }
    }

    /// The dead messages from an id on, in the order of their ids.
    pub fn dead(&self, from: Id) -> impl Iterator<Item = Message<'_>> {
        self.0.dead.range(from..).filter_map(|id| self.get(*id))
    }

    /// Bytes of the bodies of all dead messages.
    pub fn dead_bytes(&self) -> u64 {
        self.0.lens[State::Dead as usize]
    }

    /// Bytes allocated for it.
    pub fn memory(&self) -> usize {
        let inner = &*self.0;
        taken(size_of::<Inner>())
            + inner.messages.memory()
            + inner.cards.memory()
            + inner.timers.memory()
            + inner.groups.memory()
            + btree::<Id>(inner.dead.len())
            + btree::<(i64, Id)>(inner.graves.len())
            + btree::<(u64, Id)>(inner.tied.len())
            + inner.marks.memory()
            + inner.body_memory
            + inner.text_memory
    }

    /// Notes that the log has all messages pushed so far when it is durable up to `lsn`.
    pub fn note_logged(&mut self, lsn: u64) {
        self.0.marks.note(self.0.last_id, lsn);
    }

    /// A place up to which the log has the message `id`, if that is known. None of those behind it is asked for less.
    pub fn logged_by(&mut self, id: Id) -> Option<u64> {
        self.0.marks.find(id)
    }

    /// Forgets where the log has which messages: it comes from elsewhere.
    pub fn forget_logged(&mut self) {
        self.0.marks = Marks::default();
    }

    /// Allocations to free, roughly.
    pub fn weight(&self) -> usize {
        self.0.messages.weight()
    }
}

/// Bytes that a remembered deduplication id takes beside its text.
const WINDOW_MEMORY: usize = 96;
