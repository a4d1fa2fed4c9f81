//! Bitwise operations between strings.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Class, Str, StrRef};
use crate::types::bits::Operation;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[BITOP];

const BITOP: Command = Command::new("BITOP", "bitop", Group::Bitmap, Run::Keyed(bitop))
    .syntax("<operation: AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]")
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(2, access::OW | access::UPDATE), Keys::rest(3, access::RO | access::ACCESS)])
    .event("set")
    .doc("2.6.0", "O(N) for N bytes", "Combines the bits of strings and stores the result.");

const OPERATIONS: [(&str, Operation); 8] = [
    ("AND", Operation::And),
    ("OR", Operation::Or),
    ("XOR", Operation::Xor),
    ("NOT", Operation::Not),
    ("DIFF", Operation::Diff),
    ("DIFF1", Operation::Diff1),
    ("ANDOR", Operation::AndOr),
    ("ONE", Operation::One),
];

fn bitop(cx: &mut Keyed<'_, '_>) -> Result {
    let (name, operation) =
        OPERATIONS.into_iter().find(|(name, _)| cx.args.word(name)).ok_or(Error::SYNTAX)?;
    let (dest, keys) = (cx.args.bytes()?, cx.args.rest());
    match operation {
        Operation::Not if keys.len() != 1 => {
            return Err(Error::new("ERR BITOP NOT must be called with a single source key."));
        }
        Operation::Diff | Operation::Diff1 | Operation::AndOr if keys.len() < 2 => {
            let text = format!("ERR BITOP {name} must be called with at least two source keys.");
            return Err(Error::text(text));
        }
        _ => {}
    }
    let mut inputs = Vec::with_capacity(keys.len());
    for key in keys {
        inputs.push(cx.txn.read::<Str>(key)?.map(StrRef::text).unwrap_or_default());
    }
    let inputs: Vec<&[u8]> = inputs.iter().map(|input| &**input).collect();
    let result = operation.combine(&inputs);
    cx.reply.len_of(result.len());
    if result.is_empty() {
        cx.txn.delete(dest);
    } else {
        cx.txn.put_built(dest, result);
        cx.txn.touch(dest, "set", Class::STRING);
    }
    Ok(())
}
