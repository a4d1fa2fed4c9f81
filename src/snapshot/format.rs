//! The file of a snapshot. All numbers are little-endian; checksums are CRC-64/XZ.
//!
//! ```text
//!  file
//! ┌────────┬─────────┬─────────┬─────┬─────────┬─────┐
//! │ head   │ block   │ block   │  …  │ block   │ end │
//! └────────┴─────────┴─────────┴─────┴─────────┴─────┘
//!  head
//!  0            8        12       12 + n    20 + n
//! ┌────────────┬────────┬────────┬────────┐
//! │ "SYNAP002" │ n u32  │ fields │ crc    │          crc: of everything before it
//! └────────────┴────────┴────────┴────────┘
//!  field
//! ┌────────┬──────┬────────┬───────┐
//! │ n u8   │ name │ m u8   │ value │                   text; names not known are skipped
//! └────────┴──────┴────────┴───────┘
//!  block
//!  0      1       2      4        8         12       16       24        24 + stored
//! ┌──────┬───────┬──────┬────────┬─────────┬────────┬────────┬────────┐
//! │ kind │ codec │ 0    │ db u32 │ raw u32 │ stored │ crc    │ bytes  │  crc: of bytes 0 to 16 and the stored ones
//! └──────┴───────┴──────┴────────┴─────────┴────────┴────────┴────────┘
//!  end
//!  0      1              8          16         24
//! ┌──────┬──────────────┬──────────┬──────────┐
//! │ 0    │ 0            │ keys u64 │ crc u64  │       crc: of everything before it, in the whole file
//! └──────┴──────────────┴──────────┴──────────┘
//! ```
//! The bytes of a block are stored as they are or compressed (`codec`), and hold records of keys of one database
//! (see [`super::record`]). What is longer than a block is cut into pieces: all but the last are of kind
//! [`PIECE`], the last is [`WHOLE`], and nothing stands between them. A block of kind [`LIBRARY`] holds the code of a
//! library of functions, or ends it.
//!
//! Version 1 had no libraries.

use super::fault::Damage;
use crc64fast::Digest;

/// What a file begins with. The digits are the version: a later one reads all earlier ones.
pub const MAGIC: [u8; 8] = *b"SYNAP002";
/// What files of earlier versions begin with.
const EARLIER: [[u8; 8]; 1] = [*b"SYNAP001"];
/// Bytes of a block, uncompressed, at most.
pub const RAW_MAX: usize = 1 << 20;
/// Bytes of a block's head.
pub const BLOCK_HEAD: usize = 24;
/// Bytes of the file's end.
pub const END: usize = 24;
/// Bytes of fields in a file's head, at most.
const FIELDS_MAX: usize = 1 << 20;

/// Kind of a block: the end of the file.
pub const LAST: u8 = 0;
/// Kind of a block: its records end with it.
pub const WHOLE: u8 = 1;
/// Kind of a block: what it holds goes on in the next one.
pub const PIECE: u8 = 2;
/// Kind of a block: it ends the code of a library of functions.
pub const LIBRARY: u8 = 3;

/// How the bytes of a block are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// As they are.
    Plain,
    /// LZ4, as one block.
    Lz4,
    /// Zstandard, as one frame.
    Zstd,
}

impl Codec {
    fn from_byte(byte: u8) -> Option<Self> {
        [Codec::Plain, Codec::Lz4, Codec::Zstd].get(usize::from(byte)).copied()
    }

    /// The name in settings and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Plain => "none",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }
}

/// The level Zstandard compresses with: its fastest that still gains much over LZ4.
const ZSTD_LEVEL: i32 = 1;

/// What a file's head tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The version of Synap that wrote it.
    pub version: String,
    /// When the cut was taken, in unix milliseconds.
    pub created_ms: i64,
    /// The log's position at the cut: what the log holds from there on is not in the snapshot.
    pub lsn: u64,
    /// Keys.
    pub keys: u64,
    /// Libraries of functions.
    pub libraries: u64,
    /// Per database that has any: its number, keys, keys with a TTL.
    pub databases: Vec<(u32, u64, u64)>,
}

