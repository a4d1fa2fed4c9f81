//! SWAPDB.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Result, Run, Sweep};
use crate::keyspace::{SHARDS, Txn};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SWAPDB];

const SWAPDB: Command = Command::new("SWAPDB", "swapdb", Group::Server, Run::Sweep(swapdb))
    .subject(&["keyspace"])
    .syntax("index1:integer index2:integer")
    .flags(WRITE | FAST | DANGEROUS)
    .doc("4.0.0", "O(N) for N clients that watch or wait for keys of them.", "Swaps two databases.");

fn swapdb(cx: &mut Sweep<'_, '_>) -> Result {
    let first = index(&mut cx.args, Error::new("ERR invalid first DB index"))?;
    let second = index(&mut cx.args, Error::new("ERR invalid second DB index"))?;
    let databases = 0..cx.engine.keyspace.databases() as i64;
    if !databases.contains(&first) || !databases.contains(&second) {
        return Err(Error::new("ERR DB index is out of range"));
    }
    if first != second {
        cx.all(|txn| swap(txn, first as u32, second as u32));
    }
    cx.engine.count_incompatible();
    cx.reply.ok();
    Ok(())
}

fn index(args: &mut Args<'_>, error: Error) -> Result<i64> {
    let bounds = i64::from(i32::MIN)..=i64::from(i32::MAX);
    args.int_in(bounds, error.clone()).map_err(|_| error)
}

/// Removes what is due of the keys that somebody watches: it was not there any more for them.
fn remove_due(txn: &mut Txn<'_>, databases: [u32; 2]) {
    let (now_ms, selected) = (txn.now_ms(), txn.db());
    for shard in 0..SHARDS {
        let shard = txn.whole_shard(shard);
        let mut due = Vec::new();
        for key in databases.into_iter().flat_map(|db| shard.hooks.watchers.of_db(db)).map(|(key, _)| key) {
            let hash = crate::keyspace::hash(key);
            for db in databases {
                let entry = shard.tables[db as usize].find(hash, key);
                if entry.and_then(|entry| entry.expire_at()).is_some_and(|t| t <= now_ms) {
                    due.push((db, key.to_vec()));
                }
            }
        }
        for (db, key) in due {
            txn.select(db);
            if let Some(entry) = txn.counting(0, |txn| txn.take_entry(&key)) {
                txn.free(entry);
                txn.record(&[b"DEL", &key]);
                txn.effects().expired += 1;
            }
        }
    }
    txn.select(selected);
}

fn swap(txn: &mut Txn<'_>, a: u32, b: u32) {
    txn.agenda().swap(a, b);
    remove_due(txn, [a, b]);
    for shard in 0..SHARDS {
        let shard = txn.whole_shard(shard);
        shard.tables.swap(a as usize, b as usize);
        let mut waited_for = Vec::new();
        for db in [a, b] {
            for (key, watchers) in shard.hooks.watchers.of_db(db) {
                let hash = crate::keyspace::hash(key);
                if [a, b].iter().any(|db| shard.tables[*db as usize].find(hash, key).is_some()) {
                    watchers.for_each(|touched| touched.empty());
                }
            }
            waited_for.extend(shard.hooks.waiters.keys_of_db(db).into_iter().map(|key| (db, key)));
        }
        for (db, key) in waited_for {
            txn.effects().wake(db, &key);
        }
    }
    let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
    txn.record(&[b"SWAPDB", first.format(a).as_bytes(), second.format(b).as_bytes()]);
    txn.effects().dirty += 1;
}
