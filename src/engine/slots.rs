//! Whether calls would work in a cluster: there, a call, a transaction or a script reaches the keys of one slot alone, and
//! there is one database. What would not is counted (`cluster_incompatible_ops`) of as many calls as
//! `cluster-compatibility-sample-ratio` says.

use super::Engine;
use crate::config::CLUSTER_COMPATIBILITY_SAMPLE_RATIO;
use redis_protocol::redis_keyslot;

/// The slots of the keys seen so far of a call, a transaction or a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slots {
    /// Nobody asks, or they were found to be several, which is counted once.
    #[default]
    Unasked,
    /// No key yet.
    None,
    /// All in this one.
    One(u16),
}

impl Slots {
    /// Adds the slots of `keys`; they are no more asked about, and `false`, when these are not all in one.
    pub fn add<'a>(&mut self, keys: impl IntoIterator<Item = &'a [u8]>) -> bool {
        for slot in keys.into_iter().map(redis_keyslot) {
            match *self {
                Slots::Unasked => return true,
                Slots::None => *self = Slots::One(slot),
                Slots::One(seen) if seen == slot => {}
                Slots::One(_) => {
                    *self = Slots::Unasked;
                    return false;
                }
            }
        }
        true
    }
}

/// The slot of all keys that `pattern` names (SORT's BY and GET); `None` when they may lie in several.
fn slot_of_pattern(pattern: &[u8]) -> Option<u16> {
    let tag = pattern.iter().position(|&byte| byte == b'{').and_then(|open| {
        let len = pattern[open + 1..].iter().position(|&byte| byte == b'}')?;
        (len > 0).then_some(open + 1 + len)
    });
    // What follows the tag does not matter.
    let hashed = tag.map_or(pattern, |end| &pattern[..end]);
    let varies = hashed.iter().any(|byte| b"*?[\\".contains(byte));
    (!varies).then(|| redis_keyslot(pattern))
}

impl Engine {
    /// Whether the call at hand is to be looked at. Lock-free; one branch when none are.
    #[inline]
    pub fn samples_slots(&self) -> bool {
        match self.settings.int(CLUSTER_COMPATIBILITY_SAMPLE_RATIO) {
            0 => false,
            ratio => ratio == 100 || crate::base::random::below(100) < ratio as usize,
        }
    }

    /// Counts something that a cluster would refuse.
    pub fn count_incompatible(&self) {
        self.metrics.local().counters.cluster_incompatible.add(1);
    }

    /// Counts a pattern whose keys may lie in other slots than `key`.
    pub fn sample_pattern(&self, key: &[u8], pattern: &[u8]) {
        if self.samples_slots() && slot_of_pattern(pattern) != Some(redis_keyslot(key)) {
            self.count_incompatible();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Slots, slot_of_pattern};
    use redis_protocol::redis_keyslot;

    #[test]
    fn keys_of_one_tag_are_together_and_others_counted_once() {
        let mut slots = Slots::None;
        assert!(slots.add([&b"a"[..], b"{a}b", b"x{a}"]));
        assert!(!slots.add([&b"a"[..], b"b"]));
        assert_eq!(slots, Slots::Unasked);
        assert!(slots.add([&b"a"[..], b"b"]));
    }

    #[test]
    fn a_pattern_has_a_slot_where_its_tag_is_constant() {
        let list = Some(redis_keyslot(b"list"));
        for (pattern, slot) in [
            (&b"w{list}_*"[..], list),
            (b"list", list),
            (b"w_*", None),
            (b"w*{list}", None),
            (b"w{l*}", None),
            (b"w{}_*", None),
            (b"w\\{list}", None),
        ] {
            assert_eq!(slot_of_pattern(pattern), slot, "{}", pattern.escape_ascii());
        }
    }
}
