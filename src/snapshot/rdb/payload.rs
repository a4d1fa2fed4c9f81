//! The payload of DUMP and RESTORE: one value with a version and a checksum behind it.

use super::checksum::Checksum;
use super::kind::Versions;
use super::reader::{Damage, Reader};
use super::writer::Output;
use super::{Value, kind, value};
use crate::keyspace::EntryRef;
use crate::types::Packing;

/// Version and checksum.
const FOOTER: usize = 10;

/// Why a payload is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is of a version that is not known, or its checksum is another.
    Footer,
    /// Its value is malformed.
    Value(Damage),
}

/// What is taken though its footer speaks against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// A payload whose checksum is another.
    pub checksum: bool,
    /// One of these versions.
    pub versions: Versions,
}

/// Bytes of a payload that are not the value's: its type, the version and a checksum.
pub const AROUND: usize = 1 + 2 + 8;

/// The payload of `entry` for whoever may read it, with the earliest version whose readers know its form: Redis 7.0
/// reads whatever it can.
pub fn portable(entry: EntryRef<'_>) -> Vec<u8> {
    let kind = value::kind_byte(entry);
    let mut out = vec![kind];
    value::write_as(kind, entry, &mut Output::plain(&mut out));
    seal(kind::version(kind), &mut out);
    out
}

/// The payload of `entry` as Redis 8 has it, byte by byte where the value is kept in the same order.
pub fn dump(entry: EntryRef<'_>) -> Vec<u8> {
    let kind = value::present_kind(entry);
    let mut out = vec![kind];
    value::write_as(kind, entry, &mut Output::compressing(&mut out));
    seal(kind::version(kind).max(kind::PRESENT), &mut out);
    out
}

/// Puts version and checksum behind a kind and a value.
pub fn seal(version: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&version.to_le_bytes());
    let sum = Checksum::of(out).get();
    out.extend_from_slice(&sum.to_le_bytes());
}

/// Checks version and checksum; returns the value's kind, and its bytes.
///
/// # Errors
/// [`Refusal::Footer`].
pub fn open(payload: &[u8]) -> Result<(u8, &[u8]), Refusal> {
    split(payload, Leniency::default())
}

/// As [`open`].
fn split(payload: &[u8], leniency: Leniency) -> Result<(u8, &[u8]), Refusal> {
    let (body, footer) =
        payload.len().checked_sub(FOOTER).map_or((&[][..], payload), |at| payload.split_at(at));
    let ([kind, value @ ..], [v0, v1, sum @ ..]) = (body, footer) else { return Err(Refusal::Footer) };
    let version = u16::from_le_bytes([*v0, *v1]);
    let expected = || Checksum::of(&payload[..payload.len() - sum.len()]).get().to_le_bytes();
    if !leniency.versions.hold(version) || !leniency.checksum && sum != expected() {
        return Err(Refusal::Footer);
    }
    Ok((kind::of_version(*kind, version), value))
}

/// The value of a payload.
///
/// # Errors
/// When anything about it is wrong.
pub fn restore(payload: &[u8], packing: &Packing) -> Result<Value, Refusal> {
    read(open(payload)?, packing)
}

/// The same, with some leniency.
///
/// # Errors
/// When anything else about it is wrong.
pub fn restore_leniently(payload: &[u8], packing: &Packing, leniency: Leniency) -> Result<Value, Refusal> {
    read(split(payload, leniency)?, packing)
}

fn read((kind, bytes): (u8, &[u8]), packing: &Packing) -> Result<Value, Refusal> {
    let mut input = Reader::new(bytes);
    let value = value::read(kind, &mut input, packing).map_err(Refusal::Value)?;
    if input.rest().is_empty() { Ok(value) } else { Err(Refusal::Value(input.damage("more follows"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_real_servers_are_taken() {
        let payloads: [(&str, &[u8]); 3] = [
            ("Redis 7.0", b"\x00\x05hello\n\x00cr\xdfve4 \n"),
            ("Redis 8.0", b"\x00\x05hello\x0c\x00\xa8\x04\xeb\xb6\x9f\x1e\xbeC"),
            ("Valkey 9.1", b"\x00\x05helloP\x00\xacX\x16\xe7\xfbfG\xfe"),
        ];
        for (server, payload) in payloads {
            let Ok(Value::Text(text)) = restore(payload, &Packing::default()) else { panic!("{server}") };
            assert_eq!(&text[..], b"hello");
        }
    }

    #[test]
    fn later_versions_are_taken_if_that_is_wanted() {
        let lenient = Leniency { versions: Versions::Any, ..Leniency::default() };
        for version in [0, kind::LATEST + 1, 79, kind::VALKEY + 1, 987] {
            let mut payload = b"\x00\x05hello".to_vec();
            seal(version, &mut payload);
            assert!(matches!(restore(&payload, &Packing::default()), Err(Refusal::Footer)), "{version}");
            let taken = restore_leniently(&payload, &Packing::default(), lenient).is_ok();
            assert_eq!(taken, version > 0, "{version}");
            payload[0] = 150;
            seal(version, &mut payload);
            assert!(restore_leniently(&payload, &Packing::default(), lenient).is_err(), "{version}");
        }
    }

    #[test]
    fn any_byte_counts() {
        let entry = crate::keyspace::EntryBox::string(b"k", b"hello", None);
        let payload = dump(entry.as_ref());
        assert!(restore(&payload, &Packing::default()).is_ok());
        for at in 0..payload.len() {
            let mut bad = payload.clone();
            bad[at] ^= 0x10;
            assert!(matches!(restore(&bad, &Packing::default()), Err(Refusal::Footer)), "{at}");
            assert!(restore(&payload[..at], &Packing::default()).is_err());
        }
    }
}
