//! How well eviction chooses: the share of hits of a cache that is asked for keys by Zipf's law, beside others.
//!
//! Each server first takes as many keys as the cache is to hold; what that takes is its `maxmemory`, so that a server
//! that needs less for a key holds no more of them. Then the same trace runs at the same pace for each policy: a key
//! is read, and written when it is absent.
//!
//! `cargo bench --bench hit_ratio -- [--subject PROGRAM] [--peer NAME=PROGRAM …] [--seconds S] [--policies LIST]`

#[path = "common/client.rs"]
mod client;
#[path = "common/request.rs"]
mod request;
#[path = "common/server.rs"]
mod server;

use client::Client;
use request::encode;
use server::{Contender, NO_LOG, Server};
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

/// Keys that are asked for, and those the cache has room for.
const UNIVERSE: usize = 400_000;
const CACHED: usize = 100_000;
/// The exponent of Zipf's law.
const SKEW: f64 = 0.9;
/// Requests that are sent at once, and how often that is.
const BATCH: usize = 100;
const PACE: Duration = Duration::from_millis(3);
/// Of each measurement, the part that only fills the cache.
const WARM_UP: f64 = 0.4;
/// 64 bytes.
const DATA: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const POLICIES: &str =
    "allkeys-lru,allkeys-lfu,allkeys-random,volatile-lru,volatile-lfu,volatile-random,volatile-ttl";

fn main() -> Result<(), Box<dyn Error>> {
    let mut subject = env!("CARGO_BIN_EXE_synap-server").to_string();
    let (mut peers, mut seconds, mut policies) = (Vec::new(), 20.0, POLICIES.to_string());
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("{name} needs a value"))?;
        match name.as_str() {
            "--subject" => subject = value,
            "--peer" => peers.push(Contender::parse(&value)?),
            "--seconds" => seconds = value.parse()?,
            "--policies" => policies = value,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    let mut contenders = vec![Contender::parse(&format!("Synap={subject}"))?];
    contenders.append(&mut peers);
    let law = Zipf::new();
    let names: Vec<&str> = contenders.iter().map(|c| c.name.as_str()).collect();
    println!("| policy | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for policy in policies.split(',') {
        let mut cells = Vec::new();
        for contender in &contenders {
            let share = hit_ratio(contender, policy, Duration::from_secs_f64(seconds), &law)?;
            cells.push(format!("{:.2} %", share * 100.0));
        }
        println!("| {policy} | {} |", cells.join(" | "));
    }
    Ok(())
}

/// The share of hits behind the warm-up.
fn hit_ratio(contender: &Contender, policy: &str, span: Duration, law: &Zipf) -> Result<f64, Box<dyn Error>> {
    let server = Server::start(contender, NO_LOG)?;
    let mut client = server.client()?;
    let is_volatile = policy.starts_with("volatile");
    client.load(CACHED, |key, out| write(out, UNIVERSE + key, is_volatile))?;
    let limit = used_memory(&mut client)?.to_string();
    client.call(&["CONFIG", "SET", "maxmemory-samples", "5"])?;
    client.call(&["CONFIG", "SET", "maxmemory-policy", policy])?;
    client.call(&["CONFIG", "SET", "maxmemory", &limit])?;
    let mut random = fastrand::Rng::with_seed(1);
    let (begun, mut hits, mut asked) = (Instant::now(), 0, 0);
    let mut next = begun;
    while begun.elapsed() < span {
        let keys: Vec<usize> = (0..BATCH).map(|_| law.draw(&mut random)).collect();
        let mut run = Vec::new();
        keys.iter().for_each(|key| encode(&mut run, &["GET", &name(*key)]));
        let replies = client.run(&run, BATCH)?;
        let missed: Vec<usize> =
            keys.iter().zip(&replies).filter(|(_, r)| r.is_empty()).map(|(key, _)| *key).collect();
        client.load(missed.len(), |at, out| write(out, missed[at], is_volatile))?;
        if begun.elapsed() > span.mul_f64(WARM_UP) {
            hits += BATCH - missed.len();
            asked += BATCH;
        }
        next += PACE;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(hits as f64 / asked as f64)
}

fn name(key: usize) -> String {
    format!("key:{key:012}")
}

/// Writes a key; of those that may expire, the often asked for live no longer than others.
fn write(out: &mut Vec<u8>, key: usize, is_volatile: bool) {
    let ttl_s = (10_000 + key % 10_000).to_string();
    match is_volatile {
        true => encode(out, &["SET", &name(key), DATA, "EX", &ttl_s]),
        false => encode(out, &["SET", &name(key), DATA]),
    }
}

fn used_memory(client: &mut Client) -> Result<usize, Box<dyn Error>> {
    let info = String::from_utf8(client.call(&["INFO", "memory"])?)?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.ok_or("INFO tells no used_memory")?.trim().parse()?)
}

/// Draws keys by Zipf's law: the sums of the weights up to each.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new() -> Self {
        let weights = (1..=UNIVERSE).map(|rank| (rank as f64).powf(-SKEW));
        Zipf(
            weights
                .scan(0.0, |sum, weight| {
                    *sum += weight;
                    Some(*sum)
                })
                .collect(),
        )
    }

    fn draw(&self, random: &mut fastrand::Rng) -> usize {
        let at = random.f64() * self.0[UNIVERSE - 1];
        self.0.partition_point(|sum| *sum < at).min(UNIVERSE - 1)
    }
}
