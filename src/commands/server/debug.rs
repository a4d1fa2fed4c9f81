//! DEBUG: what tests need, as far as `enable-debug-command` allows it.

mod protocol;

use super::config::origin;
use super::digest;
use crate::base::number;
use crate::command::flag::{ADMIN, INTERNAL, LOADING, NO_SCRIPT, STALE};
use crate::command::{Command, Error, Group, Result, Run, Sweep};
use crate::commands::scripts::library;
use crate::commands::strings::write::store;
use crate::config::{self, Origin};
use crate::engine::{Engine, Reload};
use crate::keyspace::table::Table;
use crate::keyspace::table::sizes::{BINS, Sizes, TYPES, bin_of};
use crate::keyspace::{EntryRef, Key, SHARDS, Ttl};
use crate::snapshot::rdb::payload;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::task::block_in_place;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[DEBUG];

const DEBUG: Command = Command::new("DEBUG", "debug", Group::Server, Run::Sweep(debug))
    .arity(-2)
    .flags(INTERNAL | ADMIN | NO_SCRIPT | LOADING | STALE)
    .doc("1.0.0", "Depends on the subcommand.", "Holds what tests of the server need.");

const HELP: &[(&str, &str)] = &[
    ("CLIENT-ENFORCE-REPLY-LIST <0|1>", "Accepted: all replies of a client lie in one buffer."),
    (
        "CONFIG-REWRITE-FORCE-ALL",
        "Write all settings into the configuration file, also those with their defaults.",
    ),
    ("DIGEST", "Tell a digest of the whole data set, by which two can be compared."),
    ("DIGEST-VALUE <key> [<key> ...]", "Tell a digest of the value of each key."),
    ("ERROR <string>", "Answer an error with this text."),
    (
        "KEYSIZES-HIST-ASSERT <0|1>",
        "Look whether INFO keysizes tells what is there: at once, whichever of the two is said.",
    ),
    ("LOADAOF", "Load the newest snapshot and the log again, as a restart would."),
    ("LISTPACK <key>", "Write how a small collection is stored to the server's log."),
    ("LOG <message>", "Write the message to the server's log."),
    ("OBJECT <key>", "Tell how the value of a key is stored."),
    ("PAUSE-CRON <0|1>", "Whether what happens without a client rests: expiry, snapshots, looks at clients."),
    (
        "POPULATE <count> [<prefix> [<size>]]",
        "Make so many strings, named key:0 and so on, or after the prefix.",
    ),
    ("PROTOCOL <type>", "Answer a value of a type: string, integer, double, null, array, set, map, ..."),
    ("QUICKLIST-PACKED-THRESHOLD <size>", "Accepted: nodes of lists hold elements of any size."),
    ("REPLY-COPY-AVOIDANCE <0|1>", "Accepted: large strings are always sent without a copy."),
    ("REPLYBUFFER <PEAK-RESET-TIME|RESIZING> <value>", "Accepted: idle clients have no buffer for replies."),
    (
        "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
        "Make the data set anew from its bytes, or with NOSAVE from the newest snapshot; NOFLUSH keeps what is in \
         memory, MERGE lets loaded keys replace it.",
    ),
    ("SEGFAULT", "End the server at once, as a crash would; ASSERT and PANIC do the same."),
    ("SET-ACTIVE-EXPIRE <0|1>", "Whether keys that are due are removed before somebody asks for them."),
    ("SET-ALLOW-ACCESS-EXPIRED <0|1>", "Whether keys and fields that are due are seen, and stay."),
    ("SET-DISABLE-DENY-SCRIPTS <0|1>", "Whether scripts may call commands that are not for scripts."),
    (
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "Whether RESTORE takes payloads whatever their checksum; everything else about them is checked.",
    ),
    ("SLEEP <seconds>", "Answer after so many seconds."),
];

