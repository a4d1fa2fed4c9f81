//! CLIENT LIST and CLIENT INFO: a line for each connection.

use super::SIMPLE;
use super::select::Filter;
use super::tracking::redirect_of;
use crate::base::number;
use crate::command::flag::ADMIN;
use crate::command::{Command, Error, Group, Outer, Result, Run, registry};
use crate::commands::FAMILIES;
use crate::engine::{Client, Flag, shown};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

pub(super) const LIST: Command = Command::new("LIST", "client|list", Group::Connection, Run::Outer(list))
    .syntax(
        "[TYPE <client-type@5.0.0: NORMAL | MASTER | REPLICA | PUBSUB>] [ID@6.2.0 client-id [client-id ...]]",
    )
    .flags(SIMPLE | ADMIN)
    .tips(&["nondeterministic_output"])
    .history(&[
        ("2.8.12", "`id` is told."),
        ("5.0.0", "`TYPE`."),
        ("6.0.0", "`user` is told."),
        ("6.2.0", "`ID`; `laddr`, `redir`, `argv-mem` and `tot-mem` are told."),
        ("7.0.0", "`resp`, `multi-mem`, `rbs` and `rbp` are told."),
        ("7.0.3", "`ssub` is told."),
        ("7.2.0", "`lib-name` and `lib-ver` are told."),
        ("7.4.0", "`watch` is told."),
        ("8.0.0", "`io-thread` is told."),
    ])
    .doc("2.4.0", "O(N) where N is the number of clients.", "Tells about the open connections.");

fn list(cx: &mut Outer<'_>) -> Result {
    let argv = cx.args.argv();
    let clients = match argv[2..].split_first() {
        Some((name, [id, ids @ ..])) if name.eq_ignore_ascii_case(b"ID") => {
            // Redis' own words for what is no id.
            number::parse_i64(id).ok_or(Error::new("ERR Invalid client ID"))?;
            match ids.iter().all(|id| number::parse_i64(id).is_some()) {
                true => named(cx, &argv[3..]),
                false => Filter::parse(&mut cx.args, cx.engine, i64::MIN)?.select(cx),
            }
        }
        _ => Filter::parse(&mut cx.args, cx.engine, i64::MIN)?.select(cx),
    };
    let now_ms = cx.engine.now_ms();
    let mut text = String::new();
    clients.iter().for_each(|client| line(client, now_ms, argv_len(cx, client), &mut text));
    cx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

/// The clients of these ids, in the order and as often as they are named: as in Redis, which has no other filter beside them.
fn named(cx: &Outer<'_>, ids: &[&[u8]]) -> Vec<Arc<Client>> {
    let ids = ids.iter().filter_map(|id| number::parse_i64(id));
    ids.filter_map(|id| cx.engine.clients.get(id as u64)).collect()
}

/// Bytes of the words of the call that `client` runs: only the one who asks runs one, or is blocked.
fn argv_len(cx: &Outer<'_>, client: &Client) -> usize {
    let me = client.id == cx.session.client.id;
    if me { cx.args.argv().iter().map(|word| word.len()).sum() } else { 0 }
}

pub(super) const INFO: Command = Command::new("INFO", "client|info", Group::Connection, Run::Outer(info))
    .syntax("")
    .flags(SIMPLE)
    .tips(&["nondeterministic_output"])
    .doc("6.2.0", "O(1)", "Tells about this connection.");

fn info(cx: &mut Outer<'_>) -> Result {
    let mut text = String::new();
    let client = &cx.session.client;
    line(client, cx.engine.now_ms(), argv_len(cx, client), &mut text);
    cx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

/// The letters of `flags=`, with the property that each stands for; `d` is for a touched watch.
pub(super) const FLAGS: [(Flag, char); 13] = [
    (Flag::Copies, 'S'),
    (Flag::Monitor, 'O'),
    (Flag::Subscribed, 'P'),
    (Flag::Multi, 'x'),
    (Flag::Blocked, 'b'),
    (Flag::Tracking, 't'),
    (Flag::BrokenRedirect, 'R'),
    (Flag::Broadcast, 'B'),
    (Flag::Closing, 'c'),
    (Flag::UnixSocket, 'U'),
    (Flag::NoEvict, 'e'),
    (Flag::NoTouch, 'T'),
    (Flag::ImportSource, 'I'),
];

/// Unsent bytes that are told as `obl`; what is beyond them as `omem`.
const CHUNK: usize = 16 * 1024;

/// The letters of what a client is; `N` for nothing.
pub(super) fn flags_of(client: &Client) -> String {
    let mut flags = String::new();
    for (flag, letter) in FLAGS {
        if flag == Flag::Closing && client.touched.is_set() {
            flags.push('d');
        }
        if client.is(flag) {
            flags.push(letter);
        }
    }
    if flags.is_empty() {
        flags.push('N');
    }
    flags
}

/// Appends what CLIENT LIST tells of `client`, with a line break.
pub fn line(client: &Client, now_ms: i64, argv_len: usize, out: &mut String) {
    let seconds = |since_ms: i64| (now_ms - since_ms).max(0) / 1000;
    let flags = flags_of(client);
    let [channels, patterns, shard_channels] = client.subscriptions.each_ref().map(|n| n.load(Relaxed));
    let (query, output) = (client.query_len.load(Relaxed), client.output_len.load(Relaxed));
    // As Redis has it: a first chunk, and what is behind it in a list.
    let obl = output.min(CHUNK);
    let outbox = client.outbox.len() + output - obl;
    let waiting = client.waiter.lock().as_ref().map_or(0, |w| w.argv.iter().map(|word| word.len()).sum());
    let words = client.words_len.load(Relaxed);
    let free = client.query_room.load(Relaxed).saturating_sub(query);
    let (query, argv_len) = (query.saturating_sub(words), argv_len + waiting + words);
    let queued = client.multi_len.load(Relaxed);
    let last = client.command.load(Relaxed).checked_sub(1);
    let command = last.map_or("NULL", |number| registry(FAMILIES).all()[number as usize].full_name);
    let redirect = redirect_of(client);
    let said = client.introduction();
    // Redis knows no capabilities, and there are clients that refuse fields which it does not tell.
    let capabilities = if client.is(Flag::Redirectable) { " capa=r" } else { "" };
    let (library, version) = (shown(&said.library), shown(&said.version));
    // A `String` takes every write.
    let _ = writeln!(
        out,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={flags}{capabilities} db={} sub={channels} \
         psub={patterns} ssub={shard_channels} multi={} watch={} qbuf={query} qbuf-free={free} argv-mem={argv_len} multi-mem={queued} \
         rbs=0 rbp=0 obl={obl} oll={} omem={outbox} tot-mem={} events={} cmd={command} user={} \
         redir={redirect} resp={} lib-name={library} lib-ver={version} io-thread=0 tot-net-in={} \
         tot-net-out={} tot-cmds={}",
        client.id,
        client.addr,
        client.laddr,
        client.fd,
        shown(&said.name),
        seconds(client.created_ms),
        seconds(client.active_ms.load(Relaxed)),
        client.db.load(Relaxed),
        client.multi.load(Relaxed),
        client.watching(),
        usize::from(outbox > 0),
        client.memory() + argv_len - words,
        if output > 0 { "rw" } else { "r" },
        client.user.lock(),
        client.protocol.load(Relaxed),
        client.input_bytes.get(),
        client.output_bytes.get(),
        client.commands.get(),
    );
}
