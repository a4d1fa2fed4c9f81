//! Consumer groups: who was given which entry, and has not acknowledged it yet.
//!
//! Invariants: an id is in the group's pending list exactly if it is in the list of the one consumer
//! that owns it, and, once there is an index by time, in that under its delivery time.

use super::Id;
use crate::types::footprint::{btree, taken};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

/// A consumer's number within its group; numbers of deleted consumers are used again.
pub type ConsumerNo = u32;

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The consumer that owns it.
    pub consumer: ConsumerNo,
    /// When it was last delivered, in unix milliseconds.
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub count: u64,
}

/// A [`Pending`] as the group keeps it.
#[derive(Clone, Copy, Debug)]
struct Held {
    delivered_ms: i64,
    count: u64,
    consumer: ConsumerNo,
    /// Its place among those delivered within the same millisecond.
    turn: u32,
}

impl Held {
    fn pending(self) -> Pending {
        Pending { consumer: self.consumer, delivered_ms: self.delivered_ms, count: self.count }
    }

    fn by_time(self, id: Id) -> (i64, u32, Id) {
        (self.delivered_ms, self.turn, id)
    }
}

/// One reader of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last tried to read or claim, in unix milliseconds.
    pub seen_ms: i64,
    /// When it last was given an entry, in unix milliseconds.
    pub active_ms: Option<i64>,
    pending: BTreeSet<Id>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries it owns.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The ids of the entries it owns within `range`, in ascending order.
    pub fn pending(&self, range: impl RangeBounds<Id>) -> impl Iterator<Item = Id> {
        self.pending.range(range).copied()
    }
}

/// A consumer group of a stream.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The id of the last entry delivered to any of its consumers.
    pub last_delivered: Id,
    /// How many entries of the stream it has been given, as far as that is known.
    pub entries_read: Option<u64>,
    pending: BTreeMap<Id, Held>,
    /// Pending ids in the order of their deliveries; made when somebody first asks for the longest idle ones.
    by_time: Option<BTreeSet<(i64, u32, Id)>>,
    /// The turn of the last delivery. What it comes to after four thousand million of them orders some within a millisecond.
    turn: u32,
    consumers: Vec<Option<Consumer>>,
    /// Numbers of the consumers in the order of their names.
    by_name: Vec<ConsumerNo>,
}

impl Group {
    /// A group that has been given all entries up to `last_delivered`.
    pub fn new(last_delivered: Id, entries_read: Option<u64>) -> Self {
        Group { last_delivered, entries_read, ..Group::default() }
    }

    /// The consumer with this number.
    ///
    /// # Panics
    /// When there is none.
    pub fn consumer(&self, no: ConsumerNo) -> &Consumer {
        self.consumers[no as usize].as_ref().expect("a consumer's number is taken from its group")
    }

    /// The consumer with this number, to note when it was seen and active.
    ///
    /// # Panics
    /// When there is none.
    pub fn consumer_mut(&mut self, no: ConsumerNo) -> &mut Consumer {
        self.consumers[no as usize].as_mut().expect("a consumer's number is taken from its group")
    }

