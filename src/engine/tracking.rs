//! CLIENT TRACKING: clients that keep what they have read are told when it changes.
//!
//! ```text
//! key  "user:1" ──▶ clients 7, 9    read by them: told once, then forgotten
//! prefix "user:" ──▶ clients 12     BCAST: told of every change, once in each round of calls
//! ```
//! A key is remembered while its shard is locked, before it is read, and invalidated while its shard is
//! locked, before others may read what it is now: no change falls in between.
//!
//! Lock order: a shard of the keyspace, then the table or the prefixes, then the clients, then an outbox.

use super::{Client, Engine, Flag, Held};
use crate::keyspace::effects::{Listeners, Listening, Touch};
use crate::keyspace::{Class, Effects, Key};
use crate::pubsub::Listener;
use crate::resp::{Protocol, Reply};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The channel on which a RESP2 client is told what another one's keys are worth.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Bytes that a client takes at a prefix, which itself is shared.
const PREFIX: usize = 24;

/// The keys that clients have read.
#[derive(Default)]
struct Table {
    keys: BTreeMap<Box<[u8]>, BTreeSet<u64>>,
    /// Keys and clients that belong together.
    items: usize,
    /// Behind which key the next one is looked for that has to go.
    hand: Box<[u8]>,
}

/// Who is told of what changes below a prefix.
#[derive(Default)]
struct Audience {
    clients: BTreeSet<u64>,
    /// What has changed since they were told last, with who changed it; 0 for several.
    changed: Mutex<BTreeMap<Box<[u8]>, u64>>,
}

/// Who tracks what.
#[derive(Default)]
pub struct Tracking {
    clients: AtomicUsize,
    table: Mutex<Table>,
    prefixes: RwLock<BTreeMap<Bytes, Audience>>,
    /// Whether there is something that an audience was not told yet.
    untold: AtomicBool,
}

/// How a client wants to be told.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The client that is told in its place; 0 for itself.
    pub redirect: u64,
    /// Of every change below some prefixes.
    pub broadcast: bool,
    /// Of the keys of a call only after CLIENT CACHING YES.
    pub opt_in: bool,
    /// Of the keys of every call but after CLIENT CACHING NO.
    pub opt_out: bool,
    /// Not of what it changes itself.
    pub no_loop: bool,
    /// The prefixes; none stands for all keys.
    pub prefixes: Vec<Bytes>,
}

/// The properties that tracking gives a client.
const FLAGS: [Flag; 6] =
    [Flag::Tracking, Flag::Broadcast, Flag::OptIn, Flag::OptOut, Flag::NoLoop, Flag::BrokenRedirect];

impl Table {
    fn insert(&mut self, key: &[u8], client: u64) {
        let clients = match self.keys.get_mut(key) {
            Some(clients) => clients,
            None => self.keys.entry(key.into()).or_default(),
        };
        self.items += usize::from(clients.insert(client));
    }

    fn take(&mut self, key: &[u8]) -> BTreeSet<u64> {
        let clients = self.keys.remove(key).unwrap_or_default();
        self.items -= clients.len();
        clients
    }

    /// Takes a key out because there are too many: another one each time.
    fn evict(&mut self) -> Option<(Box<[u8]>, BTreeSet<u64>)> {
        let behind = (Bound::Excluded(&self.hand[..]), Bound::Unbounded);
        let next = self.keys.range::<[u8], _>(behind).next().or_else(|| self.keys.iter().next());
        self.hand = next?.0.clone();
        let key = self.hand.clone();
        let clients = self.take(&key);
        Some((key, clients))
    }
}

impl Tracking {
    /// Keys in the table, and keys with their clients.
    pub fn counts(&self) -> (usize, usize) {
        let table = self.table.lock();
        (table.keys.len(), table.items)
    }

    /// Prefixes that somebody is told about.
    pub fn prefixes(&self) -> usize {
        self.prefixes.read().len()
    }

    /// Whether there are any.
    pub fn has_prefixes(&self) -> bool {
        self.clients() > 0 && self.prefixes() > 0
    }

    /// Clients that track.
    pub fn clients(&self) -> usize {
        self.clients.load(Relaxed)
    }

    /// A prefix of `client` that begins with `prefix`, or that `prefix` begins with.
    pub fn overlapping(&self, client: u64, prefix: &[u8]) -> Option<Bytes> {
        let prefixes = self.prefixes.read();
        // Those that it begins with stand before it; whatever lies between shares a beginning with it.
        let mut end = Bound::Included(prefix);
        while let Some((known, audience)) = prefixes.range::<[u8], _>((Bound::Unbounded, end)).next_back() {
            let shared = known.iter().zip(prefix).take_while(|(a, b)| a == b).count();
            end = match shared == known.len() {
                true if audience.clients.contains(&client) => return Some(known.clone()),
                true => Bound::Excluded(&prefix[..shared]),
                false => Bound::Included(&prefix[..shared]),
            };
        }
        let behind = prefixes.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        let mut below = behind.take_while(|(known, _)| known.starts_with(prefix));
        below.find(|(_, audience)| audience.clients.contains(&client)).map(|(known, _)| known.clone())
    }

