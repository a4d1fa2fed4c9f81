//! Export: the data of a running server as an RDB file.
//!
//! Keys are found by SCAN and taken by DUMP: the server goes on serving, and what changes meanwhile is
//! in the file as it was when its turn came.

use super::address::{Address, ask};
use super::{Failure, Reader};
use crate::base::number;
use crate::keyspace::Kind;
use crate::resp::link::Link;
use crate::resp::read::Frame;
use crate::snapshot::rdb::{Output, file, kind, payload, value};
use crate::types::Packing;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// Keys asked for at once.
const BATCH: &[u8] = b"500";

impl Reader {
    /// The version of the format it reads.
    fn version(self) -> u16 {
        match self {
            Reader::Redis70 => 10,
            Reader::Redis72 => 11,
            Reader::Redis8 => 12,
            Reader::Valkey9 => kind::VALKEY,
        }
    }
}

/// What came into the file, and what could not.
#[derive(Default)]
struct Exported {
    keys: u64,
    left_out: u64,
}

pub(super) fn run(from: &Address, out: &Path, reader: Reader) -> Result<(), Failure> {
    let mut link = from.connect()?;
    let part = out.with_extension("part");
    let placed = |error: std::io::Error| Failure::from(error).at(part.display());
    let buffered = BufWriter::with_capacity(1 << 20, File::create(&part).map_err(placed)?);
    let mut writer = file::Writer::new(buffered, reader.version()).map_err(placed)?;
    let written = write(&mut link, &mut writer).map_err(|failure| failure.at(from));
    let done = written.and_then(|exported| {
        let file = writer.end()?.into_inner().map_err(|error| Failure::from(error.into_error()))?;
        file.sync_all()?;
        fs::rename(&part, out)?;
        Ok(exported)
    });
    match done {
        Ok(Exported { keys, left_out }) => {
            println!("exported {keys} keys from {from} to {}", out.display());
            if left_out > 0 {
                println!(
                    "left out {left_out} keys of types that the reader does not have (queues, vector sets)"
                );
            }
            Ok(())
        }
        Err(failure) => {
            // What is there of it is of no use; that it is there is told by no further error.
            let _ = fs::remove_file(&part);
            Err(failure)
        }
    }
}

fn write<W: std::io::Write>(link: &mut Link, writer: &mut file::Writer<W>) -> Result<Exported, Failure> {
    for code in libraries(link)? {
        writer.library(&code)?;
    }
    let mut exported = Exported::default();
    for db in databases(link)? {
        ask(link, &[b"SELECT", db.to_string().as_bytes()])?;
        let mut cursor = b"0".to_vec();
        loop {
            let page = ask(link, &[b"SCAN", &cursor, b"COUNT", BATCH])?;
            let (next, names) = page_of(page).ok_or_else(|| unexpected("SCAN"))?;
            for name in &names {
                link.push(&[b"PEXPIRETIME", name]);
                link.push(&[b"DUMP", name]);
            }
            link.flush()?;
            for name in &names {
                let expire_at = match link.reply()? {
                    Frame::Number { data, .. } => data,
                    _ => return Err(unexpected("PEXPIRETIME")),
                };
                let bytes = match link.reply()? {
                    Frame::BlobString { data, .. } => data,
                    // It is gone by now.
                    Frame::Null => continue,
                    _ => return Err(unexpected("DUMP")),
                };
                let at = || format!("the key {}", name.escape_ascii());
                match recast(&bytes, writer.version()).map_err(|failure| failure.at(at()))? {
                    Some((kind, value)) => {
                        writer.key(db, name, (expire_at > 0).then_some(expire_at), kind, &value)?;
                        exported.keys += 1;
                    }
                    None => exported.left_out += 1,
                }
            }
            cursor = next;
            if cursor == b"0" {
                break;
            }
        }
    }
    Ok(exported)
}

fn unexpected(command: &str) -> Failure {
    Failure::Failed(format!("the server answers {command} in an unexpected way"))
}

/// The databases that have keys.
fn databases(link: &mut Link) -> Result<Vec<u32>, Failure> {
    let Frame::BlobString { data, .. } = ask(link, &[b"INFO", b"keyspace"])? else {
        return Err(unexpected("INFO"));
    };
    let text = String::from_utf8_lossy(&data);
    Ok(text.lines().filter_map(|line| line.strip_prefix("db")?.split_once(':')?.0.parse().ok()).collect())
}

/// The code of the libraries of functions; none where the server has no functions.
fn libraries(link: &mut Link) -> Result<Vec<Vec<u8>>, Failure> {
    let Ok(Frame::Array { data, .. }) = ask(link, &[b"FUNCTION", b"LIST", b"WITHCODE"]) else {
        return Ok(Vec::new());
    };
    let code = data.into_iter().filter_map(|library| {
        let Frame::Array { data, .. } = library else { return None };
        let mut words = data.into_iter();
        words.find(|word| matches!(word, Frame::BlobString { data, .. } if data == b"library_code"))?;
        text_of(words.next()?)
    });
    Ok(code.collect())
}

fn text_of(frame: Frame) -> Option<Vec<u8>> {
    match frame {
        Frame::BlobString { data, .. } => Some(data),
        _ => None,
    }
}

fn page_of(page: Frame) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Frame::Array { data, .. } = page else { return None };
    let [cursor, Frame::Array { data: names, .. }] = <[Frame; 2]>::try_from(data).ok()? else { return None };
    let cursor = text_of(cursor)?;
    number::parse_u64(&cursor)?;
    Some((cursor, names.into_iter().map(text_of).collect::<Option<_>>()?))
}

/// The value of a payload, in a form that a file of this version may have; `None` if its readers do not have the type.
fn recast(bytes: &[u8], version: u16) -> Result<Option<(u8, Vec<u8>)>, Failure> {
    let opened = payload::open(bytes).map_err(|_| Failure::Damaged("its payload is none".into()))?;
    if opened.0 != kind::MODULE && kind::belongs_to(opened.0, version) {
        return Ok(Some((opened.0, opened.1.to_vec())));
    }
    let read = payload::restore(bytes, &Packing::default());
    let entry = read.map_err(|_| Failure::Damaged("its payload is malformed".into()))?.into_entry(b"", None);
    let Some(kind) = value::kind_for(entry.as_ref(), version) else {
        return match entry.as_ref().kind() {
            Kind::Queue | Kind::VectorSet => Ok(None),
            _ => Err(Failure::Failed(
                "its fields expire, which the reader does not know: --for redis-8 or --for valkey-9 names one that does"
                    .into(),
            )),
        };
    };
    let mut value = Vec::new();
    value::write_as(kind, entry.as_ref(), &mut Output::compressing(&mut value));
    Ok(Some((kind, value)))
}
