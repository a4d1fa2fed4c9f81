//! Taking over what is pending for other consumers.

use super::{int_or, no_group, parse_bound, parse_id, reply_entry, reply_id};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::{Edit, Txn};
use crate::types::Stream;
use crate::types::stream::{ConsumerNo, Id, Pending};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XCLAIM, XAUTOCLAIM];

const XCLAIM: Command = Command::new("XCLAIM", "xclaim", Group::Stream, Run::Keyed(xclaim))
    .syntax(
        "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] \
         [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
    )
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .tips(&["nondeterministic_output"])
    .doc("5.0.0", "O(log N) for N pending entries", "Makes pending entries those of another consumer.");

/// Opens a stream that has this group, without telling anybody.
fn open<'t>(txn: &'t mut Txn<'_>, key: &'t [u8], group: &[u8]) -> Result<Edit<'t, Stream>> {
    let stream = txn.edit::<Stream>(key)?.filter(|stream| stream.value().group(group).is_some());
    stream.map(Edit::quietly).ok_or_else(|| no_group(key, group, ""))
}

/// What XCLAIM is asked for, beside the ids.
#[derive(Default)]
struct Claim {
    /// When the entries are said to have been delivered, in unix milliseconds.
    time_ms: Option<i64>,
    count: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: Id,
}

impl Claim {
    fn parse(args: &mut Args<'_>, now_ms: i64) -> Result<Self> {
        let mut claim = Claim::default();
        while args.more() {
            if args.word("FORCE") {
                claim.force = true;
            } else if args.word("JUSTID") {
                claim.just_id = true;
            } else if args.left() > 1 && args.word("IDLE") {
                let idle = int_or(args, "ERR Invalid IDLE option argument for XCLAIM")?;
                claim.time_ms = Some(now_ms.saturating_sub(idle));
            } else if args.left() > 1 && args.word("TIME") {
                claim.time_ms = Some(int_or(args, "ERR Invalid TIME option argument for XCLAIM")?);
            } else if args.left() > 1 && args.word("RETRYCOUNT") {
                let count = int_or(args, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                claim.count = u64::try_from(count).ok();
            } else if args.left() > 1 && args.word("LASTID") {
                claim.last_id = parse_id(args.bytes()?, 0)?;
            } else {
                return Err(Error::parts(&[b"ERR Unrecognized XCLAIM option '", args.bytes()?, b"'"]));
            }
        }
        // A time of somebody else's clock may be ahead of ours.
        claim.time_ms = claim.time_ms.map(|t| if t < 0 || t > now_ms { now_ms } else { t });
        Ok(claim)
    }
}

fn xclaim(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group, consumer) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let now_ms = cx.txn.now_ms();
    cx.txn.look(key);
    let mut stream = open(cx.txn, key, group)?;
    let min_idle_ms = int_or(&mut cx.args, "ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
    let mut ids = Vec::new();
    while let Some(id) = cx.args.peek().and_then(|text| Id::parse(text, 0)) {
        cx.args.bytes()?;
        ids.push(id);
    }
    let claim = Claim::parse(&mut cx.args, now_ms)?;
    stream.advance_to(group, claim.last_id);
    let consumer = see(&mut stream, group, consumer);
    let mut taken = Vec::new();
    for id in ids {
        let old = stream.value().group(group).and_then(|group| group.get(id));
        if !stream.value().contains(id) {
            stream.acknowledge(group, id);
            continue;
        }
        let before = match old {
            Some(old) if now_ms - old.delivered_ms < min_idle_ms => continue,
            Some(old) => old.count,
            None if claim.force => 1,
            None => continue,
        };
        let count = claim.count.unwrap_or(before + u64::from(!claim.just_id));
        let delivered_ms = claim.time_ms.unwrap_or(now_ms);
        stream.claim(group, id, Pending { consumer, delivered_ms, count });
        taken.push(id);
    }
    reply_claimed(cx.reply, stream.value(), &taken, claim.just_id);
    Ok(())
}

/// The consumer's number; it is made if absent, and that is told.
fn see(stream: &mut Edit<'_, Stream>, group: &[u8], name: &[u8]) -> ConsumerNo {
    let (no, created) = stream.see_consumer(group, name);
    if created {
        stream.tell("xgroup-createconsumer");
    }
    no
}

/// Answers the entries claimed, or their ids alone.
fn reply_claimed(reply: &mut Reply, stream: &Stream, ids: &[Id], just_id: bool) {
    reply.array(ids.len());
    for id in ids {
        match stream.get(*id) {
            Some(entry) if !just_id => reply_entry(reply, &entry),
            _ => reply_id(reply, *id),
        }
    }
}

const XAUTOCLAIM: Command = Command::new("XAUTOCLAIM", "xautoclaim", Group::Stream, Run::Keyed(xautoclaim))
    .syntax("key group consumer min-idle-time start:string [COUNT count] [JUSTID]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::DELETE)])
    .tips(&["nondeterministic_output"])
    .history(&[("7.0.0", "Tells which entries were deleted meanwhile.")])
    .doc(
        "6.2.0",
        "O(1) for a small count",
        "Makes entries that have been pending for long those of another consumer, from a cursor on.",
    );

/// How many pending entries are looked at for each that may be claimed.
const ATTEMPTS: usize = 10;
const COUNT_MAX: i64 = i64::MAX / 16;

fn xautoclaim(cx: &mut Keyed<'_, '_>) -> Result {
    const COUNT: Error = Error::new("ERR COUNT must be > 0");
    let (key, group, consumer) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    cx.txn.look(key);
    cx.txn.find(key);
    let min_idle_ms = int_or(&mut cx.args, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = parse_bound(cx.args.bytes()?, true)?;
    let (mut count, mut just_id) = (100, false);
    while cx.args.more() {
        if cx.args.left() > 1 && cx.args.word("COUNT") {
            count = cx.args.int_in(1..=COUNT_MAX, COUNT).map_err(|_| COUNT)? as usize;
        } else if cx.args.word("JUSTID") {
            just_id = true;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    let now_ms = cx.txn.now_ms();
    let mut stream = open(cx.txn, key, group)?;
    let consumer = see(&mut stream, group, consumer);
    let (mut taken, mut gone) = (Vec::new(), Vec::new());
    let mut attempts = count.saturating_mul(ATTEMPTS);
    let mut cursor = Some(start);
    while attempts > 0 && taken.len() + gone.len() < count {
        attempts -= 1;
        let from = cursor.and_then(|cursor| stream.value().group(group)?.pending(cursor..).next());
        let Some((id, old)) = from else {
            cursor = None;
            break;
        };
        cursor = id.next();
        if !stream.value().contains(id) {
            stream.acknowledge(group, id);
            gone.push(id);
        } else if now_ms - old.delivered_ms >= min_idle_ms {
            let count = old.count + u64::from(!just_id);
            stream.claim(group, id, Pending { consumer, delivered_ms: now_ms, count });
            taken.push(id);
        }
    }
    let next = cursor.and_then(|cursor| stream.value().group(group)?.pending(cursor..).next());
    cx.reply.array(3);
    reply_id(cx.reply, next.map_or(Id::MIN, |(id, _)| id));
    reply_claimed(cx.reply, stream.value(), &taken, just_id);
    cx.reply.array(gone.len());
    gone.iter().for_each(|id| reply_id(cx.reply, *id));
    Ok(())
}
