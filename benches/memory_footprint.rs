//! Bytes a key takes, by resident memory over the empty server, beside other servers.
//!
//! `cargo bench --bench memory_footprint -- [--subject PROGRAM] [--peer NAME=PROGRAM …] [--data LIST]`. The targets are set
//! against the peer that is called Valkey. Each data set is loaded by servers of their own.

#[path = "common/client.rs"]
mod client;
#[path = "compare/memory.rs"]
mod memory;
#[path = "common/request.rs"]
mod request;
#[path = "common/server.rs"]
mod server;

use client::Client;
use server::{Contender, NO_LOG, Server};
use std::error::Error;

/// What Synap is to need.
enum Target {
    /// At most so many bytes.
    Bytes(f64),
    /// At most this share of Valkey's.
    Share(f64),
    /// At most so many bytes more than a key without a TTL.
    Extra(f64),
}

/// A row's head, the data set, its units a key, and the target of a key.
const ROWS: &[(&str, &str, f64, Target)] = &[
    ("10^6 strings, 16-byte keys, 64 bytes", "keys-1m", 1.0, Target::Bytes(105.0)),
    ("10^7 strings", "keys-10m", 1.0, Target::Bytes(105.0)),
    ("10^6 counters", "counters-1m", 1.0, Target::Share(0.75)),
    ("10^6 strings with a TTL", "ttl-1m", 1.0, Target::Extra(6.0)),
    ("10^6 hashes of 5 small fields", "hashes-5", 5.0, Target::Share(0.85)),
    ("10^6 sets of 10 integers", "sets-10", 10.0, Target::Share(0.85)),
    ("10^6 sorted sets of 10", "sorted-10", 10.0, Target::Share(0.85)),
    ("10^6 lists of 10", "lists-10", 10.0, Target::Share(0.85)),
    ("a hash of 10^6 fields, a field", "hash-1m", 1.0, Target::Share(0.85)),
    ("a set of 10^6 members, a member", "set-1m", 1.0, Target::Share(0.85)),
    ("a sorted set of 10^6 members, a member", "sorted-1m", 1.0, Target::Share(0.85)),
    ("an idle connection of 9,900", IDLE, 1.0, Target::Share(0.5)),
];

const IDLE: &str = "idle";
const CONNECTIONS: usize = 9_900;

fn main() -> Result<(), Box<dyn Error>> {
    let mut contenders = vec![Contender::parse(&format!("Synap={}", env!("CARGO_BIN_EXE_synap-server")))?];
    let mut chosen = None;
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(option) = args.next() {
        let value = args.next().ok_or(format!("{option} needs a value"))?;
        match option.as_str() {
            "--subject" => contenders[0] = Contender::parse(&format!("Synap={value}"))?,
            "--peer" => contenders.push(Contender::parse(&value)?),
            "--data" => chosen = Some(value),
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    let names: Vec<&str> = contenders.iter().map(|c| c.name.as_str()).collect();
    let valkey = names.iter().position(|name| name.eq_ignore_ascii_case("valkey"));
    println!(
        "| bytes a key | {} | target | |\n|---|{}---|---|",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let mut plain = None;
    for (head, data, units, target) in ROWS {
        if chosen.as_ref().is_some_and(|chosen| !chosen.split(',').any(|name| name == *data)) {
            continue;
        }
        let figures = contenders.iter().map(|c| measure(c, data, *units)).collect::<Result<Vec<f64>, _>>()?;
        plain = plain.or((*data == "keys-1m").then_some(figures[0]));
        let peer = valkey.map(|at| figures[at]);
        let (text, bar) = match target {
            Target::Bytes(bytes) => (format!("≤ {bytes}"), Some(*bytes)),
            Target::Share(share) => (format!("≤ {share} × Valkey"), peer.map(|bytes| bytes * share)),
            Target::Extra(bytes) => (format!("≤ +{bytes}"), plain.map(|plain| plain + bytes)),
        };
        let verdict = bar.map_or("", |bar| if figures[0] <= bar { "met" } else { "missed" });
        let cells: Vec<String> = figures.iter().map(|bytes| format!("{bytes:.1}")).collect();
        println!("| {head} | {} | {text} | {verdict} |", cells.join(" | "));
    }
    Ok(())
}

fn measure(contender: &Contender, data: &str, units: f64) -> Result<f64, Box<dyn Error>> {
    if data == IDLE {
        return idle(contender);
    }
    let set = memory::all().into_iter().find(|set| set.name == data).ok_or("no such data set")?;
    Ok(set.measure(contender)?.bytes * units)
}

/// Resident bytes that a connection adds which has said PING once.
fn idle(contender: &Contender) -> Result<f64, Box<dyn Error>> {
    let server = Server::start(contender, NO_LOG)?;
    let empty = server.settled_rss()?;
    let connect = |_| -> Result<Client, std::io::Error> {
        let mut client = server.client()?;
        client.call(&["PING"])?;
        Ok(client)
    };
    let clients = (0..CONNECTIONS).map(connect).collect::<Result<Vec<Client>, _>>()?;
    Ok(server.settled_rss()?.saturating_sub(empty) as f64 / clients.len() as f64)
}
