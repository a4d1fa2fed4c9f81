//! CONFIG.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::commands::help::help;
use crate::config::{self, Name, Origin};
use crate::engine::{Client, Flag};
use crate::metrics::Memory;
use std::net::SocketAddr;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[CONFIG];

const CONFIG: Command = Command::new("CONFIG", "config", Group::Server, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("2.0.0", "Depends on the subcommand.", "Holds the commands about the settings.");

const SUBCOMMANDS: &[Command] = &[GET, HELP, RESETSTAT, REWRITE, SET];

const FLAGS: u32 = ADMIN | NO_SCRIPT | LOADING | STALE;

const HELP: Command = Command::new("HELP", "config|help", Group::Server, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("5.0.0", "O(1)", "Lists the subcommands.");

const GET: Command = Command::new("GET", "config|get", Group::Server, Run::Outer(get))
    .syntax("parameter [parameter ...]")
    .flags(FLAGS)
    .history(&[("7.0.0", "Several patterns.")])
    .doc(
        "2.0.0",
        "O(N*M) for N settings and M patterns.",
        "Answers the settings whose names match one of the patterns.",
    );

fn get(cx: &mut Outer<'_>) -> Result {
    let found = cx.engine.settings.get(cx.args.rest());
    cx.reply.map(found.len());
    for (name, value) in found {
        cx.reply.bulk(&name);
        cx.reply.bulk(&value);
    }
    Ok(())
}

const SET: Command = Command::new("SET", "config|set", Group::Server, Run::Slow(set))
    .syntax("parameter value [data: parameter value ...]")
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .history(&[("7.0.0", "Several settings.")])
    .doc("2.0.0", "O(N) for N settings.", "Changes settings: all of those given, or none.");

fn set(cx: &mut Outer<'_>) -> Result {
    let (pairs, rest) = cx.args.rest().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::SYNTAX);
    }
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    let denied = |name| [config::DIR, config::APPENDONLY].map(Some).contains(&Name::find(name));
    if cx.engine.loading.is_active() && pairs.iter().any(|(name, _)| denied(name)) {
        // What is being loaded comes from there.
        return Err(Error::LOADING);
    }
    cx.engine.settings.set(&pairs, origin(&cx.session.client)).map_err(Error::text)?;
    cx.reply.ok();
    Ok(())
}

/// Where the client is, for what `local` in a setting allows.
pub(super) fn origin(client: &Client) -> Origin {
    let address = client.addr.parse::<SocketAddr>();
    let local = address.is_ok_and(|address| address.ip().to_canonical().is_loopback());
    if local || client.is(Flag::UnixSocket) { Origin::Local } else { Origin::Remote }
}

const REWRITE: Command = Command::new("REWRITE", "config|rewrite", Group::Server, Run::Slow(rewrite))
    .syntax("")
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .doc("2.8.0", "O(1)", "Writes the settings into the configuration file.");

fn rewrite(cx: &mut Outer<'_>) -> Result {
    cx.engine.settings.rewrite(&cx.engine.acl.describe()).map_err(Error::text)?;
    tracing::info!("the configuration file was rewritten");
    cx.reply.ok();
    Ok(())
}

const RESETSTAT: Command =
    Command::new("RESETSTAT", "config|resetstat", Group::Server, Run::Outer(resetstat))
        .syntax("")
        .flags(FLAGS)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .doc("2.0.0", "O(1)", "Sets what INFO counts to zero.");

fn resetstat(cx: &mut Outer<'_>) -> Result {
    cx.engine.metrics.reset();
    cx.engine.rates.reset();
    cx.engine.eviction.reset();
    cx.engine.scripts.reset_evicted();
    cx.engine.clients.reset_counts();
    cx.engine.keyspace.reset_lazy_free_count();
    Memory::reset_peak();
    cx.reply.ok();
    Ok(())
}
