//! MIGRATE: handing keys over to another server.
//!
//! The network is never waited for under a lock. Each key is dumped under its shard's lock, sent, and, once
//! the target has it, looked at again under the lock: if it is as it was sent, it is deleted; if it was
//! changed meanwhile, it is sent again; if it is gone, the target is told to delete it. So at no time
//! is a key on neither side, and no change to it is lost.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Found, Group, Keys, Result, Run, Sweep, access};
use crate::keyspace::{Key, Txn};
use crate::resp::link::Link;
use crate::resp::read::Frame;
use crate::snapshot::rdb::payload;
use std::io;
use std::time::Duration;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[MIGRATE];

/// How often a key is sent that is changed each time.
const ROUNDS_MAX: usize = 16;
/// Bytes sent before replies are read.
const WINDOW: usize = 1 << 20;
/// The timeout that 0 stands for, in milliseconds.
const TIMEOUT_MS: i64 = 1000;

const UNWRITTEN: Error = Error::new("IOERR error or timeout writing to target instance");

const MIGRATE: Command = Command::new("MIGRATE", "migrate", Group::Generic, Run::Sweep(migrate))
    .syntax(
        "host port <key-selector: key | empty-string=\"\"> destination-db:integer timeout:integer \
         [COPY@3.0.0] [REPLACE@3.0.0] [authentication: AUTH@4.0.7 auth=password | \
         AUTH2 auth2@6.0.0: username password] [KEYS@3.0.6 keys=key#1 [key ...]]",
    )
    // Under the locks of a transaction or a script it could not wait.
    .flags(WRITE | DANGEROUS | NO_MULTI | NO_SCRIPT)
    .keys(&[Keys::one(KEY as u8, ACCESS), Keys::all_after("KEYS", -2, ACCESS | access::INCOMPLETE)])
    .finds_keys(find_keys)
    .event("del")
    .tips(&["nondeterministic_output"])
    .history(&[
        ("3.0.0", "`COPY` and `REPLACE`."),
        ("3.0.6", "`KEYS`."),
        ("4.0.7", "`AUTH`."),
        ("6.0.0", "`AUTH2`."),
    ])
    .doc(
        "2.6.0",
        "O(N) in the size of the values, and as much at the target.",
        "Moves keys to another server, or copies them.",
    );

const ACCESS: u16 = access::RW | access::ACCESS | access::DELETE;
const KEY: usize = 3;
/// The first word that may be an option.
const OPTIONS: usize = 6;

fn find_keys(argv: &[&[u8]], found: &mut Vec<Found>) -> Result {
    let access = ACCESS;
    let mut at = OPTIONS;
    while let Some(word) = argv.get(at)
        && !word.eq_ignore_ascii_case(b"KEYS")
    {
        // Behind AUTH stands a password, behind AUTH2 a user as well: either may be called KEYS.
        at += match word.to_ascii_lowercase().as_slice() {
            b"auth" => 2,
            b"auth2" => 3,
            _ => 1,
        };
    }
    match argv.get(at) {
        Some(_) if argv[KEY].is_empty() => found.extend((at + 1..argv.len()).map(|at| Found { at, access })),
        Some(_) => {}
        _ if argv.len() > KEY => found.push(Found { at: KEY, access }),
        _ => {}
    }
    Ok(())
}

/// What was asked for.
struct Request<'a> {
    host: &'a [u8],
    port: &'a [u8],
    keys: &'a [&'a [u8]],
    db: i64,
    timeout: Duration,
    copy: bool,
    replace: bool,
    /// The words of AUTH.
    auth: &'a [&'a [u8]],
}

