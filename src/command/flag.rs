//! The properties of commands.

/// May change the data set.
pub const WRITE: u32 = 1;
/// Reads the data set.
pub const READ: u32 = 1 << 1;
/// May need more memory: refused at the limit.
pub const GROWS: u32 = 1 << 2;
/// Administers the server.
pub const ADMIN: u32 = 1 << 3;
/// Works on channels.
pub const PUBSUB: u32 = 1 << 4;
/// Not from scripts.
pub const NO_SCRIPT: u32 = 1 << 5;
/// May block the client.
pub const BLOCKING: u32 = 1 << 6;
/// Runs while the data set is loaded.
pub const LOADING: u32 = 1 << 7;
/// Runs on a replica that has lost its primary.
pub const STALE: u32 = 1 << 8;
/// Not shown by MONITOR.
pub const NO_MONITOR: u32 = 1 << 9;
/// Not in the slow log.
pub const NO_SLOWLOG: u32 = 1 << 10;
/// Constant or logarithmic time.
pub const FAST: u32 = 1 << 11;
/// Runs before authentication.
pub const NO_AUTH: u32 = 1 << 12;
/// Not between MULTI and EXEC.
pub const NO_MULTI: u32 = 1 << 13;
/// Runs while a script is over its time.
pub const BUSY: u32 = 1 << 14;
/// Dangerous to leave to everybody (ACL category only).
pub const DANGEROUS: u32 = 1 << 15;
/// May be replicated although it does not write (PUBLISH, scripts).
pub const REPLICATES: u32 = 1 << 16;
/// Runs at once between MULTI and EXEC instead of being queued.
pub const UNQUEUED: u32 = 1 << 17;
/// Allowed to a RESP2 client that is subscribed.
pub const SUBSCRIBED: u32 = 1 << 18;
/// Runs in a cluster right after ASKING only.
pub const ASKING: u32 = 1 << 19;
/// Not while the data set is loaded in the background.
pub const NO_ASYNC_LOADING: u32 = 1 << 20;
/// May be called without any key, though it takes some.
pub const KEYS_OPTIONAL: u32 = 1 << 24;
/// No part of the interface for applications.
pub const INTERNAL: u32 = 1 << 25;
/// Redis has it in a module.
pub const MODULE: u32 = 1 << 22;
/// An effect that only the replay of the log runs: clients cannot call it, and COMMAND does not show it.
pub const EFFECT: u32 = 1 << 21;

/// The flags COMMAND INFO shows, in Redis' order and words.
const NAMES: [(u32, &str); 19] = [
    (WRITE, "write"),
    (READ, "readonly"),
    (GROWS, "denyoom"),
    (MODULE, "module"),
    (ADMIN, "admin"),
    (PUBSUB, "pubsub"),
    (NO_SCRIPT, "noscript"),
    (BLOCKING, "blocking"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (NO_MONITOR, "skip_monitor"),
    (NO_SLOWLOG, "skip_slowlog"),
    (ASKING, "asking"),
    (FAST, "fast"),
    (NO_AUTH, "no_auth"),
    (NO_ASYNC_LOADING, "no_async_loading"),
    (NO_MULTI, "no_multi"),
    (KEYS_OPTIONAL, "no_mandatory_keys"),
    (BUSY, "allow_busy"),
];

/// The names of the flags set, as COMMAND INFO shows them.
pub fn names(flags: u32) -> impl Iterator<Item = &'static str> {
    NAMES.iter().filter(move |(flag, _)| flags & flag != 0).map(|(_, name)| *name)
}

/// The ACL categories that follow from the flags, as Redis derives them.
pub fn categories(flags: u32) -> impl Iterator<Item = &'static str> {
    [
        ("write", flags & WRITE != 0),
        ("read", flags & READ != 0),
        ("admin", flags & ADMIN != 0),
        ("dangerous", flags & (ADMIN | DANGEROUS) != 0),
        ("fast", flags & FAST != 0),
        ("slow", flags & FAST == 0),
        ("blocking", flags & BLOCKING != 0),
    ]
    .into_iter()
    .filter(|(_, on)| *on)
    .map(|(name, _)| name)
}
