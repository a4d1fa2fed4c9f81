//! Keyspace notifications: what `notify-keyspace-events` selects is published when a transaction
//! commits, while its shards are still locked.

use super::Engine;
use crate::config::{self, Settings};
use crate::keyspace::effects::{Listeners, Listening};
use crate::keyspace::{Class, Effects};
use std::sync::Arc;

fn selected(settings: &Settings) -> Class {
    Class(settings.int(config::NOTIFY_KEYSPACE_EVENTS) as u32)
}

/// Lets transactions note events when the settings select any, now and after every change of them.
pub(super) fn follow(settings: &Settings, listening: &Arc<Listening>) {
    let listening = listening.clone();
    let update = move |settings: &Settings| {
        let classes = selected(settings);
        let somewhere = classes.meets(Class::KEYSPACE.with(Class::KEYEVENT));
        listening.set(Listeners::EVENTS, somewhere);
        listening.set(Listeners::MISSES, somewhere && classes.meets(Class::MISS));
        let overwrites = Class::OVERWRITTEN.with(Class::TYPE_CHANGED);
        listening.set(Listeners::OVERWRITES, somewhere && classes.meets(overwrites));
    };
    update(settings);
    settings.on_change(&[config::NOTIFY_KEYSPACE_EVENTS], move |settings| {
        update(settings);
        Ok(())
    });
}

impl Engine {
    /// Publishes the events noted in `effects` so far, tells all who track the keys, and forgets them.
    pub(super) fn notify_all(&self, effects: &mut Effects) {
        self.notify(effects);
        self.invalidate_later(effects);
        effects.forget_touches();
    }

    /// Publishes the events noted in `effects` since it was last called, and tells others who have read the keys. The client
    /// whose call it is, and who listens to prefixes, hear of them when all is done, as in Redis.
    pub fn notify(&self, effects: &mut Effects) {
        if self.tracking.clients() > 0 {
            self.invalidate(effects);
        }
        let classes = selected(&self.settings);
        if !self.hub.is_idle() {
            let mut channel = Vec::new();
            for (touch, key) in effects.untold().filter(|(touch, _)| classes.meets(touch.class)) {
                if classes.meets(Class::KEYSPACE) {
                    self.publish_event(&mut channel, "__keyspace@", touch.db, key, touch.event.as_bytes());
                }
                if classes.meets(Class::KEYEVENT) {
                    self.publish_event(&mut channel, "__keyevent@", touch.db, touch.event.as_bytes(), key);
                }
            }
        }
        match self.tracking.has_prefixes() {
            true => effects.set_told(),
            false => effects.forget_touches(),
        }
    }

    fn publish_event(&self, channel: &mut Vec<u8>, prefix: &str, db: u32, subject: &[u8], message: &[u8]) {
        channel.clear();
        channel.extend_from_slice(prefix.as_bytes());
        channel.extend_from_slice(itoa::Buffer::new().format(db).as_bytes());
        channel.extend_from_slice(b"__:");
        channel.extend_from_slice(subject);
        let subscribers = self.hub.publish(channel, message);
        self.metrics.local().counters.pubsub_messages.add(subscribers as u64);
    }
}
