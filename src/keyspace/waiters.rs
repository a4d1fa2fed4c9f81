//! Blocked clients: who waits for which key. One table per shard.
//!
//! A waiter carries everything needed to run its command again on its behalf: whoever makes a key
//! ready serves its waiters before it answers its own client, oldest ticket first. The waiter's
//! state decides who finishes it: the server, its timeout, or its connection going away.

use super::Kind;
use crate::resp::{Protocol, Reply};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// Milliseconds between two tries of a call to whose keys nothing happens, at least.
const AGAIN_MS_MIN: u64 = 10;
/// Milliseconds between two tries, at most: a day.
const AGAIN_MS_MAX: u64 = 86_400_000;

/// What a blocked client gets when it is served.
#[derive(Debug)]
pub struct Served {
    /// The reply to its command.
    pub reply: Reply,
    /// Where its effects end in the log; 0 when there are none.
    pub wrote: u64,
    /// Where what it saw ends in the log, if that matters.
    pub saw: u64,
    /// Whether it ran: its user's rights may have gone meanwhile.
    pub ran: bool,
}

/// How a command waits.
#[derive(Clone, Debug)]
pub struct Wait {
    /// Milliseconds until the null reply; `None` waits for ever.
    pub timeout_ms: Option<u64>,
    /// Milliseconds after which it is tried again though nothing happened to its keys, as what it waits for may come by the
    /// passing of time alone.
    pub again_ms: Option<u64>,
    /// The type of value it waits for.
    pub kind: Kind,
    /// Whether it also goes on when the key is removed or changes its type (XREADGROUP).
    pub on_removal: bool,
    /// Whether it answers one value: then its null, where it may not wait, is that of a value.
    pub of_one: bool,
    /// The positions of the keys it waits for among the command's keys; all when empty.
    pub keys: Vec<usize>,
    /// The command to run again, where it differs from the one sent (`$` in XREAD resolved).
    pub argv: Option<Vec<Box<[u8]>>>,
}

impl Wait {
    /// Waits for a value of `kind` at any of the command's keys; 0 ms = for ever.
    pub fn new(kind: Kind, timeout_ms: u64) -> Self {
        let timeout_ms = (timeout_ms > 0).then_some(timeout_ms);
        Self {
            timeout_ms,
            again_ms: None,
            kind,
            on_removal: false,
            of_one: false,
            keys: Vec::new(),
            argv: None,
        }
    }
}

/// One blocked command.
#[derive(Debug)]
pub struct Waiter {
    /// Its place in the queue: tickets are handed out in ascending order.
    pub ticket: u64,
    /// The blocked client's id.
    pub client: u64,
    /// The database it selected.
    pub db: u32,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The type it waits for.
    pub kind: Kind,
    /// Whether it goes on when the key is gone too.
    pub on_removal: bool,
    /// The command to run.
    pub argv: Vec<Box<[u8]>>,
    /// The keys it waits for.
    pub keys: Vec<Box<[u8]>>,
    /// Milliseconds from its last try to the next, though nothing happens to its keys; 0 for never.
    again_ms: AtomicU64,
    finished: AtomicBool,
    given_up: AtomicBool,
    served: parking_lot::Mutex<Option<oneshot::Sender<Served>>>,
}

impl Waiter {
    /// A waiter and the receiving end of its reply.
    pub fn new(
        ticket: u64,
        client: u64,
        db: u32,
        protocol: Protocol,
        wait: &Wait,
        argv: Vec<Box<[u8]>>,
        keys: Vec<Box<[u8]>>,
    ) -> (Arc<Waiter>, oneshot::Receiver<Served>) {
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter {
            ticket,
            client,
            db,
            protocol,
            kind: wait.kind,
            on_removal: wait.on_removal,
            argv,
            keys,
            again_ms: AtomicU64::new(0),
            finished: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            served: parking_lot::Mutex::new(Some(sender)),
        };
        waiter.look_again(wait);
        (Arc::new(waiter), receiver)
    }

    /// Notes when to try again, as `wait` says.
    pub fn look_again(&self, wait: &Wait) {
        let ms = wait.again_ms.map_or(0, |ms| ms.clamp(AGAIN_MS_MIN, AGAIN_MS_MAX));
        self.again_ms.store(ms, Ordering::Relaxed);
    }

    /// How long from now it is tried again though nothing happens to its keys.
    pub fn again(&self) -> Option<Duration> {
        let ms = self.again_ms.load(Ordering::Relaxed);
        (ms > 0).then(|| Duration::from_millis(ms))
    }

    /// Claims the right to finish this waiter; true for exactly one caller.
    pub fn claim(&self) -> bool {
        !self.finished.swap(true, Ordering::AcqRel)
    }

    /// Gives a claim back: the command still has to wait.
    pub fn release(&self) {
        self.finished.store(false, Ordering::Release);
    }

