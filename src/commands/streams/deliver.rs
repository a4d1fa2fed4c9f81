//! XREADGROUP: giving entries to the consumers of a group.

use super::read::Request;
use super::{no_group, parse_id, reply_id, reply_pairs};
use crate::base::text::until_nul;
use crate::command::flag::*;
use crate::command::{Command, Error, Flow, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::{Edit, Txn};
use crate::types::Stream;
use crate::types::stream::{ConsumerNo, Id, Pending};
use std::ops::Bound::{Excluded, Unbounded};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XREADGROUP];

const XREADGROUP: Command = Command::new("XREADGROUP", "xreadgroup", Group::Stream, Run::Waiting(xreadgroup))
    .syntax(
        "GROUP group-block: group consumer [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time:integer] \
         [NOACK] STREAMS streams: key [key ...] id [id ...]",
    )
    .flags(WRITE | BLOCKING)
    .keys(&[Keys::half_after("STREAMS", 4, access::RO | access::ACCESS)])
    .doc(
        "5.0.0",
        "O(N) for N entries returned",
        "Gives entries of several streams to a consumer of a group; waits until there are some.",
    );

/// What a consumer asks for of one stream.
#[derive(Clone, Copy)]
enum Wanted {
    /// `>`: entries the group has not been given.
    New,
    /// An id: what is pending for the consumer behind it.
    PendingAfter(Id),
}

fn xreadgroup(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    let request = Request::parse(&mut cx.args, "xreadgroup", true)?;
    let (group, consumer) = request.group.unwrap_or_default();
    let mut wanted = Vec::with_capacity(request.ids.len());
    for (key, id) in request.keys.iter().zip(request.ids) {
        if cx.txn.read::<Stream>(key)?.is_none_or(|stream| stream.group(group).is_none()) {
            return Err(no_group(key, group, " in XREADGROUP with GROUP option"));
        }
        wanted.push(match until_nul(id) {
            b"$" | b"+" => return Err(meaningless(id[0])),
            b">" => Wanted::New,
            // Nothing is behind the last of all ids, which Redis takes for `>`.
            id => match parse_id(id, 0)? {
                Id::MAX => Wanted::New,
                id => Wanted::PendingAfter(id),
            },
        });
    }

    let mark = cx.reply.mark();
    let mut served = 0;
    let mut claim_ms = request.claim_ms;
    let resp3 = cx.reply.is_resp3();
    cx.reply.counted(
        |reply, n| if resp3 { reply.map(n) } else { reply.array(n) },
        |reply| {
            for (key, wanted) in request.keys.iter().zip(wanted) {
                // As readers do, once more.
                cx.txn.look(key);
                let Some(stream) = cx.txn.edit::<Stream>(key)? else { continue };
                // As in Redis, what is asked of the history makes an end of CLAIM for the streams behind it, too.
                if let Wanted::PendingAfter(_) = wanted {
                    claim_ms = None;
                }
                let mut stream = stream.quietly();
                let (no, created) = stream.see_consumer(group, consumer);
                if created {
                    stream.tell("xgroup-createconsumer");
                }
                let delivery = Delivery { stream, group, no, claim_ms, request: &request };
                served += usize::from(delivery.run(key, wanted, reply));
            }
            Ok(served)
        },
    )?;
    if served > 0 {
        return Ok(Flow::Done);
    }
    cx.reply.rewind(mark);
    let again_ms = claim_ms.map(|ms| claimable_in(cx.txn, request.keys, group, ms)).transpose()?;
    Ok(request.wait(cx, &[], again_ms))
}

/// Milliseconds until something can be claimed that is pending for `min_ms` by then; as if it were delivered now, if nothing is.
fn claimable_in(txn: &mut Txn<'_>, keys: &[&[u8]], group: &[u8], min_ms: u64) -> Result<u64> {
    let mut oldest_ms = txn.now_ms();
    for key in keys {
        let stream = txn.edit::<Stream>(key)?.map(Edit::quietly);
        let oldest = stream.and_then(|mut stream| stream.idle(group, oldest_ms, 1).pop());
        oldest_ms = oldest.map_or(oldest_ms, |(_, pending)| pending.delivered_ms);
    }
    Ok(min_ms.saturating_sub(txn.now_ms().abs_diff(oldest_ms)))
}

