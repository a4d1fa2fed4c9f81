//! Removing messages without their being done.

use super::{parse_id, take_state};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::edit::Removal;
use crate::types::queue::Id;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QDEL];

const QDEL: Command = Command::new("QDEL", "qdel", Group::Queue, Run::Keyed(qdel))
    .syntax("key <id [id ...] | ALL [READY | DELAYED | INFLIGHT | DEAD]>")
    .arity(-3)
    .flags(WRITE)
    .keys(&[Keys::one(1, access::RW | access::DELETE)])
    .doc(
        "0.1.0",
        "O(M log N) for M messages of N, in small steps for those of a state; O(1) for all of a queue",
        "Removes messages whatever their state: some, those of a state, or all.",
    );

fn qdel(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let mut removed = 0;
    if cx.args.word("ALL") {
        let state = take_state(&mut cx.args);
        cx.args.end()?;
        if let Some(mut queue) = cx.txn.queue(key)? {
            removed = match state {
                None => queue.clear(),
                Some(state) => queue.remove_state(state),
            };
        }
    } else {
        let ids = cx.args.rest().iter().map(|text| parse_id(text)).collect::<Result<Vec<Id>>>()?;
        if let Some(mut queue) = cx.txn.queue(key)? {
            removed = queue.remove_all(&ids, Removal::Delete);
        }
    }
    cx.reply.len_of(removed);
    Ok(())
}