impl<'a> Request<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let host = args.bytes()?;
        let port = args.bytes()?;
        let key = args.take(1)?;
        let db_word = args.take(1)?;
        let timeout_ms = match args.int()? {
            ms if ms <= 0 => TIMEOUT_MS,
            ms => ms,
        };
        let db = Args::new(db_word, 0).int()?;
        let timeout = Duration::from_millis(timeout_ms as u64);
        let mut request =
            Request { host, port, keys: key, db, timeout, copy: false, replace: false, auth: &[] };
        while args.more() {
            if args.word("COPY") {
                request.copy = true;
            } else if args.word("REPLACE") {
                request.replace = true;
            } else if args.word("AUTH") {
                request.auth = args.take(1)?;
            } else if args.word("AUTH2") {
                request.auth = args.take(2)?;
            } else if args.word("KEYS") {
                if !key[0].is_empty() {
                    return Err(Error::new(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                request.keys = args.rest();
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(request)
    }
}

/// A key as it was when it was last looked at.
struct Parcel<'a> {
    key: &'a [u8],
    /// What it holds and when it expires; `None`: it is gone.
    content: Option<(Vec<u8>, Option<i64>)>,
}

impl<'a> Parcel<'a> {
    fn of(key: &'a [u8], txn: &mut Txn<'_>) -> Self {
        txn.expire_if_due(key);
        let content = txn.look(key).map(|entry| (payload::portable(entry), entry.expire_at()));
        Parcel { key, content }
    }
}

fn migrate(cx: &mut Sweep<'_, '_>) -> Result {
    let request = Request::parse(&mut cx.args)?;
    let mut parcels = Vec::new();
    for key in request.keys {
        let parcel = cx.shard(Key::new(key).shard(), |txn| Parcel::of(key, txn));
        parcels.extend(parcel.content.is_some().then_some(parcel));
    }
    if parcels.is_empty() {
        cx.reply.status("NOKEY");
        return Ok(());
    }
    tokio::task::block_in_place(|| hand_over(cx, &request, parcels))?;
    cx.reply.ok();
    Ok(())
}

/// Sends the parcels until the target has each as it is here, and deletes it here unless it is copied.
fn hand_over(cx: &mut Sweep<'_, '_>, request: &Request<'_>, mut parcels: Vec<Parcel<'_>>) -> Result {
    let host = String::from_utf8_lossy(request.host);
    let port = std::str::from_utf8(request.port).ok().and_then(|port| port.parse().ok());
    let mut link = match port.map(|port| Link::connect(&host, port, request.timeout)) {
        Some(Ok(link)) => link,
        // Redis does not look whether it is connected before it writes.
        Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(UNWRITTEN),
        _ => return Err(Error::new("IOERR error or timeout connecting to the client")),
    };
    if !request.auth.is_empty() {
        let auth = [&[&b"AUTH"[..]], request.auth].concat();
        check(link.ask(&auth).map_err(|e| broken(&e))?)?;
    }
    check(link.ask(&[b"SELECT", request.db.to_string().as_bytes()]).map_err(|e| broken(&e))?)?;

    let mut refused = None;
    for round in 0..ROUNDS_MAX {
        let replace = request.replace || round > 0;
        let mut changed = Vec::new();
        let mut waiting = parcels.into_iter();
        while waiting.len() > 0 {
            let mut sent = Vec::new();
            while link.unsent() < WINDOW
                && let Some(parcel) = waiting.next()
            {
                push(&mut link, &parcel, replace, cx.engine.now_ms());
                sent.push(parcel);
            }
            link.flush().map_err(|_| UNWRITTEN)?;
            for parcel in sent {
                match check(link.reply().map_err(|e| broken(&e))?) {
                    Err(error) => drop(refused.get_or_insert(error)),
                    Ok(()) if request.copy || parcel.content.is_none() => {}
                    Ok(()) => changed.extend(settle(cx, parcel)),
                }
            }
        }
        if changed.is_empty() {
            return refused.map_or(Ok(()), Err);
        }
        parcels = changed;
    }
    Err(Error::new(
        "ERR a key changes faster than it can be migrated: it is here and, as it was, at the target",
    ))
}

/// Deletes a key that the target has, if it is as it was sent; else returns how it is now.
fn settle<'a>(cx: &mut Sweep<'_, '_>, sent: Parcel<'a>) -> Option<Parcel<'a>> {
    cx.shard(Key::new(sent.key).shard(), |txn| {
        let now = Parcel::of(sent.key, txn);
        if now.content == sent.content {
            txn.delete(sent.key);
            return None;
        }
        Some(now)
    })
}

fn push(link: &mut Link, parcel: &Parcel<'_>, replace: bool, now_ms: i64) {
    let Some((bytes, expire_at)) = &parcel.content else { return link.push(&[b"DEL", parcel.key]) };
    // Relative, for the clocks of two machines differ.
    let ttl = expire_at.map_or(0, |at| at.saturating_sub(now_ms).max(1)).to_string();
    let argv: [&[u8]; 5] = [b"RESTORE", parcel.key, ttl.as_bytes(), bytes, b"REPLACE"];
    link.push(if replace { &argv } else { &argv[..4] });
}

fn check(reply: Frame) -> Result {
    match reply {
        Frame::SimpleError { data, .. } => {
            Err(Error::text(format!("ERR Target instance replied with error: {data}")))
        }
        _ => Ok(()),
    }
}

fn broken(_: &io::Error) -> Error {
    Error::new("IOERR error or timeout reading to target instance")
}
