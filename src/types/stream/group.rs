//! Consumer groups: who was given which entry, and has not acknowledged it yet.
//!
//! Invariants: an id is in the group's pending list exactly if it is in the list of the one consumer
//! that owns it, and, once there is an index by time, in that under its delivery time.

use super::Id;
use crate::types::footprint::{btree, taken};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds};

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
    pending: BTreeMap<Id, Pending>,
    /// Pending ids by delivery time; made when somebody first asks for the longest idle ones.
    by_time: Option<BTreeSet<(i64, Id)>>,
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
    fn forget(&mut self, id: Id) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        if let Some(by_time) = &mut self.by_time {
            by_time.remove(&(pending.delivered_ms, id));
        }
        Some(pending)
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// What is pending for `id`.
    pub fn get(&self, id: Id) -> Option<Pending> {
        self.pending.get(&id).copied()
    }

    /// What is pending within `range`, in ascending order of ids.
    pub fn pending(&self, range: impl RangeBounds<Id>) -> impl DoubleEndedIterator<Item = (Id, Pending)> {
        self.pending.range(range).map(|(id, pending)| (*id, *pending))
    }

    /// Makes `id` pending as `pending` says, whoever owned it before.
    pub fn assign(&mut self, id: Id, pending: Pending) {
        if let Some(by_time) = &mut self.by_time {
            by_time.insert((pending.delivered_ms, id));
        }
        let old = self.pending.insert(id, pending);
        if let (Some(old), Some(by_time)) = (old, &mut self.by_time)
            && old.delivered_ms != pending.delivered_ms
        {
            by_time.remove(&(old.delivered_ms, id));
        }
        match old {
            Some(old) if old.consumer == pending.consumer => return,
            Some(old) => self.consumer_mut(old.consumer).pending.remove(&id),
            None => false,
        };
        self.consumer_mut(pending.consumer).pending.insert(id);
    }

    /// Acknowledges `id`: it is pending no more. `false` if it was not pending.
    pub fn acknowledge(&mut self, id: Id) -> bool {
        let Some(pending) = self.forget(id) else { return false };
        self.consumer_mut(pending.consumer).pending.remove(&id);
        true
    }

    /// Up to `count` ids that were last delivered at or before `until_ms`, the longest idle ones first.
    pub fn idle(&mut self, until_ms: i64, count: usize) -> Vec<Id> {
        let pending = &self.pending;
        let by_time = self
            .by_time
            .get_or_insert_with(|| pending.iter().map(|(id, pending)| (pending.delivered_ms, *id)).collect());
        let until = Bound::Included((until_ms, Id::MAX));
        by_time.range((Bound::Unbounded, until)).take(count).map(|(_, id)| *id).collect()
    }

    /// The earliest delivery time of what is pending, in unix milliseconds.
    pub fn oldest_delivery(&mut self) -> Option<i64> {
        self.idle(i64::MAX, 1).first().map(|id| self.pending[id].delivered_ms)
    }

    /// Bytes allocated, roughly.
    pub fn memory(&self) -> usize {
        let consumers = self.consumers().map(|c| taken(c.name.len()) + btree::<Id>(c.pending.len()));
        btree::<(Id, Pending)>(self.pending.len())
            + self.by_time.as_ref().map_or(0, |by_time| btree::<(i64, Id)>(by_time.len()))
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
            let expected: BTreeSet<_> = group.pending(..).map(|(id, p)| (p.delivered_ms, id)).collect();
            assert_eq!(by_time, &expected);
        }
    }

    proptest! {
        #[test]
        fn indexes_agree_with_a_plain_map(steps in prop::collection::vec((0..6u8, 0..5u8, 0..12u64, 0..9i64), 0..80)) {
            let mut group = Group::default();
            let mut twin: BTreeMap<Id, (Vec<u8>, i64)> = BTreeMap::new();
            for (op, name, ms, time) in steps {
                let (name, id) = (vec![b'a' + name], Id::new(ms, 0));
                match op {
                    0..=2 => {
                        let (consumer, _) = group.find_or_create(&name, time);
                        group.assign(id, Pending { consumer, delivered_ms: time, count: 1 });
                        twin.insert(id, (name, time));
                    }
                    3 => prop_assert_eq!(group.acknowledge(id), twin.remove(&id).is_some()),
                    4 => {
                        let had = twin.values().filter(|(owner, _)| *owner == name).count();
                        twin.retain(|_, (owner, _)| *owner != name);
                        prop_assert_eq!(group.delete_consumer(&name).unwrap_or(0), had);
                    }
                    _ => {
                        let mut idle: Vec<_> =
                            twin.iter().filter(|(_, (_, t))| *t <= time).map(|(id, (_, t))| (*t, *id)).collect();
                        idle.sort();
                        let idle: Vec<_> = idle.into_iter().take(3).map(|(_, id)| id).collect();
                        prop_assert_eq!(group.idle(time, 3), idle);
                    }
                }
                check(&group);
                let seen: Vec<_> = group
                    .pending(..)
                    .map(|(id, p)| (id, (group.consumer(p.consumer).name().to_vec(), p.delivered_ms)))
                    .collect();
                prop_assert_eq!(seen, twin.clone().into_iter().collect::<Vec<_>>());
            }
        }
    }
}
