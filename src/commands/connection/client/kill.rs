//! CLIENT KILL.

use super::select::Type;
use crate::command::flag::{ADMIN, LOADING, NO_SCRIPT, STALE};
use crate::command::{Args, Command, Error, Group, Outer, Result, Run};
use crate::engine::Client;
use crate::pubsub::Close;

pub(super) const KILL: Command = Command::new("KILL", "client|kill", Group::Connection, Run::Outer(kill))
    .syntax(
        "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | \
         [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] | [MAXAGE maxage] \
         [[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | \
         [LADDR ip:port] | [SKIPME <YES | NO>] | [MAXAGE maxage] ...]>>",
    )
    .arity(-3)
    .flags(ADMIN | NO_SCRIPT | LOADING | STALE)
    .doc("2.4.0", "O(N) where N is the number of clients.", "Ends connections.");

/// What a connection has to be to be ended.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Type>,
    user: Option<&'a [u8]>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    max_age_s: Option<i64>,
    /// Spares the connection that asks.
    spare_self: bool,
}

fn kill(cx: &mut Outer<'_>) -> Result {
    let old_form = cx.args.left() == 1;
    let filter = match old_form {
        true => Filter { addr: Some(cx.args.bytes()?), ..Filter::default() },
        false => Filter::parse(&mut cx.args)?,
    };
    let now_ms = cx.engine.now_ms();
    let me = cx.session.client.id;
    let mut killed = 0;
    for client in cx.engine.clients.all() {
        if !filter.matches(&client, now_ms) || (filter.spare_self && client.id == me) {
            continue;
        }
        killed += 1;
        match client.id == me {
            true => cx.session.closing = true,
            false => client.close(Close::Now),
        }
    }
    match (old_form, killed) {
        (true, 0) => return Err(Error::new("ERR No such client")),
        (true, _) => cx.reply.ok(),
        (false, n) => cx.reply.int(n),
    }
    Ok(())
}

impl<'a> Filter<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut filter = Filter { spare_self: true, ..Filter::default() };
        while args.more() {
            let [option, value] = *args.take(2)? else { return Err(Error::SYNTAX) };
            match option.to_ascii_lowercase().as_slice() {
                b"id" => filter.id = Some(positive(value, "client-id should be greater than 0")? as u64),
                b"maxage" => filter.max_age_s = Some(age(value)?),
                b"type" => filter.kind = Some(Type::parse(value)?),
                b"addr" => filter.addr = Some(value),
                b"laddr" => filter.laddr = Some(value),
                b"user" if value == b"default" => filter.user = Some(value),
                b"user" => {
                    return Err(Error::text(format!(
                        "ERR No such user '{}'",
                        String::from_utf8_lossy(value)
                    )));
                }
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.spare_self = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.spare_self = false,
                _ => return Err(Error::SYNTAX),
            }
        }
        Ok(filter)
    }

    fn matches(&self, client: &Client, now_ms: i64) -> bool {
        let age_s = (now_ms - client.created_ms) / 1000;
        self.id.is_none_or(|id| id == client.id)
            && self.kind.is_none_or(|kind| kind == Type::of(client))
            && self.user.is_none_or(|user| user == client.user.lock().as_bytes())
            && self.addr.is_none_or(|addr| addr == client.addr.as_bytes())
            && self.laddr.is_none_or(|laddr| laddr == client.laddr.as_bytes())
            && self.max_age_s.is_none_or(|max| age_s >= max)
    }
}

fn positive(value: &[u8], error: &'static str) -> Result<i64> {
    match crate::base::number::parse_i64(value) {
        Some(n) if n > 0 => Ok(n),
        _ => Err(Error::text(format!("ERR {error}"))),
    }
}

fn age(value: &[u8]) -> Result<i64> {
    if crate::base::number::parse_i64(value).is_none() {
        return Err(Error::new("ERR maxage is not an integer or out of range"));
    }
    positive(value, "maxage should be greater than 0")
}
