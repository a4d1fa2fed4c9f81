//! Blocking: a command that has to wait is parked under the locks it holds; whoever makes one of its
//! keys ready runs it again on its behalf, before anybody is answered. So a push is never seen by
//! others before the client that waited for it.

use crate::command::{Args, Flow, Group, Keyed, Reply, Run, flag};
use crate::engine::{Client, Engine, Flag, Reached, Ready, Session};
use crate::keyspace::txn::{Begin, Caller};
use crate::keyspace::waiters::{Served, Wait, Waiter};
use crate::keyspace::{Effects, Key, Txn};
use crate::resp::Protocol;
use crate::types::Queue;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What a client is told whose wait CLIENT UNBLOCK … ERROR ends.
pub const UNBLOCKED: &[u8] = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";

/// A timeout too long for the clock.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// A blocked call, as its connection holds it.
pub struct Parked {
    waiter: Arc<Waiter>,
    served: oneshot::Receiver<Served>,
    /// When its time is over; `None` for never.
    deadline: Option<Instant>,
}

/// What ends a wait without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unblock {
    /// Its time is over, or CLIENT UNBLOCK … TIMEOUT: the command's null reply.
    Timeout,
    /// CLIENT UNBLOCK … ERROR.
    Error,
    /// Its connection is gone.
    Gone,
}

/// Parks a call that has to wait; its shards are still locked.
pub(super) fn park(
    engine: &Engine,
    client: &Arc<Client>,
    mut txn: Txn<'_>,
    wait: Wait,
    call: &super::Call<'_>,
    protocol: Protocol,
) -> Parked {
    let own = |words: &[&[u8]]| words.iter().map(|word| Box::from(*word)).collect::<Vec<Box<[u8]>>>();
    let keys: Vec<Box<[u8]>> = match &wait.keys[..] {
        [] => call.keys.iter().map(|key| Box::from(key.bytes)).collect(),
        chosen => chosen.iter().map(|at| Box::from(call.keys[*at].bytes)).collect(),
    };
    let argv = wait.argv.clone().unwrap_or_else(|| own(call.argv));
    let ticket = engine.keyspace.next_ticket();
    let (waiter, served) = Waiter::new(ticket, client.id, txn.db(), protocol, &wait, argv, keys);
    for key in &waiter.keys {
        txn.hooks(key).waiters.add(key, &waiter);
    }
    *client.waiter.lock() = Some(waiter.clone());
    engine.begin_wait(client, true);
    engine.commit(txn);
    let now = Instant::now();
    let deadline =
        wait.timeout_ms.map(|ms| now.checked_add(Duration::from_millis(ms)).unwrap_or(now + NEVER));
    Parked { waiter, served, deadline }
}

impl Parked {
    /// Completes with the reply when the call is served.
    pub async fn served(&mut self) -> Option<Served> {
        (&mut self.served).await.ok()
    }

    /// When to look after it next: it is to be tried again, or its time is over.
    pub fn due(&self) -> Option<Instant> {
        let again = self.waiter.again().map(|again| Instant::now() + again);
        [again, self.deadline].into_iter().flatten().min()
    }

    /// Whether its time is over.
    pub fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Runs the call again though nothing happened to its keys.
    pub fn try_again(&self, engine: &Engine) {
        if self.waiter.claim() {
            let now_ms = engine.now_ms();
            serve(engine, serve_one(engine, &self.waiter, now_ms).into(), now_ms);
            engine.tell_prefixes();
        }
    }

    /// Ends the wait from the client's side; `false` while somebody is serving it, or has.
    pub fn cancel(&self, engine: &Engine) -> bool {
        if !self.waiter.claim() && !self.waiter.is_given_up() {
            return false;
        }
        for key in &self.waiter.keys {
            engine.keyspace.lock(Key::new(key).shard()).hooks.waiters.remove(key, &self.waiter);
        }
        true
    }

    /// Notes that the client goes on, however the wait ended.
    pub fn finish(&self, engine: &Engine, client: &Client) {
        engine.end_wait(client);
        *client.waiter.lock() = None;
    }

    /// The words of the call.
    pub fn argv(&self) -> impl Iterator<Item = &[u8]> {
        self.waiter.argv.iter().map(|word| &word[..])
    }

    /// Writes the reply of a wait that ended without its key; returns its bytes, and whether it is an error.
    pub fn answer(
        &self,
        engine: &Engine,
        how: Unblock,
        session: &mut Session,
        reply: &mut Reply,
    ) -> (usize, bool) {
        reply.set_protocol(session.protocol());
        let from = reply.mark();
        match how {
            Unblock::Error => {
                engine.metrics.count_error("UNBLOCKED");
                reply.raw(UNBLOCKED);
            }
            _ => reply.null_array(),
        }
        super::mute_awaited(session, reply, from);
        (reply.len_since(from), how == Unblock::Error)
    }
}

