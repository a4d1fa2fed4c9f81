//! What the page shows, and by which calls.

use super::history::History;
use super::json::{of, text, told};
use super::visit::Visit;
use super::{Refusal, refuse};
use crate::base::number;
use crate::engine::Engine;
use crate::http::{Request, Status};
use crate::resp::read::Frame;
use serde_json::{Value, json};

/// Bytes of a text that is shown, and of one that the page reads.
const SHOWN_MAX: usize = 2048;
const READ_MAX: usize = 1 << 20;
/// Slow calls that are shown.
const SLOW: &[u8] = b"128";
/// Queues that are looked at, and those that are listed.
const QUEUES_MAX: usize = 10_000;
const LISTED_MAX: usize = 200;
/// Messages of a queue that are listed.
const MESSAGES: &[u8] = b"50";
/// A queue's bytes up to which its messages are listed with their bodies.
const BODIES_MAX: i64 = 16 << 20;
/// Bytes of the list of clients that is sent.
const CLIENTS_MAX: usize = 256 * 1024;

/// A view, by its name in the path.
pub(super) fn show(
    visit: &mut Visit<'_>,
    history: &History,
    name: &str,
    request: &Request,
) -> Result<Value, Refusal> {
    match name {
        "session" => Ok(json!({ "user": visit.session.user().name.as_str() })),
        "overview" => {
            let after = request.parameter("after").and_then(|after| number::parse_i64(&after)).unwrap_or(0);
            let info = told(visit.ask(&[b"INFO", b"everything"]), READ_MAX);
            // Samples are what INFO tells, over time.
            let samples = if info.is_string() { history.since(after) } else { Value::Null };
            Ok(json!({ "info": info, "history": samples }))
        }
        "slow" => Ok(json!({ "slow": told(visit.ask(&[b"SLOWLOG", b"GET", SLOW]), SHOWN_MAX) })),
        "clients" => Ok(json!({ "clients": clients(visit) })),
        "keys" => keys(visit, request),
        "queues" => Ok(queues(visit, &request.parameter("filter").unwrap_or_default())),
        "queue" => queue(visit, request),
        _ => Err(refuse(Status::NotFound, "there is no such view")),
    }
}

/// CLIENT LIST, cut behind a whole line.
fn clients(visit: &mut Visit<'_>) -> Value {
    match visit.ask(&[b"CLIENT", b"LIST"]) {
        Ok(Frame::VerbatimString { data, .. } | Frame::BlobString { data, .. }) => {
            let kept = data.len().min(CLIENTS_MAX);
            let end = memchr::memrchr(b'\n', &data[..kept]).unwrap_or(0);
            json!({ "lines": text(&data[..end], READ_MAX), "count": visit.engine.clients.len() })
        }
        other => told(other, READ_MAX),
    }
}

/// What the keys of a database are: by type of all databases, by prefix of one.
fn keys(visit: &mut Visit<'_>, request: &Request) -> Result<Value, Refusal> {
    let number = |name: &str, default: i64| {
        request.parameter(name).and_then(|text| number::parse_i64(&text)).unwrap_or(default)
    };
    select(visit.engine, visit.session, number("db", 0))?;
    let delimiter =
        request.parameter("delim").filter(|text| text.len() == 1).unwrap_or_else(|| b":".to_vec());
    let depth = number("depth", 1).to_string();
    let words: [&[u8]; 6] = [b"MEMORY", b"PREFIXES", b"DEPTH", depth.as_bytes(), b"DELIM", &delimiter];
    let prefixes = told(visit.ask(&words), SHOWN_MAX);
    visit.session.select(0);
    let keyspace = &visit.engine.keyspace;
    let is_told = prefixes.is_array();
    let mut answer = json!({ "prefixes": prefixes });
    if is_told {
        let used = (0..keyspace.databases() as u32).filter(|db| *db == 0 || keyspace.counts(*db).0 > 0);
        answer["databases"] = used.collect::<Vec<_>>().into();
        let census = visit.engine.census();
        let kinds = census.kinds().map(|(kind, load)| json!([kind.name(), load.keys, load.bytes]));
        answer["types"] = kinds.collect::<Vec<_>>().into();
    }
    Ok(answer)
}

/// The queues whose user may see them, those with dead messages first.
fn queues(visit: &mut Visit<'_>, filter: &[u8]) -> Value {
    let places = visit.engine.keyspace.agenda().queues();
    let known = places.len();
    let matching = places.into_iter().filter(|(_, key)| memchr::memmem::find(key, filter).is_some());
    let mut found: Vec<(i64, i64, Value)> = Vec::new();
    for (db, key) in matching.take(QUEUES_MAX) {
        visit.session.select(db);
        let Ok(frame @ Frame::Map { .. }) = visit.ask(&[b"QINFO", &key]) else { continue };
        let info = of(&frame, SHOWN_MAX);
        let count = |state: &str| info[state].as_i64().unwrap_or(0);
        found.push((count("dead"), count("ready"), with_name(db, &key, info)));
    }
    visit.session.select(0);
    found.sort_by_key(|(dead, ready, _)| (-dead, -ready));
    let shown = found.len();
    let list: Vec<Value> = found.into_iter().take(LISTED_MAX).map(|(.., queue)| queue).collect();
    json!({ "queues": list, "matching": shown, "known": known, "looked_at": QUEUES_MAX })
}

/// A queue and its messages of one state.
fn queue(visit: &mut Visit<'_>, request: &Request) -> Result<Value, Refusal> {
    let key = request.parameter("key").ok_or_else(|| refuse(Status::BadRequest, "a key is missing"))?;
    let db = request.parameter("db").and_then(|db| number::parse_i64(&db)).unwrap_or(0);
    let state = request.parameter("state").unwrap_or_else(|| b"dead".to_vec());
    select(visit.engine, visit.session, db)?;
    let info = visit.ask(&[b"QINFO", &key]).map_err(|why| refuse(Status::Forbidden, &why))?;
    if matches!(info, Frame::Null) {
        return Err(refuse(Status::NotFound, "there is no such queue"));
    }
    let info = of(&info, SHOWN_MAX);
    let bodies = info["bytes"].as_i64().unwrap_or(i64::MAX) <= BODIES_MAX;
    let from = request.parameter("from").unwrap_or_else(|| b"0-0".to_vec());
    let mut words: Vec<&[u8]> = vec![b"QPEEK", &key, &state, b"FROM", &from, b"COUNT", MESSAGES];
    if !bodies {
        words.push(b"NOBODY");
    }
    let messages = told(visit.ask(&words), SHOWN_MAX);
    visit.session.select(0);
    Ok(json!({ "queue": with_name(db as u32, &key, info), "messages": messages, "bodies": bodies }))
}

/// Adds what the queue is called: to be shown, and as it is.
fn with_name(db: u32, key: &[u8], mut info: Value) -> Value {
    info["name"] = text(key, SHOWN_MAX).into();
    info["key"] = encode(key).into();
    info["db"] = db.into();
    info
}

/// Selects a database that there is.
pub(super) fn select(engine: &Engine, session: &mut crate::engine::Session, db: i64) -> Result<(), Refusal> {
    let db = u32::try_from(db).ok().filter(|db| (*db as usize) < engine.keyspace.databases());
    session.select(db.ok_or_else(|| refuse(Status::BadRequest, "there is no such database"))?);
    Ok(())
}

/// Bytes in percent-encoding.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for b in bytes {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(*b)),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
