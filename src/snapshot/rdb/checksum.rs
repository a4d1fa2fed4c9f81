//! The checksum at the end of files and payloads: CRC64 with the polynomial of Jones, reflected.
//!
//! (`crc64fast`, which guards Synap's own formats, has the polynomial of ECMA-182.)

use crc::{CRC_64_REDIS, Crc, Table};

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// A checksum that grows with what is read or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum(u64);

impl Checksum {
    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = Checksum::default();
        sum.add(bytes);
        sum
    }

    /// Takes `bytes` in, behind all before.
    pub fn add(&mut self, bytes: &[u8]) {
        // The algorithm is reflected in and out: its register is kept bit-reversed between the parts.
        let mut digest = CRC.digest_with_initial(self.0.reverse_bits());
        digest.update(bytes);
        self.0 = digest.finalize();
    }

    /// Its value.
    pub fn get(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_redis() {
        assert_eq!(Checksum::of(b"123456789").get(), 0xe9c6_d914_c4b8_d9ca);
        let mut parts = Checksum::default();
        [&b"1234"[..], b"", b"56789"].iter().for_each(|part| parts.add(part));
        assert_eq!(parts, Checksum::of(b"123456789"));
    }
}
