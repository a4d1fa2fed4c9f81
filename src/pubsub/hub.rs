//! Who listens to what: channels, patterns, and shard channels.
//!
//! Publishing encodes a message once per protocol; every listener gets the same shared bytes.
//!
//! Lock order: a shard of the keyspace, then a topic map, then an outbox. Nothing else is locked
//! while a topic map is.

use crate::base::glob;
use crate::resp::{Protocol, Reply};
use bytes::Bytes;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What a subscription is for; the number of each is its place in arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A channel by its name (SUBSCRIBE).
    Channel,
    /// All channels whose names match a glob (PSUBSCRIBE).
    Pattern,
    /// A shard channel by its name (SSUBSCRIBE).
    Shard,
}

impl Topic {
    /// The first word of a message's frame.
    const fn message(self) -> &'static [u8] {
        match self {
            Topic::Channel => b"message",
            Topic::Pattern => b"pmessage",
            Topic::Shard => b"smessage",
        }
    }
}

/// Whoever can be sent frames.
pub trait Listener {
    /// A number of its own.
    fn id(&self) -> u64;
    /// The protocol it speaks now.
    fn protocol(&self) -> Protocol;
    /// Whether it is to end at once, and hears nothing any more.
    fn is_gone(&self) -> bool;
    /// Takes a whole frame.
    fn send(&self, frame: Bytes);
}

/// The listeners of one topic, by id: leaving costs no search among many.
type Listeners<L> = BTreeMap<u64, Arc<L>>;
type Topics<L> = RwLock<HashMap<Bytes, Listeners<L>, ahash::RandomState>>;

/// All subscriptions of a server.
pub struct Hub<L> {
    topics: [Topics<L>; 3],
    /// Subscriptions altogether: nobody listens when it is 0.
    len: AtomicUsize,
}

impl<L> Default for Hub<L> {
    fn default() -> Self {
        Self { topics: Default::default(), len: AtomicUsize::new(0) }
    }
}

impl<L: Listener> Hub<L> {
    /// Adds a subscription; false when it was there already.
    pub fn subscribe(&self, topic: Topic, name: &Bytes, listener: &Arc<L>) -> bool {
        let mut topics = self.topics[topic as usize].write();
        let added = topics.entry(name.clone()).or_default().insert(listener.id(), listener.clone()).is_none();
        self.len.fetch_add(added.into(), Relaxed);
        added
    }

    /// Removes a subscription: when this returns, no more of its messages are sent.
    pub fn unsubscribe(&self, topic: Topic, name: &[u8], id: u64) {
        let mut topics = self.topics[topic as usize].write();
        let Some(listeners) = topics.get_mut(name) else { return };
        if listeners.remove(&id).is_some() {
            self.len.fetch_sub(1, Relaxed);
        }
        if listeners.is_empty() {
            topics.remove(name);
        }
    }

    /// Whether nobody listens to anything.
    pub fn is_idle(&self) -> bool {
        self.len.load(Relaxed) == 0
    }

    /// Sends `message` to everyone who listens to `channel`, by its name or a pattern; returns to how many.
    pub fn publish(&self, channel: &[u8], message: &[u8]) -> usize {
        let direct = self.publish_to(Topic::Channel, channel, message);
        let patterns = self.topics[Topic::Pattern as usize].read();
        let matching = patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel, false));
        matching.fold(direct, |sent, (pattern, listeners)| {
            sent + Frames::new(Topic::Pattern, &[pattern, channel, message]).send(listeners)
        })
    }

    /// Sends `message` to everyone who listens to the shard channel `channel`; returns to how many.
    pub fn publish_to_shard(&self, channel: &[u8], message: &[u8]) -> usize {
        self.publish_to(Topic::Shard, channel, message)
    }

    fn publish_to(&self, topic: Topic, channel: &[u8], message: &[u8]) -> usize {
        let topics = self.topics[topic as usize].read();
        topics.get(channel).map_or(0, |l| Frames::new(topic, &[channel, message]).send(l))
    }

    /// How many listen to `name`.
    pub fn listeners(&self, topic: Topic, name: &[u8]) -> usize {
        self.topics[topic as usize].read().get(name).map_or(0, BTreeMap::len)
    }

    /// The names somebody listens to, of those that match `pattern`.
    pub fn names(&self, topic: Topic, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let topics = self.topics[topic as usize].read();
        let wanted = |name: &&Bytes| pattern.is_none_or(|pattern| glob::matches(pattern, name, false));
        topics.keys().filter(wanted).cloned().collect()
    }

    /// The listeners of each name that `chosen` picks.
    pub fn listening(&self, topic: Topic, mut chosen: impl FnMut(&[u8]) -> bool) -> Vec<Arc<L>> {
        let topics = self.topics[topic as usize].read();
        let picked = topics.iter().filter(|(name, _)| chosen(name));
        picked.flat_map(|(_, listeners)| listeners.values().cloned()).collect()
    }

    /// How many different names somebody listens to.
    pub fn len_of(&self, topic: Topic) -> usize {
        self.topics[topic as usize].read().len()
    }
}

