//! CLIENT KILL.

use super::select::Filter;
use crate::command::flag::{ADMIN, LOADING, NO_SCRIPT, STALE};
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::pubsub::Close;

pub(super) const KILL: Command = Command::new("KILL", "client|kill", Group::Connection, Run::Outer(kill))
    .syntax(
        "<old-format | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | \
         [ADDR addr] | [LADDR laddr] | [SKIPME <YES | NO>] | [MAXAGE maxage] ...>>",
    )
    .arity(-3)
    .flags(ADMIN | NO_SCRIPT | LOADING | STALE)
    .doc("2.4.0", "O(N) where N is the number of clients.", "Ends connections.");

fn kill(cx: &mut Outer<'_>) -> Result {
    let old_form = cx.args.left() == 1;
    let mut filter = match old_form {
        true => Filter::at(cx.args.bytes()?),
        false => Filter::parse(&mut cx.args, cx.engine, 1)?,
    };
    filter.skip_me.get_or_insert(true);
    let clients = filter.select(cx);
    for client in &clients {
        match client.id == cx.session.client.id {
            true => cx.session.closing = true,
            false => client.close(Close::Now),
        }
    }
    match (old_form, clients.len()) {
        (true, 0) => return Err(Error::new("ERR No such client")),
        (true, _) => cx.reply.ok(),
        (false, n) => cx.reply.len_of(n),
    }
    Ok(())
}