fn meaningless(id: u8) -> Error {
    let id = id as char;
    Error::text(format!(
        "ERR The {id} ID is meaningless in the context of XREADGROUP: you want to read the history of this \
         consumer by specifying a proper ID, or use the > ID to get new messages. The {id} ID would just \
         return an empty result set."
    ))
}

/// The delivery of one stream's entries to a consumer.
struct Delivery<'e, 'r, 'a> {
    stream: Edit<'e, Stream>,
    group: &'a [u8],
    no: ConsumerNo,
    /// How long what is pending for others is to be idle to be claimed, if any of it is.
    claim_ms: Option<u64>,
    request: &'r Request<'a>,
}

impl Delivery<'_, '_, '_> {
    /// Answers key and entries; `false` if there is nothing to answer.
    fn run(mut self, key: &[u8], wanted: Wanted, reply: &mut Reply) -> bool {
        let head = |reply: &mut Reply| {
            if !reply.is_resp3() {
                reply.array(2);
            }
            reply.bulk(key);
        };
        match wanted {
            Wanted::PendingAfter(id) => {
                head(reply);
                self.history(id, reply);
                true
            }
            Wanted::New => {
                let idle = self.idle();
                let new = self.new_ids(self.request.limit() - idle.len());
                if idle.is_empty() && new.is_empty() {
                    return false;
                }
                head(reply);
                reply.array(idle.len() + new.len());
                idle.into_iter().for_each(|(id, pending)| self.claim(id, pending, reply));
                self.new_entries(&new, reply);
                true
            }
        }
    }

    /// Answers what is pending for the consumer behind `after`, as delivered once more.
    fn history(&mut self, after: Id, reply: &mut Reply) {
        let Some(group) = self.stream.value().group(self.group) else { return reply.array(0) };
        let behind = (Excluded(after), Unbounded);
        let ids: Vec<Id> = group.consumer(self.no).pending(behind).take(self.request.limit()).collect();
        reply.array(ids.len());
        for id in ids {
            reply.array(2);
            reply_id(reply, id);
            match self.stream.value().get(id) {
                None => reply.null_array(),
                Some(entry) => {
                    reply_pairs(reply, &entry);
                    self.stream.counting(0, |stream| stream.deliver_again(self.group, id));
                }
            }
        }
    }

    /// What has been pending for as long as CLAIM says, the longest first.
    fn idle(&mut self) -> Vec<(Id, Pending)> {
        let Some(min_ms) = self.claim_ms else { return Vec::new() };
        let until_ms = self.stream.now_ms().saturating_sub_unsigned(min_ms);
        self.stream.idle(self.group, until_ms, self.request.limit())
    }

    /// Answers a pending entry, which becomes the consumer's.
    fn claim(&mut self, id: Id, old: Pending, reply: &mut Reply) {
        let now_ms = self.stream.now_ms();
        if let Some(entry) = self.stream.value().get(id) {
            reply.array(4);
            reply_id(reply, id);
            reply_pairs(reply, &entry);
            reply.int((now_ms - old.delivered_ms).max(0));
            reply.int(old.count as i64);
        }
        let pending = Pending { consumer: self.no, delivered_ms: now_ms, count: old.count + 1 };
        self.stream.claim(self.group, id, pending);
    }

    /// The first ids that the group has not been given.
    fn new_ids(&self, count: usize) -> Vec<Id> {
        let stream = self.stream.value();
        let Some(next) = stream.group(self.group).and_then(|group| group.last_delivered.next()) else {
            return Vec::new();
        };
        stream.range(next, Id::MAX).take(count).map(|entry| entry.id).collect()
    }

    /// Answers new entries, which become pending for the consumer unless NOACK is given.
    fn new_entries(&mut self, ids: &[Id], reply: &mut Reply) {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return };
        let claiming = self.claim_ms.is_some();
        for entry in self.stream.value().range(*first, *last) {
            reply.array(if claiming { 4 } else { 2 });
            reply_id(reply, entry.id);
            reply_pairs(reply, &entry);
            if claiming {
                reply.int(0);
                reply.int(0);
            }
        }
        self.stream.counting(1, |stream| stream.deliver(self.group, self.no, ids, self.request.no_ack));
    }
}