fn debug(cx: &mut Sweep<'_, '_>) -> Result {
    let argv = cx.args.rest();
    let allowed = match cx.engine.settings.text(config::ENABLE_DEBUG_COMMAND).as_ref() {
        b"yes" => true,
        b"local" => origin(&cx.session.client) == Origin::Local,
        _ => false,
    };
    if !allowed {
        return Err(Error::new(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        ));
    }
    let name = argv[0].to_ascii_lowercase();
    match (name.as_slice(), &argv[1..]) {
        (b"help", []) => help(cx),
        (b"sleep", [seconds]) => {
            let seconds = number::parse_f64(seconds).unwrap_or(0.0);
            let pause = Duration::try_from_secs_f64(seconds.min(SLEEP_MAX_S)).unwrap_or_default();
            block_in_place(|| cx.engine.stand_still(pause));
            cx.reply.ok();
        }
        (b"set-active-expire", [on]) => {
            cx.engine.active_expiry.store(*on != b"0", Relaxed);
            cx.reply.ok();
        }
        (b"set-allow-access-expired", [on]) => {
            cx.engine.shows_due.store(*on != b"0", Relaxed);
            cx.reply.ok();
        }
        (b"keysizes-hist-assert", [flag]) => {
            number::parse_i64(flag).ok_or(Error::NOT_INTEGER)?;
            check_lengths(cx)?;
        }
        (b"set-disable-deny-scripts", [on]) => {
            cx.engine.scripts_call_all.store(*on != b"0", Relaxed);
            cx.reply.ok();
        }
        (b"pause-cron", [on]) => {
            cx.engine.cron_rests.store(*on != b"0", Relaxed);
            cx.reply.ok();
        }
        (b"listpack", [key]) => listpack(cx, key)?,
        (b"object", [key, ..]) => object(cx, key)?,
        (b"protocol", [kind]) => protocol::answer(cx, &kind.to_ascii_lowercase())?,
        // An answer, not a failure that counts.
        (b"error", [text]) => cx.reply.error(&Error::text(*text)),
        (b"log", [text]) => {
            tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(text));
            cx.reply.ok();
        }
        // There is no threshold, no second buffer, no size of one, and no copy to set.
        (b"quicklist-packed-threshold" | b"client-enforce-reply-list" | b"reply-copy-avoidance", [_])
        | (b"replybuffer", [_, _]) => cx.reply.ok(),
        (b"config-rewrite-force-all", []) => {
            block_in_place(|| cx.engine.settings.rewrite_all(&cx.engine.acl.describe()))
                .map_err(Error::text)?;
            cx.reply.ok();
        }
        (b"populate", [count, options @ ..]) if options.len() <= 2 => populate(cx, count, options)?,
        (b"reload", options) => reload(cx, options)?,
        (b"loadaof", []) => load_log(cx)?,
        (b"set-skip-checksum-validation", [on]) => {
            cx.engine.keyspace.trusts_payloads.store(*on != b"0", Relaxed);
            cx.reply.ok();
        }
        (b"digest", []) => digest_all(cx),
        (b"digest-value", keys) => digest_values(cx, keys),
        (b"segfault" | b"panic" | b"assert", []) => {
            tracing::error!("Synap crashed by signal: SIGABRT, as DEBUG {} asked for", name.escape_ascii());
            std::process::abort();
        }
        (b"restart" | b"crash-and-recover", _) => {
            let name = String::from_utf8_lossy(&name).to_ascii_uppercase();
            return Err(Error::text(format!(
                "ERR DEBUG {name} is not supported by this version of Synap: durability"
            )));
        }
        _ => return Err(cx.args.misused()),
    }
    Ok(())
}

/// The longest DEBUG SLEEP, in seconds.
const SLEEP_MAX_S: f64 = 3600.0;

fn help(cx: &mut Sweep<'_, '_>) {
    cx.reply.array(3 + 2 * HELP.len());
    cx.reply.status("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for (usage, doc) in HELP {
        cx.reply.status(usage);
        cx.reply.status(&format!("    {doc}"));
    }
    cx.reply.status("HELP");
    cx.reply.status("    Print this help.");
}

