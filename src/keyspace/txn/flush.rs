//! Emptying a whole table.

use super::super::hash;
use super::super::table::Table;
use super::super::watchers::Presence;
use super::Txn;

impl Txn<'_> {
    /// Takes all entries of database `db` out of a held shard, for the caller to drop; those that a snapshot has
    /// not seen yet go there. Tells those who watch or wait for one of them; records nothing.
    pub fn flush(&mut self, shard: usize, db: u32, taken: &mut Vec<Table>) {
        let (shard, effects) = self.shard_mut(shard);
        let table = shard.tables[db as usize].take();
        effects.flushed = true;
        if table.is_empty() {
            return;
        }
        effects.dirty += table.len() as u64;
        shard.hooks.watchers.replace(db, |key| (table.find(hash(key), key).is_some(), Presence::Absent));
        for key in shard.hooks.waiters.keys_of_db(db) {
            if table.find(hash(&key), &key).is_some() {
                effects.wake(db, &key);
            }
        }
        if let Some(table) = table.hand_over_whole() {
            taken.push(table);
        }
    }
}
