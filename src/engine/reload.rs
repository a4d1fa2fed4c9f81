//! DEBUG RELOAD: what is in memory becomes bytes, and is made anew from them.

use super::saving::options;
use super::{Adding, Engine};
use crate::keyspace::effects::Listeners;
use crate::keyspace::table::Table;
use crate::keyspace::txn::Begin;
use crate::keyspace::{Effects, EntryBox, Garbage, Keyspace, SHARDS, Txn, hash};
use crate::snapshot::{self, Damage, Fault, Head, Progress, load, save};
use std::io;

/// What DEBUG RELOAD is asked to do otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reload {
    /// Loads the newest snapshot instead of what is in memory.
    pub nosave: bool,
    /// Keeps what is in memory.
    pub noflush: bool,
    /// Lets keys that are loaded replace those in memory.
    pub merge: bool,
}

impl Engine {
    /// Makes the data set anew from its bytes, as a restart would; nobody sees it half done. Then it is saved, as what
    /// was loaded need not be what the log tells. Libraries stay as they are, but for those of a snapshot that is loaded:
    /// `adopt` is given their code.
    ///
    /// # Errors
    /// When there is nothing to load, or it is damaged, or the data set cannot be saved.
    pub fn reload(
        &self,
        how: Reload,
        adopt: impl FnOnce(&[Vec<u8>], Adding) -> Result<(), String>,
    ) -> Result<(), Fault> {
        // Nobody waits for what is being saved: the same, or newer, is saved below.
        self.saving.abandon();
        self.wait_for_save();
        let now_ms = self.now_ms();
        let access = self.access(now_ms).fresh();
        let loading = load::Options { drop_due_at: Some(now_ms), access, ..load::Options::default() };
        let fresh = self.keyspace.empty_twin();
        if how.nosave {
            let dir = self.data_directory();
            let none = || Fault::damaged(&dir.path)(Damage::new(0, "no snapshot is there"));
            let found = snapshot::newest(&dir)?.ok_or_else(none)?;
            let loaded = load::load(&dir, &found, &fresh, loading, &Progress::default())?;
            self.loading.note(&loaded);
            let senseless = |why| Fault::damaged(&found.path)(Damage::new(0, format!("a library: {why}")));
            let adding = match (how.noflush, how.merge) {
                (false, _) => Adding::Flush,
                (true, false) => Adding::Append,
                (true, true) => Adding::Replace,
            };
            adopt(&loaded.libraries, adding).map_err(senseless)?;
        } else if let (Some(library), true, false) =
            (self.scripts.libraries().first(), how.noflush, how.merge)
        {
            return Err(there_already("library", &library.name));
        }
        let mut effects = Effects::default();
        let begin = Begin { db: 0, now_ms, access: None, event: "" };
        let mut txn = self.keyspace.begin_all(begin, &mut effects);
        if !how.nosave {
            let shards = (0..SHARDS).flat_map(|shard| txn.tables(shard).iter().enumerate());
            let tables = shards.map(|(db, table)| (db as u32, table));
            let bytes = save::encode(tables, options(&self.settings), Head::default());
            let bytes = bytes.map_err(Fault::io("memory".as_ref(), "write"))?;
            self.loading.note(&load::load_bytes(&bytes, &fresh, loading)?);
        }
        let taken = if how.noflush { merge(&mut txn, &fresh, how.merge)? } else { replace(&mut txn, &fresh) };
        drop(txn);
        taken.into_iter().for_each(|garbage| self.keyspace.free_later(garbage));
        self.save_now()
    }
}

impl Engine {
    /// Empties the data set, which is to be loaded again: clients are refused from here on, and nothing is logged. What was
    /// logged is on disk when it returns.
    ///
    /// # Errors
    /// When it cannot be brought there.
    pub fn clear_to_load(&self) -> io::Result<()> {
        self.saving.abandon();
        self.wait_for_save();
        let mut effects = Effects::default();
        let begin = Begin { db: 0, now_ms: self.now_ms(), access: None, event: "" };
        let mut txn = self.keyspace.begin_all(begin, &mut effects);
        self.keyspace.listening().set(Listeners::LOG, false);
        self.log.stop()?;
        self.loading.start(begin.now_ms);
        let mut taken = Vec::new();
        for shard in 0..SHARDS {
            (0..txn.databases() as u32).for_each(|db| txn.flush(shard, db, &mut taken));
        }
        drop(txn);
        taken.into_iter().for_each(|table| self.keyspace.free_later(Garbage::Table(table)));
        Ok(())
    }
}

/// Puts the tables of `fresh` in place of all there are; returns those.
fn replace(txn: &mut Txn<'_>, fresh: &Keyspace) -> Vec<Garbage> {
    let mut taken = Vec::new();
    for shard in 0..SHARDS {
        (0..txn.databases() as u32).for_each(|db| txn.flush(shard, db, &mut taken));
        let mut loaded = fresh.lock(shard);
        let tables = loaded.tables.iter_mut().map(Table::take).collect();
        txn.whole_shard(shard).tables = tables;
    }
    taken.into_iter().map(Garbage::Table).collect()
}

fn there_already(what: &str, name: &[u8]) -> Fault {
    let what = format!("the {what} \"{}\" is there already", name.escape_ascii());
    Fault::damaged("memory".as_ref())(Damage::new(0, what))
}

/// Adds the entries of `fresh` to those there are; returns the ones they replace.
fn merge(txn: &mut Txn<'_>, fresh: &Keyspace, replacing: bool) -> Result<Vec<Garbage>, Fault> {
    let mut taken = Vec::new();
    for shard in 0..SHARDS {
        let loaded = fresh.lock(shard);
        for (db, table) in loaded.tables.iter().enumerate() {
            for entry in table.iter() {
                let (key, hash) = (entry.key(), hash(entry.key()));
                let live = &mut txn.whole_shard(shard).tables[db];
                if !replacing && live.find(hash, key).is_some() {
                    return Err(there_already("key", key));
                }
                let old = live.insert(hash, EntryBox::copy_of(entry, key, entry.expire_at()));
                taken.extend(old.map(Garbage::Entry));
            }
        }
    }
    Ok(taken)
}
