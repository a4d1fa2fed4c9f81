//! What calls write into the log, and how much of it has to be durable before they are answered.

use super::{Calls, Outcome, run};
use crate::base::disk::{Directory, Simulated};
use crate::config::{Settings, Start};
use crate::engine::{Client, Engine, Reached, Session};
use crate::log::FIRST;
use crate::resp::Reply;
use std::sync::Arc;

/// An engine that logs to a simulated disk, set up by one flag and its value, and a session of it.
fn logged(flag: [&str; 2]) -> (Engine, Session) {
    let Ok(Start::Serve(settings)) = Settings::load(&flag.map(Into::into), &mut std::io::empty()) else {
        panic!("no settings")
    };
    let engine = Engine::new(settings, super::registry().catalogue());
    let client = Client::new(0, "test".into(), "test".into(), -1, engine.now_ms());
    let session = Session::new(Arc::new(client), &engine);
    let dir = Directory { disk: Arc::new(Simulated::new(1)), path: "data".into() };
    engine.start_log(dir, FIRST).unwrap();
    (engine, session)
}

#[test]
fn a_transaction_is_one_record_whatever_it_calls() {
    let (engine, mut session) = logged(["--enable-debug-command", "yes"]);
    let calls = [
        "MULTI",
        "SET a 1",
        "CONFIG SET maxmemory-samples 6",
        "INCR a",
        "DEBUG OBJECT a",
        "DEBUG DIGEST",
        "INFO keyspace",
        "BGSAVE",
        "SET b 1",
        "MEMORY USAGE b",
        "RPUSH c 1",
        "EXEC",
    ];
    for call in calls {
        let mut reply = Reply::default();
        let calls = Calls::of(call.split(' ').map(str::as_bytes));
        run(&engine, &mut session, calls.get(0), engine.now_ms(), &mut reply);
        let answer = reply.to_vec().escape_ascii().to_string();
        assert!(!answer.contains("ERR"), "{call}: {answer}");
    }
    assert_eq!(engine.log.records(), 1);
    engine.log.stop().unwrap();
}

#[test]
fn who_is_given_a_message_waits_for_its_push_alone() {
    let (engine, mut session) = logged(["--appendfsync", "always"]);
    let mut call = |words: &str| -> Reached {
        let mut reply = Reply::default();
        let calls = Calls::of(words.split(' ').map(str::as_bytes));
        match run(&engine, &mut session, calls.get(0), engine.now_ms(), &mut reply) {
            Outcome::Done(reached) => reached,
            _ => panic!("{words} waits"),
        }
    };
    let pushes = ["a", "b", "c", "d"].map(|body| call(&format!("QPUSH q {body}")).wrote);
    assert!(pushes.is_sorted() && pushes[0] > 0);
    assert_eq!(call("QPOP q"), Reached { wrote: 0, saw: pushes[0] });
    assert_eq!(call("QPOP q COUNT 2"), Reached { wrote: 0, saw: pushes[2] });
    // For good is an acknowledgement, and that nothing is left to be told is so since the newest record.
    let gone = call("QPOP q LEASE 0").wrote;
    assert!(gone > pushes[3]);
    assert_eq!(call("QPOP q"), Reached { wrote: 0, saw: gone });
    // In a group it waits for what became of those before it.
    let first = call("QPUSH g one GROUP a").wrote;
    let last = call("QPUSH g two GROUP b").wrote;
    assert!(first < last);
    assert_eq!(call("QPOP g").saw, last);
    // In a transaction it waits for all of it, and a copy for its record.
    call("QPUSH q e");
    call("MULTI");
    call("QPUSH q f");
    call("QPOP q COUNT 2");
    let both = call("EXEC");
    assert!(both.wrote > gone);
    call("QPUSH q g");
    let copied = call("COPY q p").wrote;
    assert_eq!(call("QPOP p").saw, copied);
    // One that was moved to its own queue is a new message.
    call("QPUSH r h");
    call("QPOP r");
    let id = engine_last_id(&engine);
    call(&format!("QNACK r {id} DEAD"));
    let moved = call("QREDRIVE r TO r").wrote;
    assert_eq!(call("QPOP r").saw, moved);
    engine.log.stop().unwrap();
}

/// The id pushed last to the queue `r`.
fn engine_last_id(engine: &Engine) -> String {
    let key = crate::keyspace::Key::new(b"r");
    let shard = engine.keyspace.lock(key.shard());
    let entry = shard.tables[0].find(key.hash, key.bytes).unwrap();
    let id = entry.collection::<crate::types::Queue>().unwrap().last_id();
    format!("{}-{}", id.ms, id.seq)
}
