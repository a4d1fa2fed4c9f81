//! CLIENT KILL.

use super::select::Filter;
use crate::command::flag::{ADMIN, LOADING, NO_SCRIPT, STALE};
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::pubsub::Close;

pub(super) const KILL: Command = Command::new("KILL", "client|kill", Group::Connection, Run::Outer(kill))
    .syntax(
        "<filter: old-format=ip:port@..2.8.12 | <new-format: [ID@2.8.12 client-id] | [TYPE \
         <client-type@2.8.12: NORMAL | MASTER@3.2.0 | SLAVE | REPLICA@5.0.0 | PUBSUB>] | [USER username] | \
         [ADDR addr=ip:port] | [LADDR@6.2.0 laddr=ip:port] | [SKIPME <skipme: YES | NO>] | \
         [MAXAGE@7.4.0 maxage] ...>>",
    )
    .arity(-3)
    .flags(ADMIN | NO_SCRIPT | LOADING | STALE)
    .history(&[
        ("2.8.12", "Takes filters."),
        ("2.8.12", "`ID`."),
        ("3.2.0", "`TYPE master`."),
        ("5.0.0", "`TYPE replica`, as which `slave` is taken too."),
        ("6.2.0", "`LADDR`."),
        ("7.4.0", "`MAXAGE`."),
    ])
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
