//! Two things in one: reading fields and removing them or setting when they expire, setting fields
//! together with when they expire.

use super::expire::{FIELDS_MISCOUNTED, NO_FIELDS, take_fields, take_moment, take_some_fields};
use super::read::reply_value;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::txn::Ttl;
use crate::keyspace::{Edit, Txn};
use crate::types::{Hash, Live};
use std::collections::HashSet;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HGETDEL, HGETEX, HSETEX];

const HGETDEL: Command = Command::new("HGETDEL", "hgetdel", Group::Hash, Run::Keyed(hgetdel))
    .syntax("key FIELDS fields: numfields field [field ...]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::DELETE)])
    .event("hdel")
    .doc("8.0.0", "O(N) for N fields", "Returns the values of fields of a hash and removes them.");

fn hgetdel(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    cx.txn.probe::<Hash>(key)?;
    let fields = take_fields(&mut cx.args, NO_FIELDS)?;
    cx.reply.array(fields.len());
    let Some(mut hash) = cx.txn.edit::<Hash>(key)? else {
        fields.iter().for_each(|_| cx.reply.null());
        return Ok(());
    };
    hash.expire_among(fields);
    let mut removed = 0;
    for field in fields {
        reply_value(cx.reply, hash.live().get(field));
        removed += hash.remove(&[field]);
    }
    if removed == 0 {
        drop(hash.quiet());
    }
    Ok(())
}

/// Takes one of `EX s`, `PX ms`, `EXAT s`, `PXAT ms` as a moment; `None` when another word is next.
fn expiry(args: &mut Args<'_>, now_ms: i64, name: &str) -> Result<Option<i64>> {
    let (unit_ms, base_ms) = if args.word("EX") {
        (1000, now_ms)
    } else if args.word("PX") {
        (1, now_ms)
    } else if args.word("EXAT") {
        (1000, 0)
    } else if args.word("PXAT") {
        (1, 0)
    } else {
        return Ok(None);
    };
    take_moment(args, unit_ms, base_ms, name).map(Some)
}

/// Takes what HGETEX does to the expiry of fields: a moment, or `PERSIST`; otherwise they keep it.
fn ttl(args: &mut Args<'_>, now_ms: i64) -> Result<Ttl> {
    Ok(match expiry(args, now_ms, "hgetex")? {
        Some(at) => Ttl::At(at),
        None if args.word("PERSIST") => Ttl::Clear,
        None => Ttl::Keep,
    })
}

const HGETEX: Command = Command::new("HGETEX", "hgetex", Group::Hash, Run::Keyed(hgetex))
    .syntax(
        "key [expiration: EX seconds | PX milliseconds | EXAT unix-time-seconds | \
         PXAT unix-time-milliseconds | PERSIST] FIELDS fields: numfields field [field ...]",
    )
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::UPDATE).note("Updates the expiry of fields")])
    .doc("8.0.0", "O(N) for N fields", "Returns the values of fields of a hash and sets when they expire.");

fn hgetex(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, now_ms) = (cx.args.bytes()?, cx.txn.now_ms());
    cx.txn.probe::<Hash>(key)?;
    let mut given = ttl(&mut cx.args, now_ms)?;
    if cx.args.left() < 2 {
        return Err(Error::arity("hgetex"));
    }
    let fields = take_some_fields(&mut cx.args, NO_FIELDS)?;
    // Behind the fields as well, as in Redis 8.4.
    if given == Ttl::Keep {
        given = ttl(&mut cx.args, now_ms)?;
    }
    if cx.args.more() {
        return Err(FIELDS_MISCOUNTED);
    }
    cx.txn.expire_fields(key, fields)?;
    let hash = cx.txn.probe_live(key)?;
    cx.reply.array(fields.len());
    // What a time in the past removes is gone when it is named again.
    let past = matches!(given, Ttl::At(at) if cx.txn.is_past(at));
    let mut gone = HashSet::new();
    for field in fields {
        let again = past && !gone.insert(*field);
        reply_value(cx.reply, hash.filter(|_| !again).and_then(|hash| hash.get(field)));
    }
    match given {
        Ttl::Keep => Ok(()),
        Ttl::Clear => persist(cx, key, fields),
        Ttl::At(at) => schedule(cx.txn, key, fields.iter().copied(), at),
    }
}

/// Lets those of `fields` that are there expire no more.
fn persist(cx: &mut Keyed<'_, '_>, key: &[u8], fields: &[&[u8]]) -> Result {
    let Some(hash) = cx.txn.edit::<Hash>(key)? else { return Ok(()) };
    let mut hash = hash.named("hpersist");
    hash.expect_expiry();
    for field in fields {
        if hash.value().get(field).is_some_and(|f| f.expire_at.is_some()) {
            hash.set_expire_at(field, None);
        }
    }
    Ok(())
}

/// Lets those of `fields` that are there expire `at`; removes them when that is past.
fn schedule<'a>(txn: &mut Txn<'_>, key: &[u8], fields: impl Iterator<Item = &'a [u8]>, at: i64) -> Result {
    let past = txn.is_past(at);
    let Some(hash) = txn.edit::<Hash>(key)? else { return Ok(()) };
    let mut hash = hash.named(if past { "hdel" } else { "hexpire" });
    hash.expect_expiry();
    for field in fields {
        if past {
            hash.remove(&[field]);
        } else {
            hash.set_expire_at(field, Some(at));
        }
    }
    Ok(())
}