    /// The prefixes of one client.
    pub fn prefixes_of(&self, client: u64) -> Vec<Bytes> {
        let prefixes = self.prefixes.read();
        let own = prefixes.iter().filter(|(_, audience)| audience.clients.contains(&client));
        own.map(|(prefix, _)| prefix.clone()).collect()
    }
}

/// Each key that was touched, once, with who changed it: the client `origin`, or nobody, where time or lack of memory did.
/// That makes a difference to prefixes only: what somebody has read and then finds expired, it knows.
fn changed<'e>(touches: impl Iterator<Item = (&'e Touch, &'e [u8])>, origin: u64) -> Vec<(&'e [u8], u64)> {
    /// What comes with other events, or changes nothing.
    const ELSEWHERE: Class =
        Class::NEW.with(Class::OVERWRITTEN).with(Class::TYPE_CHANGED).with(Class::MISS).with(Class::BESIDE);
    let mut keys: Vec<(&[u8], u64)> = Vec::new();
    let mut known: HashMap<&[u8], usize> = HashMap::new();
    for (touch, key) in touches {
        if touch.class.meets(ELSEWHERE) {
            continue;
        }
        let nobody = touch.class.meets(Class::EXPIRED.with(Class::EVICTED));
        let at = *known.entry(key).or_insert_with(|| {
            keys.push((key, origin));
            keys.len() - 1
        });
        if nobody {
            keys[at].1 = 0;
        }
    }
    keys
}

impl Engine {
    /// Begins to tell `client` what `wish` says, or changes that.
    pub fn track(&self, client: &Client, wish: &Wish) {
        let tracking = &self.tracking;
        if !client.is(Flag::Tracking) {
            let _table = tracking.table.lock();
            tracking.clients.fetch_add(1, Relaxed);
        }
        let on = [true, wish.broadcast, wish.opt_in, wish.opt_out, wish.no_loop, false];
        FLAGS.iter().zip(on).for_each(|(flag, on)| client.set(*flag, on));
        client.redirect.store(wish.redirect, Relaxed);
        if wish.broadcast {
            let everything = [Bytes::new()];
            let wanted = if wish.prefixes.is_empty() { &everything[..] } else { &wish.prefixes };
            let mut prefixes = tracking.prefixes.write();
            for prefix in wanted {
                if prefixes.entry(prefix.clone()).or_default().clients.insert(client.id) {
                    client.held[Held::Tracked as usize].fetch_add(PREFIX, Relaxed);
                }
            }
        }
        self.heed_tracking(self.keyspace.listening());
    }

    /// Tells `client` nothing any more. What it has read stays in the table until it changes.
    pub fn untrack(&self, client: &Client) {
        if !client.is(Flag::Tracking) {
            return;
        }
        FLAGS.iter().for_each(|flag| client.set(*flag, false));
        self.tracking.prefixes.write().retain(|_, audience| {
            audience.clients.remove(&client.id);
            !audience.clients.is_empty()
        });
        client.held[Held::Tracked as usize].store(0, Relaxed);
        {
            let mut table = self.tracking.table.lock();
            if self.tracking.clients.fetch_sub(1, Relaxed) == 1 {
                *table = Table::default();
            }
        }
        self.heed_tracking(self.keyspace.listening());
    }

    /// Has transactions note touches while somebody tracks. Decided under a lock, so that the last to
    /// come or go decides.
    fn heed_tracking(&self, listening: &Listening) {
        let _table = self.tracking.table.lock();
        listening.set(Listeners::TRACKING, self.tracking.clients() > 0);
    }

