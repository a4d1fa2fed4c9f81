//! Looking at keys.

use super::{DataType, Txn, shard_of};
use crate::keyspace::access::Access;
use crate::keyspace::entry::{EntryRef, Kind};
use crate::resp::{Error, Result};

impl Txn<'_> {
    /// The entry of `key`, unless it is due: then it is to go. Notes neither access nor hit.
    #[inline(always)]
    pub fn peek(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = self.hash_of(key);
        let entry = self.table(shard_of(hash)).find(hash, key)?;
        match entry.expire_at() {
            Some(t) if self.is_due(t) => {
                self.find_due(key);
                None
            }
            _ => Some(entry),
        }
    }

    /// Whether the time of `key` is over and it was not removed yet.
    pub fn is_past_its_time(&self, key: &[u8]) -> bool {
        let hash = self.hash_of(key);
        let entry = self.table(shard_of(hash)).find(hash, key);
        entry.and_then(EntryRef::expire_at).is_some_and(|at| self.is_due(at))
    }

    /// The entry of `key`, the hit or miss counted; its access is not noted.
    #[inline(always)]
    pub fn look(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let entry = self.peek(key);
        match entry {
            Some(_) => self.effects.hits.set(self.effects.hits.get() + 1),
            None => self.effects.miss(self.db, key),
        }
        entry
    }

    /// The entry of `key`, the hit or miss counted, but nobody told of it.
    pub fn glance(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let entry = self.peek(key);
        let count = if entry.is_some() { &self.effects.hits } else { &self.effects.misses };
        count.set(count.get() + 1);
        entry
    }

    /// The entry of `key`, its access noted and the hit or miss counted.
    #[inline(always)]
    pub fn entry(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let entry = self.look(key);
        entry.into_iter().for_each(|entry| self.note_access(entry));
        entry
    }

    #[inline(always)]
    pub(super) fn note_access(&self, entry: EntryRef<'_>) {
        if let Some(access) = self.access {
            entry.touch(access.again(entry.access()));
        }
    }

    /// Notes the access of an entry for a change, unless that was counted.
    #[inline(always)]
    pub(super) fn note_change(&self, hash: u64, entry: EntryRef<'_>) {
        if !self.access.is_some_and(Access::is_lfu) {
            self.note_access(entry);
        } else if !self.is_counted(hash) {
            self.note_access(entry);
            self.set_counted(hash);
        }
    }

    /// From here on the access of a key for a change is counted.
    pub(super) fn set_counted(&self, hash: u64) {
        let [last, _] = self.counted.get();
        self.counted.set([self.place_of(hash), last]);
    }

    /// Whether the access of a key for a change is counted already; idle times need not be: to note them again is the same.
    #[inline(always)]
    pub(super) fn is_counted(&self, hash: u64) -> bool {
        self.access.is_some_and(Access::is_lfu) && self.counted.get().contains(&self.place_of(hash))
    }

    /// The same key is another one in another database.
    fn place_of(&self, hash: u64) -> u64 {
        hash ^ u64::from(self.db)
    }

    /// Counts one more access of `key`, for commands that Redis looks it up for once more.
    pub fn access_again(&self, key: &[u8]) {
        if self.access.is_some_and(Access::is_lfu) {
            self.peek(key).into_iter().for_each(|entry| self.note_access(entry));
        }
    }

    /// What accesses note in entries.
    pub fn access(&self) -> Access {
        self.access.unwrap_or(Access::at(self.now_ms, None))
    }

    /// The entry of `key` for a decision on a change: its access is noted, but hits and misses are for readers.
    pub fn find(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let entry = self.peek(key);
        entry.into_iter().for_each(|entry| self.note_change(self.hash_of(key), entry));
        entry
    }

    /// Whether `key` exists, for such a decision.
    pub fn exists(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// The type of the value of `key`.
    pub fn kind(&self, key: &[u8]) -> Option<Kind> {
        self.peek(key).map(EntryRef::kind)
    }

    /// Reads `key` as a `T`; several values may be read at once.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when it holds another type.
    pub fn read<T: DataType>(&self, key: &[u8]) -> Result<Option<T::Ref<'_>>> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => T::view(entry).map(Some).ok_or(Error::WRONG_TYPE),
        }
    }

    /// Reads `key` as a `T` for a decision on a change: see [`Txn::find`].
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when it holds another type.
    pub fn probe<T: DataType>(&self, key: &[u8]) -> Result<Option<T::Ref<'_>>> {
        let Some(entry) = self.find(key) else { return Ok(None) };
        T::view(entry).map(Some).ok_or(Error::WRONG_TYPE)
    }
}
