//! Replication: ROLE, REPLICAOF, FAILOVER, and copies of the data set for tools that ask for them as a replica does
//! (REPLCONF, SYNC). There are no replicas yet: who wants the changes after the copy, too, is told so.

use crate::base::number;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::engine::{Content, Copying, Flag};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[FAILOVER, PSYNC, REPLCONF, REPLICAOF, ROLE, SLAVEOF, SYNC];

const ROLE: Command = Command::new("ROLE", "role", Group::Server, Run::Outer(role))
    .syntax("")
    .flags(NO_SCRIPT | LOADING | STALE | FAST)
    .subject(&["admin", "dangerous"])
    .doc("2.8.12", "O(1)", "Tells the part that the server has in replication.");

fn role(cx: &mut Outer<'_>) -> Result {
    cx.reply.array(3);
    cx.reply.bulk(b"master");
    cx.reply.int(0);
    cx.reply.array(0);
    Ok(())
}

const REPLICAOF: Command = Command::new("REPLICAOF", "replicaof", Group::Server, Run::Outer(replicaof))
    .syntax(PRIMARY)
    .flags(ADMIN | NO_SCRIPT | STALE | NO_ASYNC_LOADING)
    .doc("5.0.0", "O(1)", "Names the server to follow, or none. There is none to be followed yet.");

const SLAVEOF: Command = Command::new("SLAVEOF", "slaveof", Group::Server, Run::Outer(replicaof))
    .syntax(PRIMARY)
    .flags(ADMIN | NO_SCRIPT | STALE | NO_ASYNC_LOADING)
    .deprecated("5.0.0", "`REPLICAOF`")
    .doc("1.0.0", "O(1)", "Names the server to follow, or none. There is none to be followed yet.");

const PRIMARY: &str = "<args: host-port: host port:integer | no-one: NO ONE>";

/// A server that follows nobody is told so for nothing: tools do that to each that they take charge of.
fn replicaof(cx: &mut Outer<'_>) -> Result {
    const PORT: Error = Error::new("ERR Invalid master port");
    const NONE: Error =
        Error::new("ERR this server cannot follow another one yet: it takes REPLICAOF NO ONE alone");
    if cx.args.word("NO") && cx.args.word("ONE") {
        cx.reply.ok();
        return Ok(());
    }
    let port = cx.args.argv()[2];
    number::parse_i64(port).filter(|port| (0..=65_535).contains(port)).ok_or(PORT)?;
    Err(NONE)
}

const FAILOVER: Command = Command::new("FAILOVER", "failover", Group::Server, Run::Outer(failover))
    .syntax("[TO <target: host port:integer [FORCE]>] [ABORT] [TIMEOUT milliseconds:integer]")
    .flags(ADMIN | NO_SCRIPT | STALE)
    .doc("6.2.0", "O(1)", "Has a replica take over. There are none yet.");

fn failover(cx: &mut Outer<'_>) -> Result {
    if let [_, word] = cx.args.argv()
        && word.eq_ignore_ascii_case(b"ABORT")
    {
        return Err(Error::new("ERR No failover in progress."));
    }
    let (mut timeout, mut to, mut force) = (false, false, false);
    while cx.args.more() {
        match () {
            () if !timeout && cx.args.word("TIMEOUT") => {
                if cx.args.int()? <= 0 {
                    return Err(Error::new("ERR FAILOVER timeout must be greater than 0"));
                }
                timeout = true;
            }
            () if !to && cx.args.word("TO") => {
                cx.args.bytes()?;
                cx.args.int()?;
                to = true;
            }
            () if !force && cx.args.word("FORCE") => force = true,
            () => return Err(Error::SYNTAX),
        }
    }
    Err(Error::new("ERR FAILOVER requires connected replicas."))
}

const REPLCONF: Command = Command::new("REPLCONF", "replconf", Group::Server, Run::Outer(replconf))
    .syntax("")
    .arity(-1)
    .flags(INTERNAL | ADMIN | NO_SCRIPT | LOADING | STALE | BUSY)
    .doc("3.0.0", "O(1)", "Says what a client that will take a copy of the data set can do, and wants.");

fn replconf(cx: &mut Outer<'_>) -> Result {
    if cx.args.argv().len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    while cx.args.more() {
        let copying = cx.session.copying.get_or_insert_with(Box::<Copying>::default);
        match () {
            // All that it may be able to do concerns how the copy is sent: there is one way here, which all know.
            () if cx.args.word("CAPA") => _ = cx.args.bytes()?,
            () if cx.args.word("RDB-ONLY") => copying.once = cx.args.int()? == 1,
            () if cx.args.word("RDB-FILTER-ONLY") => {
                copying.content = match cx.args.bytes()? {
                    b"" => Content::Nothing,
                    b"functions" => Content::Libraries,
                    word => return Err(Error::parts(&[b"ERR Unsupported rdb-filter-only option: ", word])),
                };
            }
            () => {
                let option = cx.args.bytes()?;
                return Err(Error::parts(&[b"ERR Unrecognized REPLCONF option: ", option]));
            }
        }
    }
    cx.reply.ok();
    Ok(())
}

const SYNC: Command = Command::new("SYNC", "sync", Group::Server, Run::Slow(sync))
    .syntax("")
    .flags(ADMIN | NO_SCRIPT | NO_ASYNC_LOADING | NO_MULTI)
    .doc("1.0.0", "", "Sends a copy of the data set, as an RDB file, and ends the connection.");

const PSYNC: Command = Command::new("PSYNC", "psync", Group::Server, Run::Slow(sync))
    .syntax("replicationid offset:integer")
    .arity(-3)
    .flags(ADMIN | NO_SCRIPT | NO_ASYNC_LOADING | NO_MULTI)
    .doc("2.8.0", "", "Asks to be a replica. There are none yet.");

fn sync(cx: &mut Outer<'_>) -> Result {
    const NO_REPLICAS: Error = Error::new(
        "ERR this server has no replicas yet: it sends a copy of what it holds to those who want no more than that \
         (REPLCONF rdb-only 1, then SYNC)",
    );
    let content = match &cx.session.copying {
        Some(copying) if copying.once && cx.args.argv().len() == 1 => copying.content,
        _ => return Err(NO_REPLICAS),
    };
    let client = cx.session.client.clone();
    cx.engine.begin_wait(&client, false);
    let transfer = cx.engine.transfer(content, client.id);
    cx.engine.end_wait(&client);
    let transfer = transfer.map_err(|fault| {
        tracing::error!("a client gets no copy of the data set: {fault}");
        Error::new("ERR the copy could not be made; the log of the server tells why")
    })?;
    tracing::info!(bytes = transfer.size(), addr = %client.addr, "sending a copy of the data set");
    // No bulk string: nothing stands behind it.
    cx.reply.raw(format!("${}\r\n", transfer.size()).as_bytes());
    client.set(Flag::Copies, true);
    cx.session.closing = true;
    cx.session.copying = Some(Box::new(Copying { transfer: Some(transfer), ..Copying::default() }));
    Ok(())
}