impl Head {
    /// The head as it stands in a file.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        let mut add = |name: &str, value: String| {
            for text in [name, &value] {
                fields.push(text.len() as u8);
                fields.extend_from_slice(text.as_bytes());
            }
        };
        add("version", self.version.clone());
        add("created-ms", self.created_ms.to_string());
        add("lsn", self.lsn.to_string());
        add("keys", self.keys.to_string());
        add("libraries", self.libraries.to_string());
        for (db, keys, expiring) in &self.databases {
            add("db", format!("{db} {keys} {expiring}"));
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&(fields.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&fields);
        let crc = crc(&[&bytes]);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// How many bytes the head has that begins with these 12.
    ///
    /// # Errors
    /// When it is no head of a version known here.
    pub fn len_of(start: &[u8; 12]) -> Result<usize, Damage> {
        if start[..5] != MAGIC[..5] {
            return Err(Damage::new(0, "this is no snapshot of Synap"));
        }
        if !EARLIER.iter().chain([&MAGIC]).any(|known| start[..8] == *known) {
            let version = start[5..8].escape_ascii();
            return Err(Damage::new(5, format!("format version {version} is not known here")));
        }
        match u32_at(start, 8) as usize {
            fields if fields <= FIELDS_MAX => Ok(12 + fields + 8),
            _ => Err(Damage::new(8, "the head's length is impossible")),
        }
    }

    /// Reads a whole head.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let (body, sum) = bytes.split_at(bytes.len() - 8);
        if crc(&[body]) != u64_at(sum, 0) {
            return Err(Damage::new(0, "the head's checksum is wrong"));
        }
        let mut head = Head::default();
        let mut rest = &body[12..];
        let mut text = || -> Option<Option<&str>> {
            let Some((len, behind)) = rest.split_first() else { return Some(None) };
            let (text, behind) = behind.split_at_checked(usize::from(*len))?;
            rest = behind;
            std::str::from_utf8(text).ok().map(Some)
        };
        let wrong = || Damage::new(12, "the head's fields are wrong");
        while let Some(name) = text().ok_or_else(wrong)? {
            let value = text().flatten().ok_or_else(wrong)?;
            let number = || value.parse::<u64>().map_err(|_| wrong());
            match name {
                "version" => head.version = value.to_owned(),
                "created-ms" => head.created_ms = number()? as i64,
                "lsn" => head.lsn = number()?,
                "keys" => head.keys = number()?,
                "libraries" => head.libraries = number()?,
                "db" => {
                    let mut numbers = value.split(' ').map(str::parse::<u64>);
                    let mut next = || numbers.next().and_then(Result::ok).ok_or_else(wrong);
                    head.databases.push((next()? as u32, next()?, next()?));
                }
                _ => {}
            }
        }
        Ok(head)
    }
}

/// What the first 24 bytes of a block or of the end tell.
#[derive(Clone, Copy, Debug)]
pub struct BlockHead {
    /// [`LAST`], [`WHOLE`], [`PIECE`] or [`LIBRARY`].
    pub kind: u8,
    /// How the bytes are stored.
    pub codec: Codec,
    /// The database of the records.
    pub db: u32,
    /// Bytes of records.
    pub raw: usize,
    /// Bytes stored.
    pub stored: usize,
    crc: u64,
    bytes: [u8; 16],
}

impl BlockHead {
    /// Reads a block's head. Its checksum covers the stored bytes: see [`BlockHead::unpack`].
    ///
    /// # Errors
    /// When it is impossible.
    pub fn decode(bytes: &[u8; BLOCK_HEAD]) -> Result<Self, &'static str> {
        let codec = Codec::from_byte(bytes[1]).ok_or("a block's codec is not known here")?;
        let head = Self {
            kind: bytes[0],
            codec,
            db: u32_at(bytes, 4),
            raw: u32_at(bytes, 8) as usize,
            stored: u32_at(bytes, 12) as usize,
            crc: u64_at(bytes, 16),
            bytes: bytes[..16].try_into().unwrap_or_default(),
        };
        let possible = match head.kind {
            WHOLE | PIECE | LIBRARY => head.raw <= RAW_MAX && head.stored <= head.raw,
            kind => kind == LAST,
        };
        if possible { Ok(head) } else { Err("a block's head is impossible") }
    }

    /// The number of keys, in a file's end.
    pub fn keys(&self) -> u64 {
        u64_at(&self.bytes, 8)
    }

    /// The checksum: of the whole file before it, in a file's end.
    pub fn crc(&self) -> u64 {
        self.crc
    }

    /// Appends the records that are `stored`.
    ///
    /// # Errors
    /// When the block is damaged.
    pub fn unpack(&self, stored: &[u8], records: &mut Vec<u8>) -> Result<(), &'static str> {
        if crc(&[&self.bytes, stored]) != self.crc {
            return Err("a block's checksum is wrong");
        }
        let at = records.len();
        if self.codec == Codec::Plain {
            records.extend_from_slice(stored);
        } else {
            records.resize(at + self.raw, 0);
            let room = &mut records[at..];
            let len = match self.codec {
                Codec::Lz4 => lz4_flex::block::decompress_into(stored, room).ok(),
                _ => zstd::bulk::decompress_to_buffer(stored, room).ok(),
            };
            records.truncate(at + len.unwrap_or_default());
        }
        if records.len() - at == self.raw { Ok(()) } else { Err("a block cannot be unpacked") }
    }
}

