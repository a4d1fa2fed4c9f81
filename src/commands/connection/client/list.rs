//! CLIENT LIST and CLIENT INFO: a line for each connection.

use super::SIMPLE;
use super::select::Type;
use crate::command::flag::ADMIN;
use crate::command::{Command, Error, Group, Outer, Result, Run, registry};
use crate::commands::FAMILIES;
use crate::engine::{Client, Flag};
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

pub(super) const LIST: Command = Command::new("LIST", "client|list", Group::Connection, Run::Outer(list))
    .syntax("[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]")
    .flags(SIMPLE | ADMIN)
    .tips(&["nondeterministic_output", "request_policy:all_nodes"])
    .doc("2.4.0", "O(N) where N is the number of clients.", "Tells about the open connections.");

fn list(cx: &mut Outer<'_>) -> Result {
    let now_ms = cx.engine.now_ms();
    let mut text = String::new();
    if !cx.args.more() {
        cx.engine.clients.all().iter().for_each(|client| line(client, now_ms, &mut text));
    } else if cx.args.left() == 2 && cx.args.word("TYPE") {
        let kind = Type::parse(cx.args.bytes()?)?;
        let clients = cx.engine.clients.all();
        clients.iter().filter(|client| Type::of(client) == kind).for_each(|c| line(c, now_ms, &mut text));
    } else if cx.args.left() >= 2 && cx.args.word("ID") {
        while cx.args.more() {
            let id = cx.args.int().map_err(|_| Error::new("ERR Invalid client ID"))?;
            if let Some(client) = cx.engine.clients.get(id as u64) {
                line(&client, now_ms, &mut text);
            }
        }
    } else {
        return Err(Error::SYNTAX);
    }
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) const INFO: Command = Command::new("INFO", "client|info", Group::Connection, Run::Outer(info))
    .syntax("")
    .flags(SIMPLE)
    .tips(&["nondeterministic_output"])
    .doc("6.2.0", "O(1)", "Tells about this connection.");

fn info(cx: &mut Outer<'_>) -> Result {
    let mut text = String::new();
    line(&cx.session.client, cx.engine.now_ms(), &mut text);
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The letters of `flags=`, with the property that each stands for.
const FLAGS: [(Flag, char); 8] = [
    (Flag::Monitor, 'O'),
    (Flag::Subscribed, 'P'),
    (Flag::Multi, 'x'),
    (Flag::Blocked, 'b'),
    (Flag::Tracking, 't'),
    (Flag::Closing, 'c'),
    (Flag::UnixSocket, 'U'),
    (Flag::NoEvict, 'e'),
];

/// Memory of a connection without its buffers, in bytes.
const CONNECTION: usize = size_of::<Client>() + 512;

fn line(client: &Client, now_ms: i64, out: &mut String) {
    let seconds = |since_ms: i64| (now_ms - since_ms).max(0) / 1000;
    let mut flags: String = FLAGS.iter().filter(|(flag, _)| client.is(*flag)).map(|(_, c)| *c).collect();
    if client.is(Flag::NoTouch) {
        flags.push('T');
    }
    if client.touched.load(Relaxed) {
        flags.push('d');
    }
    if flags.is_empty() {
        flags.push('N');
    }
    let [channels, patterns, shard_channels] = client.subscriptions.each_ref().map(|n| n.load(Relaxed));
    let (query, output) = (client.query_len.load(Relaxed), client.output_len.load(Relaxed));
    let outbox = client.outbox.len();
    let last = client.command.load(Relaxed).checked_sub(1);
    let command = last.map_or("NULL", |number| registry(FAMILIES).all()[number].full_name);
    let (library, version) = client.library.lock().clone();
    // A `String` takes every write.
    let _ = writeln!(
        out,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={flags} db={} sub={channels} psub={patterns} \
         ssub={shard_channels} multi={} watch={} qbuf={query} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 \
         obl={output} oll={} omem={outbox} tot-mem={} events={} cmd={command} user={} redir=-1 resp={} \
         lib-name={library} lib-ver={version} io-thread=0",
        client.id,
        client.addr,
        client.laddr,
        client.fd,
        client.name.lock(),
        seconds(client.created_ms),
        seconds(client.active_ms.load(Relaxed)),
        client.db.load(Relaxed),
        client.multi.load(Relaxed),
        client.watched.load(Relaxed),
        usize::from(outbox > 0),
        CONNECTION + query + output + outbox,
        if output > 0 { "rw" } else { "r" },
        client.user.lock(),
        client.protocol.load(Relaxed),
    );
}
