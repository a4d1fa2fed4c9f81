//! Whole files: a data set as a run of records, read and written without holding more than one value.
//!
//! ```text
//! 0xFE db                       what follows is in this database
//! 0xFB keys, with expiry        how many there are (a hint)
//! 0xFD u32 LE s │ 0xFC i64 LE ms   when the next key expires
//! 0xF8 idle s │ 0xF9 freq u8       how the next key was used
//! 0xF4 slot, keys, with expiry  the same per slot (a hint)
//! 0xFA name, value              about the file
//! 0xF5 code                     a library of functions
//! 0xF7 module, when, parts      a module's own data
//! kind, key, value              a key
//! 0xFF checksum                 the end
//! ```

use super::kind::Versions;
use super::reader::{Damage, Fault, Reader};
use super::value::{self, Value};
use super::{Checksum, Output, kind, writer};
use crate::keyspace::EntryRef;
use crate::types::Packing;
use std::io::{self, Write};

const SLOT_INFO: u8 = 0xF4;
const FUNCTION: u8 = 0xF5;
const MODULE_AUX: u8 = 0xF7;
const IDLE: u8 = 0xF8;
const FREQ: u8 = 0xF9;
const AUX: u8 = 0xFA;
const RESIZE: u8 = 0xFB;
const EXPIRE_MS: u8 = 0xFC;
const EXPIRE_S: u8 = 0xFD;
const SELECT: u8 = 0xFE;
const END: u8 = 0xFF;

/// What Redis' files begin with, and Valkey's.
const MAGIC: [&[u8]; 2] = [b"REDIS", b"VALKEY"];

/// What files of this version begin with.
fn magic_of(version: u16) -> &'static [u8] {
    MAGIC[usize::from(version >= kind::VALKEY)]
}

/// How many keys without a value are named.
const SKIPPED_TOLD: u64 = 10;
/// The first version whose files end with a checksum.
const CHECKED: u16 = 5;

/// A key of a file.
pub struct Record<'a> {
    /// Its database.
    pub db: u32,
    /// Its name.
    pub key: &'a [u8],
    /// When it expires, in unix milliseconds.
    pub expire_at: Option<i64>,
    /// Seconds since it was last used, where the file tells it.
    pub idle_s: Option<u64>,
    /// What it holds.
    pub value: Value,
}

/// Takes what a file holds, in its order.
pub trait Sink {
    /// Why it takes no more.
    type Error: From<Damage>;

