//! Reading strings.

use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::{Str, StrRef};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[GET, MGET];

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
