//! Adding to HyperLogLogs, counting and merging them.

use super::{probe, read, store, union};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Str;
use crate::types::hyperlog;

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
    let Some(bytes) = probe(cx.txn, key)? else {
        let (mut registers, sparse) = union(cx.txn, &[])?;
        for (at, value) in elements.iter().map(|element| hyperlog::place(element)) {
            registers[at] = value.max(registers[at]);
        }
        cx.reply.int(1);
        return store(cx.txn, key, &registers, sparse);
    };
    if elements.is_empty() {
        cx.reply.int(0);
        return Ok(());
    }
    let mut higher: Vec<_> = elements.iter().map(|element| hyperlog::place(element)).collect();
    hyperlog::retain_higher(&bytes, &mut higher)?;
    cx.reply.int((!higher.is_empty()).into());
    if higher.is_empty() {
        return Ok(());
    }
    let sparse_len_max = cx.txn.packing().hll_sparse_max_bytes().max(0) as usize;
    let sparse = match hyperlog::is_dense(&bytes) {
        true => None,
        false => Some(hyperlog::raise_sparse(&bytes, &higher, sparse_len_max)?),
    };
    drop(bytes);
    let effect = (b"PFADD".as_slice(), elements);
    match sparse {
        // In place: few of its bytes change.
        None => cx.txn.upsert_string(key)?.change_as(effect, |text| hyperlog::raise_dense(text, &higher)),
        Some(Some(bytes)) => cx.txn.upsert_string(key)?.change_as(effect, |text| {
            text.clear();
            text.extend_from_slice(&bytes);
        }),
        Some(None) => {
            let (mut registers, _) = union(cx.txn, &[key])?;
            higher.iter().for_each(|(at, value)| registers[*at] = *value);
            store(cx.txn, key, &registers, false)?;
        }
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
    let count = match keys {
        [key] => match read(cx.txn, key)? {
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
    store(cx.txn, keys[0], &registers, sparse)?;
    cx.reply.ok();
    Ok(())
}
