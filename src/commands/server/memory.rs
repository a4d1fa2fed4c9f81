//! MEMORY: what keys and the server take.

use super::info::{Survey, client_memory};
use super::prefixes;
use crate::command::flag::{LOADING, READ, STALE};
use crate::command::{Command, Error, Group, Keyed, Keys, Outer, Reply, Result, Run, Sweep, access};
use crate::commands::help::help;
use crate::keyspace::Key;
use crate::metrics::Memory;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[MEMORY];

const MEMORY: Command = Command::new("MEMORY", "memory", Group::Server, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("4.0.0", "Depends on the subcommand.", "Holds the commands about memory.");

const SUBCOMMANDS: &[Command] = &[DOCTOR, HELP, MALLOC_STATS, prefixes::PREFIXES, PURGE, STATS, USAGE];

const HELP: Command = Command::new("HELP", "memory|help", Group::Server, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("4.0.0", "O(1)", "Lists the subcommands.");

const USAGE: Command = Command::new("USAGE", "memory|usage", Group::Server, Run::Keyed(usage))
    .syntax("key [SAMPLES count]")
    .flags(READ)
    .keys(&[Keys::one(2, access::RO)])
    .doc("4.0.0", "O(1)", "Tells the bytes that a key and its value take.");

fn usage(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    // All of a value is counted, so that no sample is needed.
    while cx.args.more() {
        if cx.args.left() < 2 || !cx.args.word("SAMPLES") {
            return Err(Error::SYNTAX);
        }
        cx.args.int_in(0.., Error::SYNTAX)?;
    }
    // One that is due has its size until it is removed.
    let key = Key::new(key);
    match cx.txn.table(key.shard()).find(key.hash, key.bytes) {
        Some(entry) => cx.reply.len_of(entry.memory()),
        None => cx.reply.null(),
    }
    Ok(())
}

const STATS: Command = Command::new("STATS", "memory|stats", Group::Server, Run::Sweep(stats))
    .syntax("")
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .doc("4.0.0", "O(1)", "Tells what the memory of the server is used for.");

fn stats(cx: &mut Sweep<'_, '_>) -> Result {
    let survey = Survey::of(cx, false);
    let engine = cx.engine;
    let memory = Memory::now();
    let (tables, clients) = (survey.tables_memory, client_memory(engine));
    let overhead = engine.startup_memory + tables + clients + engine.hot_keys.memory();
    let dataset = memory.allocated.saturating_sub(overhead);
    let keys: usize = survey.databases.iter().map(|db| db.keys).sum();
    let numbers = [
        ("peak.allocated", memory.peak),
        ("total.allocated", memory.allocated),
        ("startup.allocated", engine.startup_memory),
        ("replication.backlog", 0),
        ("replica.fullsync.buffer", 0),
        ("clients.slaves", 0),
        ("clients.normal", clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", engine.scripts.counts().1),
        ("functions.caches", engine.scripts.library_counts().2),
        ("overhead.db.hashtable.lut", tables),
        // Tables grow in steps that nobody sees half done.
        ("overhead.db.hashtable.rehashing", 0),
        ("db.dict.rehashing.count", 0),
        ("overhead.total", overhead),
        ("keys.count", keys),
        ("keys.bytes-per-key", memory.allocated.saturating_sub(engine.startup_memory) / keys.max(1)),
        ("dataset.bytes", dataset),
        ("allocator.allocated", memory.allocated),
        ("allocator.active", memory.active),
        ("allocator.resident", memory.resident),
    ];
    let ratio = |a: usize, b: usize| a as f64 / b.max(1) as f64;
    let net = memory.allocated.saturating_sub(engine.startup_memory);
    let ratios = [
        ("dataset.percentage", ratio(dataset, net) * 100.0),
        ("peak.percentage", ratio(memory.allocated, memory.peak) * 100.0),
        ("allocator-fragmentation.ratio", ratio(memory.active, memory.allocated)),
        ("allocator-rss.ratio", ratio(memory.resident, memory.active)),
        ("rss-overhead.ratio", ratio(memory.rss, memory.resident)),
        ("fragmentation", ratio(memory.rss, memory.allocated)),
    ];
    let differences = [
        ("allocator-fragmentation.bytes", memory.active as i64 - memory.allocated as i64),
        ("allocator-rss.bytes", memory.resident as i64 - memory.active as i64),
        ("rss-overhead.bytes", memory.rss as i64 - memory.resident as i64),
        ("fragmentation.bytes", memory.rss as i64 - memory.allocated as i64),
    ];
    let used = || survey.databases.iter().enumerate().filter(|(_, db)| db.keys > 0);
    let reply: &mut Reply = cx.reply;
    reply.map(numbers.len() + used().count() + ratios.len() + differences.len());
    for (number, db) in used() {
        reply.bulk(format!("db.{number}").as_bytes());
        reply.map(2);
        reply.bulk(b"overhead.hashtable.main");
        reply.len_of(db.tables_memory);
        // When keys expire stands with them.
        reply.bulk(b"overhead.hashtable.expires");
        reply.int(0);
    }
    for (name, n) in numbers {
        reply.bulk(name.as_bytes());
        reply.len_of(n);
    }
    for (name, x) in ratios {
        reply.bulk(name.as_bytes());
        reply.double(x);
    }
    for (name, n) in differences {
        reply.bulk(name.as_bytes());
        reply.int(n);
    }
    Ok(())
}

const DOCTOR: Command = Command::new("DOCTOR", "memory|doctor", Group::Server, Run::Outer(doctor))
    .syntax("")
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .doc("4.0.0", "O(1)", "Says what is wrong with the memory of the server.");

/// With less than this in use, the ratios say nothing.
const WORTH_A_LOOK: usize = 5 << 20;

fn doctor(cx: &mut Outer<'_>) -> Result {
    let memory = Memory::now();
    let mut findings = Vec::new();
    if memory.allocated < WORTH_A_LOOK {
        findings.push("The server uses too little memory for a verdict.");
    } else {
        if memory.peak > memory.allocated / 2 * 3 {
            findings.push("It used half as much again or more before: freed memory may still be held.");
        }
        if memory.rss > memory.allocated / 5 * 7 {
            findings
                .push("Its memory is fragmented: it takes 1.4 times what it uses. MEMORY PURGE may help.");
        }
        if findings.is_empty() {
            findings.push("Nothing is wrong with the memory of the server.");
        }
    }
    cx.reply.verbatim(*b"txt", findings.join("\n").as_bytes());
    Ok(())
}

const PURGE: Command = Command::new("PURGE", "memory|purge", Group::Server, Run::Slow(purge))
    .syntax("")
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .doc("4.0.0", "O(1)", "Has the allocator return unused memory to the system.");

fn purge(cx: &mut Outer<'_>) -> Result {
    if !Memory::purge() {
        return Err(Error::new("ERR Error purging dirty pages"));
    }
    cx.reply.ok();
    Ok(())
}

const MALLOC_STATS: Command =
    Command::new("MALLOC-STATS", "memory|malloc-stats", Group::Server, Run::Outer(malloc_stats))
        .syntax("")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .doc("4.0.0", "O(1)", "Tells the allocator's own numbers.");

fn malloc_stats(cx: &mut Outer<'_>) -> Result {
    let Memory { allocated, active, resident, retained, .. } = Memory::now();
    let text = format!(
        "jemalloc\nAllocated: {allocated}, active: {active}, resident: {resident}, retained: {retained}\n"
    );
    cx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}