    /// Takes a key.
    ///
    /// # Errors
    /// When it cannot; reading ends.
    fn key(&mut self, record: Record<'_>, offset: u64) -> Result<(), Self::Error>;

    /// Takes the code of a library of functions.
    ///
    /// # Errors
    /// As [`Sink::key`].
    fn library(&mut self, code: &[u8]) -> Result<(), Self::Error>;

    /// Hears of something that is left out: a module's value or data, a collection without elements.
    fn left_out(&mut self, what: &str);
}

/// Reads a file up to its end, and its checksum; what follows is left in `input`.
///
/// # Errors
/// [`Damage`] when the file is none or malformed, or what the sink fails with.
pub fn read<S: Sink>(
    input: &mut Reader<'_>,
    versions: Versions,
    packing: &Packing,
    sink: &mut S,
) -> Result<(), S::Error> {
    let version = read_version(input, versions)?;
    let (mut db, mut key, mut skipped) = (0, Vec::new(), 0);
    let (mut expire_at, mut idle_s) = (None, None);
    loop {
        match input.byte()? {
            SELECT => {
                db = u32::try_from(input.length()?).map_err(|_| input.damage("an impossible database"))?;
            }
            RESIZE => drop((input.length()?, input.length()?)),
            SLOT_INFO => drop((input.length()?, input.length()?, input.length()?)),
            EXPIRE_S => expire_at = Some(i64::from(u32::from_le_bytes(input.array()?)) * 1000),
            EXPIRE_MS => expire_at = Some(input.time_ms()?),
            IDLE => idle_s = Some(input.length()?),
            FREQ => drop(input.byte()?),
            AUX => {
                input.string()?;
                input.string()?;
            }
            FUNCTION => {
                let code = input.string()?.into_owned();
                sink.library(&code)?;
            }
            MODULE_AUX => {
                let name = value::module_name(input.length()?);
                input.length()?;
                input.length()?;
                value::skip_module_parts(input)?;
                sink.left_out(&format!("the data of the module {}", name.escape_ascii()));
            }
            END => break,
            byte => {
                let kind = kind::of_version(byte, version);
                if !kind::is_value(kind) {
                    note_unknown(byte, version);
                    return Err(input.fault(Fault::Kind(byte)).into());
                }
                input.string_into(&mut key)?;
                match value::read(kind, input, packing) {
                    Ok(value) => {
                        let record = Record {
                            db,
                            key: &key,
                            expire_at: expire_at.take(),
                            idle_s: idle_s.take(),
                            value,
                        };
                        sink.key(record, input.offset())?;
                    }
                    Err(Damage { fault: Fault::Module(name), .. }) => {
                        (expire_at, idle_s) = (None, None);
                        let (key, name) = (key.escape_ascii(), name.escape_ascii());
                        sink.left_out(&format!("the key {key}, a value of the module {name}"));
                    }
                    // Older servers could write some.
                    Err(Damage { fault: Fault::Empty, .. }) => {
                        (expire_at, idle_s) = (None, None);
                        skipped += 1;
                        if skipped <= SKIPPED_TOLD {
                            sink.left_out(&format!("skipping empty key: {}", key.escape_ascii()));
                        }
                    }
                    Err(damage) => {
                        let (key, name) = (key.escape_ascii(), kind::name(byte));
                        tracing::error!("the key {key}: {name} integrity check failed: {damage}");
                        return Err(damage.into());
                    }
                }
            }
        }
    }
    if version >= CHECKED {
        let sum = input.checksum();
        let told = u64::from_le_bytes(input.array()?);
        // 0 is written by those who do not compute it.
        if told != 0 && told != sum.get() {
            return Err(input.damage("CRC error: the checksum is not that of the file").into());
        }
    }
    if skipped > 0 {
        sink.left_out(&format!("empty keys skipped: {skipped}"));
    }
    Ok(())
}

/// Notes, in the words of Valkey's log, that a file holds what is not known: it may be of a later version.
fn note_unknown(byte: u8, version: u16) {
    if (kind::LATEST + 1..kind::VALKEY).contains(&version) {
        tracing::error!("Can't handle foreign type or opcode {byte} in RDB with version {version}");
    } else {
        tracing::error!("Unknown type or opcode when loading DB. Unrecoverable error, aborting now.");
    }
}

/// Whether `start` begins a file.
pub fn begins(start: &[u8]) -> bool {
    MAGIC.iter().any(|magic| start.starts_with(magic))
}

fn read_version(input: &mut Reader<'_>, versions: Versions) -> Result<u16, Damage> {
    let head: [u8; 9] = input.array()?;
    let magic = MAGIC.iter().find(|magic| head.starts_with(magic));
    let magic = magic.ok_or_else(|| input.damage("it does not begin as an RDB file"))?;
    let version = std::str::from_utf8(&head[magic.len()..]).ok().and_then(|text| text.parse().ok());
    match version {
        Some(version) if versions.hold(version) && magic_of(version) == *magic => Ok(version),
        _ => Err(input.damage("it is an RDB file of a version that is not known")),
    }
}

/// Writes a file.
pub struct Writer<W: Write> {
    out: W,
    sum: Checksum,
    version: u16,
    db: Option<u32>,
    record: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file of this version.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(out: W, version: u16) -> io::Result<Self> {
        let mut writer = Writer { out, sum: Checksum::default(), version, db: None, record: Vec::new() };
        let magic = match version {
            kind::VALKEY.. => format!("VALKEY{version:03}"),
            _ => format!("REDIS{version:04}"),
        };
        writer.put(magic.as_bytes())?;
        let mut about = Vec::new();
        for (name, text) in
            [("redis-ver", crate::base::version::REDIS), ("synap-ver", crate::base::version::SYNAP)]
        {
            about.push(AUX);
            writer::put_string(name.as_bytes(), &mut about);
            writer::put_string(text.as_bytes(), &mut about);
        }
        writer.put(&about)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.add(bytes);
        self.out.write_all(bytes)
    }

