//! What is known of a queue as a whole.

use super::{reply_int_or_null, reply_receipt};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::types::queue::{Id, OnExpire, Overflow, Pause, Settings, State, Totals};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QINFO];

const QINFO: Command = Command::new("QINFO", "qinfo", Group::Queue, Run::Keyed(qinfo))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .doc("0.1.0", "O(log N) for N messages", "Tells how a queue is: its lengths, ages, totals and settings.");

fn qinfo(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let waiting = cx.txn.waiting_for(key);
    let Some(queue) = cx.txn.queue(key)? else {
        cx.reply.null();
        return Ok(());
    };
    let now_ms = queue.time_ms();
    let age = |id: Option<Id>| id.map(|id| now_ms - id.ms as i64);
    let (queue, reply) = (queue.value(), &mut *cx.reply);
    let (ready, in_flight) = queue.oldest();
    let (groups, held) = queue.groups();
    reply.map(13);
    for state in State::ALL {
        number(reply, state.name(), queue.count(state) as i64);
    }
    number(reply, "groups", groups as i64);
    number(reply, "groups-held", held as i64);
    number(reply, "blocked-clients", waiting as i64);
    number(reply, "bytes", queue.bytes() as i64);
    reply.bulk(b"oldest-ready-ms");
    reply_int_or_null(reply, age(ready));
    reply.bulk(b"oldest-inflight-ms");
    reply_int_or_null(reply, age(in_flight));
    reply.bulk(b"last-id");
    reply_receipt(reply, queue.last_id(), None);
    reply.bulk(b"totals");
    reply_totals(reply, queue.totals());
    reply.bulk(b"settings");
    reply_settings(reply, queue.settings());
    Ok(())
}

fn number(reply: &mut Reply, name: &str, n: i64) {
    reply.bulk(name.as_bytes());
    reply.int(n);
}

fn reply_totals(reply: &mut Reply, totals: &Totals) {
    let fields = [
        ("pushed", totals.pushed),
        ("popped", totals.popped),
        ("acked", totals.acked),
        ("nacked", totals.nacked),
        ("lease-expired", totals.lease_expired),
        ("dead", totals.dead),
        ("ttl-expired", totals.expired),
        ("duplicates", totals.duplicates),
        ("rejected", totals.rejected),
        ("dropped", totals.dropped),
        ("deleted", totals.deleted),
        ("moved", totals.moved),
    ];
    reply.map(fields.len());
    fields.into_iter().for_each(|(name, n)| number(reply, name, n as i64));
}

fn reply_settings(reply: &mut Reply, settings: &Settings) {
    let pair = |reply: &mut Reply, name: &str, (a, b): (i64, i64)| {
        reply.bulk(name.as_bytes());
        reply.array(2);
        reply.int(a);
        reply.int(b);
    };
    let word = |reply: &mut Reply, name: &str, word: &str| {
        reply.bulk(name.as_bytes());
        reply.bulk(word.as_bytes());
    };
    reply.map(14);
    number(reply, "lease", settings.lease_ms);
    number(reply, "maxattempts", settings.attempts_max);
    pair(reply, "backoff", settings.backoff_ms);
    number(reply, "ttl", settings.ttl_ms);
    word(reply, "onexpire", if settings.on_expire == OnExpire::Dead { "dead" } else { "drop" });
    number(reply, "maxlen", settings.len_max);
    number(reply, "maxbytes", settings.bytes_max);
    word(reply, "overflow", if settings.overflow == Overflow::Drop { "drop" } else { "reject" });
    number(reply, "dedup", settings.dedup_ms);
    number(reply, "groupmax", settings.group_max);
    number(reply, "deadmax", settings.dead_max);
    number(reply, "deadttl", settings.dead_ttl_ms);
    word(
        reply,
        "pause",
        match settings.pause {
            Pause::None => "none",
            Pause::In => "in",
            Pause::Out => "out",
            Pause::All => "all",
        },
    );
    pair(reply, "rate", settings.rate);
}
