//! DBSIZE, FLUSHDB, FLUSHALL.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Result, Run, Sweep};
use crate::keyspace::{Garbage, SHARDS};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[DBSIZE, FLUSHALL, FLUSHDB];

const DBSIZE: Command = Command::new("DBSIZE", "dbsize", Group::Server, Run::Sweep(dbsize))
    .subject(&["keyspace"])
    .syntax("")
    .flags(READ | FAST)
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
    .doc("1.0.0", "O(1)", "Counts the keys of the selected database.");

fn dbsize(cx: &mut Sweep<'_, '_>) -> Result {
    let mut keys = 0;
    cx.each(|shard, txn, _| keys += txn.table(shard).len());
    cx.reply.int(keys as i64);
    Ok(())
}

const FLUSHDB: Command = Command::new("FLUSHDB", "flushdb", Group::Server, Run::Sweep(flushdb))
    .subject(&["keyspace"])
    .syntax("[ASYNC | SYNC]")
    .flags(WRITE | DANGEROUS)
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .doc("1.0.0", "O(N) where N is the number of keys.", "Removes all keys of the selected database.");

fn flushdb(cx: &mut Sweep<'_, '_>) -> Result {
    let db = cx.db;
    flush(cx, db..db + 1)
}

const FLUSHALL: Command = Command::new("FLUSHALL", "flushall", Group::Server, Run::Sweep(flushall))
    .subject(&["keyspace"])
    .syntax("[ASYNC | SYNC]")
    .flags(WRITE | DANGEROUS)
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .doc("1.0.0", "O(N) where N is the number of keys.", "Removes all keys of all databases.");

fn flushall(cx: &mut Sweep<'_, '_>) -> Result {
    flush(cx, 0..cx.engine.keyspace.databases() as u32)
}

/// Empties databases: their tables are taken out under the locks of all shards, so that nobody sees
/// one half empty, and freed in the background; SYNC frees them before it answers.
fn flush(cx: &mut Sweep<'_, '_>, databases: std::ops::Range<u32>) -> Result {
    let sync = parse(&mut cx.args)?;
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
    match sync {
        true => drop(taken),
        false => taken.into_iter().for_each(|table| cx.engine.keyspace.free_later(Garbage::Table(table))),
    }
    cx.reply.ok();
    Ok(())
}

/// Whether SYNC was asked for.
fn parse(args: &mut Args<'_>) -> Result<bool> {
    let (is_async, is_sync) = (args.word("ASYNC"), args.word("SYNC"));
    match (is_async, is_sync, args.more()) {
        (true, true, _) | (_, _, true) => Err(Error::SYNTAX),
        _ => Ok(is_sync),
    }
}
