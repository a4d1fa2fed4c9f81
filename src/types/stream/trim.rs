//! Removing entries: single ones, and the oldest ones down to a bound.

use super::{Block, Id, Stream};

/// What becomes of the groups' references to entries that are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// They stay.
    #[default]
    Keep,
    /// They go with the entry.
    Delete,
    /// An entry that some group still has to read or to acknowledge is not removed.
    Acked,
}

/// Down to where a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At most this many entries remain.
    MaxLen(u64),
    /// No id less than this one remains.
    MinId(Id),
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// Down to where.
    pub until: Until,
    /// Whether only whole blocks are removed, where references are of no concern.
    pub approximate: bool,
    /// How many entries are removed at most, by whole blocks; 0 for any number.
    pub limit: u64,
    /// What becomes of references.
    pub references: References,
}

/// What [`Stream::delete`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The entry is gone.
    Done,
    /// There was no such entry.
    Absent,
    /// A group still refers to that entry, or is yet to come to it, whether it is there or not.
    Referenced,
}

impl Stream {
    /// Removes the entry `id`.
    pub fn delete(&mut self, id: Id, references: References) -> Deleted {
        if references == References::Acked && self.is_referenced(id) {
            return Deleted::Referenced;
        }
        if references == References::Delete {
            self.forget_references(id);
        }
        if !self.remove(id) {
            return Deleted::Absent;
        }
        self.0.max_deleted = self.0.max_deleted.max(id);
        Deleted::Done
    }

    /// Whether some group still has to read `id` or to acknowledge it.
    pub fn is_referenced(&self, id: Id) -> bool {
        self.groups().any(|(_, group)| id > group.last_delivered || group.get(id).is_some())
    }

    fn forget_references(&mut self, id: Id) {
        for group in self.0.groups.values_mut() {
            group.acknowledge(id);
        }
    }

    fn remove(&mut self, id: Id) -> bool {
        let inner = &mut *self.0;
        if inner.tail.len() > 0 && id >= inner.tail.master() {
            if !inner.tail.delete(id) {
                return false;
            }
            if inner.tail.len() == 0 {
                inner.tail = Block::default();
            }
        } else {
            let Some((master, block)) = inner.sealed.range_mut(..=id).next_back() else { return false };
            if !block.delete(id) {
                return false;
            }
            if block.len() == 0 {
                let master = *master;
                inner.sealed.remove(&master);
            }
        }
        inner.len -= 1;
        true
    }

    /// Removes the oldest entries as `trim` says; tells how many, and the last one's id.
    pub fn trim(&mut self, trim: &Trim) -> Option<(u64, Id)> {
        let (mut removed, mut last_removed) = (0, Id::MIN);
        let mut behind = Id::MIN;
        while let Some(block) = self.block_from(behind) {
            let (master, last, entries) = (block.master(), block.last_id(), block.len() as u64);
            let (whole, any) = match trim.until {
                Until::MaxLen(max) => (self.len().saturating_sub(entries) >= max, self.len() > max),
                Until::MinId(min) => (last < min, master < min),
            };
            let keeps = trim.references == References::Keep;
            let spares = trim.approximate && keeps && !whole;
            if !any || spares || (trim.limit > 0 && removed + entries > trim.limit) {
                break;
            }
            if whole && keeps {
                self.remove_block(master);
                (removed, last_removed) = (removed + entries, last);
            } else {
                let ids = self.trim_block(master, trim);
                (removed, last_removed) = (removed + ids.len() as u64, *ids.last().unwrap_or(&last_removed));
            }
            // What is asked for ends within a block that does not go as a whole.
            match last.next() {
                Some(next) if whole => behind = next,
                _ => break,
            }
        }
        (removed > 0).then_some((removed, last_removed))
    }

    /// The first block whose entries begin at or after `id`.
    fn block_from(&self, id: Id) -> Option<&Block> {
        let tail = &self.0.tail;
        let sealed = self.0.sealed.range(id..).next().map(|(_, block)| block);
        sealed.or((tail.len() > 0 && tail.master() >= id).then_some(tail))
    }

    fn remove_block(&mut self, master: Id) {
        let inner = &mut *self.0;
        let block = inner.sealed.remove(&master).unwrap_or_else(|| std::mem::take(&mut inner.tail));
        inner.len -= block.len() as u64;
    }

    /// Removes single entries of the block that begins at `master`; returns their ids.
    fn trim_block(&mut self, master: Id, trim: &Trim) -> Vec<Id> {
        let Some(block) = self.block_from(master) else { return Vec::new() };
        let over = match trim.until {
            Until::MaxLen(max) => self.len().saturating_sub(max),
            Until::MinId(_) => u64::MAX,
        };
        let acked = trim.references == References::Acked;
        let ids: Vec<Id> = block
            .entries()
            .map(|entry| entry.id)
            .take_while(|id| !matches!(trim.until, Until::MinId(min) if *id >= min))
            .filter(|id| !acked || !self.is_referenced(*id))
            .take(usize::try_from(over).unwrap_or(usize::MAX))
            .collect();
        for id in &ids {
            if trim.references == References::Delete {
                self.forget_references(*id);
            }
            self.remove(*id);
        }
        ids
    }
}
