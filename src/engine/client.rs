//! What others may know of a connected client, and say to it.

use crate::base::counter::Counter;
use crate::base::text::until_nul;
use crate::keyspace::watchers::Touched;
use crate::pubsub::{Close, Listener, Outbox};
use crate::resp::Protocol;
use crate::types::queue::Owner;
use bytes::Bytes;
use compact_str::CompactString;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicI32, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};

/// A property of a client that can be on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Flag {
    /// Waits: for a key, for other servers and the disk, or until what holds all of them back is over.
    Blocked = 1,
    /// Between MULTI and EXEC.
    Multi = 1 << 1,
    /// Subscribed to a channel or pattern.
    Subscribed = 1 << 2,
    /// Watches commands with MONITOR.
    Monitor = 1 << 3,
    /// Never evicted (CLIENT NO-EVICT).
    NoEvict = 1 << 4,
    /// Leaves access clocks alone (CLIENT NO-TOUCH).
    NoTouch = 1 << 5,
    /// Tracks keys (CLIENT TRACKING).
    Tracking = 1 << 6,
    /// Came by the unix socket.
    UnixSocket = 1 << 7,
    /// Ends after its reply.
    Closing = 1 << 8,
    /// Is told of all changes below some prefixes (CLIENT TRACKING BCAST).
    Broadcast = 1 << 9,
    /// Tracks the keys of a call only when asked to (CLIENT TRACKING OPTIN).
    OptIn = 1 << 10,
    /// Tracks the keys of a call unless told not to (CLIENT TRACKING OPTOUT).
    OptOut = 1 << 11,
    /// Is not told of what it changes itself (CLIENT TRACKING NOLOOP).
    NoLoop = 1 << 12,
    /// The client that is told in its place is gone.
    BrokenRedirect = 1 << 13,
    /// Was told to end: nobody sees it any more.
    Gone = 1 << 14,
    /// Can be sent elsewhere (CLIENT CAPA REDIRECT).
    Redirectable = 1 << 15,
    /// Copies another server here, and tells of the keys that expire there (CLIENT IMPORT-SOURCE).
    ImportSource = 1 << 16,
    /// Is sent a copy of the data set (SYNC).
    Copies = 1 << 17,
}

/// In [`Client::unblock`]: the wait cannot be ended by others.
pub const UNTOLD: u8 = u8::MAX;

/// Bytes of a connection without its buffers: this, its task with the session (640), its socket in the runtime (256), and
/// its place among the clients.
const CONNECTION: usize = size_of::<Client>() + 640 + 256 + 64;

/// What is kept for a client, by its place in [`Client::held`].
#[derive(Clone, Copy, Debug)]
pub enum Held {
    /// The keys it watches.
    Watched,
    /// The channels and patterns it listens to.
    Subscribed,
    /// The prefixes it tracks.
    Tracked,
}

impl Held {
    /// Bytes that one more name takes in the tables of both sides.
    pub const fn bytes(name: usize) -> usize {
        name + 96
    }
}

/// What a client said of itself, in its own bytes: [`shown`] is what others see.
#[derive(Clone, Debug, Default)]
pub struct Introduction {
    /// Its name (CLIENT SETNAME).
    pub name: Bytes,
    /// The name of its library (CLIENT SETINFO).
    pub library: Bytes,
    /// The version of its library.
    pub version: Bytes,
}

/// The shared side of a connection; the private side is [`super::Session`].
pub struct Client {
    /// Its number; never used twice.
    pub id: u64,
    /// Its address, `ip:port` or the socket's path.
    pub addr: CompactString,
    /// The address it connected to.
    pub laddr: CompactString,
    /// Its socket's number in this process; -1 when it has none.
    pub fd: i32,
    /// When it connected, unix ms.
    pub created_ms: i64,
    /// What it said of itself; `None` if it said nothing.
    introduction: Mutex<Option<Box<Introduction>>>,
    /// The user it authenticated as.
    pub user: Mutex<CompactString>,
    /// What others send it.
    pub outbox: Outbox,
    /// The selected database.
    pub db: AtomicU32,
    /// RESP version: 2 or 3.
    pub protocol: AtomicU8,
    /// When bytes last came from it or went to it, unix ms.
    pub active_ms: AtomicI64,
    /// The number of its last command in the registry, plus one; 0 before the first.
    pub command: AtomicU32,
    /// Commands run.
    pub commands: Counter,
    /// Bytes read from it.
    pub input_bytes: Counter,
    /// Bytes written to it.
    pub output_bytes: Counter,
    /// Bytes of its query buffer in use.
    pub query_len: AtomicUsize,
    /// Those of them that are words of a partial request by now.
    pub words_len: AtomicUsize,
    /// Bytes of its query buffer in all.
    pub query_room: AtomicUsize,
    /// Bytes waiting to be sent to it.
    pub output_len: AtomicUsize,
    /// Channels, patterns and shard channels it is subscribed to.
    pub subscriptions: [AtomicU32; 3],
    /// Commands queued since MULTI; -1 outside.
    pub multi: AtomicI32,
    /// Bytes of the commands queued since MULTI.
    pub multi_len: AtomicUsize,
    /// Keys watched.
    pub watched: AtomicU32,
    /// Bytes of what it watches, of what it listens to, and of the prefixes it tracks.
    pub held: [AtomicUsize; 3],
    /// Whether a key it watches was touched.
    pub touched: Touched,
    /// The client that is told of invalid keys in its place; 0 for itself.
    pub redirect: AtomicU64,
    flags: AtomicU32,
    /// What [`Client::owner`] answered last.
    owner: Mutex<Option<Arc<Owner>>>,
    /// The command it is blocked in.
    pub waiter: Mutex<Option<Arc<crate::keyspace::waiters::Waiter>>>,
    /// Told to unblock: 0 no, 1 as a timeout, 2 with an error, `UNTOLD` if nobody may.
    pub unblock: AtomicU8,
}

