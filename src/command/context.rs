//! What a handler sees. The type says what it may touch.

use super::{Args, Command, Reply};
use crate::engine::{Committed, Engine, Reached, Ready, Session};
use crate::keyspace::txn::{Begin, Progress};
use crate::keyspace::waiters::Wait;
use crate::keyspace::{SHARDS, Shard, Txn};

/// Whether a [`super::Run::Waiting`] command is done.
#[derive(Debug)]
pub enum Flow {
    /// It has answered.
    Done,
    /// It has to wait for its keys, and has changed nothing.
    Wait(Wait),
    /// It has done a part, and goes on when others had their turn: it is run again and told how far it came.
    Again(Progress),
}

/// A command over keys: their shards are locked, so it may not wait, do I/O or see the session.
pub struct Keyed<'a, 'k> {
    /// Its arguments.
    pub args: Args<'a>,
    /// Its transaction.
    pub txn: &'a mut Txn<'k>,
    /// Its reply.
    pub reply: &'a mut Reply,
    /// Its declaration.
    pub command: &'static Command,
}

/// A command over the session or the server: no shard is locked, and it never sees the keyspace.
pub struct Outer<'a> {
    /// Its arguments.
    pub args: Args<'a>,
    /// The connection it came by.
    pub session: &'a mut Session,
    /// The server.
    pub engine: &'a Engine,
    /// Its reply.
    pub reply: &'a mut Reply,
    /// Its declaration.
    pub command: &'static Command,
}

/// A command over the whole keyspace, which it visits shard by shard; inside EXEC and scripts all
/// shards are locked already, and it visits those.
pub struct Sweep<'a, 'k> {
    /// Its arguments.
    pub args: Args<'a>,
    /// The connection it came by.
    pub session: &'a mut Session,
    /// The server.
    pub engine: &'a Engine,
    /// Its reply.
    pub reply: &'a mut Reply,
    /// Its declaration.
    pub command: &'static Command,
    /// The database it works on: the selected one.
    pub db: u32,
    /// The time it works at, unix ms.
    pub now_ms: i64,
    /// The locks it runs under, and what its steps committed.
    pub held: Held<'a, 'k>,
}

/// What a [`Sweep`] runs under.
pub enum Held<'a, 'k> {
    /// Every shard, by an enclosing transaction.
    All(&'a mut Txn<'k>),
    /// Nothing: each step is a transaction. Collects what is to be served afterwards.
    Nothing(Vec<Ready>, Reached),
}

impl Sweep<'_, '_> {
    /// Runs `step` under the lock of one shard.
    pub fn shard<R>(&mut self, shard: usize, step: impl FnOnce(&mut Txn<'_>) -> R) -> R {
        self.step(Some(shard), step)
    }

    /// Looks at one shard: nothing is changed, so that no transaction has to be begun for it.
    pub fn look<R>(&self, shard: usize, f: impl FnOnce(&Shard) -> R) -> R {
        match &self.held {
            Held::All(txn) => f(txn.held_shard(shard)),
            Held::Nothing(..) => f(&self.engine.keyspace.lock(shard)),
        }
    }

    /// How many keys of its database lie in each shard, due ones included.
    pub fn counts(&self) -> [usize; SHARDS] {
        std::array::from_fn(|shard| self.look(shard, |shard| shard.tables[self.db as usize].len()))
    }

    /// Runs `step` under the locks of all shards.
    pub fn all<R>(&mut self, step: impl FnOnce(&mut Txn<'_>) -> R) -> R {
        self.step(None, step)
    }

    fn step<R>(&mut self, shard: Option<usize>, step: impl FnOnce(&mut Txn<'_>) -> R) -> R {
        let (ready, lsn) = match &mut self.held {
            Held::All(txn) => {
                let db = txn.db();
                txn.select(self.db);
                let result = step(txn);
                txn.select(db);
                return result;
            }
            Held::Nothing(ready, lsn) => (ready, lsn),
        };
        let begin = Begin {
            db: self.db,
            now_ms: self.now_ms,
            access: Some(self.engine.access_of(self.session, self.now_ms)),
            event: self.command.event,
        };
        let keyspace = &self.engine.keyspace;
        let effects = self.session.effects.get();
        let mut txn = match shard {
            Some(shard) => keyspace.begin_shard(shard, begin, effects),
            None => keyspace.begin_all(begin, effects),
        };
        let result = step(&mut txn);
        let committed: Committed = self.engine.commit(txn);
        ready.extend(committed.ready);
        *lsn = committed.lsn.max(*lsn);
        result
    }
}
