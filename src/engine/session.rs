//! The private side of a connection: what only its own commands see and change.

use super::{Client, Copying, Engine, Flag, Held, Queue, Reached, Slots, Watched};
use crate::acl::User;
use crate::keyspace::Effects;
use crate::keyspace::txn::Progress;
use crate::log::Lsn;
use crate::pubsub::Topic;
use crate::resp::{Error, Protocol};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What WAIT or WAITAOF waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitAof {
    /// The place that has to be durable here; 0 when that does not matter.
    pub lsn: Lsn,
    /// Whether it is refused where there is no log, or none any more.
    pub needs_log: bool,
    /// How many replicas have to have it on disk.
    pub replicas: usize,
    /// Milliseconds after which it is answered anyway; 0 for never.
    pub timeout_ms: u64,
    /// Whether the reply tells of the disk here, too.
    pub tells_local: bool,
}

impl WaitAof {
    /// What is answered where a log is needed and there is none.
    pub const NO_LOG: Error =
        Error::new("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
}

/// Whether a client gets replies (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Every reply.
    #[default]
    On,
    /// None.
    Off,
    /// Not the one to this command.
    SkipThis,
    /// Not the one to the next command.
    SkipNext,
}

/// The state of one connection.
pub struct Session {
    /// The side of it that others see.
    pub client: Arc<Client>,
    /// The selected database.
    pub db: u32,
    /// The protocol it speaks.
    protocol: Protocol,
    /// Whether it may run commands.
    pub authenticated: bool,
    /// Who it is.
    user: Arc<User>,
    /// Whether it gets replies.
    pub reply_mode: ReplyMode,
    /// Whether the connection ends after the reply.
    pub closing: bool,
    /// When its last call ended, or its batch began: see [`crate::metrics::Metrics::tick`].
    pub tick: u64,
    /// The calls queued since MULTI.
    pub multi: Option<Box<Queue>>,
    /// The keys it watches.
    pub watched: Watched,
    /// How far into the log its last call reached that was answered with an error.
    pub failed_at: Reached,
    /// How far its call came that goes on when others had their turn.
    pub begun: Option<Box<(Progress, Reached)>>,
    /// Where its last write ends in the log.
    pub wrote: Lsn,
    /// Its writes are answered when they are durable, whatever the settings say (CLIENT DURABILITY).
    pub durable: bool,
    /// It waits for its writes to be durable (WAITAOF).
    pub waitaof: Option<Box<WaitAof>>,
    /// Inside of EXEC or a script: what a command answers is part of a larger reply.
    pub nested: bool,
    /// CLIENT CACHING said something of the next call.
    pub caching: bool,
    /// The time that what runs inside of EXEC or a script sees, unix µs: it stands still meanwhile.
    pub frozen_us: Option<i64>,
    /// Inside of a script.
    pub in_script: bool,
    /// The slots of the keys of the call that runs.
    pub slots: Slots,
    /// It takes a copy of the data set (SYNC).
    pub copying: Option<Box<Copying>>,
    /// Its scripts are debugged (SCRIPT DEBUG).
    pub debugging: Option<Debugging>,
    /// The channels, patterns and shard channels it listens to.
    subscribed: Option<Box<Subscribed>>,
    /// What its current transaction did; reused from one to the next.
    pub effects: Lent,
}

/// Names of channels, patterns and shard channels.
type Subscribed = [BTreeSet<Bytes>; 3];

/// The effects of a session's calls, made when they are first asked for. A thread lends those that it has to the connection
/// that it runs, so that an idle one holds none.
#[derive(Debug, Default)]
pub struct Lent {
    effects: Option<Box<Effects>>,
    /// The client whose effects they are.
    origin: u64,
}

impl Lent {
    /// Where what is done now is noted.
    #[inline(always)]
    pub fn get(&mut self) -> &mut Effects {
        self.effects.get_or_insert_with(|| Box::new(Effects::of(self.origin)))
    }

