//! An engine in this process, with one connection's worth of calls: no sockets, no codec.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::sync::Arc;
use synap::config::Settings;
use synap::dispatch::{self, Calls};
use synap::engine::{Engine, Session};
use synap::resp::Reply;

/// 64 bytes.
pub const DATA: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
/// Calls decoded ahead of their execution, as a pipeline of clients brings them.
pub const BATCH: usize = 32;

/// An empty engine.
pub fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(Settings::new(), dispatch::registry().catalogue()))
}

/// One connection.
pub struct Caller {
    engine: Arc<Engine>,
    session: Session,
    reply: Reply,
}

impl Caller {
    /// Connects to `engine`.
    pub fn new(engine: &Arc<Engine>) -> Self {
        let client = engine.clients.connect("bench".into(), "bench".into(), -1, engine.now_ms(), usize::MAX);
        let session = Session::new(client.expect("there is no limit"), engine);
        Self { engine: engine.clone(), session, reply: Reply::default() }
    }

    /// Runs `calls` as one batch, as a connection does: looks up and prefetches all, then runs each.
    pub fn run<const N: usize>(&mut self, calls: &[[&[u8]; N]]) {
        self.run_slices(calls.iter().map(|argv| &argv[..]));
    }

    /// As [`Caller::run`], for calls of any number of words.
    pub fn run_slices<'c>(&mut self, calls: impl Iterator<Item = &'c [&'c [u8]]>) {
        let mut batch = Calls::default();
        calls.for_each(|argv| batch.push(argv.iter().copied()));
        batch.prefetch(&self.engine, self.session.db);
        let now_ms = self.engine.now_ms();
        for i in 0..batch.len() {
            dispatch::run(&self.engine, &mut self.session, batch.get(i), now_ms, &mut self.reply);
        }
        self.reply.clear(usize::MAX);
    }
}

/// The key with this number, 16 bytes.
pub fn key(i: usize) -> String {
    format!("key:{i:012}")
}
