//! SWAPDB.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Result, Run, Sweep};
use crate::keyspace::watchers::Presence;
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

fn swap(txn: &mut Txn<'_>, a: u32, b: u32) {
    txn.agenda().swap(a, b);
    let now_ms = txn.now_ms();
    for shard in 0..SHARDS {
        let shard = txn.whole_shard(shard);
        let mut waited_for = Vec::new();
        for (db, other) in [(a, b), (b, a)] {
            shard.hooks.watchers.replace(db, |key| {
                let hash = crate::keyspace::hash(key);
                let [before, after] = [db, other].map(|db| shard.tables[db as usize].find(hash, key));
                let will_be = match after.map(|entry| entry.expire_at()) {
                    None => Presence::Absent,
                    Some(Some(at)) if at <= now_ms => Presence::Past,
                    Some(_) => Presence::Present,
                };
                (before.is_some(), will_be)
            });
            waited_for.extend(shard.hooks.waiters.keys_of_db(db).into_iter().map(|key| (db, key)));
        }
        shard.tables.swap(a as usize, b as usize);
        for (db, key) in waited_for {
            txn.effects().wake(db, &key);
        }
    }
    let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
    txn.record(&[b"SWAPDB", first.format(a).as_bytes(), second.format(b).as_bytes()]);
    txn.effects().dirty += 1;
}