fn reload(cx: &mut Sweep<'_, '_>, options: &[&[u8]]) -> Result {
    let mut how = Reload::default();
    for option in options {
        match option.to_ascii_lowercase().as_slice() {
            b"nosave" => how.nosave = true,
            b"noflush" => how.noflush = true,
            b"merge" => how.merge = true,
            _ => {
                return Err(Error::new(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    remake(cx, |engine| {
        let adopt =
            |codes: &[Vec<u8>], how| library::adopt(engine, codes, how).map_err(|why| why.to_string());
        engine.reload(how, adopt).map_err(|fault| {
            tracing::error!("DEBUG RELOAD: {fault}");
            Error::new("ERR Error trying to load the RDB dump, check server logs.")
        })
    })
}

/// Makes strings that are not there yet.
fn populate(cx: &mut Sweep<'_, '_>, count: &[u8], options: &[&[u8]]) -> Result {
    let prefix = options.first().copied().unwrap_or(b"key");
    let size = options.get(1).map(|size| number::parse_i64(size).ok_or(Error::NOT_INTEGER)).transpose()?;
    let size = size.map(|size| usize::try_from(size).map_err(|_| Error::NOT_INTEGER)).transpose()?;
    let count = number::parse_i64(count).filter(|count| *count >= 0).ok_or(Error::NOT_INTEGER)?;
    for i in 0..count {
        let key = [prefix, b":", i.to_string().as_bytes()].concat();
        let mut value = format!("value:{i}").into_bytes();
        value.resize(size.unwrap_or(value.len()), 0);
        cx.shard(Key::new(&key).shard(), |txn| {
            if !txn.exists(&key) {
                store(txn, &key, &value, Ttl::Clear);
            }
        });
    }
    cx.reply.ok();
    Ok(())
}

fn load_log(cx: &mut Sweep<'_, '_>) -> Result {
    remake(cx, |engine| {
        let Some(recover) = engine.recover.get() else {
            return Err(Error::new("ERR This server does not load data"));
        };
        recover(engine).map_err(|why| {
            tracing::error!("DEBUG LOADAOF: {why}");
            Error::new("ERR Error trying to load the AOF files, check server logs.")
        })
    })
}

/// Has the data set made anew, which waits for the disk: not while a transaction holds all shards.
fn remake(cx: &mut Sweep<'_, '_>, f: impl FnOnce(&Engine) -> Result) -> Result {
    if cx.session.nested {
        return Err(Error::new("ERR The data set cannot be loaded inside a transaction"));
    }
    block_in_place(|| f(cx.engine))?;
    cx.reply.ok();
    Ok(())
}

fn digest_all(cx: &mut Sweep<'_, '_>) {
    let mut whole = digest::Whole::default();
    let now_ms = cx.now_ms;
    block_in_place(|| (0..SHARDS).for_each(|at| cx.shard(at, |txn| whole.add(txn.tables(at), now_ms))));
    cx.reply.status(&whole.digest().hex());
}

/// Makes sure that the lengths which are kept count of are those of the values.
fn check_lengths(cx: &mut Sweep<'_, '_>) -> Result {
    let is_counted = |table: &Table| {
        let mut found = Sizes::default();
        table.iter().for_each(|entry| found.count(bin_of(entry), true));
        let none = [[0; BINS]; TYPES];
        found.bins().unwrap_or(&none) == table.sizes().bins().unwrap_or(&none)
    };
    if !(0..SHARDS).all(|shard| cx.look(shard, |shard| shard.tables.iter().all(is_counted))) {
        return Err(Error::new("ERR INFO keysizes does not tell what is there"));
    }
    cx.reply.ok();
    Ok(())
}

/// The digest of each key's value; that of a key which is absent is all zeros.
fn digest_values(cx: &mut Sweep<'_, '_>, keys: &[&[u8]]) {
    cx.reply.array(keys.len());
    for key in keys {
        let now_ms = cx.now_ms;
        let lives = |entry: EntryRef<'_>| entry.expire_at().is_none_or(|at| at > now_ms);
        let digest = look(cx, key, |_, entry| lives(entry).then(|| digest::of_value(entry)));
        cx.reply.status(&digest.flatten().unwrap_or_default().hex());
    }
}

/// What `f` tells of the entry of `key`, if there is one; it may be due.
fn look<R>(cx: &mut Sweep<'_, '_>, key: &[u8], f: impl FnOnce(&Engine, EntryRef<'_>) -> R) -> Option<R> {
    let (engine, db, key) = (cx.engine, cx.db as usize, Key::new(key));
    cx.shard(key.shard(), |txn| {
        txn.tables(key.shard())[db].find(key.hash, key.bytes).map(|entry| f(engine, entry))
    })
}

fn object(cx: &mut Sweep<'_, '_>, key: &[u8]) -> Result {
    let now_ms = cx.now_ms;
    let told = look(cx, key, |engine, entry| {
        let (clock, access) = (entry.access(), engine.access(now_ms));
        format!(
            "Value at:{:#x} refcount:{} encoding:{} serializedlength:{} lru:{clock} lru_seconds_idle:{}",
            entry.key().as_ptr() as usize,
            entry.references(access),
            entry.encoding(),
            payload::dump(entry).len() - payload::AROUND,
            access.idle_s(clock),
        )
    });
    cx.reply.status(&told.ok_or(Error::NO_SUCH_KEY)?);
    Ok(())
}

/// Logs how a collection that is small enough to lie in one piece is stored.
fn listpack(cx: &mut Sweep<'_, '_>, key: &[u8]) -> Result {
    let told = look(cx, key, |_, entry| (entry.encoding(), entry.size(), entry.memory()));
    let (encoding, members, bytes) = told.ok_or(Error::NO_SUCH_KEY)?;
    if !encoding.starts_with("listpack") {
        return Err(Error::new("ERR Not a listpack encoded object."));
    }
    tracing::warn!(key = %key.escape_ascii(), encoding, members, bytes, "DEBUG LISTPACK");
    cx.reply.status("Listpack structure printed on stdout");
    Ok(())
}
