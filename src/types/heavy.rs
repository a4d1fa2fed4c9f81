//! The heaviest of more items than can be kept, as their weight comes in little by little.
//!
//! Misra and Gries' summary ("Finding repeated elements", 1982) for parts of any weight, kept as in Anderson et al., "A
//! High-Performance Algorithm for Identifying Frequent Items in Data Streams" (IMC 2017): one counter an item, and
//! when there is no room for another, the median of the counters is taken off all of them, and those that have nothing
//! left go. So an addition costs constant time on average, and of an item that weighs `w` in truth is told
//!
//! ```text
//! w - shortfall ≤ told ≤ w      shortfall ≤ 2 · (total - all that is told) / capacity      as long as the items' bytes fit, too
//! ```
//!
//! Nothing is told too heavy, as by counters that items inherit ("space-saving"): many light items leave no heavy one.
//! And nothing is left to chance, as by counters that decay ("HeavyKeeper"), where one heavy part is out of reach for
//! all that come after it.

use ahash::RandomState;
use std::collections::HashMap;

/// Bytes of an item that there is room for, on average.
const ITEM_BYTES: usize = 4096;

/// Items with what they weigh; see the module.
#[derive(Debug)]
pub struct HeavyHitters {
    weights: HashMap<Box<[u8]>, u64, RandomState>,
    capacity: usize,
    /// Of the items that are kept.
    bytes: usize,
    total: u64,
    shortfall: u64,
}

impl HeavyHitters {
    /// Keeps `capacity` items, 1 at least, and 4 KiB for each.
    pub fn new(capacity: usize) -> Self {
        let weights = HashMap::default();
        Self { weights, capacity: capacity.max(1), bytes: 0, total: 0, shortfall: 0 }
    }

    /// Adds to what an item weighs. One that is larger than there is room for all counts in the total alone.
    pub fn add(&mut self, item: &[u8], weight: u64) {
        self.total += weight;
        if let Some(known) = self.weights.get_mut(item) {
            *known += weight;
        } else if weight > 0 && item.len() <= self.bytes_max() {
            while self.weights.len() == self.capacity || self.bytes + item.len() > self.bytes_max() {
                self.make_room();
            }
            self.bytes += item.len();
            self.weights.insert(item.into(), weight);
        }
    }

    /// Takes the median off all.
    fn make_room(&mut self) {
        let mut weights: Vec<u64> = self.weights.values().copied().collect();
        let middle = weights.len() / 2;
        let median = *weights.select_nth_unstable(middle).1;
        self.shortfall += median;
        self.weights.retain(|item, weight| {
            *weight = weight.saturating_sub(median);
            if *weight == 0 {
                self.bytes -= item.len();
            }
            *weight > 0
        });
    }

    fn bytes_max(&self) -> usize {
        self.capacity * ITEM_BYTES
    }

    /// The items that are kept with what is told of their weight, in no order.
    pub fn items(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.weights.iter().map(|(item, weight)| (&**item, *weight))
    }

    /// All that was added, to whatever item.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The most that is missing from what is told of an item.
    pub fn shortfall(&self) -> u64 {
        self.shortfall
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        // An entry of the table, and its byte of control.
        self.bytes + self.weights.capacity() * (size_of::<(Box<[u8]>, u64)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Beside a table of all items.
        #[test]
        fn what_is_told_is_within_its_bounds(
            capacity in 1..20usize,
            parts in prop::collection::vec((0..40u8, prop_oneof![0..4u64, 0..100_000u64]), 0..400),
            // One item is heavier than the others.
            favour in 0..3u64,
        ) {
            let mut heavy = HeavyHitters::new(capacity);
            let mut truth: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            for (item, weight) in parts {
                let weight = if item == 7 { weight << (8 * favour) } else { weight };
                let item = vec![b'x'; usize::from(item)];
                heavy.add(&item, weight);
                *truth.entry(item).or_default() += weight;
            }
            let total: u64 = truth.values().sum();
            let told: BTreeMap<Vec<u8>, u64> = heavy.items().map(|(item, weight)| (item.to_vec(), weight)).collect();
            prop_assert_eq!(heavy.total(), total);
            prop_assert!(told.len() <= capacity);
            let missing = total - told.values().sum::<u64>();
            prop_assert!(heavy.shortfall() <= 2 * missing / capacity as u64);
            prop_assert_eq!(heavy.bytes, told.keys().map(Vec::len).sum::<usize>());
            for (item, weight) in &truth {
                let told = told.get(item).copied().unwrap_or(0);
                prop_assert!(told <= *weight && told + heavy.shortfall() >= *weight);
            }
            if truth.values().filter(|weight| **weight > 0).count() <= capacity {
                prop_assert_eq!(heavy.shortfall(), 0);
            }
        }
    }

    #[test]
    fn a_heavy_item_stands_out_of_many_light_ones() {
        let mut heavy = HeavyHitters::new(64);
        for n in 0..100_000u32 {
            heavy.add(&n.to_le_bytes(), 10);
            if n % 10 == 0 {
                heavy.add(b"heavy", 10);
            }
        }
        let mut items: Vec<_> = heavy.items().collect();
        items.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        assert_eq!(items[0].0, b"heavy");
        assert!(items[0].1 > 50_000 && items[1].1 < 1000, "{:?}", &items[..2]);
    }

    #[test]
    fn large_items_have_no_more_room_than_others() {
        let mut heavy = HeavyHitters::new(4);
        heavy.add(&[b'x'; 4 * ITEM_BYTES + 1], 1_000);
        assert_eq!((heavy.items().count(), heavy.total()), (0, 1_000));
        for n in 0..8u8 {
            heavy.add(&[n; 2 * ITEM_BYTES], u64::from(n) + 1);
            assert!(heavy.bytes <= 4 * ITEM_BYTES);
        }
        assert!(heavy.memory() < 5 * ITEM_BYTES);
    }
}