/// Makes blocks of records.
#[derive(Debug)]
pub struct Packer {
    codec: Codec,
    block: Vec<u8>,
}

impl Packer {
    /// A packer that compresses with `codec` where that gains anything.
    pub fn new(codec: Codec) -> Self {
        Self { codec, block: Vec::new() }
    }

    /// The block of `records` (at most [`RAW_MAX`] bytes), head included.
    pub fn pack(&mut self, kind: u8, db: u32, records: &[u8]) -> &[u8] {
        assert!(records.len() <= RAW_MAX);
        let room = records.len();
        let block = &mut self.block;
        block.clear();
        block.resize(BLOCK_HEAD, 0);
        let compressed = match self.codec {
            Codec::Plain => None,
            Codec::Lz4 => {
                block.resize(BLOCK_HEAD + lz4_flex::block::get_maximum_output_size(room), 0);
                lz4_flex::block::compress_into(records, &mut block[BLOCK_HEAD..]).ok()
            }
            Codec::Zstd => {
                block.resize(BLOCK_HEAD + room, 0);
                zstd::bulk::compress_to_buffer(records, &mut block[BLOCK_HEAD..], ZSTD_LEVEL).ok()
            }
        };
        let (codec, stored) = match compressed {
            Some(len) if len < room => (self.codec, len),
            _ => {
                block.truncate(BLOCK_HEAD);
                block.extend_from_slice(records);
                (Codec::Plain, room)
            }
        };
        block.truncate(BLOCK_HEAD + stored);
        block[0] = kind;
        block[1] = codec as u8;
        block[4..8].copy_from_slice(&db.to_le_bytes());
        block[8..12].copy_from_slice(&(room as u32).to_le_bytes());
        block[12..16].copy_from_slice(&(stored as u32).to_le_bytes());
        let sum = crc(&[&block[..16], &block[BLOCK_HEAD..]]);
        block[16..BLOCK_HEAD].copy_from_slice(&sum.to_le_bytes());
        block
    }
}

/// The end of a file, whose bytes so far `digest` has seen.
pub fn end(keys: u64, digest: &Digest) -> [u8; END] {
    let mut bytes = [0; END];
    bytes[0] = LAST;
    bytes[8..16].copy_from_slice(&keys.to_le_bytes());
    let mut digest = digest.clone();
    digest.write(&bytes[..16]);
    bytes[16..].copy_from_slice(&digest.sum64().to_le_bytes());
    bytes
}

/// The checksum of `parts`, one behind the other.
fn crc(parts: &[&[u8]]) -> u64 {
    let mut digest = Digest::new();
    parts.iter().for_each(|part| digest.write(part));
    digest.sum64()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let head = Head {
            version: "1.2.3".into(),
            created_ms: 1_700_000_000_000,
            lsn: 77,
            keys: 12,
            libraries: 3,
            databases: vec![(0, 10, 3), (7, 2, 0)],
        };
        let bytes = head.encode();
        assert_eq!(Head::len_of(bytes[..12].try_into().unwrap()).unwrap(), bytes.len());
        assert_eq!(Head::decode(&bytes).unwrap(), head);
        let earlier = [b"SYNAP001", &bytes[8..12]].concat();
        assert_eq!(Head::len_of(earlier[..12].try_into().unwrap()).unwrap(), bytes.len());
        let later = [b"SYNAP003", &bytes[8..12]].concat();
        let refusal = Head::len_of(later[..12].try_into().unwrap()).unwrap_err();
        assert_eq!(refusal.what, "format version 003 is not known here");
    }

    #[test]
    fn blocks_are_unpacked_as_they_were_and_damage_is_seen() {
        let texts = [
            vec![],
            b"text ".repeat(3000),
            (0..5000u32).flat_map(|n| n.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect(),
        ];
        for codec in [Codec::Plain, Codec::Lz4, Codec::Zstd] {
            for text in &texts {
                let block = Packer::new(codec).pack(WHOLE, 3, text).to_vec();
                assert!(block.len() <= BLOCK_HEAD + text.len());
                let unpack = |block: &[u8]| -> Result<Vec<u8>, &'static str> {
                    let head = BlockHead::decode(block[..BLOCK_HEAD].try_into().unwrap())?;
                    let mut records = Vec::new();
                    let stored = block.get(BLOCK_HEAD..BLOCK_HEAD + head.stored).ok_or("cut")?;
                    head.unpack(stored, &mut records).map(|()| records)
                };
                assert_eq!(unpack(&block).unwrap(), *text);
                for at in (0..block.len()).step_by(1 + block.len() / 200) {
                    let mut damaged = block.clone();
                    damaged[at] ^= 1 << (at % 8);
                    assert!(unpack(&damaged).is_err(), "{codec:?}: a change of byte {at} is not seen");
                }
            }
        }
    }
}
