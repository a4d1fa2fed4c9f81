//! Setting several strings at once.

use super::options::{Condition, Form, Options};
use super::write::store;
use crate::base::number;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Ttl, Txn};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[MSET, MSETNX, MSETEX];

const MSET: Command = Command::new("MSET", "mset", Group::String, Run::Keyed(mset))
    .syntax("key value [data: key value ...]")
    .flags(WRITE | GROWS)
    .keys(&[Keys::range(1, -1, 2, access::OW | access::UPDATE)])
    .event("set")
    .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
    .doc("1.0.1", "O(N) for N keys", "Sets the string values of several keys at once.");

fn mset(cx: &mut Keyed<'_, '_>) -> Result {
    let pairs = pairs(&mut cx.args, "mset")?;
    store_all(cx.txn, pairs, Ttl::Clear);
    cx.reply.ok();
    Ok(())
}

const MSETNX: Command = Command::new("MSETNX", "msetnx", Group::String, Run::Keyed(msetnx))
    .syntax("key value [data: key value ...]")
    .flags(WRITE | GROWS)
    .keys(&[Keys::range(1, -1, 2, access::OW | access::INSERT)])
    .event("set")
    .doc("1.0.1", "O(N) for N keys", "Sets the string values of several keys, if none of them exists.");

fn msetnx(cx: &mut Keyed<'_, '_>) -> Result {
    let pairs = pairs(&mut cx.args, "msetnx")?;
    let all = all_hold(cx.txn, pairs, Condition::IfAbsent)?;
    if all {
        store_all(cx.txn, pairs, Ttl::Clear);
    }
    cx.reply.int(all.into());
    Ok(())
}

const MSETEX: Command = Command::new("MSETEX", "msetex", Group::String, Run::Keyed(msetex))
    .syntax(
        "numkeys key value [data: key value ...] [NX | XX] [expiration: EX seconds:integer | \
         PX milliseconds:integer | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    )
    .flags(WRITE | GROWS)
    .keys(&[Keys::counted_pairs(1, access::OW | access::UPDATE)])
    .event("set")
    .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
    .doc(
        "8.4.0",
        "O(N) for N keys",
        "Sets the string values of several keys with one expiry, if all or none of them exist.",
    );

fn msetex(cx: &mut Keyed<'_, '_>) -> Result {
    let count = number::parse_i64(cx.args.bytes()?)
        .filter(|n| (1..=i32::MAX.into()).contains(n))
        .ok_or(Error::new("ERR invalid numkeys value or out of range"))?;
    let pairs = cx.args.take(2 * count as usize)?;
    let options = Options::parse(&mut cx.args, Form::MSetEx)?;
    let ttl = options.expiry.ttl(cx.txn.now_ms(), "msetex")?;
    let all = all_hold(cx.txn, pairs, options.condition)?;
    if all {
        store_all(cx.txn, pairs, ttl);
    }
    cx.reply.int(all.into());
    Ok(())
}

fn pairs<'a>(args: &mut Args<'a>, name: &str) -> Result<&'a [&'a [u8]]> {
    let pairs = args.rest();
    if pairs.len().is_multiple_of(2) { Ok(pairs) } else { Err(Error::arity(name)) }
}

fn all_hold(txn: &Txn<'_>, pairs: &[&[u8]], condition: Condition<'_>) -> Result<bool> {
    for pair in pairs.chunks_exact(2) {
        if !condition.holds(txn, pair[0])? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn store_all(txn: &mut Txn<'_>, pairs: &[&[u8]], ttl: Ttl) {
    pairs.chunks_exact(2).for_each(|pair| store(txn, pair[0], pair[1], ttl));
}
