//! What producers of a stream sent of late, each entry under a name of theirs, so that what is sent again is known.
//!
//! A producer's names are let go in the order in which they came: the oldest when there are too many, and those at the
//! head whose entries are older than they are kept for.
//!
//! Invariants: a producer's `order` holds the keys of its `ids`, each once; no producer is without any.

use super::Id;
use crate::types::footprint::{btree, taken};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Seconds for which names may be kept.
pub const SECONDS: RangeInclusive<u64> = 1..=86_400;
/// How many names of a producer may be kept.
pub const NAMES: RangeInclusive<u64> = 1..=10_000;

/// For how long names are kept, and how many of each producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Seconds that an entry is old at most.
    pub seconds: u64,
    /// Names of a producer, at most.
    pub names: u64,
}

/// One who sends entries.
#[derive(Clone, Debug, Default)]
struct Producer {
    ids: HashMap<Arc<[u8]>, Id>,
    order: VecDeque<Arc<[u8]>>,
}

impl Producer {
    /// How many names at the head are over by `until_ms`.
    fn over(&self, until_ms: u64) -> usize {
        let is_over = |name: &&Arc<[u8]>| self.ids.get(*name).is_none_or(|id| id.ms <= until_ms);
        self.order.iter().take_while(is_over).count()
    }

    /// Names in the order they came, with their entries, without those that are over by `until_ms`.
    fn kept(&self, until_ms: u64) -> impl Iterator<Item = (&[u8], Id)> {
        let kept = self.order.iter().skip(self.over(until_ms));
        kept.filter_map(|name| Some((&**name, *self.ids.get(name)?)))
    }

    fn let_go(&mut self, count: usize) {
        for name in self.order.drain(..count) {
            self.ids.remove(&name);
        }
    }
}

/// The producers of a stream.
#[derive(Clone, Debug)]
pub struct Producers {
    bounds: Bounds,
    by_name: BTreeMap<Box<[u8]>, Producer>,
    /// Names that were ever noted.
    pub added: u64,
    /// Entries that were known when they were sent.
    pub repeated: u64,
    /// How many producers there may be before all are looked through for names that are over.
    patience: usize,
}

/// Producers that are never looked through for their number.
const FEW: usize = 16;

