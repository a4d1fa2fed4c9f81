//! Scripts that their client looks at line by line (SCRIPT DEBUG): on the data set itself, or on a copy of it.
//!
//! The copy is made shard by shard when the script begins, and is the session's own: it is never committed, so that nobody
//! hears of what is done to it. Other clients go on meanwhile; what they change while it is made may be in it or not.

use super::script::{Turn, command_of};
use super::{Outcome, begin};
use crate::command::{Error, Nest, Run, Source};
use crate::config;
use crate::engine::{Debugging, Engine};
use crate::keyspace::{Effects, EntryBox, Keyspace, SHARDS};
use crate::lua::debug;
use std::time::Duration;

/// Runs a script of EVAL (others are not debugged), and has the connection end behind its reply.
#[cold]
pub(super) fn run(mut turn: Turn<'_>, how: Debugging) -> Result<Outcome, Error> {
    match command_of(&turn.call)?.run {
        Run::Nested(Nest::Script(Source::Text)) => {}
        Run::Nested(Nest::Script(Source::Sha)) => {
            return Err(Error::new("ERR Please use EVAL instead of EVALSHA for debugging"));
        }
        _ => return turn.run_on(None),
    }
    let copy = match how {
        Debugging::Sync => None,
        Debugging::Apart if has_room(turn.engine, turn.now_ms) => {
            Some(tokio::task::block_in_place(|| copy_of(&turn))?)
        }
        Debugging::Apart => {
            return Err(Error::new(
                "OOM there is no room for a copy of the data set below 'maxmemory'; use SCRIPT DEBUG SYNC",
            ));
        }
    };
    let threshold_ms = turn.engine.settings.int(config::BUSY_REPLY_THRESHOLD);
    let patience = u64::try_from(threshold_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis);
    debug::Session::begin(turn.call.argv[1], patience, copy.is_some());
    let outcome = turn.run_on(copy.as_ref());
    let began = !matches!(outcome, Ok(Outcome::Hold));
    debug::Session::end(began);
    turn.session.closing |= began;
    if let Some(copy) = copy {
        tokio::task::block_in_place(|| drop(copy));
    }
    outcome
}

/// Whether twice the data set is within `maxmemory`.
fn has_room(engine: &Engine, now_ms: i64) -> bool {
    engine.memory_max().is_none_or(|limit| 2 * engine.used.bytes(now_ms) <= limit)
}

fn copy_of(Turn { engine, session, call, now_ms, .. }: &Turn<'_>) -> Result<Keyspace, Error> {
    let copy = engine.keyspace.empty_twin();
    let begin = begin(engine, session, command_of(call)?, *now_ms);
    let mut effects = Effects::default();
    for at in 0..SHARDS {
        let shard = engine.keyspace.lock(at);
        let mut txn = copy.begin_shard(at, begin, &mut effects);
        for (db, table) in (0..).zip(&shard.tables) {
            txn.select(db);
            for entry in table.iter() {
                txn.put_entry(entry.key(), EntryBox::copy_of(entry, entry.key(), entry.expire_at()));
            }
        }
    }
    Ok(copy)
}
