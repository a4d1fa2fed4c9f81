//! What is measured: a command line for the load generator, the data it runs on, and the target to reach.

use crate::client::Client;
use crate::memory::DATA;
use crate::request::encode;
use crate::scripts;
use std::io;
use synap::lua::script::sha1_hex;

/// Keys, fields and members are drawn from this many.
pub const RANDOM_RANGE: usize = 1_000_000;
/// Connections that listen while `PUBLISH` is measured.
pub const SUBSCRIBERS: usize = 100;

/// The data a workload runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// An empty server.
    Empty,
    /// 10^6 strings of 64 bytes.
    Strings,
    /// 10^6 counters.
    Counters,
    /// As many list elements as there will be requests.
    PoppedList,
    /// As many set members as there will be requests.
    PoppedSet,
    /// As many sorted set members as there will be requests.
    PoppedSorted,
    /// A list of 600 elements.
    List,
    /// A sorted set of 10^4 members.
    Sorted,
    /// Two sets of 10^4 members, 10^3 of them in both.
    Sets,
    /// A hash of 100 fields.
    Hash,
    /// A hash, a set and a sorted set of 10^6 members each.
    Members,
    /// 10^6 strings of 64 bytes, and scripts that are loaded.
    Scripts,
    /// An empty server with [`SUBSCRIBERS`] subscribers of `news`.
    Subscribers,
}

impl Stage {
    /// Whether requests leave the stage as it was, so that the next workload may use it again.
    pub fn is_kept(self) -> bool {
        matches!(self, Stage::Strings | Stage::Counters | Stage::List | Stage::Scripts | Stage::Members)
    }

    /// Empties the server and writes the data for `requests` requests.
    pub fn set(self, client: &mut Client, requests: usize) -> io::Result<()> {
        client.call(&["FLUSHALL", "SYNC"])?;
        let numbered = |prefix: &str, i: usize| format!("{prefix}{i:012}");
        match self {
            Stage::Empty | Stage::Subscribers => Ok(()),
            Stage::Strings | Stage::Scripts => {
                if self == Stage::Scripts {
                    scripts::load(client)?;
                }
                client.load(RANDOM_RANGE, |i, out| encode(out, &["SET", &numbered("key:", i), DATA]))
            }
            Stage::Counters => {
                client.load(RANDOM_RANGE, |i, out| encode(out, &["SET", &numbered("counter:", i), "1000"]))
            }
            Stage::PoppedList => client.load(requests, |_, out| encode(out, &["RPUSH", "list", DATA])),
            Stage::PoppedSet => {
                client.load(requests, |i, out| encode(out, &["SADD", "set", &numbered("element:", i)]))
            }
            Stage::PoppedSorted => client.load(requests, |i, out| {
                encode(out, &["ZADD", "sorted", &i.to_string(), &numbered("element:", i)])
            }),
            Stage::List => client.load(600, |_, out| encode(out, &["RPUSH", "list", DATA])),
            Stage::Sorted => client.load(10_000, |i, out| {
                encode(out, &["ZADD", "sorted", &i.to_string(), &numbered("element:", i)])
            }),
            Stage::Sets => client.load(20_000, |i, out| match i / 10_000 {
                0 => encode(out, &["SADD", "set:a", &numbered("element:", i)]),
                _ => encode(out, &["SADD", "set:b", &numbered("element:", i - 1_000)]),
            }),
            Stage::Hash => {
                client.load(100, |i, out| encode(out, &["HSET", "hash", &numbered("field:", i), DATA]))
            }
            Stage::Members => client.load(3 * RANDOM_RANGE, |i, out| {
                let member = numbered("element:", i / 3);
                match i % 3 {
                    0 => encode(out, &["HSET", "hash", &member, DATA]),
                    1 => encode(out, &["SADD", "set", &member]),
                    _ => encode(out, &["ZADD", "sorted", &i.to_string(), &member]),
                }
            }),
        }
    }
}

/// One command to measure.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The row's head, and what `--tests` selects by.
    pub name: String,
    /// Also selects it: all of a group at once.
    pub group: &'static str,
    /// Its arguments; the load generator replaces `__rand_int__`.
    pub command: Vec<String>,
    /// The data it runs on.
    pub stage: Stage,
}

/// What Synap ÷ Valkey has to reach, by pipeline depth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target {
    /// CPU per operation at most.
    pub cpu: Option<f64>,
    /// Operations per second at least.
    pub throughput: Option<f64>,
}

impl Workload {
    fn new(group: &'static str, name: &str, stage: Stage, command: &str) -> Self {
        let command = command.split(' ').map(|word| if word == "DATA" { DATA } else { word }.to_string());
        Self { name: name.to_string(), group, command: command.collect(), stage }
    }

    /// A call of a script: its words as they are.
    fn script(name: &str, command: &[&str]) -> Self {
        let command = command.iter().map(ToString::to_string).collect();
        Self { name: name.to_string(), group: "scripts", command, stage: Stage::Scripts }
    }

