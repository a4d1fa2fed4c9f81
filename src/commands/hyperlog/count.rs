//! Adding to HyperLogLogs, counting and merging them.

use super::{probe, store, union};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Str;
use crate::types::hyperlog::{self, Raised, Registers};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[PFADD, PFCOUNT, PFMERGE];

const PFADD: Command = Command::new("PFADD", "pfadd", Group::HyperLogLog, Run::Keyed(pfadd))
    .syntax("key [element [element ...]]")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::INSERT)])
    .doc(
        "2.8.9",
        "O(1) for each element",
        "Adds elements to a HyperLogLog; creates it when the key is absent.",
    );

fn pfadd(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, elements) = (cx.args.bytes()?, cx.args.rest());
    let known = probe(cx.txn, key)?;
    let is_new = known.is_none();
    if elements.is_empty() && !is_new {
        cx.reply.int(0);
        return Ok(());
    }
    let bytes = known.unwrap_or_else(|| hyperlog::empty().into());
    let wanted: Vec<_> = elements.iter().map(|element| hyperlog::place(element)).collect();
    let effect = (b"PFADD".as_slice(), elements);
    if hyperlog::is_dense(&bytes) {
        let lower = hyperlog::lower(&bytes, &wanted);
        drop(bytes);
        cx.reply.int((lower > 0).into());
        if lower > 0 {
            // In place: few of its bytes change.
            cx.txn.upsert_string(key)?.counting(lower as u64, |string| {
                string.change_as(effect, |text| hyperlog::raise_dense(text, &wanted));
            });
        }
        return Ok(());
    }
    let sparse_len_max = cx.txn.packing().hll_sparse_max_bytes().max(0) as usize;
    let mut sparse = bytes.into_owned();
    let mut raised = u64::from(is_new);
    for (nth, (at, value)) in wanted.iter().enumerate() {
        match hyperlog::raise_sparse(&mut sparse, *at, *value, sparse_len_max)? {
            Raised::Not => {}
            Raised::Done => raised += 1,
            Raised::Full => {
                let mut registers = hyperlog::registers(&sparse)?;
                for (at, value) in &wanted[nth..] {
                    raised += u64::from(registers[*at] < *value);
                    registers[*at] = registers[*at].max(*value);
                }
                cx.reply.int(1);
                return cx.txn.counting(raised, |txn| store(txn, key, &registers));
            }
        }
    }
    cx.reply.int((raised > 0).into());
    if raised > 0 {
        cx.txn.upsert_string(key)?.counting(raised, |string| {
            string.change_as(effect, |text| {
                text.clear();
                text.extend_from_slice(&sparse);
            });
        });
    }
    Ok(())
}

const PFCOUNT: Command = Command::new("PFCOUNT", "pfcount", Group::HyperLogLog, Run::Keyed(pfcount))
    .syntax("key [key ...]")
    .flags(READ | REPLICATES)
    .keys(&[
        Keys::rest(1, access::RW | access::ACCESS).note("May renew the count that is kept with the value")
    ])
    .doc("2.8.9", "O(N) for N keys", "Estimates how many different elements HyperLogLogs hold together.");

fn pfcount(cx: &mut Keyed<'_, '_>) -> Result {
    let keys = cx.args.rest();
    if let [key] = keys {
        // The hit counts here, the access with the change.
        cx.txn.look(key);
    }
    let count = match keys {
        [key] => match probe(cx.txn, key)? {
            None => 0,
            Some(bytes) => match hyperlog::cached(&bytes) {
                Some(count) => {
                    cx.reply.int(count as i64);
                    return Ok(());
                }
                None => hyperlog::estimate(&*hyperlog::registers(&bytes)?),
            },
        },
        _ => hyperlog::estimate(&union(cx.txn, keys)?.0),
    };
    cx.reply.int(count as i64);
    // The count of one is kept in it, which is no event.
    if let [key] = keys
        && let Some(string) = cx.txn.edit::<Str>(key)?
    {
        string.quiet().change_range(8..16, |cache| cache.copy_from_slice(&count.to_le_bytes()));
    }
    Ok(())
}

const PFMERGE: Command = Command::new("PFMERGE", "pfmerge", Group::HyperLogLog, Run::Keyed(pfmerge))
    .syntax("destkey [sourcekey [sourcekey ...]]")
    .flags(WRITE | GROWS)
    .keys(&[
        Keys::one(1, access::RW | access::ACCESS | access::INSERT),
        Keys::rest(2, access::RO | access::ACCESS),
    ])
    .event("pfadd")
    .doc("2.8.9", "O(N) for N keys", "Merges HyperLogLogs into one.");

fn pfmerge(cx: &mut Keyed<'_, '_>) -> Result {
    let keys = cx.args.rest();
    let (registers, sparse) = union(cx.txn, keys)?;
    match merged(cx, keys[0], &registers, sparse)? {
        Some(bytes) => cx.txn.upsert_string(keys[0])?.rewrite(|text| {
            text.clear();
            text.extend_from_slice(&bytes);
        }),
        None => store(cx.txn, keys[0], &registers)?,
    }
    cx.reply.ok();
    Ok(())
}

/// What `key` holds with its registers raised to those given, or `None` if that has to be dense. Only a register that is
/// raised can take more than the bytes that are allowed.
fn merged(cx: &Keyed<'_, '_>, key: &[u8], registers: &Registers, sparse: bool) -> Result<Option<Vec<u8>>> {
    if !sparse {
        return Ok(None);
    }
    let mut bytes = probe(cx.txn, key)?.unwrap_or_else(|| hyperlog::empty().into()).into_owned();
    let sparse_len_max = cx.txn.packing().hll_sparse_max_bytes().max(0) as usize;
    let old = hyperlog::registers(&bytes)?;
    for (at, (old, new)) in old.iter().zip(registers).enumerate() {
        if new > old && matches!(hyperlog::raise_sparse(&mut bytes, at, *new, sparse_len_max)?, Raised::Full)
        {
            return Ok(None);
        }
    }
    hyperlog::forget_count(&mut bytes);
    Ok(Some(bytes))
}
