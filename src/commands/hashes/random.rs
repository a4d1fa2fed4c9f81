//! HRANDFIELD.

use crate::base::random;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::commands::reply_item;
use crate::commands::sets::random::{Count, draws, pick, repeatedly, sample_count};
use crate::types::{FieldRef, Live};
use std::collections::HashSet;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HRANDFIELD];

/// Fields removed at most because they are due: what is left of them is passed over.
const EXPIRED_MAX: usize = 512;

const HRANDFIELD: Command = Command::new("HRANDFIELD", "hrandfield", Group::Hash, Run::Keyed(hrandfield))
    .syntax("key [options: count [WITHVALUES]]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output"])
    .doc("6.2.0", "O(1), or O(N) for a count of N", "Returns random fields of a hash.");

fn hrandfield(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    cx.txn.expire_fields_some(key, EXPIRED_MAX);
    if !cx.args.more() {
        match cx.txn.live(key)?.and_then(Live::random) {
            Some(f) => reply_item(cx.reply, f.field),
            None => cx.reply.null(),
        }
        return Ok(());
    }
    let number = cx.args.int()?;
    let count = sample_count(number)?;
    let with_values = cx.args.word("WITHVALUES");
    cx.args.end()?;
    if with_values && number.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::new("ERR value is out of range"));
    }
    let Some(hash) = cx.txn.live(key)?.filter(|hash| !hash.is_empty()) else {
        cx.reply.array(0);
        return Ok(());
    };
    let show = |reply: &mut Reply, f: FieldRef<'_>| {
        if with_values && reply.is_resp3() {
            reply.array(2);
        }
        reply_item(reply, f.field);
        if with_values {
            reply_item(reply, f.value);
        }
    };
    let flat = if with_values && !cx.reply.is_resp3() { 2 } else { 1 };
    match count {
        Count::Any(n) => {
            // Where drawing takes a walk there is one, not one for each field drawn.
            let all: Vec<_> = if hash.draws() { Vec::new() } else { hash.iter().collect() };
            let head = |reply: &mut Reply, n: usize| reply.array(n.saturating_mul(flat));
            repeatedly(cx.reply, n, head, |reply| {
                let drawn = all.get(random::below(all.len())).copied().or_else(|| hash.random());
                drawn.into_iter().for_each(|f| show(reply, f));
            })
        }
        Count::Distinct(n) => {
            let n = n.min(hash.len());
            cx.reply.array(n * flat);
            distinct(hash, n, |f| show(cx.reply, f));
            Ok(())
        }
    }
}

fn distinct(hash: Live<'_>, count: usize, mut show: impl FnMut(FieldRef<'_>)) {
    if draws(count, hash.len()) && hash.draws() {
        let mut drawn: HashSet<Vec<u8>> = HashSet::with_capacity(count);
        while drawn.len() < count {
            let Some(f) = hash.random() else { return };
            if drawn.insert(f.field.to_vec()) {
                show(f);
            }
        }
        return;
    }
    match hash.whole() {
        Some(whole) => pick(whole.iter(), count, whole.len(), show),
        None => pick(hash.iter(), count, hash.len(), show),
    }
}
