//! A snapshot is what there was at its cut, whatever clients do while it is saved.

use super::{Calls, run};
use crate::base::disk::{Directory, Simulated};
use crate::commands::server::digest;
use crate::config::{Origin, Settings};
use crate::engine::{Engine, Session};
use crate::keyspace::{EntryRef, Keyspace, Kind, SHARDS};
use crate::resp::Reply;
use crate::snapshot::{Aside, Codec, Cut, Progress, load, newest, record, save};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Commands of all families; `K` is a random key, `Q` one of few that are mostly queues, `R` a receipt, `V` a random text,
/// `N` a small number, `D` a database.
const COMMANDS: &[&str] = &[
    "SET K V",
    "SET K N EX 1000",
    "SET K V PX 1",
    "SETRANGE K N V",
    "APPEND K V",
    "INCRBY K N",
    "SETBIT K N 1",
    "PFADD K V",
    "GETDEL K",
    "DEL K",
    "UNLINK K K",
    "EXPIRE K 100",
    "PEXPIRE K 1",
    "PERSIST K",
    "RENAME K K",
    "RENAMENX K K",
    "COPY K K REPLACE",
    "COPY K K DB D",
    "MOVE K D",
    "TOUCH K",
    "RPUSH K V V V",
    "LPUSH K N N",
    "LPOP K",
    "LSET K 0 V",
    "LTRIM K 0 N",
    "LMOVE K K LEFT RIGHT",
    "SADD K V N",
    "SADD K N N N",
    "SREM K N",
    "SPOP K",
    "SMOVE K K N",
    "SUNIONSTORE K K K",
    "HSET K V V N N",
    "HDEL K N",
    "HINCRBY K N N",
    "HPEXPIRE K 1 FIELDS 1 N",
    "HEXPIRE K 100 FIELDS 1 N",
    "ZADD K N V N N",
    "ZINCRBY K N V",
    "ZPOPMIN K",
    "ZUNIONSTORE K 2 K K",
    "GEOADD K 13 38 V",
    "XADD K * V V",
    "XTRIM K MAXLEN N",
    "XGROUP CREATE K g 0 MKSTREAM",
    "XREADGROUP GROUP g c COUNT 1 STREAMS K >",
    "MSET K V K V K V",
    "SORT K ALPHA STORE K",
    "VADD K VALUES 2 N 1 V SETATTR V",
    "VADD K VALUES 2 1 N N",
    "VREM K V",
    "VSETATTR K N V",
    "BITOP NOT K K",
    "SELECT D",
    "GET K",
    "HGETALL K",
    "MULTI|SET K V|DEL K|RENAME K K|EXEC",
    "QPUSH Q V",
    "QPUSH Q V",
    "QMPUSH Q 3 V V V",
    "QPOP Q",
    "QPOP Q COUNT 3",
    "QPOP Q LEASE 0",
    "QACK Q R",
    "QNACK Q R",
    "QNACK Q R DEAD",
    "QREDRIVE Q",
    "QREDRIVE Q TO Q",
    "QDEL Q ALL READY",
    "QSET Q MAXATTEMPTS 3 DEADMAX 5",
    "MULTI|QPUSH Q V|QPOP Q|QDEL Q ALL DEAD|EXEC",
];
/// Commands over everything, which come now and then.
const SWEEPING: &[&str] = &["FLUSHDB", "FLUSHALL", "SWAPDB D D", "SWAPDB D D", "SWAPDB D D"];

/// A client that calls them, from a seed.
pub(super) struct Client {
    engine: Arc<Engine>,
    session: Session,
    random: fastrand::Rng,
    /// Of the messages that it was given last.
    receipts: Vec<Vec<u8>>,
}

impl Client {
    pub(super) fn new(engine: &Arc<Engine>, seed: u64) -> Self {
        let client =
            engine.clients.connect("test".into(), "test".into(), -1, engine.now_ms(), usize::MAX).unwrap();
        let session = Session::new(client, engine);
        Self { engine: engine.clone(), session, random: fastrand::Rng::with_seed(seed), receipts: Vec::new() }
    }

    fn word(&mut self, word: &str) -> Vec<u8> {
        match word {
            "K" => format!("key:{}", self.random.u32(..400)).into_bytes(),
            "Q" => format!("queue:{}", self.random.u32(..4)).into_bytes(),
            "R" => self.receipts.pop().unwrap_or_else(|| b"none".to_vec()),
            "V" if self.random.u8(..30) == 0 => {
                vec![self.random.alphanumeric() as u8; self.random.usize(..9_000)]
            }
            "V" => format!("value {}", self.random.u32(..50)).into_bytes(),
            "N" => self.random.u32(..200).to_string().into_bytes(),
            "D" => self.random.u32(..4).to_string().into_bytes(),
            word => word.as_bytes().to_vec(),
        }
    }

