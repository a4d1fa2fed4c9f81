//! Fields of hashes that are due. They stay until a command asks for one of them by name, or the cron
//! comes by: nobody sees them, but they count as long.

use super::Txn;
use crate::keyspace::entry::EntryRef;
use crate::keyspace::event::Class;
use crate::resp::Result;
use crate::types::{Hash, Live};

impl Txn<'_> {
    /// Reads the hash `key` without the fields that are due.
    ///
    /// # Errors
    /// [`crate::resp::Error::WRONG_TYPE`] when it holds another type.
    #[inline(always)]
    pub fn live(&self, key: &[u8]) -> Result<Option<Live<'_>>> {
        Ok(self.read::<Hash>(key)?.map(|hash| hash.at(self.seen_from())))
    }

    /// As [`Txn::live`] to decide on a change: see [`Txn::probe`].
    ///
    /// # Errors
    /// [`crate::resp::Error::WRONG_TYPE`] when it holds another type.
    pub fn probe_live(&self, key: &[u8]) -> Result<Option<Live<'_>>> {
        Ok(self.probe::<Hash>(key)?.map(|hash| hash.at(self.seen_from())))
    }

    /// The moment up to which fields are due: the beginning of time when none is.
    fn seen_from(&self) -> i64 {
        if self.due_fields { self.now_ms } else { i64::MIN }
    }

    /// Removes those of `fields` of the hash `key` that are due.
    ///
    /// # Errors
    /// [`crate::resp::Error::WRONG_TYPE`] when it holds another type.
    #[inline(always)]
    pub fn expire_fields(&mut self, key: &[u8], fields: &[&[u8]]) -> Result {
        if self.due_fields
            && let Some(hash) = self.edit::<Hash>(key)?
        {
            hash.quiet().expire_among(fields);
        }
        Ok(())
    }

    /// Removes up to `limit` fields of the hash `key` that are due, unless clients are paused.
    pub fn expire_fields_some(&mut self, key: &[u8], limit: usize) {
        if self.due_fields && !self.keeps_due() {
            self.expire_some(key, limit);
        }
    }

    /// Removes `key` if it is due, or else up to `limit` of its fields that are; true when more are.
    pub fn expire_some(&mut self, key: &[u8], limit: usize) -> bool {
        self.expire_if_due(key);
        let hash = self.peek(key).and_then(EntryRef::collection::<Hash>);
        if hash.and_then(Hash::next_expire_at).is_none_or(|at| !self.is_due(at)) {
            return false;
        }
        if let Some(fields) = hash.filter(|hash| hash.is_all_due(self.now_ms)).map(Hash::len) {
            // Freed in the background, not field by field under the lock.
            self.effects.expired_fields += fields as u64;
            self.touch(key, "hexpired", Class::HASH);
            return !self.counting(0, |txn| txn.remove(key, "del", Class::GENERIC));
        }
        let Ok(Some(hash)) = self.edit::<Hash>(key) else { return false };
        hash.named("hexpired").expire(limit) == limit
    }
}
