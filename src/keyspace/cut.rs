//! The cut: the whole keyspace as it was at one moment, handed over without a copy of it.
//!
//! Taking a cut locks all shards for microseconds and turns the generation of every table: what stands in a
//! table then is of the old generation, and belongs to the cut. Each such entry is handed to a [`Witness`]
//! exactly once and is of the new generation from then on:
//! - by the walk ([`Keyspace::walk_cut`]), a few entries at a time under their shard's lock, and a huge value a few
//!   elements at a time: it stays of the old generation until its end, and whoever changes it before has the rest
//!   handed over first, or
//! - by whoever changes or removes it first: [`super::table::Slot`] and `Table::insert` are the only ways to do
//!   that, and they look at the generation.
//!
//! Entries that are stored while the cut is served are of the new generation. What is left of the cut hangs on
//! the table itself, so that it moves along when databases are swapped, and goes to the witness together with a
//! table that is flushed.
//!
//! Invariants: without a cut all entries of a table are of its generation; a cut ends when none of the old one
//! are left, whether or not the witness still wants them.

use super::entry::{EntryBox, EntryRef, Kind, StrRef};
use super::shard::{Keyspace, SHARDS};
use super::table::Table;
use std::mem;
use std::sync::Arc;

/// Records handed over at once, in bytes, roughly.
const RECORDS_SIZE: usize = 64 * 1024;
/// Bytes of a piece of a huge value's record, roughly.
const PIECE_SIZE: usize = 256 * 1024;
/// Elements above which a value is huge: written in steps.
const HUGE: usize = if cfg!(test) { 6 } else { 4096 };
/// Elements of a huge value handed over under one hold of the lock, roughly.
const HUGE_STEP: usize = if cfg!(test) { 3 } else { 1024 };

/// Where the record of a huge value goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume {
    /// Whether its beginning is written.
    pub begun: bool,
    /// What of the value comes next: a position or a cursor, 0 to begin with.
    pub at: u64,
}

/// Who takes the entries of a cut. It is called under a shard's lock: it never waits.
pub trait Witness: Send + Sync {
    /// Appends the record of `entry`, which is about to change, to `records`.
    fn write(&self, entry: EntryRef<'_>, records: &mut Vec<u8>);

    /// Appends a part of the record of `entry`, about `limit` elements from `resume` on, to `records`; true when that
    /// was the last.
    fn write_some(
        &self,
        entry: EntryRef<'_>,
        resume: &mut Resume,
        limit: usize,
        records: &mut Vec<u8>,
    ) -> bool;

    /// Takes the record of one key of database `db`, in pieces.
    fn pieces(&self, db: u32, pieces: Vec<Vec<u8>>);

    /// Takes records of `keys` keys of database `db`, and leaves an empty buffer.
    fn records(&self, db: u32, keys: usize, records: &mut Vec<u8>);

    /// Takes an entry of database `db`: a long string, shared with the keyspace.
    fn entry(&self, db: u32, entry: EntryBox);

    /// Takes a table that was flushed, to be walked with [`Table::walk_cut`] and dropped.
    fn flushed(&self, table: Table);
}

/// What is left of a cut in one table.
pub(super) struct Cut {
    witness: Arc<dyn Witness>,
    /// The database the table was at the cut.
    db: u32,
    /// Entries of the old generation.
    left: usize,
    /// Where the walk goes on.
    pub(super) cursor: u64,
    records: Vec<u8>,
    /// Keys in `records`.
    keys: usize,
    /// The huge values that are handed over in part.
    begun: Vec<Begun>,
}

/// What was handed over of a huge value.
struct Begun {
    /// Its entry's, which does not move before it was handed over.
    address: usize,
    resume: Resume,
    pieces: Vec<Vec<u8>>,
}

impl Cut {
    pub(super) fn new(witness: Arc<dyn Witness>, db: u32, left: usize) -> Self {
        Self { witness, db, left, cursor: 0, records: Vec::new(), keys: 0, begun: Vec::new() }
    }

    /// Whether everything is handed over.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Hands `entry` over as it is now.
    pub(super) fn take(&mut self, entry: EntryRef<'_>) {
        if self.begun.iter().any(|begun| begun.address == entry.address()) {
            while !self.take_part(entry) {}
            return;
        }
        self.left -= 1;
        if let Some(StrRef::Long(_)) = entry.string() {
            self.witness.entry(self.db, EntryBox::copy_of(entry, entry.key(), entry.expire_at()));
        } else {
            self.keys += 1;
            self.witness.write(entry, &mut self.records);
        }
        if self.left == 0 || self.records.len() >= RECORDS_SIZE {
            self.pass_on();
        }
    }

    /// Hands over `entry`, of a huge value only a part; true when nothing of it is left.
    pub(super) fn take_some(&mut self, entry: EntryRef<'_>) -> bool {
        if entry.kind() == Kind::String || entry.size() <= HUGE {
            self.take(entry);
            return true;
        }
        self.take_part(entry)
    }

