//! Reading strings.

use super::options::digest;
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::{Str, StrRef};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[GET, MGET, DIGEST];

/// Answers a string, shared with the keyspace when it is long; null for `None`.
pub fn reply_string(reply: &mut Reply, value: Option<StrRef<'_>>) {
    match value {
        None => reply.null(),
        Some(StrRef::Int(n)) => reply.bulk_int(n),
        Some(StrRef::Short(text)) => reply.bulk(text),
        Some(StrRef::Long(bytes)) => reply.bulk_shared(bytes),
    }
}

const GET: Command = Command::new("GET", "get", Group::String, Run::Keyed(get))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .doc("1.0.0", "O(1)", "Returns the string value of a key.");

fn get(cx: &mut Keyed<'_, '_>) -> Result {
    let value = cx.txn.read::<Str>(cx.args.bytes()?)?;
    reply_string(cx.reply, value);
    Ok(())
}

const MGET: Command = Command::new("MGET", "mget", Group::String, Run::Keyed(mget))
    .syntax("key [key ...]")
    .flags(READ | FAST)
    .keys(&[Keys::rest(1, access::RO | access::ACCESS)])
    .tips(&["request_policy:multi_shard"])
    .doc("1.0.0", "O(N) for N keys", "Returns the string values of several keys.");

fn mget(cx: &mut Keyed<'_, '_>) -> Result {
    let keys = cx.args.rest();
    cx.reply.array(keys.len());
    for key in keys {
        // A key of another type counts as absent here.
        reply_string(cx.reply, cx.txn.read::<Str>(key).unwrap_or(None));
    }
    Ok(())
}

const DIGEST: Command = Command::new("DIGEST", "digest", Group::String, Run::Keyed(digest_of))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .doc("8.4.0", "O(N) for a string of N bytes", "Returns the XXH3 hash of a string value in hexadecimal.");

fn digest_of(cx: &mut Keyed<'_, '_>) -> Result {
    match cx.txn.read::<Str>(cx.args.bytes()?)? {
        Some(value) => cx.reply.bulk(value.with(digest).as_bytes()),
        None => cx.reply.null(),
    }
    Ok(())
}
