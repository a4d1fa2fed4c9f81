//! Keyspace events: what may be told about a key, and the classes `notify-keyspace-events` selects.
//! The bits are those of `config::events`.

/// A set of event classes; the letters are those of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class(pub u32);

impl Class {
    /// `K`: publish to `__keyspace@db__:key`.
    pub const KEYSPACE: Class = Class(1);
    /// `E`: publish to `__keyevent@db__:event`.
    pub const KEYEVENT: Class = Class(1 << 1);
    /// `g`: commands of no type (DEL, EXPIRE, RENAME, …).
    pub const GENERIC: Class = Class(1 << 2);
    /// `$`: strings.
    pub const STRING: Class = Class(1 << 3);
    /// `l`: lists.
    pub const LIST: Class = Class(1 << 4);
    /// `s`: sets.
    pub const SET: Class = Class(1 << 5);
    /// `h`: hashes.
    pub const HASH: Class = Class(1 << 6);
    /// `z`: sorted sets.
    pub const SORTED: Class = Class(1 << 7);
    /// `x`: a key expired.
    pub const EXPIRED: Class = Class(1 << 8);
    /// `e`: a key was evicted.
    pub const EVICTED: Class = Class(1 << 9);
    /// `t`: streams.
    pub const STREAM: Class = Class(1 << 10);
    /// `m`: a reader missed a key.
    pub const MISS: Class = Class(1 << 11);
    /// `d`: module types.
    pub const MODULE: Class = Class(1 << 13);
    /// `n`: a key was created.
    pub const NEW: Class = Class(1 << 14);
    /// `q`: queues.
    pub const QUEUE: Class = Class(1 << 15);
    /// `o`: a key was given another value as a whole.
    pub const OVERWRITTEN: Class = Class(1 << 16);
    /// `c`: … of another type.
    pub const TYPE_CHANGED: Class = Class(1 << 17);
    /// No letter: gives nothing to those who wait for the key, or would not in Redis, where they sleep on until there is
    /// an entry.
    pub const FRUITLESS: Class = Class(1 << 30);
    /// No letter: what is kept beside the content changed, which ends no WATCH and makes no cached value invalid.
    pub const BESIDE: Class = Class(1 << 31);
    /// When a key expires changed, its content did not.
    pub const LIFETIME: Class = Class::GENERIC.with(Class::FRUITLESS);
    /// `A`: `g$lshztxed`.
    pub const ALL: Class = Class(0b10_0111_1111_1100);

    /// Whether any class is in both.
    pub const fn meets(self, other: Class) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    pub const fn with(self, other: Class) -> Class {
        Class(self.0 | other.0)
    }
}
