//! HRANDFIELD.

use crate::base::random;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::commands::sets::random::{Count, check_size, choose, draws, sample_count};
use crate::commands::sets::reply_item;
use crate::types::{FieldRef, Hash};
use std::collections::HashSet;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HRANDFIELD];

const HRANDFIELD: Command = Command::new("HRANDFIELD", "hrandfield", Group::Hash, Run::Keyed(hrandfield))
    .syntax("key [count [WITHVALUES]]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output"])
    .doc("6.2.0", "O(1), or O(N) for a count of N", "Returns random fields of a hash.");

fn hrandfield(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    if !cx.args.more() {
        match cx.txn.read::<Hash>(key)?.and_then(Hash::random) {
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
    let Some(hash) = cx.txn.read::<Hash>(key)? else {
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
            cx.reply.array(n.saturating_mul(flat));
            let start = cx.reply.len();
            // A packed hash is walked once, not for each field drawn.
            let all: Vec<_> = if hash.encoding() == "hashtable" { Vec::new() } else { hash.iter().collect() };
            for _ in 0..n {
                check_size(cx.reply.len() - start)?;
                let drawn = all.get(random::below(all.len())).copied().or_else(|| hash.random());
                drawn.into_iter().for_each(|f| show(cx.reply, f));
            }
        }
        Count::Distinct(n) => {
            let n = n.min(hash.len());
            cx.reply.array(n * flat);
            distinct(hash, n, |f| show(cx.reply, f));
        }
    }
    Ok(())
}

fn distinct(hash: &Hash, count: usize, mut show: impl FnMut(FieldRef<'_>)) {
    if draws(count, hash.len()) && hash.encoding() == "hashtable" {
        let mut drawn: HashSet<Vec<u8>> = HashSet::with_capacity(count);
        while drawn.len() < count {
            let Some(f) = hash.random() else { return };
            if drawn.insert(f.field.to_vec()) {
                show(f);
            }
        }
        return;
    }
    let mut chosen = choose(count, hash.len());
    hash.iter().filter(|_| chosen()).for_each(show);
}
