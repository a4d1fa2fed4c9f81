//! Looking into HyperLogLogs.

use super::{read, store};
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::hyperlog;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[PFDEBUG];

const PFDEBUG: Command = Command::new("PFDEBUG", "pfdebug", Group::HyperLogLog, Run::Keyed(pfdebug))
    .syntax("subcommand key")
    .flags(INTERNAL | WRITE | GROWS | ADMIN)
    .keys(&[Keys::one(2, access::RW | access::ACCESS)])
    .doc("2.8.9", "N/A", "Shows how a HyperLogLog is stored.");

fn pfdebug(cx: &mut Keyed<'_, '_>) -> Result {
    let (subcommand, key) = (cx.args.bytes()?, cx.args.bytes()?);
    let bytes = read(cx.txn, key)?.ok_or(Error::new("ERR The specified key does not exist"))?;
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
                store(cx.txn, key, &registers, false)?;
            }
            if word == b"TODENSE" {
                cx.reply.int((!dense).into());
            } else {
                cx.reply.array(registers.len());
                registers.iter().for_each(|value| cx.reply.int(i64::from(*value)));
            }
        }
        _ => {
            let word = String::from_utf8_lossy(subcommand);
            return Err(Error::text(format!("ERR Unknown PFDEBUG subcommand '{word}'")));
        }
    }
    Ok(())
}