    /// Makes one call, or a transaction; `sweeping`: perhaps one over everything.
    pub(super) fn call(&mut self, sweeping: bool) {
        let commands = if sweeping && self.random.u16(..800) == 0 { SWEEPING } else { COMMANDS };
        for command in self.random.choice(commands).unwrap().split('|') {
            let argv: Vec<Vec<u8>> = command.split(' ').map(|word| self.word(word)).collect();
            let calls = Calls::of(argv.iter().map(Vec::as_slice));
            let now_ms = self.engine.now_ms();
            let mut reply = Reply::default();
            run(&self.engine, &mut self.session, calls.get(0), now_ms, &mut reply);
            if command.starts_with("QPOP") {
                let reply = reply.to_vec();
                let lines = reply.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
                self.receipts.extend(lines.filter(|line| line.contains(&b':')).map(<[u8]>::to_vec));
            }
        }
    }
}

type Content = BTreeMap<(usize, Vec<u8>), Vec<u8>>;

/// What the newest snapshot holds, as records made anew.
fn loaded(dir: &Directory) -> Content {
    let keyspace = Keyspace::new(16);
    let found = newest(dir).unwrap().unwrap();
    load(dir, &found, &keyspace, load::Options::default(), &Progress::default()).unwrap();
    let mut all = Content::new();
    for shard in 0..SHARDS {
        let held = keyspace.lock(shard);
        for (db, table) in held.tables.iter().enumerate() {
            let record = |entry: EntryRef<'_>| {
                let mut bytes = Vec::new();
                match entry.kind() {
                    // Members come in the order in which they were handed over.
                    Kind::Set | Kind::Hash => {
                        let digest = digest::of_value(entry).hex();
                        bytes.extend_from_slice(format!("{digest} {:?}", entry.expire_at()).as_bytes());
                    }
                    _ => record::write(entry, record::Options::default(), &mut bytes),
                }
                bytes
            };
            all.extend(table.iter().map(|entry| ((db, entry.key().to_vec()), record(entry))));
        }
    }
    all
}

#[test]
fn a_snapshot_is_what_there_was_at_its_cut() {
    let engine = Arc::new(Engine::new(Settings::new(), super::registry().catalogue()));
    // Most collections are tables, which are handed over in steps.
    let small = ["hash-max-listpack-entries", "set-max-listpack-entries", "set-max-intset-entries"];
    let small = small.into_iter().chain(["zset-max-listpack-entries", "list-max-listpack-size"]);
    let small = small.map(|name| (name.as_bytes(), b"3".as_slice()));
    // The snapshots are the test's own.
    let settings: Vec<_> = small.chain([(b"save".as_slice(), b"".as_slice())]).collect();
    engine.settings.set(&settings, Origin::Local).unwrap();
    let dir = Directory { disk: Arc::new(Simulated::new(1)), path: "data".into() };
    let mut first = Client::new(&engine, 0);
    for round in 0..12 {
        (0..3_000).for_each(|_| first.call(false));
        let options = |key_delay| save::Options {
            codec: Codec::Lz4,
            records: record::Options::default(),
            sync_in_steps: true,
            key_delay,
        };
        let take = |delay_us| {
            Cut::take(
                &engine.keyspace,
                options(Duration::from_micros(delay_us)),
                0,
                &Arc::default(),
                Aside::default,
            )
        };
        take(0).save(&engine.keyspace, &dir).unwrap();
        let before = loaded(&dir);
        let cut = take(20);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for n in 0..2 {
                let (engine, over) = (&engine, &over);
                scope.spawn(move || {
                    let mut client = Client::new(engine, round * 10 + n + 1);
                    while !over.load(Relaxed) {
                        client.call(true);
                    }
                });
            }
            let saved = cut.save(&engine.keyspace, &dir);
            over.store(true, Relaxed);
            saved.unwrap();
        });
        let after = loaded(&dir);
        assert!(before.len() > 200, "too little is left to be saved");
        for (key, record) in &before {
            assert!(after.get(key) == Some(record), "round {round}: {key:?} is not what it was");
        }
        assert_eq!(after.len(), before.len(), "round {round}: what came later is in it");
    }
}
