//! A server within a test, for what no transcript can show: settings that hold from the start on, what happens by itself.

use super::{Calls, registry, run};
use crate::config::{Origin, Settings};
use crate::engine::{Client, Engine, Session};
use crate::resp::Reply;
use std::sync::Arc;

/// A server and its only client.
pub(super) struct Trial {
    pub engine: Engine,
    session: Session,
}

impl Trial {
    /// One that starts with these settings.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        let settings = Settings::new();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        settings.set(&pairs, Origin::Local).unwrap();
        let engine = Engine::new(settings, registry().catalogue());
        let client = Client::new(0, "test".into(), "test".into(), -1, engine.now_ms());
        let session = Session::new(Arc::new(client), &engine);
        Self { engine, session }
    }

    /// What it answers to a call, whose words stand between blanks.
    pub fn call(&mut self, line: &str) -> String {
        let mut reply = Reply::default();
        let calls = Calls::of(line.split(' ').map(str::as_bytes));
        let now_ms = self.engine.now_ms();
        run(&self.engine, &mut self.session, calls.get(0), now_ms, &mut reply);
        String::from_utf8(reply.to_vec()).unwrap()
    }
}

#[test]
fn keys_are_told_by_their_memory() {
    let mut trial = Trial::of(&[("key-memory-histograms", "yes")]);
    for line in ["SET s v", "RPUSH l 1", "RPUSH m 2", "SELECT 1", "HSET h f 1"] {
        trial.call(line);
    }
    let value = format!("RPUSH large {}", "x".repeat(5000));
    trial.call(&value);
    let told = trial.call("INFO keysizes");
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("s_sizes:")).collect();
    let [strings, lists, large, hashes] = lines[..] else { panic!("{told}") };
    assert_eq!(strings, "db0_distrib_strings_sizes:1=1");
    assert!(lists.starts_with("db0_distrib_lists_sizes:") && lists.ends_with("=2"), "{lists}");
    assert_eq!(large, "db1_distrib_lists_sizes:4K=1");
    assert!(hashes.starts_with("db1_distrib_hashes_sizes:"), "{hashes}");
    assert_eq!(trial.call("CONFIG SET key-memory-histograms no"), "+OK\r\n");
    assert!(!trial.call("INFO keysizes").contains("lists_sizes"));
    assert!(trial.call("CONFIG SET key-memory-histograms yes").starts_with("-ERR CONFIG SET failed"));
}
