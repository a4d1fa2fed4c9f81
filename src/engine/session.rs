//! The private side of a connection: what only its own commands see and change.

use super::{Client, Engine, Flag};
use crate::keyspace::Effects;
use crate::resp::Protocol;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

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
    /// Whether it gets replies.
    pub reply_mode: ReplyMode,
    /// Whether the connection ends after the reply.
    pub closing: bool,
    /// When its last call ended, or its batch began: see [`crate::metrics::Metrics::tick`].
    pub tick: u64,
    /// What its current transaction did; reused from one to the next.
    pub effects: Effects,
}

impl Session {
    /// A new connection's state.
    pub fn new(client: Arc<Client>, engine: &Engine) -> Self {
        Self {
            client,
            db: 0,
            authenticated: !engine.password_required(),
            protocol: Protocol::Resp2,
            reply_mode: ReplyMode::On,
            closing: false,
            tick: engine.metrics.tick(),
            effects: Effects::default(),
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
        engine.clients.disconnect(self.client.id);
    }

    /// Whether it may run commands that need authentication.
    pub fn may_run(&self, engine: &Engine) -> bool {
        self.authenticated || !engine.password_required()
    }

    /// Makes it what a new connection is (RESET).
    pub fn reset(&mut self, engine: &Engine) {
        self.select(0);
        self.set_protocol(Protocol::Resp2);
        self.authenticated = !engine.password_required();
        self.reply_mode = ReplyMode::On;
        self.client.name.lock().clear();
        *self.client.user.lock() = "default".into();
        for flag in [Flag::NoEvict, Flag::NoTouch] {
            self.client.set(flag, false);
        }
    }

    /// Whether reads leave access clocks alone.
    pub fn no_touch(&self) -> bool {
        self.client.is(Flag::NoTouch)
    }
}