const HSETEX: Command = Command::new("HSETEX", "hsetex", Group::Hash, Run::Keyed(hsetex))
    .syntax(
        "key [NX | XX] [FNX | FXX] [expiration: EX seconds | PX milliseconds | EXAT unix-time-seconds | \
         PXAT unix-time-milliseconds | KEEPTTL] FIELDS fields: numfields field value [data: field value ...]",
    )
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .event("hset")
    .doc("8.0.0", "O(N) for N fields", "Sets fields of a hash together with when they expire.");

/// The options of HSETEX.
#[derive(Default)]
struct Options<'a> {
    /// Whether the key has to be there (XX) or absent (NX).
    key_exists: Option<bool>,
    /// Whether all the fields have to be there (FXX) or absent (FNX).
    fields_exist: Option<bool>,
    expire_at: Option<i64>,
    keep_ttl: bool,
    pairs: &'a [&'a [u8]],
}

impl<'a> Options<'a> {
    fn take(args: &mut Args<'a>, now_ms: i64) -> Result<Self> {
        const TWO_CONDITIONS: Error = Error::new("ERR Only one of FXX or FNX arguments can be specified");
        const TWO_TIMES: Error =
            Error::new("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
        let is_time = |word: &[u8]| {
            ["EX", "PX", "EXAT", "PXAT", "KEEPTTL"].iter().any(|t| word.eq_ignore_ascii_case(t.as_bytes()))
        };
        let mut options = Options::default();
        while let Some(word) = args.peek() {
            if is_time(word) && (options.keep_ttl || options.expire_at.is_some()) {
                return Err(TWO_TIMES);
            }
            // As in Redis 8.4 options may stand behind the fields, too.
            let behind = !options.pairs.is_empty();
            if args.word("FIELDS") {
                if behind {
                    return Err(Error::new("ERR FIELDS keyword specified multiple times"));
                }
                options.pairs = Self::pairs(args)?;
            } else if args.word("FNX") || args.word("FXX") {
                let exist = word.eq_ignore_ascii_case(b"FXX");
                if options.fields_exist.replace(exist).is_some() {
                    return Err(TWO_CONDITIONS);
                }
            } else if options.key_exists.is_none() && (args.word("NX") || args.word("XX")) {
                options.key_exists = Some(word.eq_ignore_ascii_case(b"XX"));
            } else if args.word("KEEPTTL") {
                options.keep_ttl = true;
            } else if let Some(at) = expiry(args, now_ms, "hsetex")? {
                options.expire_at = Some(at);
            } else if behind {
                return Err(Error::arity("hsetex"));
            } else {
                return Err(Error::parts(&[b"ERR unknown argument: ", word]));
            }
        }
        if options.pairs.is_empty() { Err(Error::arity("hsetex")) } else { Ok(options) }
    }

    fn pairs(args: &mut Args<'a>) -> Result<&'a [&'a [u8]]> {
        const INVALID: Error = Error::new("ERR invalid number of fields");
        let count = args.int().map_err(|_| INVALID)?;
        if !(1..=i64::from(i32::MAX)).contains(&count) {
            return Err(INVALID);
        }
        if 2 * count as usize > args.left() {
            return Err(Error::arity("hsetex"));
        }
        args.take(2 * count as usize)
    }

    fn fields(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.pairs.iter().step_by(2).copied()
    }

    /// Whether the fields are there, or absent, as was asked for.
    fn hold(&self, hash: Live<'_>) -> bool {
        self.fields_exist.is_none_or(|wanted| self.fields().all(|field| hash.contains(field) == wanted))
    }
}

fn hsetex(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, now_ms) = (cx.args.bytes()?, cx.txn.now_ms());
    let options = Options::take(&mut cx.args, now_ms)?;
    let exists = cx.txn.probe::<Hash>(key)?.is_some();
    if options.key_exists.is_some_and(|wanted| wanted != exists) {
        cx.reply.int(0);
        return Ok(());
    }
    let past = options.expire_at.is_some_and(|at| cx.txn.is_past(at));
    let mut hash = cx.txn.upsert::<Hash>(key)?;
    if options.fields_exist.is_some() {
        let fields: Vec<&[u8]> = options.fields().collect();
        hash.expire_among(&fields);
    }
    if !options.hold(hash.live()) {
        drop(hash.quiet());
        cx.reply.int(0);
        return Ok(());
    }
    if options.keep_ttl {
        hash.set_keeping_ttl(options.pairs);
    } else if past {
        hash.counting(options.pairs.len() as u64 / 2, |hash| set_singly(hash, options.pairs));
    } else if options.expire_at.is_some() {
        hash.set_to_expire(options.pairs);
    } else {
        hash.set(options.pairs);
    }
    drop(hash);
    if let Some(at) = options.expire_at {
        // The fields were counted as they were set.
        cx.txn.counting(0, |txn| schedule(txn, key, options.fields(), at))?;
    }
    cx.reply.int(1);
    Ok(())
}

/// Sets fields that are to go at once: each goes before the next comes, so that a packed hash stays one. The last is left.
fn set_singly(hash: &mut Edit<'_, Hash>, pairs: &[&[u8]]) {
    for (n, pair) in pairs.chunks(2).enumerate() {
        if n > 0 {
            hash.remove(&[pairs[2 * n - 2]]);
        }
        hash.set(pair);
    }
}