/// Serves the clients that wait for keys made ready, oldest first, and those for whom that makes
/// keys ready in turn.
pub fn serve(engine: &Engine, mut ready: VecDeque<Ready>, now_ms: i64) {
    while let Some((db, key)) = ready.pop_front() {
        let mut after = 0;
        while let Some(waiter) = next(engine, db, &key, after, now_ms) {
            after = waiter.ticket;
            if waiter.claim() {
                ready.extend(serve_one(engine, &waiter, now_ms));
            }
        }
    }
}

/// The next waiter behind ticket `after` that the key's present value may serve.
fn next(engine: &Engine, db: u32, key: &[u8], after: u64, now_ms: i64) -> Option<Arc<Waiter>> {
    let key = Key::new(key);
    let shard = engine.keyspace.lock(key.shard());
    if shard.hooks.waiters.is_empty() {
        return None;
    }
    let entry = shard.tables[db as usize].find(key.hash, key.bytes);
    let entry = entry.filter(|entry| entry.expire_at().is_none_or(|t| t > now_ms));
    // A queue stays when it has nothing to give: nobody needs to try.
    let queue = entry.and_then(|entry| entry.collection::<Queue>());
    if queue.is_some_and(|queue| !queue.may_pop(queue.time_at(now_ms))) {
        return None;
    }
    shard.hooks.waiters.next(db, key.bytes, after, entry.map(|entry| entry.kind()))
}

/// Runs a claimed waiter's command again; returns the keys that this made ready.
fn serve_one(engine: &Engine, waiter: &Arc<Waiter>, now_ms: i64) -> Vec<Ready> {
    let calls = super::Calls::of(waiter.argv.iter().map(|word| &word[..]));
    let call = calls.get(0);
    let entry = call.entry.expect("a parked command is in the registry");
    let Run::Waiting(handler) = entry.command.run else { unreachable!("only waiting commands are parked") };
    let mut effects = Effects::of(waiter.client);
    let mut reply = Reply::new(waiter.protocol);
    let refused = super::gate::refuse_waiter(engine, waiter.client, &call, waiter.db).err();
    let access = Some(engine.access(now_ms));
    let begin = Begin { db: waiter.db, now_ms, access, event: entry.command.event };
    let mut txn = engine.keyspace.begin(call.keys, begin, &mut effects);
    if waiter.is_gone() {
        // What it would be given goes to those behind it.
        waiter.keys.iter().for_each(|key| txn.hooks(key).waiters.remove(key, waiter));
        return engine.commit(txn).ready;
    }
    let client = engine.clients.get(waiter.client);
    if entry.command.group == Group::Queue {
        let owner = client.as_ref().map(|client| client.owner());
        txn.set_caller(Caller { owner, is_woken: true, progress: None });
    }
    if let Some(client) = &client {
        if client.is(Flag::Tracking) && entry.command.has(flag::READ) {
            engine.remember(client, false, call.keys);
        }
        client.outbox.keep_behind();
    }
    let args = Args::new(call.argv, 1);
    let ran = refused.is_none();
    let result = match refused {
        Some(error) => {
            engine.metrics.local().commands[entry.number].rejected.add(1);
            Err(error)
        }
        None => handler(&mut Keyed { args, txn: &mut txn, reply: &mut reply, command: entry.command }),
    };
    if let Ok(Flow::Wait(_) | Flow::Again(_)) = result {
        if let Ok(Flow::Wait(wait)) = &result {
            waiter.look_again(wait);
        }
        waiter.release();
        let ready = engine.commit(txn).ready;
        if let Some(client) = &client {
            client.outbox.take_behind().into_iter().for_each(|frame| _ = client.outbox.push(frame));
        }
        return ready;
    }
    if let Err(error) = result {
        reply.clear(0);
        reply.error(&error);
        engine.metrics.count_error(error.code());
    }
    for key in &waiter.keys {
        txn.hooks(key).waiters.remove(key, waiter);
    }
    let committed = engine.commit(txn);
    let Reached { wrote, saw } = committed.lsn;
    client.iter().for_each(|client| engine.end_wait(client));
    if !waiter.serve(Served { reply, wrote, saw, ran }) {
        // Its connection ended meanwhile, and with it what is tied to that.
        super::untie(engine, waiter.client);
    }
    committed.ready
}