    /// Remembers that `client` reads `keys`, whose shards are locked. `caching` is what CLIENT CACHING
    /// said of this call.
    #[cold]
    pub fn remember(&self, client: &Client, caching: bool, keys: &[Key<'_>]) {
        let left_out = client.is(Flag::Broadcast)
            || (client.is(Flag::OptIn) && !caching)
            || (client.is(Flag::OptOut) && caching);
        if left_out {
            return;
        }
        {
            let mut table = self.tracking.table.lock();
            keys.iter().for_each(|key| table.insert(key.bytes, client.id));
        }
        self.limit_tracking();
    }

    /// Forgets keys above `tracking-table-max-keys`, as if they had changed.
    pub fn limit_tracking(&self) {
        let max = self.settings.int(crate::config::TRACKING_TABLE_MAX_KEYS) as usize;
        if max == 0 || self.tracking.clients() == 0 {
            return;
        }
        let evict = || {
            let mut table = self.tracking.table.lock();
            if table.keys.len() > max { table.evict() } else { None }
        };
        while let Some((key, clients)) = evict() {
            let concerned = clients.into_iter().filter_map(|id| self.concerned(id, 0));
            concerned.for_each(|client| self.send_invalid(&client, Some(&[&key])));
        }
    }

    /// Tells others who have read what `effects` touched since it was last told; what the client whose call it is has read
    /// is owed to it.
    pub(super) fn invalidate(&self, effects: &mut Effects) {
        let origin = effects.origin;
        if std::mem::take(&mut effects.flushed) {
            *self.tracking.table.lock() = Table::default();
            for client in self.clients.all().iter().filter(|client| client.is(Flag::Tracking)) {
                match client.id == origin {
                    true => effects.owe(None),
                    false => self.send_invalid(client, None),
                }
            }
        }
        let mut own: Vec<Box<[u8]>> = Vec::new();
        for (key, _) in changed(effects.untold(), origin) {
            let clients = self.tracking.table.lock().take(key);
            for client in clients.into_iter().filter_map(|id| self.concerned(id, origin)) {
                match client.id == origin {
                    true => own.push(key.into()),
                    false => self.send_invalid(&client, Some(&[key])),
                }
            }
        }
        own.into_iter().for_each(|key| effects.owe(Some(key)));
    }

    /// Tells the client whose call it was of the keys that it has read, when all is done, and notes what who listens to
    /// prefixes is to hear of. What no client did has no round, and is told at once.
    pub(super) fn invalidate_later(&self, effects: &mut Effects) {
        let origin = effects.origin;
        let owed = effects.take_owed();
        if let Some(client) = (!owed.is_empty()).then(|| self.clients.get(origin)).flatten() {
            for key in owed {
                match key {
                    Some(key) => self.send_invalid(&client, Some(&[&key])),
                    None => self.send_invalid(&client, None),
                }
            }
        }
        if !self.tracking.has_prefixes() {
            return;
        }
        let keys = changed(effects.touches(), origin);
        for (prefix, audience) in self.tracking.prefixes.read().iter() {
            let mut noted = audience.changed.lock();
            for (key, origin) in keys.iter().filter(|(key, _)| key.starts_with(prefix)) {
                let by = noted.entry((*key).into()).or_insert(*origin);
                *by = if *by == *origin { *by } else { 0 };
            }
        }
        self.tracking.untold.store(true, Relaxed);
        if origin == 0 {
            self.tell_prefixes();
        }
    }

    /// Tells who listens to prefixes what has changed below them, in the order of the keys. Called when a round of calls is
    /// done, so that it comes once, and behind the replies.
    pub fn tell_prefixes(&self) {
        if !self.tracking.untold.load(Relaxed) || !self.tracking.untold.swap(false, Relaxed) {
            return;
        }
        for audience in self.tracking.prefixes.read().values() {
            let changed = std::mem::take(&mut *audience.changed.lock());
            for client in audience.clients.iter().filter_map(|id| self.clients.get(*id)) {
                let no_loop = client.is(Flag::NoLoop);
                let told = changed.iter().filter(|(_, origin)| !(no_loop && **origin == client.id));
                let told: Vec<&[u8]> = told.map(|(key, _)| &key[..]).collect();
                if !told.is_empty() {
                    self.send_invalid(&client, Some(&told));
                }
            }
        }
    }

    /// The client, if it is to hear that a key it has read was changed by `origin`.
    fn concerned(&self, id: u64, origin: u64) -> Option<Arc<Client>> {
        let concerned = |client: &Client| {
            let tracks = client.is(Flag::Tracking) && !client.is(Flag::Broadcast);
            tracks && !(client.is(Flag::NoLoop) && origin == id)
        };
        self.clients.get(id).filter(|client| concerned(client))
    }

    /// Sends `client`, or the client that it names, keys that are not valid any more; all without any.
    fn send_invalid(&self, client: &Client, keys: Option<&[&[u8]]>) {
        let redirect = client.redirect.load(Relaxed);
        let redirected = (redirect != 0).then(|| self.clients.get(redirect));
        if let Some(None) = redirected {
            client.set(Flag::BrokenRedirect, true);
            if client.protocol() == Protocol::Resp3 {
                let mut push = Reply::new(Protocol::Resp3);
                push.push(2);
                push.bulk(b"tracking-redir-broken");
                push.int(redirect as i64);
                client.send(Bytes::from(push.to_vec()));
            }
            return;
        }
        let redirected = redirected.flatten();
        let target = redirected.as_deref().unwrap_or(client);
        let mut push = Reply::new(target.protocol());
        if target.protocol() == Protocol::Resp3 {
            push.push(2);
            push.bulk(b"invalidate");
        } else if redirected.is_some() && target.is(Flag::Subscribed) {
            push.array(3);
            push.bulk(b"message");
            push.bulk(CHANNEL);
        } else {
            // RESP2 has no way to tell it anything that it did not ask for.
            return;
        }
        match keys {
            Some(keys) => {
                push.array(keys.len());
                keys.iter().for_each(|key| push.bulk(key));
            }
            // The client that tracks knows it by this, whoever is told.
            None if client.protocol() == Protocol::Resp2 => push.raw(b"$-1\r\n"),
            None => push.null(),
        }
        target.send(Bytes::from(push.to_vec()));
        if self.is_too_large(target, 0) {
            self.evict_client(target);
        }
    }
}