    fn take_part(&mut self, entry: EntryRef<'_>) -> bool {
        let address = entry.address();
        let known = self.begun.iter().position(|begun| begun.address == address);
        let at = known.unwrap_or_else(|| {
            self.begun.push(Begun { address, resume: Resume::default(), pieces: Vec::new() });
            self.begun.len() - 1
        });
        let Begun { resume, pieces, .. } = &mut self.begun[at];
        if pieces.last().is_none_or(|piece| piece.len() >= PIECE_SIZE) {
            pieces.push(Vec::with_capacity(PIECE_SIZE));
        }
        let Some(piece) = pieces.last_mut() else { return false };
        let is_whole = self.witness.write_some(entry, resume, HUGE_STEP, piece);
        if is_whole {
            let Begun { pieces, .. } = self.begun.swap_remove(at);
            self.left -= 1;
            self.witness.pieces(self.db, pieces);
            if self.left == 0 {
                self.pass_on();
            }
        }
        is_whole
    }

    fn pass_on(&mut self) {
        let keys = mem::take(&mut self.keys);
        if keys > 0 {
            self.witness.records(self.db, keys, &mut self.records);
        }
    }

    /// Who takes the entries.
    pub(super) fn witness(&self) -> Arc<dyn Witness> {
        self.witness.clone()
    }
}

/// What a cut holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Keys.
    pub keys: u64,
    /// Keys with a TTL.
    pub expiring: u64,
}

impl Keyspace {
    /// Takes a cut for `witness`; `mark` runs under the locks of all shards, between what is in the cut and what is
    /// not. Returns how much is in it, per database, and what `mark` did. Nobody may still serve another cut.
    pub fn cut<R>(&self, witness: &Arc<dyn Witness>, mark: impl FnOnce() -> R) -> (Vec<Size>, R) {
        let mut sizes = vec![Size::default(); self.databases()];
        let mut held = self.lock_set(u64::MAX);
        for shard in &mut held {
            for (db, table) in shard.tables.iter_mut().enumerate() {
                sizes[db].keys += table.len() as u64;
                sizes[db].expiring += table.expiring() as u64;
                table.begin_cut(witness, db as u32);
            }
        }
        let marked = mark();
        drop(held);
        (sizes, marked)
    }

    /// Hands over about `limit` entries of the cut that `shard` holds; false when none are left there.
    pub fn walk_cut(&self, shard: usize, limit: usize) -> bool {
        let mut held = self.lock(shard);
        let Some(table) = held.tables.iter_mut().find(|table| table.has_cut()) else { return false };
        table.walk_cut(limit);
        true
    }

