//! Bytes per key and per element, by the resident memory a data set adds to an empty server.
#![allow(dead_code, reason = "each benchmark uses its part")]

use crate::client::Client;
use crate::request::encode;
use crate::server::{Contender, NO_LOG, Server};
use std::io;

/// A data set whose size is measured.
pub struct DataSet {
    /// The row's head, and what `--memory` selects by.
    pub name: &'static str,
    /// Requests that build it.
    requests: usize,
    /// What the bytes are divided by, in the row's unit.
    units: usize,
    /// What the bytes are counted per.
    pub unit: &'static str,
    write: fn(usize, &mut Vec<u8>),
}

/// What one server needed for a data set.
pub struct Footprint {
    /// Resident bytes over the empty server, per unit.
    pub bytes: f64,
    /// What the server tells of its own SET latencies (`INFO latencystats`), when it does.
    pub worst_set: Option<String>,
}

/// 64 bytes.
pub const DATA: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

const MILLION: usize = 1_000_000;

fn numbered(command: &str, prefix: &str, i: usize, value: &str, out: &mut Vec<u8>) {
    encode(out, &[command, &format!("{prefix}{i:012}"), value]);
}

/// `command key` followed by `count` small arguments (pairs for hashes and sorted sets).
fn small(command: &str, i: usize, count: usize, out: &mut Vec<u8>) {
    let mut parts = vec![command.to_string(), format!("key:{i:012}")];
    for n in 0..count {
        match command {
            "HSET" => parts.extend([format!("field{n}"), format!("value{n}")]),
            "ZADD" => parts.extend([format!("{n}"), format!("member{n}")]),
            "SADD" => parts.push(format!("{}", i + n)),
            _ => parts.push(format!("element{n}")),
        }
    }
    encode(out, &parts.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Every data set, the default ones first.
pub fn all() -> Vec<DataSet> {
    let set = |name, requests, units, unit, write| DataSet { name, requests, units, unit, write };
    vec![
        set("keys-1m", MILLION, MILLION, "key", |i, out| numbered("SET", "key:", i, DATA, out)),
        set("keys-10m", 10 * MILLION, 10 * MILLION, "key", |i, out| numbered("SET", "key:", i, DATA, out)),
        set("counters-1m", MILLION, MILLION, "key", |i, out| numbered("SET", "key:", i, &i.to_string(), out)),
        set("ttl-1m", MILLION, MILLION, "key", |i, out| {
            encode(out, &["SET", &format!("key:{i:012}"), DATA, "EX", "100000"]);
        }),
        set("hashes-5", MILLION, 5 * MILLION, "field", |i, out| small("HSET", i, 5, out)),
        set("sets-10", MILLION, 10 * MILLION, "member", |i, out| small("SADD", i, 10, out)),
        set("sorted-10", MILLION, 10 * MILLION, "member", |i, out| small("ZADD", i, 10, out)),
        set("lists-10", MILLION, 10 * MILLION, "element", |i, out| small("RPUSH", i, 10, out)),
        set("lists-100", MILLION / 10, 10 * MILLION, "element", |i, out| small("RPUSH", i, 100, out)),
        set("hash-1m", MILLION, MILLION, "field", |i, out| {
            encode(out, &["HSET", "hash", &format!("field:{i:012}"), &format!("value:{i:010}")]);
        }),
        set("set-1m", MILLION, MILLION, "member", |i, out| {
            encode(out, &["SADD", "set", &format!("member:{i:012}")]);
        }),
        set("sorted-1m", MILLION, MILLION, "member", |i, out| {
            encode(out, &["ZADD", "sorted", &i.to_string(), &format!("member:{i:012}")]);
        }),
        set("stream-1m", MILLION, MILLION, "entry", |i, out| {
            let n = i.to_string();
            encode(out, &["XADD", "stream", "*", "sensor", &n, "temperature", "21.5", "humidity", "40"]);
        }),
    ]
}

impl DataSet {
    /// Resident bytes per unit that `contender` is to need at most, when a bar is set for it.
    pub fn target(&self) -> Option<f64> {
        self.name.starts_with("keys-").then_some(112.0)
    }

    /// Starts `contender` empty, writes the data set and measures what it added.
    pub fn measure(&self, contender: &Contender) -> io::Result<Footprint> {
        let server = Server::start(contender, NO_LOG)?;
        let mut client = server.client()?;
        let percentiles = ["CONFIG", "SET", "latency-tracking-info-percentiles", "50 99 99.99 100"];
        let tracked = client.call(&percentiles).is_ok();
        let empty = server.settled_rss()?;
        client.load(self.requests, self.write)?;
        let full = server.settled_rss()?;
        let worst_set = if tracked { set_latency(&mut client) } else { None };
        Ok(Footprint { bytes: full.saturating_sub(empty) as f64 / self.units as f64, worst_set })
    }
}

fn set_latency(client: &mut Client) -> Option<String> {
    let info = client.call(&["INFO", "latencystats"]).ok()?;
    let info = String::from_utf8_lossy(&info);
    info.lines().find_map(|line| line.strip_prefix("latency_percentiles_usec_set:").map(str::to_string))
}
