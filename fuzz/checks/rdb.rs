use synap::snapshot::rdb::kind::Versions;
use synap::snapshot::rdb::{Damage, Reader, Value, aof, file, payload, value};
use synap::types::Packing;

/// Takes everything and keeps nothing.
struct Nobody;

impl file::Sink for Nobody {
    type Error = Damage;
    fn key(&mut self, record: file::Record<'_>, _: u64) -> Result<(), Damage> {
        written_again(record.value);
        Ok(())
    }
    fn library(&mut self, _: &[u8]) -> Result<(), Damage> {
        Ok(())
    }
    fn left_out(&mut self, _: &str) {}
}

impl aof::Commands for Nobody {
    type Error = Damage;
    fn command(&mut self, _: aof::Words, _: u64) -> Result<(), Damage> {
        Ok(())
    }
}

/// Whatever the bytes are: as a value of any kind, as a payload with a right checksum, as a file, as an append-only
/// file, they are an answer; and what can be read can be written and read again.
pub fn rdb(data: &[u8]) {
    let [kind, bytes @ ..] = data else { return };
    let packing = Packing::default();
    if let Ok(value) = value::read(*kind, &mut Reader::new(bytes), &packing) {
        written_again(value);
    }
    let mut sealed = data.to_vec();
    payload::seal(if kind & 1 == 0 { 12 } else { 80 }, &mut sealed);
    let _ = payload::restore(&sealed, &packing);
    let mut source = data;
    let _ = file::read(&mut Reader::stream(&mut source), Versions::Any, &packing, &mut Nobody);
    let _ = aof::read(&mut Reader::new(data), &mut Nobody);
}

fn written_again(value: Value) {
    let entry = value.into_entry(b"key", None);
    assert!(!entry.as_ref().is_hollow(), "an empty collection was read");
    let bytes = payload::dump(entry.as_ref());
    assert!(payload::restore(&bytes, &Packing::default()).is_ok(), "what was written is refused");
}
