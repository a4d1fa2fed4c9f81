//! Fields that expire: setting when, and taking it back.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::{FIELD_EXPIRE_MAX, Hash};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HPERSIST];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::UPDATE)];
const COMPLEXITY: &str = "O(N) for N fields";

/// The number behind FIELDS is no positive integer.
pub const NO_FIELDS: Error = Error::new("ERR Number of fields must be a positive integer");

/// Takes `FIELDS numfields field …` up to the end; `no_fields` is for a number below 1.
///
/// # Errors
/// When it is not there, or the number is not that of the fields.
pub fn take_fields<'a>(args: &mut Args<'a>, no_fields: Error) -> Result<&'a [&'a [u8]]> {
    let fields = take_some_fields(args, no_fields)?;
    if args.more() { Err(FIELDS_MISCOUNTED) } else { Ok(fields) }
}

/// The number behind FIELDS is not that of the fields.
pub const FIELDS_MISCOUNTED: Error =
    Error::new("ERR The `numfields` parameter must match the number of arguments");

/// The same where more may follow.
///
/// # Errors
/// When it is not there, or there are fewer fields.
pub fn take_some_fields<'a>(args: &mut Args<'a>, no_fields: Error) -> Result<&'a [&'a [u8]]> {
    if !args.word("FIELDS") {
        return Err(Error::new("ERR Mandatory argument FIELDS is missing or not at the right position"));
    }
    let count = args.int().map_err(|_| no_fields.clone())?;
    if count < 1 {
        return Err(no_fields);
    }
    if count as u64 > args.left() as u64 {
        return Err(FIELDS_MISCOUNTED);
    }
    args.take(count as usize)
}

/// Takes a time in units of `unit_ms` after `base_ms` as unix milliseconds.
///
/// # Errors
/// When it is no integer, negative, or beyond what a field can have.
pub fn take_moment(args: &mut Args<'_>, unit_ms: i64, base_ms: i64, name: &str) -> Result<i64> {
    let n = args.int_in(0.., Error::new("ERR invalid expire time, must be >= 0"))?;
    n.checked_mul(unit_ms)
        .and_then(|ms| ms.checked_add(base_ms))
        .filter(|ms| *ms <= FIELD_EXPIRE_MAX)
        .ok_or_else(|| Error::text(format!("ERR invalid expire time in '{name}' command")))
}

/// When a new expiry takes the place of an old one.
#[derive(Clone, Copy, PartialEq)]
enum Condition {
    Always,
    IfNone,
    IfSome,
    IfLater,
    IfSooner,
}

impl Condition {
    fn take(args: &mut Args<'_>) -> Self {
        let known = [
            ("NX", Condition::IfNone),
            ("XX", Condition::IfSome),
            ("GT", Condition::IfLater),
            ("LT", Condition::IfSooner),
        ];
        known.into_iter().find(|(word, _)| args.word(word)).map_or(Condition::Always, |(_, c)| c)
    }

    /// No expiry counts as one that is later than all.
    fn holds(self, old: Option<i64>, new: i64) -> bool {
        match self {
            Condition::Always => true,
            Condition::IfNone => old.is_none(),
            Condition::IfSome => old.is_some(),
            Condition::IfLater => old.is_some_and(|old| new > old),
            Condition::IfSooner => old.is_none_or(|old| new < old),
        }
    }
}