    /// The version of the file.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Writes a library of functions.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn library(&mut self, code: &[u8]) -> io::Result<()> {
        let mut record = vec![FUNCTION];
        writer::put_bytes(code, &mut record);
        self.put(&record)
    }

    /// Writes a key, whose value is given as it is written: a kind that this version has, and its bytes.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn key(
        &mut self,
        db: u32,
        key: &[u8],
        expire_at: Option<i64>,
        kind: u8,
        value: &[u8],
    ) -> io::Result<()> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        if self.db != Some(db) {
            self.db = Some(db);
            record.push(SELECT);
            writer::put_length(db.into(), &mut record);
        }
        if let Some(at) = expire_at {
            record.push(EXPIRE_MS);
            record.extend_from_slice(&at.to_le_bytes());
        }
        record.push(if kind == kind::HASH_EXPIRING_VALKEY { kind::HASH_EXPIRING_OLD } else { kind });
        writer::put_string(key, &mut record);
        if !(kind == kind::STRING && put_packed(value, &mut record)) {
            record.extend_from_slice(value);
        }
        let done = self.put(&record);
        self.record = record;
        done
    }

    /// Writes a key with its value; `false`, and nothing, when this version has no form for that.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn entry(&mut self, db: u32, entry: EntryRef<'_>) -> io::Result<bool> {
        let Some(kind) = value::kind_for(entry, self.version) else { return Ok(false) };
        let mut value = Vec::new();
        value::write_as(kind, entry, &mut Output::compressing(&mut value));
        self.key(db, entry.key(), entry.expire_at(), kind, &value)?;
        Ok(true)
    }

    /// Ends the file, and returns what it was written to.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn end(mut self) -> io::Result<W> {
        self.put(&[END])?;
        let sum = self.sum.get().to_le_bytes();
        self.out.write_all(&sum)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Appends a string's value compressed, if it is plain text and that makes it shorter.
fn put_packed(value: &[u8], out: &mut Vec<u8>) -> bool {
    /// The first byte of a string in another form than a length and text.
    const ENCODED: u8 = 0xC0;
    if value.first().is_none_or(|first| *first >= ENCODED) {
        return false;
    }
    let mut input = Reader::new(value);
    let Ok(text) = input.string() else { return false };
    writer::put_compressed(&text, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Vec<String>);

    impl Sink for Told {
        type Error = Damage;

        fn key(&mut self, record: Record<'_>, _: u64) -> Result<(), Damage> {
            self.0.push(record.key.escape_ascii().to_string());
            Ok(())
        }

        fn library(&mut self, _: &[u8]) -> Result<(), Damage> {
            Ok(())
        }

        fn left_out(&mut self, what: &str) {
            self.0.push(what.into());
        }
    }

    #[test]
    fn keys_without_elements_are_skipped_as_redis_does() {
        // An empty set that expires, an empty hash, and a string that does not expire.
        let bytes =
            b"REDIS0009\xFE\0\xFC\0\0\0\0\0\0\0\0\x02\x01s\0\x04\x01h\0\0\x01k\x01v\xFF\0\0\0\0\0\0\0\0";
        let mut told = Told::default();
        read(&mut Reader::stream(&mut &bytes[..]), Versions::Known, &Packing::default(), &mut told).unwrap();
        assert_eq!(told.0, ["skipping empty key: s", "skipping empty key: h", "k", "empty keys skipped: 2"]);
    }
}