impl Producers {
    /// Nobody has sent anything.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, by_name: BTreeMap::new(), added: 0, repeated: 0, patience: FEW }
    }

    /// What is kept.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Sets what is kept; where that changes, all names are let go.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        if bounds != self.bounds {
            self.bounds = bounds;
            self.by_name.clear();
        }
    }

    /// What was added up to then is over, in unix milliseconds.
    fn until_ms(&self, now_ms: i64) -> u64 {
        u64::try_from(now_ms).unwrap_or(0).saturating_sub(self.bounds.seconds.saturating_mul(1000))
    }

    /// The entry that `producer` sent under this name of late.
    pub fn find(&self, producer: &[u8], name: &[u8], now_ms: i64) -> Option<Id> {
        let producer = self.by_name.get(producer)?;
        let id = *producer.ids.get(name)?;
        let until_ms = self.until_ms(now_ms);
        // What stands behind one that is still kept is kept as well, however old it is.
        let is_kept = id.ms > until_ms || producer.kept(until_ms).any(|(kept, _)| kept == name);
        is_kept.then_some(id)
    }

    /// Notes that `producer` sent the entry `id` under this name; an earlier one of the same name is known no more.
    pub fn note(&mut self, producer: &[u8], name: &[u8], id: Id, now_ms: i64) {
        let until_ms = self.until_ms(now_ms);
        if self.by_name.len() >= self.patience {
            self.by_name.retain(|_, producer| producer.kept(until_ms).next().is_some());
            self.patience = FEW.max(2 * self.by_name.len());
        }
        if !self.by_name.contains_key(producer) {
            self.by_name.insert(producer.into(), Producer::default());
        }
        let Some(producer) = self.by_name.get_mut(producer) else { return };
        producer.let_go(producer.over(until_ms));
        let name: Arc<[u8]> = name.into();
        if producer.ids.insert(name.clone(), id).is_some() {
            producer.order.retain(|other| *other != name);
        }
        producer.order.push_back(name);
        self.added += 1;
        let most = usize::try_from(self.bounds.names).unwrap_or(usize::MAX);
        producer.let_go(producer.order.len().saturating_sub(most));
    }

    /// The producers of which something is kept, with what they sent, in the order it came.
    pub fn iter(&self, now_ms: i64) -> impl Iterator<Item = (&[u8], impl Iterator<Item = (&[u8], Id)>)> {
        let until_ms = self.until_ms(now_ms);
        let all =
            self.by_name.iter().map(move |(name, producer)| (&**name, producer.kept(until_ms).peekable()));
        all.filter_map(|(name, mut kept)| kept.peek().is_some().then_some((name, kept)))
    }

    /// Bytes allocated, roughly.
    pub fn memory(&self) -> usize {
        let of_name = |name: &Arc<[u8]>| taken(name.len() + 2 * size_of::<usize>());
        let producers = self.by_name.iter().map(|(name, producer)| {
            taken(name.len())
                + producer.order.iter().map(of_name).sum::<usize>()
                + taken(producer.order.capacity() * size_of::<Arc<[u8]>>())
                + taken(producer.ids.capacity() * (size_of::<(Arc<[u8]>, Id)>() + 1))
        });
        taken(size_of::<Self>())
            + btree::<(Box<[u8]>, Producer)>(self.by_name.len())
            + producers.sum::<usize>()
    }

    /// Allocations to free, roughly.
    pub fn weight(&self) -> usize {
        1 + self.by_name.values().map(|producer| 2 + producer.order.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_kept_agrees_with_plain_lists(steps in prop::collection::vec((0..4u8, 0..40u8, 0..9u8, 0..3000u64), 0..200)) {
            let mut producers = Producers::new(Bounds { seconds: 1, names: 5 });
            let mut twin: BTreeMap<Vec<u8>, Vec<(Vec<u8>, Id)>> = BTreeMap::new();
            let mut now_ms = 0;
            for (op, producer, name, ms) in steps {
                let (who, name) = (vec![producer], vec![name]);
                now_ms += ms / 10;
                let until_ms = now_ms.saturating_sub(1000);
                for sent in twin.values_mut() {
                    let over = sent.iter().take_while(|(_, id)| id.ms <= until_ms).count();
                    sent.drain(..over);
                }
                let known = twin.get(&who).and_then(|sent| sent.iter().find(|(n, _)| *n == name)).map(|(_, id)| *id);
                prop_assert_eq!(producers.find(&who, &name, now_ms as i64), known);
                if known.is_none() || op == 1 {
                    // Some are noted late, some again.
                    let id = Id::new(if op == 0 { now_ms.saturating_sub(ms) } else { now_ms }, 0);
                    producers.note(&who, &name, id, now_ms as i64);
                    let sent = twin.entry(who).or_default();
                    sent.retain(|(other, _)| *other != name);
                    sent.push((name, id));
                    if sent.len() > 5 {
                        sent.remove(0);
                    }
                }
                let kept: Vec<_> = producers.iter(now_ms as i64).map(|(who, sent)| {
                    (who.to_vec(), sent.map(|(name, id)| (name.to_vec(), id)).collect::<Vec<_>>())
                }).collect();
                let expected: Vec<_> = twin.iter().filter_map(|(who, sent)| {
                    let kept: Vec<_> = sent.iter().skip_while(|(_, id)| id.ms <= until_ms).cloned().collect();
                    (!kept.is_empty()).then(|| (who.clone(), kept))
                }).collect();
                prop_assert_eq!(kept, expected);
            }
        }
    }
}