    /// Whether any table still holds a part of a cut.
    pub fn has_cut(&self) -> bool {
        (0..SHARDS).any(|shard| self.lock(shard).tables.iter().any(Table::has_cut))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::txn::{Begin, Key, Ttl};
    use crate::keyspace::{Access, Class, Effects};
    use parking_lot::Mutex;
    use std::collections::BTreeMap;

    type Seen = BTreeMap<(u32, Vec<u8>), (Vec<u8>, Option<i64>)>;

    /// Remembers every entry; refuses one that it has seen.
    #[derive(Default)]
    struct Memory {
        seen: Mutex<Seen>,
        flushed: Mutex<Vec<Table>>,
    }

    fn note(seen: &mut Seen, db: u32, entry: EntryRef<'_>) {
        let value = (entry.string().unwrap().to_vec(), entry.expire_at());
        let twice = seen.insert((db, entry.key().to_vec()), value);
        assert!(twice.is_none(), "{:?} was handed over twice", entry.key());
    }

    impl Witness for Memory {
        fn write(&self, entry: EntryRef<'_>, records: &mut Vec<u8>) {
            records.push(1);
            note(&mut self.seen.lock(), u32::MAX, entry);
        }

        fn write_some(&self, _: EntryRef<'_>, _: &mut Resume, _: usize, _: &mut Vec<u8>) -> bool {
            unreachable!("there are strings alone")
        }

        fn pieces(&self, _: u32, _: Vec<Vec<u8>>) {
            unreachable!("there are strings alone")
        }

        fn records(&self, db: u32, keys: usize, records: &mut Vec<u8>) {
            assert_eq!(records.len(), keys);
            let mut seen = self.seen.lock();
            // What was noted since the last call, by any table, cannot be told apart here: keys name their database.
            let new: Vec<_> =
                seen.range((u32::MAX, vec![])..).map(|(at, value)| (at.clone(), value.clone())).collect();
            for ((_, key), value) in new.into_iter().filter(|((_, key), _)| key[0] == db as u8) {
                seen.remove(&(u32::MAX, key.clone()));
                assert!(seen.insert((db, key), value).is_none());
            }
            records.clear();
        }

        fn entry(&self, db: u32, entry: EntryBox) {
            note(&mut self.seen.lock(), db, entry.as_ref());
        }

        fn flushed(&self, table: Table) {
            self.flushed.lock().push(table);
        }
    }

    struct Twin {
        keyspace: Keyspace,
        random: fastrand::Rng,
        stamp: u64,
    }

    impl Twin {
        fn everything(&self) -> Seen {
            let mut all = Seen::new();
            for shard in 0..SHARDS {
                let held = self.keyspace.lock(shard);
                for (db, table) in held.tables.iter().enumerate() {
                    table.iter().for_each(|entry| note(&mut all, db as u32, entry));
                }
            }
            all
        }

        /// A random change; keys begin with the database they had at the last cut.
        fn change(&mut self) {
            let keys: Vec<Vec<u8>> = (0..2)
                .map(|_| {
                    format!("{}k{}", self.random.u8(0..3) as char, self.random.u32(0..3000)).into_bytes()
                })
                .collect();
            let keys: Vec<Key<'_>> = keys.iter().map(|key| Key::new(key)).collect();
            let mut effects = Effects::default();
            self.stamp += 1;
            let begin = Begin {
                db: keys[0].bytes[0].into(),
                now_ms: 1_000,
                access: Some(Access::at(1_000, None)),
                event: "",
            };
            if self.random.u32(0..2000) == 0 {
                let mut txn = self.keyspace.begin_all(begin, &mut effects);
                let mut taken = Vec::new();
                (0..SHARDS).for_each(|shard| txn.flush(shard, begin.db, &mut taken));
                return;
            }
            if self.random.u32(0..2000) == 0 {
                let mut txn = self.keyspace.begin_all(begin, &mut effects);
                (0..SHARDS).for_each(|shard| txn.whole_shard(shard).tables.swap(0, 1));
                return;
            }
            let mut txn = self.keyspace.begin(&keys, begin, &mut effects);
            let value = match self.random.u8(0..20) {
                0 => vec![b'x'; 5000 + self.stamp as usize % 100],
                n if n < 5 => b"17".to_vec(),
                _ => format!("value {}", self.stamp).into_bytes(),
            };
            let key = keys[0].bytes;
            match self.random.u8(0..8) {
                0 | 1 => drop(txn.put_string(key, &value, Ttl::Keep)),
                2 => drop(txn.put_string(key, &value, Ttl::At(5_000))),
                3 => drop(txn.remove(key, "del", Class::GENERIC)),
                4 => drop(txn.upsert_string(key).unwrap().append(b"more")),
                5 => drop(txn.set_expire_at(key, self.random.bool().then_some(2_000))),
                6 => drop(txn.edit::<crate::keyspace::Str>(key).unwrap().map(|mut edit| edit.put(&value))),
                _ => {
                    if let Some(entry) = txn.take_entry(key) {
                        let to = keys[1].bytes;
                        txn.select(to[0].into());
                        txn.put_entry(to, entry.rebuilt(to, None));
                    }
                }
            }
        }
    }

    /// What was there at the cut is handed over once, as it was, whatever happens meanwhile.
    #[test]
    fn every_entry_of_a_cut_is_handed_over_once_and_unchanged() {
        for seed in 0..20 {
            let random = fastrand::Rng::with_seed(seed);
            let mut twin = Twin { keyspace: Keyspace::new(3), random, stamp: 0 };
            for _ in 0..3 {
                let changes = twin.random.u32(0..4000);
                (0..changes).for_each(|_| twin.change());
                // A database swapped before the cut is told apart by its keys no more: swap back.
                if twin.everything().keys().any(|(db, key)| *db != u32::from(key[0])) {
                    let begin = Begin { db: 0, now_ms: 0, access: None, event: "" };
                    let mut effects = Effects::default();
                    let mut txn = twin.keyspace.begin_all(begin, &mut effects);
                    (0..SHARDS).for_each(|shard| txn.whole_shard(shard).tables.swap(0, 1));
                }
                let stale: Vec<_> =
                    twin.everything().into_keys().filter(|(db, key)| *db != u32::from(key[0])).collect();
                for (db, key) in stale {
                    let key = Key::new(&key);
                    twin.keyspace.lock(key.shard()).tables[db as usize].remove(key.hash, key.bytes);
                }
                let expected = twin.everything();
                let memory = Arc::new(Memory::default());
                let witness: Arc<dyn Witness> = memory.clone();
                let (sizes, ()) = twin.keyspace.cut(&witness, || ());
                assert_eq!(sizes.iter().map(|size| size.keys).sum::<u64>(), expected.len() as u64);
                for shard in 0..SHARDS {
                    while twin.keyspace.walk_cut(shard, 20) {
                        let changes = twin.random.u32(0..60);
                        (0..changes).for_each(|_| twin.change());
                    }
                }
                for mut table in memory.flushed.lock().drain(..) {
                    while table.has_cut() {
                        table.walk_cut(20);
                    }
                }
                assert!(!twin.keyspace.has_cut());
                assert!(*memory.seen.lock() == expected, "seed {seed}: the cut is not what was there");
            }
        }
    }
}
