//! Giving messages to consumers, at once or when there are some.

use super::{natural, once, once_set, reply_body, reply_int_or_null, reply_receipt};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Flow, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::waiters::Wait;
use crate::keyspace::{Kind, Txn};
use crate::types::queue::{Delivery, Id, Lease};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QPOP, QMPOP];

const ACCESS: u16 = access::RW | access::ACCESS | access::UPDATE;

const QPOP: Command = Command::new("QPOP", "qpop", Group::Queue, Run::Waiting(qpop))
    .syntax("key [COUNT count] [LEASE milliseconds] [BLOCK milliseconds] [TIED] [WITHMETA]")
    .flags(WRITE | BLOCKING)
    .keys(&[Keys::one(1, ACCESS)])
    .doc(
        "0.1.0",
        "O(M log N) for M messages of N",
        "Delivers messages under a lease, with the receipts to acknowledge them by; may wait for one.",
    );

const QMPOP: Command = Command::new("QMPOP", "qmpop", Group::Queue, Run::Waiting(qmpop))
    .syntax("numkeys key [key ...] [COUNT count] [LEASE milliseconds] [BLOCK milliseconds] [TIED] [WITHMETA]")
    .flags(WRITE | BLOCKING)
    .keys(&[Keys::counted(1, ACCESS)])
    .event("qpop")
    .doc(
        "0.1.0",
        "O(K + M log N) for K keys and M messages of N",
        "Delivers messages of the first of several queues that has one ready; may wait for one.",
    );

/// The most messages of a call.
const COUNT_MAX: i64 = 10_000;

/// The options of a pop.
#[derive(Default)]
struct Options {
    count: Option<i64>,
    lease: Option<i64>,
    block: Option<i64>,
    tied: bool,
    with_meta: bool,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        const COUNT: Error = Error::new("ERR COUNT must be between 1 and 10000");
        let mut options = Options::default();
        while args.more() {
            if args.word("COUNT") {
                once(&mut options.count, args.int_in(1..=COUNT_MAX, COUNT)?)?;
            } else if args.word("LEASE") {
                once(&mut options.lease, natural(args, "LEASE")?)?;
            } else if args.word("BLOCK") {
                once(&mut options.block, natural(args, "BLOCK")?)?;
            } else if args.word("TIED") {
                once_set(&mut options.tied)?;
            } else if args.word("WITHMETA") {
                once_set(&mut options.with_meta)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }

    /// What becomes of a call for which there is nothing.
    fn wait(&self, reply: &mut Reply) -> Flow {
        match self.block {
            Some(ms) => Flow::Wait(Wait::new(Kind::Queue, ms as u64)),
            None => {
                reply.null_array();
                Flow::Done
            }
        }
    }

    /// Delivers messages of `key`, behind what `head` answers; `false` if there is none.
    fn pop(
        &self,
        txn: &mut Txn<'_>,
        key: &[u8],
        reply: &mut Reply,
        head: fn(&mut Reply, &[u8]),
    ) -> Result<bool> {
        let caller = txn.caller().clone();
        let Some(mut queue) = txn.queue(key)? else { return Ok(false) };
        let now_ms = queue.time_ms();
        if !queue.value().may_pop(now_ms) {
            if self.block.is_some() {
                queue.attend(true);
            }
            return Ok(false);
        }
        let lease_ms = self.lease.unwrap_or(queue.value().settings().lease_ms);
        let lease = (lease_ms > 0).then(|| Lease {
            until_ms: now_ms.saturating_add(lease_ms),
            owner: caller.owner.unwrap_or_default(),
            is_tied: self.tied,
        });
        let deadline = lease.as_ref().map(|lease| lease.until_ms);
        // One who waited gets one message whatever he asked for: others wait, too.
        let count = if caller.is_woken { 1 } else { self.count.unwrap_or(1) as usize };
        let (mut last, mut is_ordered) = (Id::MIN, false);
        head(reply, key);
        reply.counted(Reply::array, |reply| {
            Ok(queue.pop(count, lease.as_ref(), |delivery| {
                last = last.max(delivery.id);
                is_ordered |= delivery.group.is_some();
                self.reply(reply, delivery, deadline);
            }))
        })?;
        // A delivery tells of nothing but pushes, and is not waited for itself; in a group also of what became of those
        // before it, which must not come again behind it.
        let logged = queue.logged_by(last).filter(|_| !is_ordered);
        drop(queue);
        if let Some(lsn) = logged {
            txn.set_saw(lsn);
        }
        Ok(true)
    }

    fn reply(&self, reply: &mut Reply, delivery: &Delivery<'_>, deadline: Option<i64>) {
        reply.array(if self.with_meta { 3 } else { 2 });
        reply_receipt(reply, delivery.id, Some(delivery.lease));
        reply_body(reply, delivery.body);
        if self.with_meta {
            reply.map(6);
            reply.bulk(b"id");
            reply_receipt(reply, delivery.id, None);
            reply.bulk(b"attempts");
            reply.int(delivery.attempts.into());
            reply.bulk(b"pushed");
            reply.int(delivery.id.ms as i64);
            reply.bulk(b"pri");
            reply.int(delivery.pri.into());
            reply.bulk(b"group");
            reply.bulk_or_null(delivery.group);
            reply.bulk(b"deadline");
            reply_int_or_null(reply, deadline);
        }
    }
}

fn qpop(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    let key = cx.args.bytes()?;
    let options = Options::parse(&mut cx.args)?;
    if options.pop(cx.txn, key, cx.reply, |_, _| {})? {
        return Ok(Flow::Done);
    }
    Ok(options.wait(cx.reply))
}

fn qmpop(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    const KEYS: Error = Error::new("ERR numkeys should be greater than 0");
    let count = cx.args.int_in(1.., KEYS).map_err(|_| KEYS)?;
    let keys = cx.args.take(usize::try_from(count).unwrap_or(usize::MAX))?;
    let options = Options::parse(&mut cx.args)?;
    let head = |reply: &mut Reply, key: &[u8]| {
        reply.array(2);
        reply.bulk(key);
    };
    for key in keys {
        if options.pop(cx.txn, key, cx.reply, head)? {
            return Ok(Flow::Done);
        }
    }
    Ok(options.wait(cx.reply))
}
