//! DBSIZE, FLUSHDB, FLUSHALL.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Held, Result, Run, Sweep};
use crate::config;
use crate::engine::Purpose;
use crate::keyspace::table::Table;
use crate::keyspace::{Garbage, SHARDS};
use tokio::runtime::{Handle, RuntimeFlavor};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[DBSIZE, FLUSHALL, FLUSHDB];

const DBSIZE: Command = Command::new("DBSIZE", "dbsize", Group::Server, Run::Sweep(dbsize))
    .subject(&["keyspace"])
    .syntax("")
    .flags(READ | FAST)
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
    .doc("1.0.0", "O(1)", "Counts the keys of the selected database.");

fn dbsize(cx: &mut Sweep<'_, '_>) -> Result {
    let keys = cx.counts().iter().sum::<usize>();
    cx.reply.int(keys as i64);
    Ok(())
}

const FLUSHDB: Command = Command::new("FLUSHDB", "flushdb", Group::Server, Run::Sweep(flushdb))
    .subject(&["keyspace"])
    .syntax("[flush-type: ASYNC@4.0.0 | SYNC@6.2.0]")
    .flags(WRITE | DANGEROUS)
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .history(&[("4.0.0", "`ASYNC`."), ("6.2.0", "`SYNC`.")])
    .doc("1.0.0", "O(N) where N is the number of keys.", "Removes all keys of the selected database.");

fn flushdb(cx: &mut Sweep<'_, '_>) -> Result {
    let db = cx.db;
    flush(cx, db..db + 1)
}

const FLUSHALL: Command = Command::new("FLUSHALL", "flushall", Group::Server, Run::Sweep(flushall))
    .subject(&["keyspace"])
    .syntax("[flush-type: ASYNC@4.0.0 | SYNC@6.2.0]")
    .flags(WRITE | DANGEROUS)
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .history(&[("4.0.0", "`ASYNC`."), ("6.2.0", "`SYNC`.")])
    .doc("1.0.0", "O(N) where N is the number of keys.", "Removes all keys of all databases.");

fn flushall(cx: &mut Sweep<'_, '_>) -> Result {
    flush(cx, 0..cx.engine.keyspace.databases() as u32)?;
    let engine = cx.engine;
    // What was there must not come back by a snapshot from before.
    if !engine.loading.is_active() && engine.give_up_flushed() {
        match cx.held {
            Held::Nothing(..) => aside(|| engine.save_flushed()),
            Held::All(_) => engine.saving.schedule(Purpose::Save),
        }
    }
    Ok(())
}

/// Empties databases: their tables are taken out under the locks of all shards, so that nobody sees
/// one half empty. ASYNC frees them in the background, SYNC before it answers; but not under locks,
/// which a transaction keeps, when there are many keys.
fn flush(cx: &mut Sweep<'_, '_>, databases: std::ops::Range<u32>) -> Result {
    let sync = parse(&mut cx.args)?.unwrap_or(!cx.engine.settings.yes(config::LAZYFREE_LAZY_USER_FLUSH));
    let mut taken = Vec::new();
    cx.all(|txn| {
        for shard in 0..SHARDS {
            for db in databases.clone() {
                txn.flush(shard, db, &mut taken);
            }
        }
        let selected = txn.db();
        match databases.len() {
            1 => txn.record(&[b"FLUSHDB"]),
            _ => txn.record(&[b"FLUSHALL"]),
        }
        txn.select(selected);
    });
    let keyspace = &cx.engine.keyspace;
    match cx.held {
        Held::Nothing(..) if sync => {
            aside(|| taken.into_iter().for_each(|table| keyspace.free_now(Garbage::Table(table))));
        }
        Held::All(_) if sync && taken.iter().map(Table::len).sum::<usize>() <= FREED_UNDER_LOCKS_MAX => {
            drop(taken);
        }
        _ => taken.into_iter().for_each(|table| keyspace.free_later(Garbage::Table(table))),
    }
    cx.reply.ok();
    Ok(())
}

/// Keys that are freed while the locks of all shards are held.
const FREED_UNDER_LOCKS_MAX: usize = 1024;

/// Runs what takes long; the tasks of this thread go on elsewhere meanwhile.
fn aside(f: impl FnOnce()) {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(f),
        _ => f(),
    }
}

/// Whether SYNC (or else ASYNC) was asked for, if either was.
fn parse(args: &mut Args<'_>) -> Result<Option<bool>> {
    let (is_async, is_sync) = (args.word("ASYNC"), args.word("SYNC"));
    match (is_async, is_sync, args.more()) {
        (true, true, _) | (_, _, true) => Err(Error::SYNTAX),
        _ => Ok((is_async || is_sync).then_some(is_sync)),
    }
}