const HEXPIRE: Command = Command::new("HEXPIRE", "hexpire", Group::Hash, Run::Keyed(hexpire))
    .syntax("key seconds [condition: NX | XX | GT | LT] FIELDS fields: numfields field [field ...]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .doc("7.4.0", COMPLEXITY, "Sets in how many seconds fields of a hash expire.");

fn hexpire(cx: &mut Keyed<'_, '_>) -> Result {
    let now_ms = cx.txn.now_ms();
    expire(cx, 1000, now_ms)
}

const HPEXPIRE: Command = Command::new("HPEXPIRE", "hpexpire", Group::Hash, Run::Keyed(hpexpire))
    .syntax("key milliseconds [condition: NX | XX | GT | LT] FIELDS fields: numfields field [field ...]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .event("hexpire")
    .doc("7.4.0", COMPLEXITY, "Sets in how many milliseconds fields of a hash expire.");

fn hpexpire(cx: &mut Keyed<'_, '_>) -> Result {
    let now_ms = cx.txn.now_ms();
    expire(cx, 1, now_ms)
}

const HEXPIREAT: Command = Command::new("HEXPIREAT", "hexpireat", Group::Hash, Run::Keyed(hexpireat))
    .syntax("key unix-time-seconds [condition: NX | XX | GT | LT] FIELDS fields: numfields field [field ...]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .event("hexpire")
    .doc("7.4.0", COMPLEXITY, "Sets the unix time in seconds at which fields of a hash expire.");

fn hexpireat(cx: &mut Keyed<'_, '_>) -> Result {
    expire(cx, 1000, 0)
}

const HPEXPIREAT: Command = Command::new("HPEXPIREAT", "hpexpireat", Group::Hash, Run::Keyed(hpexpireat))
    .syntax("key unix-time-milliseconds [condition: NX | XX | GT | LT] FIELDS fields: numfields field [field ...]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .event("hexpire")
    .doc("7.4.0", COMPLEXITY, "Sets the unix time in milliseconds at which fields of a hash expire.");

fn hpexpireat(cx: &mut Keyed<'_, '_>) -> Result {
    expire(cx, 1, 0)
}

/// What is answered for a field: set, condition not met, removed at once, not there.
const SET: i64 = 1;
const NOT_MET: i64 = 0;
const REMOVED: i64 = 2;
const ABSENT: i64 = -2;
/// The field does not expire.
const NO_TTL: i64 = -1;

fn expire(cx: &mut Keyed<'_, '_>, unit_ms: i64, base_ms: i64) -> Result {
    let key = cx.args.bytes()?;
    cx.txn.probe::<Hash>(key)?;
    let at = take_moment(&mut cx.args, unit_ms, base_ms, cx.command.full_name)?;
    let condition = Condition::take(&mut cx.args);
    let no_fields = Error::new("ERR Parameter `numFields` should be greater than 0");
    let fields = take_fields(&mut cx.args, no_fields)?;
    let past = cx.txn.is_past(at);
    cx.txn.expire_fields(key, fields)?;
    cx.reply.array(fields.len());
    let Some(hash) = cx.txn.edit::<Hash>(key)? else {
        fields.iter().for_each(|_| cx.reply.int(ABSENT));
        return Ok(());
    };
    let mut hash = if past { hash.named("hdel") } else { hash };
    hash.expect_expiry();
    for field in fields {
        let answer = match hash.value().get(field).map(|f| f.expire_at) {
            None => ABSENT,
            Some(old) if !condition.holds(old, at) => NOT_MET,
            Some(_) if past => {
                hash.remove(&[field]);
                REMOVED
            }
            Some(_) => {
                hash.set_expire_at(field, Some(at));
                SET
            }
        };
        cx.reply.int(answer);
    }
    Ok(())
}

const HPERSIST: Command = Command::new("HPERSIST", "hpersist", Group::Hash, Run::Keyed(hpersist))
    .syntax("key FIELDS fields: numfields field [field ...]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .doc("7.4.0", COMPLEXITY, "Lets fields of a hash no longer expire.");

fn hpersist(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    cx.txn.probe::<Hash>(key)?;
    let fields = take_fields(&mut cx.args, NO_FIELDS)?;
    cx.reply.array(fields.len());
    let Some(mut hash) = cx.txn.edit::<Hash>(key)? else {
        fields.iter().for_each(|_| cx.reply.int(ABSENT));
        return Ok(());
    };
    for field in fields {
        let answer = match hash.live().get(field).map(|f| f.expire_at) {
            None => ABSENT,
            Some(None) => NO_TTL,
            Some(Some(_)) => {
                hash.set_expire_at(field, None);
                SET
            }
        };
        cx.reply.int(answer);
    }
    Ok(())
}