    /// All consumers, in the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.by_name.iter().map(|no| self.consumer(*no))
    }

    fn place_of(&self, name: &[u8]) -> Result<usize, usize> {
        self.by_name.binary_search_by(|no| self.consumer(*no).name().cmp(name))
    }

    /// The number of the consumer called `name`.
    pub fn find(&self, name: &[u8]) -> Option<ConsumerNo> {
        self.place_of(name).ok().map(|place| self.by_name[place])
    }

    /// The number of the consumer called `name`, made if it is not there; and whether it was made.
    pub fn find_or_create(&mut self, name: &[u8], now_ms: i64) -> (ConsumerNo, bool) {
        let place = match self.place_of(name) {
            Ok(place) => return (self.by_name[place], false),
            Err(place) => place,
        };
        let consumer =
            Consumer { name: name.into(), seen_ms: now_ms, active_ms: None, pending: BTreeSet::new() };
        let no = match self.consumers.iter().position(Option::is_none) {
            Some(free) if self.by_name.len() < self.consumers.len() => {
                self.consumers[free] = Some(consumer);
                free
            }
            _ => {
                self.consumers.push(Some(consumer));
                self.consumers.len() - 1
            }
        };
        self.by_name.insert(place, no as ConsumerNo);
        (no as ConsumerNo, true)
    }

    /// Deletes the consumer called `name` with all it had pending; tells how much that was.
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let place = self.place_of(name).ok()?;
        let no = self.by_name.remove(place);
        let consumer = self.consumers[no as usize].take()?;
        for id in &consumer.pending {
            self.forget(*id);
        }
        Some(consumer.pending.len())
    }

    /// Removes `id` from the group's own lists.
    fn forget(&mut self, id: Id) -> Option<Held> {
        let held = self.pending.remove(&id)?;
        if let Some(by_time) = &mut self.by_time {
            by_time.remove(&held.by_time(id));
        }
        Some(held)
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// What is pending for `id`.
    pub fn get(&self, id: Id) -> Option<Pending> {
        self.pending.get(&id).map(|held| held.pending())
    }

    /// What is pending within `range`, in ascending order of ids.
    pub fn pending(&self, range: impl RangeBounds<Id>) -> impl DoubleEndedIterator<Item = (Id, Pending)> {
        self.pending.range(range).map(|(id, held)| (*id, held.pending()))
    }

    /// Makes `id` pending as `pending` says, whoever owned it before.
    pub fn assign(&mut self, id: Id, pending: Pending) {
        let Pending { consumer, delivered_ms, count } = pending;
        self.turn = self.turn.wrapping_add(1);
        let held = Held { delivered_ms, count, consumer, turn: self.turn };
        let old = self.pending.insert(id, held);
        if let Some(by_time) = &mut self.by_time {
            old.into_iter().for_each(|old| _ = by_time.remove(&old.by_time(id)));
            by_time.insert(held.by_time(id));
        }
        match old {
            Some(old) if old.consumer == consumer => return,
            Some(old) => self.consumer_mut(old.consumer).pending.remove(&id),
            None => false,
        };
        self.consumer_mut(consumer).pending.insert(id);
    }

    /// Acknowledges `id`: it is pending no more. `false` if it was not pending.
    pub fn acknowledge(&mut self, id: Id) -> bool {
        let Some(held) = self.forget(id) else { return false };
        self.consumer_mut(held.consumer).pending.remove(&id);
        true
    }

    /// Readies [`Group::idle`].
    pub fn order_by_time(&mut self) {
        let pending = &self.pending;
        self.by_time.get_or_insert_with(|| pending.iter().map(|(id, held)| held.by_time(*id)).collect());
    }

    /// What was last delivered at or before `until_ms`, in the order of the deliveries; nothing before [`Group::order_by_time`].
    pub fn idle(&self, until_ms: i64) -> impl Iterator<Item = (Id, Pending)> {
        let until = (until_ms, u32::MAX, Id::MAX);
        let ids = self.by_time.iter().flat_map(move |by_time| by_time.range(..=until));
        ids.filter_map(|(.., id)| Some((*id, self.get(*id)?)))
    }

    /// Bytes allocated, roughly.
    pub fn memory(&self) -> usize {
        let consumers = self.consumers().map(|c| taken(c.name.len()) + btree::<Id>(c.pending.len()));
        btree::<(Id, Held)>(self.pending.len())
            + self.by_time.as_ref().map_or(0, |by_time| btree::<(i64, u32, Id)>(by_time.len()))
            + taken(self.consumers.capacity() * size_of::<Option<Consumer>>())
            + taken(self.by_name.capacity() * size_of::<ConsumerNo>())
            + consumers.sum::<usize>()
    }

    /// Allocations to free, roughly.
    pub fn weight(&self) -> usize {
        1 + self.by_name.len() + self.pending.len() / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(group: &Group) {
        for (id, pending) in group.pending(..) {
            assert!(group.consumer(pending.consumer).pending.contains(&id));
        }
        assert_eq!(group.consumers().map(Consumer::pending_len).sum::<usize>(), group.pending_len());
        assert!(group.consumers().is_sorted_by_key(|c| c.name.clone()));
        if let Some(by_time) = &group.by_time {
            let expected: BTreeSet<_> = group.pending.iter().map(|(id, held)| held.by_time(*id)).collect();
            assert_eq!(by_time, &expected);
        }
    }

    proptest! {
        #[test]
        fn indexes_agree_with_a_plain_map(steps in prop::collection::vec((0..6u8, 0..5u8, 0..12u64, 0..9i64), 0..80)) {
            let mut group = Group::default();
            let mut twin: BTreeMap<Id, (Vec<u8>, i64, usize)> = BTreeMap::new();
            for (turn, (op, name, ms, time)) in steps.into_iter().enumerate() {
                let (name, id) = (vec![b'a' + name], Id::new(ms, 0));
                match op {
                    0..=2 => {
                        let (consumer, _) = group.find_or_create(&name, time);
                        group.assign(id, Pending { consumer, delivered_ms: time, count: 1 });
                        twin.insert(id, (name, time, turn));
                    }
                    3 => prop_assert_eq!(group.acknowledge(id), twin.remove(&id).is_some()),
                    4 => {
                        let had = twin.values().filter(|(owner, ..)| *owner == name).count();
                        twin.retain(|_, (owner, ..)| *owner != name);
                        prop_assert_eq!(group.delete_consumer(&name).unwrap_or(0), had);
                    }
                    _ => {
                        let mut idle: Vec<_> =
                            twin.iter().filter(|(_, (_, t, _))| *t <= time).map(|(id, (_, t, turn))| (*t, *turn, *id)).collect();
                        idle.sort();
                        group.order_by_time();
                        let found: Vec<_> = group.idle(time).map(|(id, _)| id).collect();
                        prop_assert_eq!(found, idle.into_iter().map(|(.., id)| id).collect::<Vec<_>>());
                    }
                }
                check(&group);
                let seen: Vec<_> = group
                    .pending(..)
                    .map(|(id, p)| (id, (group.consumer(p.consumer).name().to_vec(), p.delivered_ms)))
                    .collect();
                let kept: Vec<_> = twin.iter().map(|(id, (name, time, _))| (*id, (name.clone(), *time))).collect();
                prop_assert_eq!(seen, kept);
            }
        }
    }
}