impl Client {
    /// A client that has just connected.
    pub fn new(id: u64, addr: CompactString, laddr: CompactString, fd: i32, now_ms: i64) -> Self {
        Self {
            id,
            addr,
            laddr,
            fd,
            created_ms: now_ms,
            introduction: Mutex::default(),
            user: Mutex::new(CompactString::const_new("default")),
            outbox: Outbox::default(),
            db: AtomicU32::new(0),
            protocol: AtomicU8::new(2),
            active_ms: AtomicI64::new(now_ms),
            command: AtomicU32::new(0),
            commands: Counter::default(),
            input_bytes: Counter::default(),
            output_bytes: Counter::default(),
            query_len: AtomicUsize::new(0),
            query_room: AtomicUsize::new(0),
            words_len: AtomicUsize::new(0),
            output_len: AtomicUsize::new(0),
            subscriptions: Default::default(),
            multi: AtomicI32::new(-1),
            multi_len: AtomicUsize::new(0),
            watched: AtomicU32::new(0),
            held: Default::default(),
            touched: Touched::default(),
            redirect: AtomicU64::new(0),
            flags: AtomicU32::new(0),
            owner: Mutex::default(),
            waiter: Mutex::default(),
            unblock: AtomicU8::new(0),
        }
    }

    /// Whether a property is on.
    pub fn is(&self, flag: Flag) -> bool {
        self.flags.load(Relaxed) & flag as u32 != 0
    }

    /// Switches a property.
    pub fn set(&self, flag: Flag, on: bool) {
        if on {
            self.flags.fetch_or(flag as u32, Relaxed);
        } else {
            self.flags.fetch_and(!(flag as u32), Relaxed);
        }
    }

    /// Removes a flag; whether it was there.
    pub fn take(&self, flag: Flag) -> bool {
        self.flags.fetch_and(!(flag as u32), Relaxed) & flag as u32 != 0
    }

    /// What it said of itself.
    pub fn introduction(&self) -> Introduction {
        self.introduction.lock().as_deref().cloned().unwrap_or_default()
    }

    /// Notes what it says of itself.
    pub fn introduce(&self, say: impl FnOnce(&mut Introduction)) {
        say(self.introduction.lock().get_or_insert_default());
    }

    /// It has no name any more.
    pub fn forget_name(&self) {
        if let Some(said) = &mut *self.introduction.lock() {
            said.name.clear();
        }
    }

    /// Its name as others see it; empty if it has none.
    pub fn name(&self) -> CompactString {
        self.introduction.lock().as_ref().map_or(CompactString::const_new(""), |said| shown(&said.name))
    }

    /// Who it is, as a message in flight tells it.
    pub fn owner(&self) -> Arc<Owner> {
        let name = self.name();
        let mut owner = self.owner.lock();
        match &*owner {
            Some(owner) if *owner.name == *name => owner.clone(),
            _ => {
                let (name, addr) = (name.as_str().into(), self.addr.as_str().into());
                owner.insert(Arc::new(Owner { client: self.id, name, addr })).clone()
            }
        }
    }

    /// Bytes it takes: of itself, its buffers, and what is kept for it.
    pub fn memory(&self) -> usize {
        let held: usize = self.held.iter().map(|bytes| bytes.load(Relaxed)).sum();
        CONNECTION + self.query_room.load(Relaxed) + self.multi_len.load(Relaxed) + self.unsent() + held
    }

    /// How many keys it watches: none any more once one was changed, as EXEC will run nothing whatever becomes of the others.
    pub fn watching(&self) -> u32 {
        if self.touched.lets_go() { 0 } else { self.watched.load(Relaxed) }
    }

    /// It watches no key any more.
    pub(crate) fn watches_nothing(&self) {
        self.watched.store(0, Relaxed);
        self.held[Held::Watched as usize].store(0, Relaxed);
    }

    /// Bytes that wait to be sent to it.
    pub fn unsent(&self) -> usize {
        self.output_len.load(Relaxed) + self.outbox.len()
    }

    /// Whether it was idle for longer than it may be. Who waits or listens never is.
    pub fn is_overdue(&self, now_ms: i64, timeout_ms: i64) -> bool {
        let waits = [Flag::Blocked, Flag::Subscribed, Flag::Monitor].into_iter().any(|flag| self.is(flag));
        !waits && now_ms - self.active_ms.load(Relaxed) > timeout_ms
    }

    /// Asks its connection to end.
    pub fn close(&self, why: Close) {
        let at_once = why != Close::AfterReply;
        if at_once {
            self.set(Flag::Gone, true);
        }
        self.outbox.close(why);
        if at_once && let Some(waiter) = self.waiter.lock().as_ref() {
            waiter.give_up();
        }
    }
}

/// A name as it is shown: what C sees of it.
pub fn shown(name: &[u8]) -> CompactString {
    CompactString::from_utf8_lossy(until_nul(name))
}

impl Listener for Client {
    fn id(&self) -> u64 {
        self.id
    }

    fn protocol(&self) -> Protocol {
        if self.protocol.load(Relaxed) == 3 { Protocol::Resp3 } else { Protocol::Resp2 }
    }

    fn is_gone(&self) -> bool {
        self.is(Flag::Gone)
    }

    fn send(&self, frame: Bytes) {
        self.outbox.push(frame);
    }
}