    /// Whether somebody finished it.
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Whether its connection is gone.
    pub fn is_gone(&self) -> bool {
        self.served.lock().as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Serves it no more: its wait was ended, or its connection is to end. The connection hears of it.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
        self.served.lock().take();
    }

    /// Whether nobody serves it any more.
    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    /// Whether it has its reply.
    pub fn is_served(&self) -> bool {
        !self.is_given_up() && self.served.lock().is_none()
    }

    /// Hands over the reply; false when the connection is gone.
    pub fn serve(&self, served: Served) -> bool {
        self.served.lock().take().is_some_and(|sender| sender.send(served).is_ok())
    }
}

/// A database and a key of it.
pub type Place = (u32, Box<[u8]>);

type ByTicket = BTreeMap<u64, Arc<Waiter>>;

/// Who waits for a key, by ticket: for a value of each kind, and of these who go on when the key is gone.
#[derive(Debug, Default)]
struct Line {
    by_kind: SmallVec<[(Kind, ByTicket); 1]>,
    on_removal: ByTicket,
}

impl Line {
    fn add(&mut self, waiter: &Arc<Waiter>) {
        let at = self.by_kind.iter().position(|(kind, _)| *kind == waiter.kind).unwrap_or_else(|| {
            self.by_kind.push((waiter.kind, ByTicket::new()));
            self.by_kind.len() - 1
        });
        self.by_kind[at].1.insert(waiter.ticket, waiter.clone());
        if waiter.on_removal {
            self.on_removal.insert(waiter.ticket, waiter.clone());
        }
    }

    fn remove(&mut self, waiter: &Waiter) {
        for (_, waiters) in self.by_kind.iter_mut().filter(|(kind, _)| *kind == waiter.kind) {
            waiters.remove(&waiter.ticket);
        }
        self.by_kind.retain(|(_, waiters)| !waiters.is_empty());
        self.on_removal.remove(&waiter.ticket);
    }

    /// The first behind ticket `after` that would go on for a value of `kind`.
    fn next(&self, after: u64, kind: Option<Kind>) -> Option<&Arc<Waiter>> {
        let first = |waiters: &ByTicket| {
            waiters.range((Excluded(after), Unbounded)).next().map(|(ticket, _)| *ticket)
        };
        let lines = self.by_kind.iter().filter(|(of, _)| kind == Some(*of)).map(|(_, waiters)| waiters);
        let lines = lines.chain([&self.on_removal]);
        let (ticket, waiters) =
            lines.filter_map(|w| Some((first(w)?, w))).min_by_key(|(ticket, _)| *ticket)?;
        waiters.get(&ticket)
    }

    fn len(&self) -> usize {
        self.by_kind.iter().map(|(_, waiters)| waiters.len()).sum()
    }
}

/// The waiters of a shard's keys. Whatever their number, each is entered, found and taken out in O(log n).
#[derive(Debug, Default)]
pub struct Waiters {
    keys: HashMap<Place, Line>,
    /// Keys that somebody waits for even when they are removed.
    on_removal: usize,
}

impl Waiters {
    /// Whether nobody waits for a key of this shard.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The number of keys somebody waits for, and of those waited for even when removed.
    pub fn counts(&self) -> (usize, usize) {
        (self.keys.len(), self.on_removal)
    }

    /// Queues a waiter for `key`.
    pub fn add(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let line = self.keys.entry((waiter.db, key.into())).or_default();
        self.on_removal += usize::from(waiter.on_removal && line.on_removal.is_empty());
        line.add(waiter);
    }

    /// Takes a waiter out of the queue of `key`.
    pub fn remove(&mut self, key: &[u8], waiter: &Waiter) {
        let place = (waiter.db, key.into());
        if let Some(line) = self.keys.get_mut(&place) {
            let was_listed = !line.on_removal.is_empty();
            line.remove(waiter);
            self.on_removal -= usize::from(was_listed && line.on_removal.is_empty());
            if line.len() == 0 {
                self.keys.remove(&place);
            }
        }
    }

    /// Whether somebody waits for `key`.
    pub fn waits(&self, db: u32, key: &[u8]) -> bool {
        !self.keys.is_empty() && self.keys.contains_key(&(db, Box::from(key)))
    }

    /// The first waiter of `key` behind ticket `after` that would go on for a value of `kind`
    /// (`None`: the key is gone).
    pub fn next(&self, db: u32, key: &[u8], after: u64, kind: Option<Kind>) -> Option<Arc<Waiter>> {
        self.keys.get(&(db, Box::from(key)))?.next(after, kind).cloned()
    }

    /// The keys of `db` somebody waits for.
    pub fn keys_of_db(&self, db: u32) -> Vec<Box<[u8]>> {
        self.keys.keys().filter(|(d, _)| *d == db).map(|(_, key)| key.clone()).collect()
    }

    /// How many clients wait for `key`.
    pub fn count(&self, db: u32, key: &[u8]) -> usize {
        self.keys.get(&(db, Box::from(key))).map_or(0, Line::len)
    }
}
