//! What the log says of queues makes the same queues again, after every single record.

use crate::command::{Args, Flow, Keyed, Reply, Run};
use crate::commands::FAMILIES;
use crate::keyspace::effects::Listeners;
use crate::keyspace::txn::{Begin, Caller};
use crate::keyspace::{Effects, Key, Keyspace};
use crate::types::Queue;
use crate::types::queue::Owner;
use fastrand::Rng;
use proptest::prelude::*;
use std::sync::Arc;

/// Runs one command on the keys `a` and `b`; returns its reply and what it recorded.
fn call(keyspace: &Keyspace, words: &[Vec<u8>], now_ms: i64) -> (Vec<u8>, Vec<Vec<Vec<u8>>>) {
    let find = |name: &[u8]| FAMILIES.iter().flat_map(|f| f.iter()).find(|c| c.name.as_bytes() == name);
    let command = find(&words[0]).unwrap();
    let argv: Vec<&[u8]> = words.iter().map(|word| &word[..]).collect();
    let keys = [Key::new(b"a"), Key::new(b"b")];
    let mut effects = Effects::default();
    let begin = Begin { db: 0, now_ms, access: None, event: command.event };
    let mut txn = keyspace.begin(&keys, begin, &mut effects);
    let owner = Arc::new(Owner { client: 7, name: "worker".into(), addr: "127.0.0.1:7".into() });
    let mut reply = Reply::default();
    let mut progress = None;
    let done = loop {
        txn.set_caller(Caller { owner: Some(owner.clone()), is_woken: false, progress });
        let mut cx = Keyed { args: Args::new(&argv, 1), txn: &mut txn, reply: &mut reply, command };
        match command.run {
            Run::Keyed(handler) => break handler(&mut cx),
            Run::Waiting(handler) => match handler(&mut cx) {
                Ok(Flow::Again(far)) => progress = Some(far),
                flow => break flow.map(|flow| assert!(matches!(flow, Flow::Done))),
            },
            _ => unreachable!(),
        }
    };
    if let Err(error) = done {
        reply.error(&error);
    }
    let log = recorded(txn.effects().log());
    drop(txn);
    (reply.to_vec(), log)
}

/// Everything known of the queues at `now_ms` but what has no record.
fn known(keyspace: &Keyspace, now_ms: i64) -> Vec<String> {
    let mut lines = Vec::new();
    for key in ["a", "b"] {
        call(keyspace, &[b"QLEN".to_vec(), key.into()], now_ms);
        let found = Key::new(key.as_bytes());
        let shard = keyspace.lock(found.shard());
        let entry = shard.tables[0].find(found.hash, found.bytes);
        let Some(queue) = entry.and_then(|entry| entry.collection::<Queue>()) else { continue };
        let mut head = queue.head();
        (head.totals.popped, head.totals.duplicates, head.totals.rejected) = (0, 0, 0);
        lines.push(format!("{key} {head:?}"));
        lines.extend(queue.stored().map(|stored| format!("{stored:?}")));
        assert!(queue.is_balanced());
    }
    lines
}

