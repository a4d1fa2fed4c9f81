//! What EXEC does is one record of the log, whatever it calls.

use super::{Calls, run};
use crate::base::disk::{Directory, Simulated};
use crate::config::{Settings, Start};
use crate::engine::{Client, Engine, Session};
use crate::log::FIRST;
use crate::resp::Reply;
use std::sync::Arc;

#[test]
fn a_transaction_is_one_record_whatever_it_calls() {
    let args = ["--enable-debug-command", "yes"].map(Into::into);
    let Ok(Start::Serve(settings)) = Settings::load(&args, &mut std::io::empty()) else {
        panic!("no settings")
    };
    let engine = Engine::new(settings, super::registry().catalogue());
    let client = Client::new(0, "test".into(), "test".into(), -1, engine.now_ms());
    let mut session = Session::new(Arc::new(client), &engine);
    let dir = Directory { disk: Arc::new(Simulated::new(1)), path: "data".into() };
    engine.start_log(dir, FIRST).unwrap();
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
