//! DEBUG: what tests need, as far as `enable-debug-command` allows it.

use super::config::origin;
use super::digest;
use crate::base::number;
use crate::command::flag::{ADMIN, INTERNAL, LOADING, NO_SCRIPT, STALE};
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::commands::scripts::library;
use crate::config::{self, Origin};
use crate::engine::Reload;
use crate::keyspace::Key;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[DEBUG];

const DEBUG: Command = Command::new("DEBUG", "debug", Group::Server, Run::Slow(debug))
    .arity(-2)
    .flags(INTERNAL | ADMIN | NO_SCRIPT | LOADING | STALE)
    .doc("1.0.0", "Depends on the subcommand.", "Holds what tests of the server need.");

const HELP: &[(&str, &str)] = &[
    ("DIGEST", "Tell a digest of the whole data set, by which two can be compared."),
    ("DIGEST-VALUE <key> [<key> ...]", "Tell a digest of the value of each key."),
    ("ERROR <string>", "Answer an error with this text."),
    ("LOG <message>", "Write the message to the server's log."),
    ("OBJECT <key>", "Tell how the value of a key is stored."),
    ("PROTOCOL <type>", "Answer a value of a type: string, integer, double, null, array, set, map, ..."),
    ("QUICKLIST-PACKED-THRESHOLD <size>", "Accepted: nodes of lists hold elements of any size."),
    (
        "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
        "Make the data set anew from its bytes, or with NOSAVE from the newest snapshot; NOFLUSH keeps what is in \
         memory, MERGE lets loaded keys replace it.",
    ),
    ("SET-ACTIVE-EXPIRE <0|1>", "Whether keys that are due are removed before somebody asks for them."),
    ("SET-DISABLE-DENY-SCRIPTS <0|1>", "Whether scripts may call commands that are not for scripts."),
    ("SLEEP <seconds>", "Answer after so many seconds."),
];

fn debug(cx: &mut Outer<'_>) -> Result {
    let argv = cx.args.rest();
    let allowed = match cx.engine.settings.text(config::ENABLE_DEBUG_COMMAND).as_ref() {
        b"yes" => true,
        b"local" => origin(cx) == Origin::Local,
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
            std::thread::sleep(Duration::try_from_secs_f64(seconds.min(SLEEP_MAX_S)).unwrap_or_default());
            cx.reply.ok();
        }
        (b"set-active-expire", [on]) => {
            cx.engine.active_expiry.store(*on != b"0", Relaxed);
            cx.reply.ok();
        }
        (b"set-disable-deny-scripts", [on]) => {
            cx.engine.scripts_call_all.store(*on != b"0", Relaxed);
            cx.reply.ok();
        }
        (b"object", [key, ..]) => object(cx, key)?,
        (b"protocol", [kind]) => protocol(cx, &kind.to_ascii_lowercase())?,
        (b"error", [text]) => return Err(Error::text(String::from_utf8_lossy(text))),
        (b"log", [text]) => {
            tracing::warn!("DEBUG LOG: {}", text.escape_ascii());
            cx.reply.ok();
        }
        // Nodes of lists hold elements of any size: there is no threshold to set.
        (b"quicklist-packed-threshold", [_]) => cx.reply.ok(),
        (b"reload", options) => reload(cx, options)?,
        (b"digest", []) => {
            cx.reply.status(&digest::of_keyspace(&cx.engine.keyspace, cx.engine.now_ms()).hex())
        }
        (b"digest-value", keys) => digest_values(cx, keys),
        (b"loadaof" | b"restart" | b"crash-and-recover", _) => {
            let name = String::from_utf8_lossy(&name).to_ascii_uppercase();
            return Err(Error::text(format!(
                "ERR DEBUG {name} is not supported by this version of Synap: durability"
            )));
        }
        _ => {
            let shown = String::from_utf8_lossy(argv[0]);
            return Err(Error::text(format!(
                "ERR unknown subcommand or wrong number of arguments for '{shown}'. Try DEBUG HELP."
            )));
        }
    }
    Ok(())
}

/// The longest DEBUG SLEEP, in seconds.
const SLEEP_MAX_S: f64 = 3600.0;

fn help(cx: &mut Outer<'_>) {
    cx.reply.array(3 + 2 * HELP.len());
    cx.reply.status("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for (usage, doc) in HELP {
        cx.reply.status(usage);
        cx.reply.status(&format!("    {doc}"));
    }
    cx.reply.status("HELP");
    cx.reply.status("    Print this help.");
}

fn reload(cx: &mut Outer<'_>, options: &[&[u8]]) -> Result {
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
    let adopt = |codes: &[Vec<u8>]| library::adopt(cx.engine, codes).map_err(|why| why.to_string());
    cx.engine.reload(how, adopt).map_err(|fault| {
        tracing::error!("DEBUG RELOAD: {fault}");
        Error::new("ERR Error trying to load the RDB dump, check server logs.")
    })?;
    cx.reply.ok();
    Ok(())
}

/// The digest of each key's value; that of a key which is absent is all zeros.
fn digest_values(cx: &mut Outer<'_>, keys: &[&[u8]]) {
    let now_ms = cx.engine.now_ms();
    cx.reply.array(keys.len());
    for key in keys.iter().map(|key| Key::new(key)) {
        let shard = cx.engine.keyspace.lock(key.shard());
        let entry = shard.tables[cx.session.db as usize]
            .find(key.hash, key.bytes)
            .filter(|entry| entry.expire_at().is_none_or(|t| t > now_ms));
        cx.reply.status(&entry.map(digest::of_value).unwrap_or_default().hex());
    }
}

fn object(cx: &mut Outer<'_>, key: &[u8]) -> Result {
    let key = Key::new(key);
    let now_ms = cx.engine.now_ms();
    let shard = cx.engine.keyspace.lock(key.shard());
    let entry = shard.tables[cx.session.db as usize]
        // Also one that is due: it is there until somebody asks for it.
        .find(key.hash, key.bytes)
        .ok_or(Error::NO_SUCH_KEY)?;
    let access = entry.access();
    let idle = cx.engine.access(now_ms).idle_s(access);
    cx.reply.status(&format!(
        "Value at:{:#x} refcount:1 encoding:{} lru:{access} lru_seconds_idle:{idle}",
        entry.key().as_ptr() as usize,
        entry.encoding(),
    ));
    Ok(())
}

/// A value of each type, for tests of clients.
fn protocol(cx: &mut Outer<'_>, kind: &[u8]) -> Result {
    let resp3 = cx.reply.is_resp3();
    let reply = &mut *cx.reply;
    match kind {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        #[expect(clippy::approx_constant, reason = "what Redis answers, and its tests expect")]
        b"double" => reply.double(3.141),
        b"null" => reply.null(),
        b"array" | b"set" => {
            if kind == b"set" {
                reply.set(3)
            } else {
                reply.array(3)
            }
            (0..3).for_each(|n| reply.int(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.int(n);
                reply.bool(n == 1);
            }
        }
        b"bignum" if resp3 => reply.raw(b"(1234567999999999999999999999999999999\r\n"),
        b"bignum" => reply.bulk(b"1234567999999999999999999999999999999"),
        b"attrib" if !resp3 => return Err(Error::new("ERR RESP3 is required for an attribute")),
        b"attrib" => {
            reply.raw(b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n");
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !resp3 => return Err(Error::new("ERR RESP3 is required for a push")),
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
        }
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        _ => {
            return Err(Error::new(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