    /// Reads `NAME=COMMAND ARGUMENT …`: a workload of the user's, on an empty server.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or(format!("'{text}': expected NAME=COMMAND"))?;
        Ok(Self::new("custom", name, Stage::Empty, command))
    }

    /// The bar set for this workload at `pipeline`.
    pub fn target(&self, pipeline: usize) -> Target {
        let throughput = match pipeline {
            1 => 1.0,
            16 => 1.2,
            _ => 2.0,
        };
        match (self.group, self.name.as_str(), pipeline) {
            ("strings", "SET", 1) => Target { cpu: Some(0.90), throughput: Some(throughput) },
            ("strings", "SET", 16) => Target { cpu: Some(0.64), throughput: Some(throughput) },
            ("strings", "SET", 64) => Target { cpu: Some(0.40), throughput: Some(throughput) },
            ("strings", "GET", 1) => Target { cpu: Some(0.88), throughput: Some(throughput) },
            ("strings", "GET", 16) => Target { cpu: Some(0.72), throughput: Some(throughput) },
            ("strings", "GET", 64) => Target { cpu: Some(0.46), throughput: Some(throughput) },
            ("elements", _, 16 | 64) => Target { cpu: Some(0.70), throughput: None },
            ("ranges", _, 16 | 64) => Target { cpu: Some(0.80), throughput: None },
            ("elements" | "ranges", _, _) => Target { cpu: Some(1.0), throughput: None },
            ("scripts", _, 1 | 16) => Target { cpu: Some(0.90), throughput: None },
            ("publish", ..) => Target { cpu: None, throughput: Some(1.0) },
            _ => Target::default(),
        }
    }
}

/// Every workload, in the order it runs.
pub fn all() -> Vec<Workload> {
    let hmget = format!("HMGET hash{}", " element:__rand_int__".repeat(20));
    let mset = format!("MSET{}", " key:__rand_int__ DATA".repeat(10));
    let limiter = sha1_hex(scripts::LIMITER.as_bytes());
    let limiter = String::from_utf8_lossy(&limiter);
    let (w, script) = (Workload::new, Workload::script);
    vec![
        w("strings", "SET", Stage::Strings, "SET key:__rand_int__ DATA"),
        w("strings", "GET", Stage::Strings, "GET key:__rand_int__"),
        w("strings", "MSET", Stage::Strings, &mset),
        w("strings", "INCR", Stage::Counters, "INCR counter:__rand_int__"),
        w("elements", "LPUSH", Stage::Empty, "LPUSH list DATA"),
        w("elements", "RPUSH", Stage::Empty, "RPUSH list DATA"),
        w("elements", "LPOP", Stage::PoppedList, "LPOP list"),
        w("elements", "SADD", Stage::Empty, "SADD set element:__rand_int__"),
        w("elements", "SPOP", Stage::PoppedSet, "SPOP set"),
        w("elements", "HSET", Stage::Empty, "HSET hash element:__rand_int__ DATA"),
        w("elements", "ZADD", Stage::Empty, "ZADD sorted __rand_int__ element:__rand_int__"),
        w("elements", "ZPOPMIN", Stage::PoppedSorted, "ZPOPMIN sorted"),
        w("elements", "XADD", Stage::Empty, "XADD stream * field DATA"),
        w("ranges", "LRANGE_100", Stage::List, "LRANGE list 0 99"),
        w("ranges", "LRANGE_300", Stage::List, "LRANGE list 0 299"),
        w("ranges", "LRANGE_600", Stage::List, "LRANGE list 0 599"),
        w("ranges", "ZRANGE", Stage::Sorted, "ZRANGE sorted 5000 5099"),
        w("ranges", "SINTER", Stage::Sets, "SINTER set:a set:b"),
        w("ranges", "HGETALL", Stage::Hash, "HGETALL hash"),
        w("members", "HGET", Stage::Members, "HGET hash element:__rand_int__"),
        w("members", "HMGET_20", Stage::Members, &hmget),
        w("members", "HSET_OLD", Stage::Members, "HSET hash element:__rand_int__ DATA"),
        w("members", "SISMEMBER", Stage::Members, "SISMEMBER set element:__rand_int__"),
        w("members", "ZSCORE", Stage::Members, "ZSCORE sorted element:__rand_int__"),
        w("members", "ZINCRBY", Stage::Members, "ZINCRBY sorted 1 element:__rand_int__"),
        script("EVAL_1", &["EVAL", scripts::ONE, "1", "key:__rand_int__"]),
        script("EVAL_10", &["EVAL", scripts::TEN, "1", "key:__rand_int__", DATA]),
        script("EVALSHA_LIMITER", &["EVALSHA", &limiter, "1", "bucket:__rand_int__", "10", "100", "1"]),
        script("FCALL", &["FCALL", "bench_get", "1", "key:__rand_int__"]),
        w("publish", "PUBLISH", Stage::Subscribers, "PUBLISH news DATA"),
    ]
}
