//! Connections that end because their user lost a right.

use crate::acl::{Rules, User};
use crate::engine::{Client, Engine, Session};
use crate::pubsub::{Close, Topic};
use std::sync::Arc;

/// Ends a connection: the one that asks after its reply.
fn end(client: &Client, session: &mut Session) {
    match client.id == session.client.id {
        true => session.closing = true,
        false => client.close(Close::Now),
    }
}

fn is(client: &Client, user: &User) -> bool {
    *client.user.lock() == user.name
}

/// Ends all connections of `user`.
pub(super) fn all(engine: &Engine, session: &mut Session, user: &User) {
    for client in engine.clients.all() {
        if is(&client, user) {
            end(&client, session);
        }
    }
}

/// Ends those connections of `user` that listen to what its rules allowed `before`, and do not now.
pub(super) fn deaf(engine: &Engine, session: &mut Session, user: &User, before: &Arc<Rules>) {
    let rules = user.rules();
    for topic in [Topic::Channel, Topic::Pattern, Topic::Shard] {
        let is_pattern = topic == Topic::Pattern;
        let lost = |name: &[u8]| before.hears(name, is_pattern) && !rules.hears(name, is_pattern);
        for client in engine.hub.listening(topic, lost) {
            if is(&client, user) {
                end(&client, session);
            }
        }
    }
}
