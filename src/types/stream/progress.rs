//! How far groups have come: how many entries they have read, and how many are ahead of them.
//!
//! Entries are not numbered, so an entry's place since the stream's beginning can be told only at the
//! stream's ends, and deleting single entries hides even that. Where it cannot be told it is `None`.

use super::{Group, Id, Stream};

impl Stream {
    /// Notes that `group` is given the entries `ids` as new, which are in ascending order.
    pub fn advance(&mut self, group: &[u8], ids: &[Id]) {
        let Some(state) = self.group(group) else { return };
        let first = self.first().map_or(Id::MIN, |entry| entry.id);
        let (mut read, mut last) = (state.entries_read, state.last_delivered);
        for (at, id) in ids.iter().enumerate() {
            if let Some(counted) = read
                && last >= first
                && !self.has_gaps_from(last)
            {
                read = Some(counted + (ids.len() - at) as u64);
                break;
            }
            read = self.place_of(*id);
            last = *id;
        }
        if let (Some(state), Some(last)) = (self.group_mut(group), ids.last()) {
            state.entries_read = read;
            state.last_delivered = *last;
        }
    }

    /// How many entries `group` has yet to read.
    pub fn lag(&self, group: &Group) -> Option<u64> {
        let first = match self.first() {
            Some(first) if self.entries_added() > 0 => first.id,
            _ => return Some(0),
        };
        if group.last_delivered < first && self.max_deleted_id() < first {
            return Some(self.len());
        }
        let read = match group.entries_read {
            Some(read) if !self.has_gaps_from(group.last_delivered) => Some(read),
            _ => self.place_of(group.last_delivered),
        };
        read.map(|read| self.entries_added().wrapping_sub(read))
    }

    /// Whether some entry at or after `start` may have been deleted singly.
    fn has_gaps_from(&self, start: Id) -> bool {
        !self.is_empty() && self.max_deleted_id() != Id::MIN && self.max_deleted_id() >= start
    }

    /// How many entries had been added when `id` was the last, itself included.
    pub fn place_of(&self, id: Id) -> Option<u64> {
        if self.entries_added() == 0 {
            return Some(0);
        }
        if self.is_empty() && id <= self.last_id() {
            return Some(self.entries_added());
        }
        if id != Id::MIN && id < self.max_deleted_id() {
            return None;
        }
        if id >= self.last_id() {
            return (id == self.last_id()).then_some(self.entries_added());
        }
        let first = self.first()?.id;
        if self.max_deleted_id() != Id::MIN && self.max_deleted_id() >= first {
            return None;
        }
        let before = self.entries_added().wrapping_sub(self.len());
        match id.cmp(&first) {
            std::cmp::Ordering::Less => Some(before),
            std::cmp::Ordering::Equal => Some(before.wrapping_add(1)),
            std::cmp::Ordering::Greater => None,
        }
    }
}
