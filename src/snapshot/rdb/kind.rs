//! The bytes that tell what kind of value follows, as `rdb.h` of Redis numbers them.

/// A string.
pub const STRING: u8 = 0;
/// A list, as a run of strings.
pub const LIST: u8 = 1;
/// A set, as a run of strings.
pub const SET: u8 = 2;
/// A sorted set with scores in text.
pub const SORTED_TEXT: u8 = 3;
/// A hash, as a run of strings.
pub const HASH: u8 = 4;
/// A sorted set with binary scores.
pub const SORTED: u8 = 5;
/// A module's value whose length cannot be told without the module.
pub const MODULE_OLD: u8 = 6;
/// A module's value.
pub const MODULE: u8 = 7;
/// A hash as a zipmap (Redis before 2.6).
pub const HASH_ZIPMAP: u8 = 9;
/// A list as a ziplist.
pub const LIST_ZIPLIST: u8 = 10;
/// A set of integers.
pub const SET_INTSET: u8 = 11;
/// A sorted set as a ziplist.
pub const SORTED_ZIPLIST: u8 = 12;
/// A hash as a ziplist.
pub const HASH_ZIPLIST: u8 = 13;
/// A list as a run of ziplists.
pub const LIST_QUICKLIST: u8 = 14;
/// A stream.
pub const STREAM: u8 = 15;
/// A hash as a listpack.
pub const HASH_LISTPACK: u8 = 16;
/// A sorted set as a listpack.
pub const SORTED_LISTPACK: u8 = 17;
/// A list as a run of listpacks and plain strings.
pub const LIST_QUICKLIST_2: u8 = 18;
/// A stream with its counters (Redis 7.0).
pub const STREAM_2: u8 = 19;
/// A set as a listpack (Redis 7.2).
pub const SET_LISTPACK: u8 = 20;
/// A stream whose consumers tell when they were active (Redis 7.2).
pub const STREAM_3: u8 = 21;
/// A hash with fields that expire, as a pre-release of Redis 7.4 wrote it.
pub const HASH_EXPIRING_OLD: u8 = 22;
/// As [`HASH_EXPIRING_LISTPACK`], as a pre-release of Redis 7.4 wrote it.
pub const HASH_EXPIRING_LISTPACK_OLD: u8 = 23;
/// A hash with fields that expire (Redis 7.4).
pub const HASH_EXPIRING: u8 = 24;
/// A hash with fields that expire, as a listpack (Redis 7.4).
pub const HASH_EXPIRING_LISTPACK: u8 = 25;
/// A stream that knows what its producers sent (Redis 8.6).
pub const STREAM_4: u8 = 26;
/// A hash with fields that expire as Valkey 9 writes it. Its number there is 22, which Redis uses
/// otherwise: whoever knows that Valkey wrote the input puts this in its place.
pub const HASH_EXPIRING_VALKEY: u8 = 0x80 | 22;

/// What values of this kind are called, as Redis calls them where it finds one damaged.
pub fn name(kind: u8) -> &'static str {
    match kind {
        STRING => "String",
        LIST => "List",
        SET => "Set",
        SORTED_TEXT | SORTED => "Zset",
        HASH | HASH_EXPIRING | HASH_EXPIRING_OLD | HASH_EXPIRING_VALKEY => "Hash",
        HASH_ZIPMAP => "Zipmap",
        LIST_ZIPLIST => "List ziplist",
        SET_INTSET => "Intset",
        SORTED_ZIPLIST => "Zset ziplist",
        HASH_ZIPLIST => "Hash ziplist",
        LIST_QUICKLIST | LIST_QUICKLIST_2 => "Quicklist",
        HASH_LISTPACK | HASH_EXPIRING_LISTPACK | HASH_EXPIRING_LISTPACK_OLD => "Hash listpack",
        SORTED_LISTPACK => "Zset listpack",
        SET_LISTPACK => "Set listpack",
        STREAM | STREAM_2 | STREAM_3 | STREAM_4 => "Stream listpack",
        _ => "Value",
    }
}

/// The first version of the format whose readers know `kind`, no less than that of Redis 7.0.
pub fn version(kind: u8) -> u16 {
    match kind {
        SET_LISTPACK | STREAM_3 => 11,
        HASH_EXPIRING | HASH_EXPIRING_LISTPACK => 12,
        STREAM_4 => 13,
        HASH_EXPIRING_VALKEY => VALKEY,
        _ => 10,
    }
}

/// The latest version of Redis' own format that is read: Redis 8.6.
pub const LATEST: u16 = 13;
/// The version that DUMP tells: Redis 8.0.
pub const PRESENT: u16 = 12;
/// The first version of Valkey's own format; those between are later versions of Redis.
pub const VALKEY: u16 = 80;

/// Whether `version` is one whose values are known.
pub fn is_known(version: u16) -> bool {
    (1..=LATEST).contains(&version) || version == VALKEY
}

/// Which versions of the format are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// Those whose values are known.
    #[default]
    Known,
    /// Whatever there is: what it holds is known, or found not to be.
    Any,
}

impl Versions {
    /// As the setting `rdb-version-check` has it.
    pub fn relaxed(relaxed: bool) -> Self {
        if relaxed { Self::Any } else { Self::Known }
    }

    /// Whether `version` is one of them.
    pub fn hold(self, version: u16) -> bool {
        is_known(version) || self == Self::Any && version > 0
    }
}

/// Whether values of this kind are known.
pub fn is_value(kind: u8) -> bool {
    matches!(kind, STRING..=MODULE | HASH_ZIPMAP..=STREAM_4 | HASH_EXPIRING_VALKEY)
}

/// The kind that `kind` is in input of this version.
pub fn of_version(kind: u8, version: u16) -> u8 {
    match kind {
        HASH_EXPIRING_OLD if version >= VALKEY => HASH_EXPIRING_VALKEY,
        // What is told apart here has no number of its own in any input.
        HASH_EXPIRING_VALKEY => u8::MAX,
        kind => kind,
    }
}

/// Whether a file of this version may have values of this kind.
pub fn belongs_to(kind: u8, of: u16) -> bool {
    match kind {
        HASH_EXPIRING | HASH_EXPIRING_LISTPACK | STREAM_4 => (version(kind)..VALKEY).contains(&of),
        HASH_EXPIRING_OLD | HASH_EXPIRING_LISTPACK_OLD => false,
        _ => version(kind) <= of,
    }
}
