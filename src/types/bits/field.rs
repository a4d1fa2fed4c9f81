//! Integers of 1 to 64 bits at any place in a byte string.

use super::Bit;
use crate::base::number;

/// The kind of integer a field holds: `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Whether it is in two's complement.
    pub signed: bool,
    /// Its width in bits.
    pub width: u32,
}

/// What becomes of a number that does not fit its field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Its upper bits are dropped.
    #[default]
    Wrap,
    /// It becomes the nearest number that fits.
    Saturate,
    /// The field keeps its value.
    Fail,
}

impl Field {
    /// Reads a kind as in `i16` or `u8`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (signed, width_max) = match text.first()? {
            b'i' => (true, 64),
            b'u' => (false, 63),
            _ => return None,
        };
        let width = number::parse_i64(&text[1..]).filter(|width| (1..=width_max).contains(width))?;
        Some(Self { signed, width: width as u32 })
    }

    /// The field at bit `at`; bits behind the end of `bytes` are 0.
    pub fn read(self, bytes: &[u8], at: Bit) -> i64 {
        let value = window(bytes, at) << (at % 8);
        self.value((value >> (128 - self.width)) as u64)
    }

    /// Writes the field at bit `at`; all of it must lie in `bytes`.
    pub fn write(self, bytes: &mut [u8], at: Bit, value: i64) {
        let shift = 128 - self.width - (at % 8) as u32;
        let mask = u128::from(self.mask()) << shift;
        let window = (window(bytes, at) & !mask | (value as u128) << shift & mask).to_be_bytes();
        let bytes = &mut bytes[(at / 8) as usize..];
        let len = bytes.len().min(WINDOW);
        bytes[..len].copy_from_slice(&window[..len]);
    }

    /// `n` as a value of this field, or `None` when it does not fit and `overflow` forbids it.
    pub fn fit(self, n: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = match self.signed {
            true => (-1 << (self.width - 1), (1 << (self.width - 1)) - 1),
            false => (0, i128::from(self.mask())),
        };
        match overflow {
            _ if (min..=max).contains(&n) => Some(n as i64),
            Overflow::Wrap => Some(self.value(n as u64 & self.mask())),
            Overflow::Saturate => Some(n.clamp(min, max) as i64),
            Overflow::Fail => None,
        }
    }

    /// The number that BITFIELD SET stores. For unsigned fields a negative one counts as the huge one with the same bits;
    /// for signed ones too, where it is further below the field's largest than 64 bits can tell, as in Redis.
    pub fn given(self, n: i64) -> i128 {
        let beyond = self.width < 64 && n < i64::MIN + (1 << (self.width - 1));
        if self.signed && !beyond { n.into() } else { (n as u64).into() }
    }

    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.width)
    }

    /// The value whose lowest bits are `bits`.
    fn value(self, bits: u64) -> i64 {
        let unused = 64 - self.width;
        if self.signed { ((bits << unused) as i64) >> unused } else { bits as i64 }
    }
}

/// Bytes that a field of 64 bits can touch.
const WINDOW: usize = 9;

/// The bytes around bit `at` as the upper part of a number.
fn window(bytes: &[u8], at: Bit) -> u128 {
    let bytes = bytes.get((at / 8) as usize..).unwrap_or_default();
    let len = bytes.len().min(WINDOW);
    let mut window = [0; 16];
    window[..len].copy_from_slice(&bytes[..len]);
    u128::from_be_bytes(window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields() -> impl Strategy<Value = Field> {
        prop_oneof![
            (1u32..=64).prop_map(|width| Field { signed: true, width }),
            (1u32..=63).prop_map(|width| Field { signed: false, width }),
        ]
    }

    proptest! {
        #[test]
        fn a_written_field_is_read_back_and_nothing_else_changes(
            field in fields(), at in 0u64..80, n: i64, bytes in prop::collection::vec(any::<u8>(), 18),
        ) {
            let value = field.fit(n.into(), Overflow::Wrap).unwrap();
            let mut changed = bytes.clone();
            field.write(&mut changed, at, value);
            prop_assert_eq!(field.read(&changed, at), value);
            for bit in 0..18 * 8 {
                if !(at..at + u64::from(field.width)).contains(&bit) {
                    prop_assert_eq!(super::super::get(&bytes, bit), super::super::get(&changed, bit));
                }
            }
        }

        #[test]
        fn bits_behind_the_end_are_zero(field in fields(), at in 0u64..40, bytes in prop::collection::vec(any::<u8>(), 0..4)) {
            let mut padded = bytes.clone();
            padded.resize(20, 0);
            prop_assert_eq!(field.read(&bytes, at), field.read(&padded, at));
        }
    }

    #[test]
    fn overflow_wraps_saturates_or_fails() {
        let (i8, u8) = (Field { signed: true, width: 8 }, Field { signed: false, width: 8 });
        for (field, n, wrapped, saturated) in
            [(i8, 128, -128, 127), (i8, -129, 127, -128), (u8, 256, 0, 255), (u8, -1, 255, 0)]
        {
            assert_eq!(field.fit(n, Overflow::Wrap), Some(wrapped));
            assert_eq!(field.fit(n, Overflow::Saturate), Some(saturated));
            assert_eq!(field.fit(n, Overflow::Fail), None);
        }
        assert_eq!(u8.fit(u8.given(-1), Overflow::Saturate), Some(255));
        let i64 = Field { signed: true, width: 64 };
        assert_eq!(i64.fit(i128::from(i64::MAX) + 1, Overflow::Wrap), Some(i64::MIN));
        assert_eq!(i64.fit(i128::from(i64::MIN) - 1, Overflow::Saturate), Some(i64::MIN));
    }

    #[test]
    fn kinds_are_read() {
        assert_eq!(Field::parse(b"i64"), Some(Field { signed: true, width: 64 }));
        assert_eq!(Field::parse(b"u63"), Some(Field { signed: false, width: 63 }));
        for text in ["", "i", "u0", "i65", "u64", "x8", "I8", "i08", "u-1", "i 8"] {
            assert_eq!(Field::parse(text.as_bytes()), None, "{text}");
        }
    }
}
