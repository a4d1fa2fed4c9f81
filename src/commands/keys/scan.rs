//! Walking over the keys of a database.
//!
//! A cursor is a place in the order of the keys' hashes, whose first bits are the shard's number: see
//! [`crate::keyspace::table`].

use crate::base::{glob, random};
use crate::command::flag::*;
use crate::command::{Command, Group, Reply, Result, Run, Sweep};
use crate::commands::scan::{self, Options, VISITS_PER_ANSWER};
use crate::keyspace::{EntryRef, SHARD_BITS, SHARDS, Txn};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SCAN, KEYS, RANDOMKEY];

/// Keys visited under one hold of a shard's lock.
const STEP: usize = 1000;
/// Expired keys that RANDOMKEY removes before it gives up.
const TRIES_MAX: usize = 100;
/// Bits of a cursor behind the shard's number.
const PLACE_BITS: u32 = 48 - SHARD_BITS;

const SCAN: Command = Command::new("SCAN", "scan", Group::Generic, Run::Sweep(scan))
    .syntax("cursor [MATCH pattern] [COUNT count] [TYPE@6.0.0 type]")
    .flags(READ)
    .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
    .history(&[("6.0.0", "`TYPE`.")])
    .doc(
        "2.8.0",
        "O(1) for a call, O(N) for a walk over N keys.",
        "Visits some keys of a database; tells where to go on.",
    );

fn scan(cx: &mut Sweep<'_, '_>) -> Result {
    let mut at = Some(scan::cursor(&mut cx.args)?);
    let options = Options::take_keys(&mut cx.args)?;
    let mut budget = Budget { keys: options.count, buckets: options.count.saturating_mul(VISITS_PER_ANSWER) };
    let mut found: Vec<Box<[u8]>> = Vec::new();
    while let Some(from) = at
        && budget.is_left()
    {
        let shard = (from >> PLACE_BITS) as usize % SHARDS;
        let next = cx.shard(shard, |txn| {
            step(txn, shard, from, &mut budget, |entry| {
                let kind =
                    options.kind.is_none_or(|kind| kind.eq_ignore_ascii_case(entry.kind().name().as_bytes()));
                if kind && options.matches(entry.key()) {
                    found.push(entry.key().into());
                }
            })
        });
        at = next.or_else(|| (shard + 1 < SHARDS).then_some((shard as u64 + 1) << PLACE_BITS));
    }
    cx.reply.array(2);
    cx.reply.bulk(itoa::Buffer::new().format(at.unwrap_or(0)).as_bytes());
    cx.reply.array(found.len());
    found.iter().for_each(|key| cx.reply.bulk(key));
    Ok(())
}

/// What a SCAN may still visit.
struct Budget {
    keys: usize,
    buckets: usize,
}

impl Budget {
    fn is_left(&self) -> bool {
        self.keys > 0 && self.buckets > 0
    }
}

/// Visits some keys of a shard from the cursor `from` on, and removes those that are due; returns where to go on,
/// None at the shard's end.
fn step(
    txn: &mut Txn<'_>,
    shard: usize,
    from: u64,
    budget: &mut Budget,
    mut visit: impl FnMut(EntryRef<'_>),
) -> Option<u64> {
    let mut due: Vec<Box<[u8]>> = Vec::new();
    let (mut at, mut visited) = (Some(from), 0);
    while let Some(from) = at
        && visited < STEP
        && budget.is_left()
    {
        let before = visited;
        at = txn.table(shard).scan(from, &mut |entry| {
            visited += 1;
            if is_due(entry, txn) { due.push(entry.key().into()) } else { visit(entry) }
        });
        budget.keys = budget.keys.saturating_sub(visited - before);
        budget.buckets -= 1;
    }
    if !txn.keeps_due() {
        due.iter().for_each(|key| txn.expire_if_due(key));
    }
    at
}

fn is_due(entry: EntryRef<'_>, txn: &Txn<'_>) -> bool {
    entry.expire_at().is_some_and(|at| txn.is_due(at))
}

const KEYS: Command = Command::new("KEYS", "keys", Group::Generic, Run::Sweep(keys))
    .syntax("pattern")
    .flags(READ | DANGEROUS)
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
    .doc("1.0.0", "O(N) for N keys in the database.", "Lists all keys whose names match a pattern.");

fn keys(cx: &mut Sweep<'_, '_>) -> Result {
    let pattern = cx.args.bytes()?;
    let all = pattern == b"*";
    let mut reply = std::mem::take(cx.reply);
    let result = reply.counted(Reply::array, |reply| {
        Ok((0..SHARDS).map(|shard| cx.shard(shard, |txn| keys_of(txn, shard, pattern, all, reply))).sum())
    });
    *cx.reply = reply;
    result
}

/// Answers the keys of a shard that match, and are not due; tells how many there are.
fn keys_of(txn: &mut Txn<'_>, shard: usize, pattern: &[u8], all: bool, reply: &mut Reply) -> usize {
    let fits =
        |entry: &EntryRef<'_>| (all || glob::matches(pattern, entry.key(), false)) && !is_due(*entry, txn);
    let found = txn.table(shard).iter().filter(fits);
    found.map(|entry| reply.bulk(entry.key())).count()
}

const RANDOMKEY: Command = Command::new("RANDOMKEY", "randomkey", Group::Generic, Run::Sweep(randomkey))
    .flags(READ)
    .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"])
    .doc("1.0.0", "O(1)", "Picks a key of the database at random.");

fn randomkey(cx: &mut Sweep<'_, '_>) -> Result {
    // While clients are paused nothing is removed: better a key that is due than none.
    let mut kept = None;
    for _ in 0..TRIES_MAX {
        let Some(shard) = random_shard(cx) else { break };
        let picked = cx.shard(shard, |txn| {
            let entry = txn.table(shard).random()?;
            let (key, due) = (Box::<[u8]>::from(entry.key()), is_due(entry, txn));
            if due && txn.keeps_due() {
                kept = Some(key);
                return None;
            }
            if due {
                txn.expire_if_due(&key);
            }
            (!due).then_some(key)
        });
        if let Some(key) = picked {
            cx.reply.bulk(&key);
            return Ok(());
        }
    }
    match kept {
        Some(key) => cx.reply.bulk(&key),
        None => cx.reply.null(),
    }
    Ok(())
}

/// A shard, each as likely as its number of keys says; None when all are empty.
fn random_shard(cx: &Sweep<'_, '_>) -> Option<usize> {
    let lens = cx.counts();
    let mut pick = random::below(lens.iter().sum());
    lens.iter().position(|len| {
        let here = pick < *len;
        pick = pick.wrapping_sub(*len);
        here
    })
}
