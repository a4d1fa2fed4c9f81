//! Setting several strings at once.

use super::options::{Condition, Form, Options};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Class, Ttl, Txn};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[MSET, MSETNX, MSETEX];

const MSET: Command = Command::new("MSET", "mset", Group::String, Run::Keyed(mset))
    .syntax("key value [key value ...]")
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
    .syntax("key value [key value ...]")
    .flags(WRITE | GROWS)
    .keys(&[Keys::range(1, -1, 2, access::OW | access::INSERT)])
    .event("set")
    .doc("1.0.1", "O(N) for N keys", "Sets the string values of several keys, if none of them exists.");

fn msetnx(cx: &mut Keyed<'_, '_>) -> Result {
    let pairs = pairs(&mut cx.args, "msetnx")?;
    let all = all_hold(cx.txn, pairs, Condition::IF_ABSENT)?;
    if all {
        store_all(cx.txn, pairs, Ttl::Clear);
    }
    cx.reply.int(all.into());
    Ok(())
}

const MSETEX: Command = Command::new("MSETEX", "msetex", Group::String, Run::Keyed(msetex))
    .syntax(
        "numkeys key value [key value ...] [NX | XX] \
         [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
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
    const COUNT: Error = Error::new("ERR invalid numkeys value");
    const FEWER: Error = Error::new("ERR wrong number of key-value pairs");
    let count = cx.args.int_in(1..=i32::MAX.into(), COUNT).map_err(|_| COUNT)?;
    let pairs = cx.args.take(2 * count as usize).map_err(|_| FEWER)?;
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

/// Sets strings. That they expire is told before that they are set, in another order than SET does.
fn store_all(txn: &mut Txn<'_>, pairs: &[&[u8]], ttl: Ttl) {
    for pair in pairs.chunks_exact(2) {
        txn.put_string(pair[0], pair[1], ttl);
        if let Ttl::At(_) = ttl {
            txn.touch(pair[0], "expire", Class::LIFETIME);
        }
        txn.touch(pair[0], "set", Class::STRING);
    }
}