/// One message in both protocols, each encoded when the first listener wants it.
struct Frames<'a> {
    topic: Topic,
    words: &'a [&'a [u8]],
    encoded: [Option<Bytes>; 2],
}

impl<'a> Frames<'a> {
    fn new(topic: Topic, words: &'a [&'a [u8]]) -> Self {
        Self { topic, words, encoded: [None, None] }
    }

    fn send<L: Listener>(&mut self, listeners: &Listeners<L>) -> usize {
        let mut sent = 0;
        for listener in listeners.values().filter(|listener| !listener.is_gone()) {
            let protocol = listener.protocol();
            let frame = self.encoded[usize::from(protocol == Protocol::Resp3)]
                .get_or_insert_with(|| encode(protocol, self.topic, self.words));
            listener.send(frame.clone());
            sent += 1;
        }
        sent
    }
}

fn encode(protocol: Protocol, topic: Topic, words: &[&[u8]]) -> Bytes {
    let mut reply = Reply::new(protocol);
    reply.push(1 + words.len());
    reply.bulk(topic.message());
    words.iter().for_each(|word| reply.bulk(word));
    Bytes::from(reply.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    struct Ear {
        id: u64,
        protocol: Protocol,
        heard: Mutex<Vec<Bytes>>,
    }

    impl Ear {
        fn new(id: u64, protocol: Protocol) -> Arc<Self> {
            Arc::new(Self { id, protocol, heard: Mutex::default() })
        }

        fn heard(&self) -> Vec<Bytes> {
            std::mem::take(&mut self.heard.lock())
        }
    }

    impl Listener for Ear {
        fn id(&self) -> u64 {
            self.id
        }

        fn protocol(&self) -> Protocol {
            self.protocol
        }

        fn is_gone(&self) -> bool {
            false
        }

        fn send(&self, frame: Bytes) {
            self.heard.lock().push(frame);
        }
    }

    #[test]
    fn a_message_reaches_names_and_patterns() {
        let hub = Hub::default();
        let (old, new) = (Ear::new(1, Protocol::Resp2), Ear::new(2, Protocol::Resp3));
        assert!(hub.subscribe(Topic::Channel, &"news".into(), &old));
        assert!(!hub.subscribe(Topic::Channel, &"news".into(), &old));
        assert!(hub.subscribe(Topic::Channel, &"news".into(), &new));
        assert!(hub.subscribe(Topic::Pattern, &"n*".into(), &new));
        assert!(hub.subscribe(Topic::Shard, &"news".into(), &new));

        assert_eq!(hub.publish(b"news", b"hi"), 3);
        assert_eq!(old.heard(), ["*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"]);
        assert_eq!(
            new.heard(),
            [
                ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n",
                ">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
            ]
        );
        assert_eq!(hub.publish_to_shard(b"news", b""), 1);
        assert_eq!(new.heard(), [">3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$0\r\n\r\n"]);
    }

    #[test]
    fn listeners_share_one_encoding() {
        let hub = Hub::default();
        let ears: Vec<_> = (0..3).map(|id| Ear::new(id, Protocol::Resp3)).collect();
        ears.iter().for_each(|ear| assert!(hub.subscribe(Topic::Channel, &"c".into(), ear)));
        assert_eq!(hub.publish(b"c", b"x"), 3);
        let heard: Vec<_> = ears.iter().flat_map(|ear| ear.heard()).collect();
        assert!(heard.iter().all(|frame| frame.as_ptr() == heard[0].as_ptr()));
    }

    #[test]
    fn what_nobody_listens_to_is_forgotten() {
        let hub = Hub::default();
        let ear = Ear::new(1, Protocol::Resp2);
        hub.subscribe(Topic::Channel, &"c".into(), &ear);
        hub.unsubscribe(Topic::Channel, b"other", 1);
        hub.unsubscribe(Topic::Channel, b"c", 2);
        assert_eq!((hub.listeners(Topic::Channel, b"c"), hub.is_idle()), (1, false));
        hub.unsubscribe(Topic::Channel, b"c", 1);
        hub.unsubscribe(Topic::Channel, b"c", 1);
        assert!(hub.is_idle() && hub.names(Topic::Channel, None).is_empty());
        assert_eq!(hub.publish(b"c", b"x"), 0);
    }
}
