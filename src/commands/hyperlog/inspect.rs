//! Looking into HyperLogLogs.

use super::{probe, store};
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Outer, Result, Run, access};
use crate::types::hyperlog;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[PFDEBUG, PFSELFTEST];

const PFDEBUG: Command = Command::new("PFDEBUG", "pfdebug", Group::HyperLogLog, Run::Keyed(pfdebug))
    .syntax("subcommand key")
    .flags(INTERNAL | WRITE | GROWS | ADMIN)
    .keys(&[Keys::one(2, access::RW | access::ACCESS)])
    .event("")
    .doc("2.8.9", "N/A", "Shows how a HyperLogLog is stored.");

fn pfdebug(cx: &mut Keyed<'_, '_>) -> Result {
    let (subcommand, key) = (cx.args.bytes()?, cx.args.bytes()?);
    if subcommand.eq_ignore_ascii_case(b"SIMD") {
        // There is one way to count, which the compiler makes of what the processor has.
        match key.to_ascii_uppercase().as_slice() {
            b"ON" => cx.reply.status("enabled"),
            b"OFF" => cx.reply.status("disabled"),
            _ => return Err(Error::new("ERR Argument must be ON or OFF")),
        }
        return Ok(());
    }
    let bytes = probe(cx.txn, key)?.ok_or(Error::new("ERR The specified key does not exist"))?;
    let dense = hyperlog::is_dense(&bytes);
    match subcommand.to_ascii_uppercase().as_slice() {
        b"ENCODING" => cx.reply.status(if dense { "dense" } else { "sparse" }),
        b"DECODE" if dense => return Err(Error::new("ERR HLL encoding is not sparse")),
        b"DECODE" => {
            let runs: Vec<String> = hyperlog::runs(&bytes)?
                .into_iter()
                .map(|run| match run {
                    (0, count, 1) => format!("z:{count}"),
                    (0, count, _) => format!("Z:{count}"),
                    (value, count, _) => format!("v:{value},{count}"),
                })
                .collect();
            cx.reply.bulk(runs.join(" ").as_bytes());
        }
        word @ (b"GETREG" | b"TODENSE") => {
            let registers = hyperlog::registers(&bytes)?;
            drop(bytes);
            if !dense {
                store(cx.txn, key, &registers)?;
            }
            if word == b"TODENSE" {
                cx.reply.int((!dense).into());
            } else {
                cx.reply.array(registers.len());
                registers.iter().for_each(|value| cx.reply.int(i64::from(*value)));
            }
        }
        _ => {
            return Err(Error::parts(&[b"ERR Unknown PFDEBUG subcommand '", subcommand, b"'"]));
        }
    }
    Ok(())
}

const PFSELFTEST: Command =
    Command::new("PFSELFTEST", "pfselftest", Group::HyperLogLog, Run::Slow(pfselftest))
        .syntax("")
        .flags(INTERNAL | ADMIN)
        .doc("2.8.9", "N/A", "Checks that HyperLogLogs keep their registers, and count well.");

/// Elements that are added, and how far off their count may be: six standard errors.
const SELF_TEST: (u64, f64) = (200_000, 6.0 * 0.0081);

fn pfselftest(cx: &mut Outer<'_>) -> Result {
    let mut registers = Box::new([0; hyperlog::REGISTERS]);
    for n in 1..=SELF_TEST.0 {
        let (at, value) = hyperlog::place(&n.to_le_bytes());
        registers[at] = value.max(registers[at]);
        if !n.is_power_of_two() && n != SELF_TEST.0 {
            continue;
        }
        let off = hyperlog::estimate(&registers).abs_diff(n) as f64;
        if off > (n as f64 * SELF_TEST.1).max(1.0) {
            return Err(Error::text(format!("ERR TESTFAILED Too big error. card:{n} abserr:{off}")));
        }
        for may_be_sparse in [true, false] {
            let bytes = hyperlog::encode(&registers, may_be_sparse, usize::MAX);
            if hyperlog::registers(&bytes)? != registers {
                return Err(Error::text(format!("ERR TESTFAILED Registers differ after {n} elements")));
            }
        }
    }
    cx.reply.ok();
    Ok(())
}
