//! Reading a string and deciding about its key: how long it lives on.

use super::options::{Comparison, Expiry, Form, Options, is_equal};
use super::read::reply_string;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Class, Str, Ttl};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[GETEX, GETDEL, DELIFEQ, DELEX];

const GETEX: Command = Command::new("GETEX", "getex", Group::String, Run::Keyed(getex))
    .syntax(
        "key [expiration: EX seconds | PX milliseconds | EXAT unix-time-seconds | \
         PXAT unix-time-milliseconds | PERSIST]",
    )
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::UPDATE).note("Updates the expiry")])
    .doc("6.2.0", "O(1)", "Returns the string value of a key and sets or clears its expiry.");

fn getex(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let expiry = Options::parse(&mut cx.args, Form::GetEx)?.expiry;
    let value = cx.txn.read::<Str>(key)?;
    if value.is_none() {
        cx.reply.null();
        return Ok(());
    }
    let ttl = expiry.ttl(cx.txn.now_ms(), "getex")?;
    reply_string(cx.reply, value);
    match ttl {
        Ttl::At(t) if cx.txn.is_past(t) => {
            cx.txn.delete(key);
        }
        Ttl::At(t) => {
            cx.txn.set_expire_at(key, Some(t));
            cx.txn.touch(key, "expire", Class::LIFETIME);
        }
        _ if expiry == Expiry::Persist && cx.txn.peek(key).is_some_and(|e| e.expire_at().is_some()) => {
            cx.txn.set_expire_at(key, None);
            cx.txn.touch(key, "persist", Class::LIFETIME);
        }
        _ => {}
    }
    Ok(())
}

const GETDEL: Command = Command::new("GETDEL", "getdel", Group::String, Run::Keyed(getdel))
    .syntax("key")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::DELETE)])
    .doc("6.2.0", "O(1)", "Returns the string value of a key and deletes the key.");

fn getdel(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    reply_string(cx.reply, cx.txn.read::<Str>(key)?);
    cx.txn.delete(key);
    Ok(())
}

const DELIFEQ: Command = Command::new("DELIFEQ", "delifeq", Group::String, Run::Keyed(delifeq))
    .syntax("key value")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RM | access::DELETE)])
    .doc("9.0.0", "O(1)", "Deletes a key if it holds the given string.");

fn delifeq(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, expected) = (cx.args.bytes()?, cx.args.bytes()?);
    let deleted = is_equal(cx.txn, key, expected)? && cx.txn.delete(key);
    cx.reply.int(deleted.into());
    Ok(())
}

const DELEX: Command = Command::new("DELEX", "delex", Group::String, Run::Keyed(delex))
    .syntax(
        "key [condition: IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest:integer | IFDNE ifdne-digest:integer]",
    )
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::DELETE).varies(delex_access)])
    .doc(
        "8.4.0",
        "O(1); by digest O(N) for a string of N bytes",
        "Deletes a key, if a string meets a condition.",
    );

/// What a call of DELEX does to its key.
fn delex_access(argv: &[&[u8]]) -> u16 {
    let compares = argv.get(2).is_some_and(|word| Comparison::is_named(word));
    access::DELETE | if compares { access::RW } else { access::RM }
}

fn delex(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let deletes = match cx.args.left() {
        0 => true,
        2 => meets(cx, key)?,
        _ => return Err(Error::arity("delex")),
    };
    let deleted = deletes && cx.txn.delete(key);
    cx.reply.int(deleted.into());
    Ok(())
}

/// Whether `key` holds a string that meets the condition that is next.
fn meets(cx: &mut Keyed<'_, '_>, key: &[u8]) -> Result<bool> {
    let value = match cx.txn.read::<Str>(key) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(false),
        Err(_) => return Err(Error::new("ERR Key should be of string type if conditions are specified")),
    };
    match Comparison::take(&mut cx.args)? {
        Some(comparison) => value.with(|text| comparison.holds(text)),
        None => Err(Error::new("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")),
    }
}
