//! Live import: the tool asks a running server for its data and its changes, as a replica does.
//!
//! ```text
//! tool ▶ REPLCONF capa eof capa psync2 │ REPLCONF version 9.0.0 │ PSYNC ? -1
//!      ◀ +FULLRESYNC id offset │ $length, RDB file  or  $EOF:mark, RDB file, mark │ command │ command │ …
//! tool ▶ REPLCONF ACK offset, each second
//! ```

use super::Failure;
use super::address::{Address, ask};
use super::target::Target;
use crate::resp::encode;
use crate::resp::link::Link;
use crate::resp::read::Frame;
use crate::snapshot::rdb::aof::{self, Commands};
use crate::snapshot::rdb::kind::Versions;
use crate::snapshot::rdb::{Reader, file};
use crate::types::Packing;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Bytes of the mark behind a file of unknown length.
const MARK: usize = 40;
/// The version of Valkey whose files are read: it sends those of an older one to who does not tell.
const VALKEY: &[u8] = b"9.0.0";
/// How often the source is told how far the tool has come.
const ACK: Duration = Duration::from_secs(1);
/// How often a following tool tells that it has caught up.
const TELL: Duration = Duration::from_secs(5);

pub(super) fn import(from: &Address, to: &Address, replace: bool, follow: bool) -> Result<(), Failure> {
    let mut target = Target::connect(to, replace)?;
    let mut link = from.connect()?;
    // Servers that do not know the options refuse them, and send what they can.
    link.ask(&[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"])?;
    link.ask(&[b"REPLCONF", b"version", VALKEY])?;
    link.push(&[b"PSYNC", b"?", b"-1"]);
    link.flush()?;
    let reply = line(&mut link)?;
    let offset = reply.strip_prefix("+FULLRESYNC ").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
    let Some(offset) = offset else {
        return Err(Failure::Failed(format!("{from} answers PSYNC with {reply:?}")));
    };
    let mark = mark(&mut link)?;

    let acks = link.writer()?;
    link.set_timeout(None)?;
    let mut input = Reader::stream(&mut link);
    eprintln!("{from} sends its data");
    file::read(&mut input, Versions::Known, &Packing::default(), &mut target)
        .map_err(|failure| failure.at(from))?;
    if let Some(mark) = mark
        && input.take(MARK)? != mark
    {
        return Err(input.damage("the mark behind the data is missing").into());
    }
    target.settle()?;
    eprintln!("{} keys are imported; the changes since then follow", target.keys);
    let until = if follow { None } else { Some(position(from)?) };
    let reached = Arc::new(AtomicU64::new(offset));
    acknowledge(acks, reached.clone());
    follow_changes(&mut input, &mut target, &reached, until).map_err(|failure| failure.at(from))?;
    println!("imported {} keys and {} changes from {from} to {to}", target.keys, target.commands);
    Ok(())
}

/// Passes changes on, up to the position `until`, or for ever.
fn follow_changes(
    input: &mut Reader<'_>,
    target: &mut Target,
    reached: &AtomicU64,
    until: Option<u64>,
) -> Result<(), Failure> {
    let (base, start) = (reached.load(Relaxed), input.offset());
    let mut told = Instant::now();
    while until.is_none_or(|until| reached.load(Relaxed) < until) {
        if input.rest().is_empty() {
            // What follows may be long in coming.
            target.settle()?;
            if until.is_none() && told.elapsed() >= TELL {
                told = Instant::now();
                eprintln!(
                    "caught up with all {} changes, at offset {}",
                    target.commands,
                    reached.load(Relaxed)
                );
            }
        }
        let Some(words) = aof::command(input)? else {
            return Err(Failure::Failed("it ended the connection".into()));
        };
        let name = words[0].to_ascii_uppercase();
        // The rest is between the servers, or was for those who listened then.
        if !matches!(name.as_slice(), b"PING" | b"REPLCONF" | b"PUBLISH" | b"SPUBLISH") {
            target.command(words, input.offset())?;
        }
        reached.store(base + input.offset() - start, Relaxed);
    }
    target.settle()
}

/// Tells the source each second how far the tool has come, as long as it listens.
fn acknowledge(mut source: TcpStream, reached: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        loop {
            let mut ack = Vec::new();
            encode(&[b"REPLCONF", b"ACK", reached.load(Relaxed).to_string().as_bytes()], &mut ack);
            if source.write_all(&ack).is_err() {
                return;
            }
            std::thread::sleep(ACK);
        }
    });
}

/// The next line that is not empty: those keep the connection alive while the source is busy.
fn line(link: &mut Link) -> Result<String, Failure> {
    const LEN_MAX: usize = 1000;
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < LEN_MAX {
        link.read_exact(&mut byte)?;
        match byte[0] {
            b'\n' if line.is_empty() => {}
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    Ok(line.trim_ascii_end().escape_ascii().to_string())
}

/// Reads how the file is sent: its length does not matter, for it tells where it ends; the mark does.
fn mark(link: &mut Link) -> Result<Option<[u8; MARK]>, Failure> {
    let line = line(link)?;
    match line.strip_prefix("$EOF:") {
        Some(mark) => Ok(mark.as_bytes().try_into().ok()),
        None if line.starts_with('$') => Ok(None),
        None => Err(Failure::Failed(format!("the source sends {line} instead of its data"))),
    }
}

/// How far the changes of a server have come.
fn position(from: &Address) -> Result<u64, Failure> {
    let mut link = from.connect()?;
    let Frame::BlobString { data, .. } = ask(&mut link, &[b"INFO", b"replication"])? else {
        return Err(Failure::Failed(format!("{from} does not answer INFO")));
    };
    let text = String::from_utf8_lossy(&data);
    let offset = text.lines().find_map(|line| line.trim().strip_prefix("master_repl_offset:"));
    offset
        .and_then(|offset| offset.parse().ok())
        .ok_or_else(|| Failure::Failed(format!("{from} does not tell its replication offset")))
}
