//! DUMP and RESTORE: a value as bytes, and back.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Class;
use crate::snapshot::rdb::kind::{self, Versions};
use crate::snapshot::rdb::payload::{self, Leniency, Refusal};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[DUMP, RESTORE, RESTORE_ASKING];

const DUMP: Command = Command::new("DUMP", "dump", Group::Generic, Run::Keyed(dump))
    .syntax("key")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output"])
    .doc("2.6.0", "O(N) in the size of the value.", "Returns a value as bytes that RESTORE takes.");

fn dump(cx: &mut Keyed<'_, '_>) -> Result {
    match cx.txn.entry(cx.args.bytes()?) {
        Some(entry) => cx.reply.bulk(&payload::dump(entry)),
        None => cx.reply.null(),
    }
    Ok(())
}

const SYNTAX: &str = "key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] \
     [IDLETIME@5.0.0 seconds] [FREQ@5.0.0 frequency:integer]";
const TARGET: &[Keys] = &[Keys::one(1, access::OW | access::UPDATE)];
const COST: &str = "O(N) in the size of the value, O(N*log(N)) for a sorted set.";

const RESTORE: Command = Command::new("RESTORE", "restore", Group::Generic, Run::Keyed(restore))
    .syntax(SYNTAX)
    .flags(WRITE | GROWS | DANGEROUS)
    .keys(TARGET)
    .history(&[("3.0.0", "`REPLACE`."), ("5.0.0", "`ABSTTL`."), ("5.0.0", "`IDLETIME` and `FREQ`.")])
    .doc("2.6.0", COST, "Makes a key of what DUMP returned.");

const RESTORE_ASKING: Command =
    Command::new("RESTORE-ASKING", "restore-asking", Group::Server, Run::Keyed(restore))
        .syntax(SYNTAX)
        .subject(&["keyspace"])
        .flags(INTERNAL | WRITE | GROWS | ASKING | DANGEROUS)
        .keys(TARGET)
        .event("restore")
        .history(&[("3.0.0", "`REPLACE`."), ("5.0.0", "`ABSTTL`."), ("5.0.0", "`IDLETIME` and `FREQ`.")])
        .doc("3.0.0", COST, "Makes a key that another node of the cluster hands over.");

/// The options of RESTORE.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_s: Option<i64>,
    /// Checked, and of no use but under an LFU policy.
    freq: Option<i64>,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let mut options = Options::default();
        while args.more() {
            if args.word("REPLACE") {
                options.replace = true;
            } else if args.word("ABSTTL") {
                options.absolute = true;
            } else if args.left() > 1 && options.freq.is_none() && args.word("IDLETIME") {
                let refused = Error::new("ERR Invalid IDLETIME value, must be >= 0");
                options.idle_s = Some(args.int_in(0.., refused)?);
            } else if args.left() > 1 && options.idle_s.is_none() && args.word("FREQ") {
                let refused = Error::new("ERR Invalid FREQ value, must be >= 0 and <= 255");
                options.freq = Some(args.int_in(0..=255, refused)?);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn restore(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let (ttl, bytes) = (cx.args.take(1)?, cx.args.bytes()?);
    let options = Options::parse(&mut cx.args)?;
    if !options.replace && cx.txn.exists(key) {
        return Err(Error::new("BUSYKEY Target key name already exists."));
    }
    let refused = Error::new("ERR Invalid TTL value, must be >= 0");
    let ttl = Args::new(ttl, 0).int_in(0.., refused)?;
    let now_ms = cx.txn.now_ms();
    let leniency = Leniency {
        checksum: cx.txn.trusts_payloads(),
        versions: Versions::relaxed(cx.txn.takes_any_version()),
    };
    let value =
        payload::restore_leniently(bytes, cx.txn.packing(), leniency).map_err(|refusal| match refusal {
            Refusal::Footer => Error::new("ERR DUMP payload version or checksum are wrong"),
            Refusal::Value(damage) => {
                let (key, name) = (key.escape_ascii(), kind::name(bytes[0]));
                tracing::warn!("RESTORE of {key}: {name} integrity check failed: {damage}");
                Error::new("ERR Bad data format")
            }
        })?;

    let at = if options.absolute { ttl } else { ttl.saturating_add(now_ms) };
    let expire_at = (ttl != 0).then_some(at);
    cx.reply.ok();
    if expire_at.is_some_and(|at| cx.txn.is_past(at)) {
        cx.txn.delete(key);
        return Ok(());
    }
    let mut entry = value.into_entry(key, expire_at);
    let [idle_s, frequency] = [options.idle_s, options.freq].map(|n| n.map(|n| n as u32));
    entry.set_access(cx.txn.access().restored(idle_s, frequency));
    // Replay checks every payload.
    let sound = (leniency != Leniency::default()).then(|| payload::portable(entry.as_ref()));
    let replaced = cx.txn.put_anew(key, entry);
    let mut digits = itoa::Buffer::new();
    let at = digits.format(expire_at.unwrap_or(0));
    let bytes = sound.as_deref().unwrap_or(bytes);
    cx.txn.record(&[b"RESTORE", key, at.as_bytes(), bytes, b"REPLACE", b"ABSTTL"]);
    cx.txn.touch(key, "restore", Class::GENERIC);
    cx.txn.touch_overwritten(key, replaced);
    Ok(())
}
