//! Setting a string.

use super::options::{Comparison, Form, Options, moment};
use super::read::reply_string;
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Class, Str, Ttl, Txn};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SET, SETNX, SETEX, PSETEX, GETSET];

const SET: Command = Command::new("SET", "set", Group::String, Run::Keyed(set))
    .syntax(
        "key value [condition@2.6.12: NX | XX | IFEQ@8.4.0 ifeq-value | IFNE@8.4.0 ifne-value | \
         IFDEQ@8.4.0 ifdeq-digest:integer | IFDNE@8.4.0 ifdne-digest:integer] [GET@6.2.0] \
         [expiration: EX@2.6.12 seconds | PX@2.6.12 milliseconds | EXAT@6.2.0 unix-time-seconds | \
         PXAT@6.2.0 unix-time-milliseconds | KEEPTTL@6.0.0]",
    )
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::UPDATE)
        .varies(set_access)
        .note("Reads the key only with GET")])
    .history(&[
        ("2.6.12", "`NX`, `XX`, `EX` and `PX`."),
        ("6.0.0", "`KEEPTTL`."),
        ("6.2.0", "`GET`, `EXAT` and `PXAT`."),
        ("7.0.0", "`NX` together with `GET`."),
    ])
    .doc("1.0.0", "O(1)", "Gives a key a string value, whatever it held, and clears or sets its expiry.");

/// What a call of SET does to its key.
fn set_access(argv: &[&[u8]]) -> u16 {
    let mut options = argv.iter().skip(3);
    if options.clone().any(|word| word.eq_ignore_ascii_case(b"GET")) {
        access::RW | access::ACCESS | access::UPDATE
    } else if options.any(|word| Comparison::is_named(word)) {
        access::RW | access::UPDATE
    } else {
        access::OW | access::UPDATE
    }
}

fn set(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, value) = (cx.args.bytes()?, cx.args.bytes()?);
    if !cx.args.more() {
        store(cx.txn, key, value, Ttl::Clear);
        cx.reply.ok();
        return Ok(());
    }
    let options = Options::parse(&mut cx.args, Form::Set)?;
    let ttl = options.expiry.ttl(cx.txn.now_ms(), "set")?;
    if options.get {
        reply_string(cx.reply, cx.txn.read::<Str>(key)?);
    }
    let holds = options.condition.holds(cx.txn, key)?;
    if holds {
        store(cx.txn, key, value, ttl);
    }
    match holds {
        _ if options.get => {}
        true => cx.reply.ok(),
        false => cx.reply.null(),
    }
    Ok(())
}

/// Sets a string and tells `set`, and `expire` if it has one now. What expires in the past is there, and due.
pub fn store(txn: &mut Txn<'_>, key: &[u8], value: &[u8], ttl: Ttl) {
    txn.put_string(key, value, ttl);
    txn.touch(key, "set", Class::STRING);
    if let Ttl::At(_) = ttl {
        txn.touch(key, "expire", Class::LIFETIME);
    }
}

const SETNX: Command = Command::new("SETNX", "setnx", Group::String, Run::Keyed(setnx))
    .syntax("key value")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::OW | access::INSERT)])
    .deprecated("2.6.12", "`SET` with the `NX` argument")
    .doc("1.0.0", "O(1)", "Gives a key a string value, unless it exists.");

fn setnx(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, value) = (cx.args.bytes()?, cx.args.bytes()?);
    let absent = !cx.txn.exists(key);
    if absent {
        store(cx.txn, key, value, Ttl::Clear);
    }
    cx.reply.int(absent.into());
    Ok(())
}

const SETEX: Command = Command::new("SETEX", "setex", Group::String, Run::Keyed(setex))
    .syntax("key seconds value")
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::OW | access::UPDATE)])
    .deprecated("2.6.12", "`SET` with the `EX` argument")
    .doc("2.0.0", "O(1)", "Gives a key a string value that expires after a number of seconds.");

fn setex(cx: &mut Keyed<'_, '_>) -> Result {
    set_for(cx, 1000)
}

const PSETEX: Command = Command::new("PSETEX", "psetex", Group::String, Run::Keyed(psetex))
    .syntax("key milliseconds value")
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::OW | access::UPDATE)])
    .deprecated("2.6.12", "`SET` with the `PX` argument")
    .doc("2.6.0", "O(1)", "Gives a key a string value that expires after a number of milliseconds.");

fn psetex(cx: &mut Keyed<'_, '_>) -> Result {
    set_for(cx, 1)
}

fn set_for(cx: &mut Keyed<'_, '_>, unit_ms: i64) -> Result {
    let (key, n, value) = (cx.args.bytes()?, cx.args.int()?, cx.args.bytes()?);
    let expire_at = moment(n, unit_ms, cx.txn.now_ms(), cx.command.full_name)?;
    store(cx.txn, key, value, Ttl::At(expire_at));
    cx.reply.ok();
    Ok(())
}

const GETSET: Command = Command::new("GETSET", "getset", Group::String, Run::Keyed(getset))
    .syntax("key value")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::UPDATE)])
    .deprecated("6.2.0", "`SET` with the `!GET` argument")
    .doc("1.0.0", "O(1)", "Gives a key a string value and returns the one it had.");

fn getset(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, value) = (cx.args.bytes()?, cx.args.bytes()?);
    reply_string(cx.reply, cx.txn.read::<Str>(key)?);
    store(cx.txn, key, value, Ttl::Clear);
    Ok(())
}