    /// Whether keys do not expire for the session: see [`Effects::timeless`].
    pub fn is_timeless(&self) -> bool {
        self.effects.as_ref().is_some_and(|effects| effects.timeless)
    }

    /// Borrows `spare`, unless it has its own; nothing noted there counts any more.
    #[inline]
    pub fn borrow(&mut self, spare: &mut Option<Box<Effects>>) {
        if self.effects.is_none()
            && let Some(mut effects) = spare.take()
        {
            effects.origin = self.origin;
            effects.timeless = false;
            self.effects = Some(effects);
        }
    }

    /// Gives back what it has.
    #[inline]
    pub fn give_back(&mut self, spare: &mut Option<Box<Effects>>) {
        *spare = self.effects.take();
    }
}

/// How the scripts of a client are debugged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debugging {
    /// On a copy of the data set, while others go on: nothing of it is kept.
    Apart,
    /// On the data set itself, while others wait.
    Sync,
}

impl Session {
    /// A new connection's state.
    pub fn new(client: Arc<Client>, engine: &Engine) -> Self {
        let watched = Watched::new(client.touched.clone());
        let id = client.id;
        Self {
            client,
            db: 0,
            authenticated: !engine.password_required(),
            user: engine.acl.default_user().clone(),
            protocol: Protocol::Resp2,
            reply_mode: ReplyMode::On,
            closing: false,
            tick: engine.metrics.tick(),
            multi: None,
            watched,
            failed_at: Reached::default(),
            begun: None,
            wrote: 0,
            durable: false,
            waitaof: None,
            copying: None,
            nested: false,
            caching: false,
            frozen_us: None,
            in_script: false,
            slots: Slots::default(),
            debugging: None,
            subscribed: None,
            effects: Lent { effects: None, origin: id },
        }
    }

    /// Selects a database.
    pub fn select(&mut self, db: u32) {
        self.db = db;
        self.client.db.store(db, Relaxed);
    }