/// A random command; receipts are taken from `receipts`.
fn command(rng: &mut Rng, receipts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut words: Vec<String> = Vec::new();
    let mut raw: Vec<Vec<u8>> = Vec::new();
    let key = if rng.u8(..4) == 0 { "b" } else { "a" };
    let receipt = |rng: &mut Rng| match receipts.len() {
        0 => b"1-1".to_vec(),
        len => receipts[len - 1 - rng.usize(..len.min(10))].clone(),
    };
    match rng.u8(..20) {
        0..6 => {
            words.extend(["QPUSH", key, "body"].map(String::from));
            for (option, bound) in [("DELAY", 40), ("TTL", 80), ("PRI", 10), ("ATTEMPTS", 3)] {
                if rng.u8(..4) == 0 {
                    words.extend([option.into(), rng.u32(..bound).to_string()]);
                }
            }
            for option in ["GROUP", "ID"] {
                if rng.bool() {
                    words.extend([option.into(), rng.char('a'..'d').into()]);
                }
            }
        }
        6 => words.extend(["QMPUSH", key, "2", "one", "two", "GROUP", "g"].map(String::from)),
        7..11 => {
            words.extend(["QPOP", key, "COUNT", "2", "LEASE"].map(String::from));
            words.push(rng.u32(..60).to_string());
            if rng.u8(..4) == 0 {
                words.push("TIED".into());
            }
        }
        11..13 => {
            words.extend(["QACK", key].map(String::from));
            raw = vec![receipt(rng), receipt(rng)];
        }
        13..15 => {
            words.extend(["QNACK", key].map(String::from));
            raw = vec![receipt(rng)];
            match rng.u8(..4) {
                0 => raw.push(b"DEAD".to_vec()),
                1 => raw.push(b"RETURN".to_vec()),
                2 => raw.extend([b"REASON".to_vec(), b"why".to_vec()]),
                _ => {}
            }
        }
        15 => {
            words.extend(["QTOUCH".into(), key.into(), rng.u32(..50).to_string()]);
            raw = vec![receipt(rng)];
        }
        16 => {
            words.extend(["QDEL", key].map(String::from));
            match rng.u8(..4) {
                0 => words.extend(
                    ["ALL", ["READY", "DELAYED", "INFLIGHT", "DEAD"][rng.usize(..4)]].map(String::from),
                ),
                1 if rng.u8(..4) == 0 => words.push("ALL".into()),
                _ => raw = vec![receipt(rng)],
            }
        }
        17 => {
            words.extend(["QREDRIVE", key].map(String::from));
            if rng.bool() {
                words.extend(["TO", "b"].map(String::from));
            }
        }
        _ => {
            words.extend(["QSET", key].map(String::from));
            let pairs = [
                ("MAXATTEMPTS", 4),
                ("MAXLEN", 20),
                ("DEDUP", 200),
                ("GROUPMAX", 3),
                ("DEADMAX", 6),
                ("DEADTTL", 100),
            ];
            let (option, bound) = pairs[rng.usize(..pairs.len())];
            words.extend([option.into(), rng.u32(..bound).to_string()]);
            words.extend(["OVERFLOW".into(), if rng.bool() { "DROP" } else { "REJECT" }.into()]);
            words.extend(["BACKOFF", "5", "40", "ONEXPIRE"].map(String::from));
            words.push(if rng.bool() { "DEAD" } else { "DROP" }.into());
        }
    }
    words.into_iter().map(String::into_bytes).chain(raw).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn replaying_what_was_recorded_makes_the_same_queues(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let (live, again) = (Keyspace::new(1), Keyspace::new(1));
        live.listening().set(Listeners::LOG, true);
        let (mut now_ms, mut receipts) = (1_000_000, Vec::new());
        for _ in 0..300 {
            now_ms += match rng.u8(..100) {
                0 => 86_400_000,
                1 => -86_400_000,
                2..50 => rng.i64(0..40),
                _ => 0,
            };
            if rng.u8(..100) == 0 {
                // The server is started again.
                for key in ["a", "b"] {
                    let restart = [b"Q.RESTART".to_vec(), key.into(), now_ms.max(0).to_string().into_bytes()];
                    call(&live, &restart, now_ms).1.iter().for_each(|words| drop(call(&again, words, now_ms)));
                }
            }
            let words = command(&mut rng, &receipts);
            let (reply, log) = call(&live, &words, now_ms);
            if words[0] == b"QPOP" {
                let lines = reply.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end());
                receipts.extend(lines.filter(|line| line.contains(&b':')).map(<[u8]>::to_vec));
            }
            for words in &log {
                let (reply, _) = call(&again, words, now_ms);
                prop_assert!(!reply.starts_with(b"-ERR"), "{:?}: {:?}", words, String::from_utf8_lossy(&reply));
            }
            prop_assert_eq!(known(&live, now_ms), known(&again, now_ms), "after {:?}", words);
        }
    }
}

/// The effects in a log.
fn recorded(log: &[u8]) -> Vec<Vec<Vec<u8>>> {
    crate::base::ops::read(log)
        .map(|op| op.unwrap().words.iter().map(|word| word.to_vec()).collect())
        .collect()
}