    /// The protocol it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Switches the protocol (HELLO); the reply being written has to be switched too.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client.protocol.store(if protocol == Protocol::Resp3 { 3 } else { 2 }, Relaxed);
    }

    /// Lets go of everything that others hold for this connection: it has ended.
    pub fn end(&mut self, engine: &Engine) {
        self.discard(engine);
        self.unsubscribe_all(engine);
        self.stop_monitoring(engine);
        engine.untrack(&self.client);
        engine.clients.disconnect(self.client.id);
    }

    /// Whether it may run commands that need authentication.
    pub fn may_run(&self, engine: &Engine) -> bool {
        self.authenticated && !self.user.is_removed() || !engine.password_required()
    }

    /// Who it is.
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Makes it one of `user`, who has authenticated.
    pub fn log_in(&mut self, user: Arc<User>) {
        self.client.user.lock().clone_from(&user.name);
        self.user = user;
        self.authenticated = true;
    }

    /// Whether the client gets no replies for now. What is to be skipped next begins behind this call, or behind EXEC.
    pub fn is_muted(&self) -> bool {
        matches!(self.reply_mode, ReplyMode::Off | ReplyMode::SkipThis)
    }

    /// Notes that a call was answered, or not as CLIENT REPLY said: the next one may be.
    pub fn skip_on(&mut self) {
        self.reply_mode = match self.reply_mode {
            ReplyMode::SkipNext => ReplyMode::SkipThis,
            ReplyMode::SkipThis => ReplyMode::On,
            mode => mode,
        };
    }

    /// Makes it what a new connection is (RESET).
    pub fn reset(&mut self, engine: &Engine) {
        self.discard(engine);
        self.unsubscribe_all(engine);
        self.stop_monitoring(engine);
        engine.untrack(&self.client);
        self.caching = false;
        self.select(0);
        self.set_protocol(Protocol::Resp2);
        self.user = engine.acl.default_user().clone();
        self.authenticated = !engine.password_required();
        // CLIENT REPLY SKIP right before it holds for its own reply, and then no more.
        if self.reply_mode != ReplyMode::SkipThis {
            self.reply_mode = ReplyMode::On;
        }
        self.durable = false;
        self.copying = None;
        self.client.forget_name();
        *self.client.user.lock() = "default".into();
        for flag in [Flag::NoEvict, Flag::NoTouch, Flag::Redirectable, Flag::ImportSource] {
            self.client.set(flag, false);
        }
    }

    /// Ends a transaction without running it, and watches nothing any more.
    pub fn discard(&mut self, engine: &Engine) {
        self.multi = None;
        self.client.set(Flag::Multi, false);
        self.client.multi.store(-1, Relaxed);
        self.client.multi_len.store(0, Relaxed);
        self.unwatch(engine);
    }

    /// Watches nothing any more; no shard may be locked unless it watches nothing already.
    pub fn unwatch(&mut self, engine: &Engine) {
        self.watched.clear(&engine.keyspace);
        self.client.watches_nothing();
    }

    /// Listens to `name`.
    pub fn subscribe(&mut self, engine: &Engine, topic: Topic, name: Bytes) {
        if engine.hub.subscribe(topic, &name, &self.client) {
            self.client.held[Held::Subscribed as usize].fetch_add(Held::bytes(name.len()), Relaxed);
            self.subscribed.get_or_insert_default()[topic as usize].insert(name);
            self.count_subscriptions(topic);
        }
    }

    /// Stops listening to `name`.
    pub fn unsubscribe(&mut self, engine: &Engine, topic: Topic, name: &[u8]) {
        if self.subscribed.as_mut().is_some_and(|subscribed| subscribed[topic as usize].remove(name)) {
            engine.hub.unsubscribe(topic, name, self.client.id);
            self.client.held[Held::Subscribed as usize].fetch_sub(Held::bytes(name.len()), Relaxed);
            self.count_subscriptions(topic);
        }
    }

    /// Is no longer sent every call (MONITOR).
    fn stop_monitoring(&self, engine: &Engine) {
        if self.client.is(Flag::Monitor) {
            self.client.set(Flag::Monitor, false);
            engine.monitors.remove(self.client.id);
        }
    }

    /// Stops listening to anything.
    pub fn unsubscribe_all(&mut self, engine: &Engine) {
        let Some(subscribed) = self.subscribed.take() else { return };
        for (topic, names) in [Topic::Channel, Topic::Pattern, Topic::Shard].into_iter().zip(*subscribed) {
            names.iter().for_each(|name| engine.hub.unsubscribe(topic, name, self.client.id));
            self.count_subscriptions(topic);
        }
        self.client.held[Held::Subscribed as usize].store(0, Relaxed);
    }

    fn count_subscriptions(&self, topic: Topic) {
        let counts = self.subscription_counts();
        self.client.subscriptions[topic as usize].store(counts[topic as usize] as u32, Relaxed);
        self.client.set(Flag::Subscribed, counts != [0; 3]);
    }

    fn subscription_counts(&self) -> [usize; 3] {
        self.subscribed.as_ref().map_or([0; 3], |names| names.each_ref().map(BTreeSet::len))
    }

    /// The names it listens to.
    pub fn subscribed(&self, topic: Topic) -> impl Iterator<Item = &Bytes> {
        self.subscribed.iter().flat_map(move |subscribed| &subscribed[topic as usize])
    }

    /// How many subscriptions a confirmation tells: channels and patterns together, or shard channels.
    pub fn subscriptions(&self, topic: Topic) -> usize {
        let [channels, patterns, shards] = self.subscription_counts();
        if topic == Topic::Shard { shards } else { channels + patterns }
    }

    /// Whether it speaks RESP2 and listens to something: then it may do little else.
    pub fn is_listening_only(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.client.is(Flag::Subscribed)
    }

    /// Whether reads leave access clocks alone.
    pub fn no_touch(&self) -> bool {
        self.client.is(Flag::NoTouch)
    }
}
