//! The 80-bit floating point numbers that Redis computes INCRBYFLOAT and HINCRBYFLOAT with.
//!
//! 64 bits of mantissa, exponents from -16382 to 16383, rounded to nearest, ties to even: what x86
//! calls `long double`, on every machine.

use super::float::{self, Exact};
use num_bigint::BigUint;

/// `±mantissa × 2^exp`, with a mantissa of 64 bits unless the exponent is the least; or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    mantissa: u64,
    exp: i64,
}

const BITS: u32 = 64;
const EXP_MIN: i64 = -16_445;
const EXP_MAX: i64 = 16_320;
/// The exponent of infinity.
const INFINITE: i64 = i64::MAX;
/// Longer texts are refused, as by Redis.
const TEXT_LEN_MAX: usize = 5 * 1024 - 1;
/// Digits that fit a word for sure.
const SHORT: usize = 19;
/// Digits behind the point that are printed.
const FRACTION_DIGITS: usize = 17;

impl LongDouble {
    /// Reads a decimal or hexadecimal number or `inf`, as C's `strtold`. NaN is refused, as are blanks, texts
    /// of 5 KiB and more, and numbers too large or too small.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_LEN_MAX {
            return None;
        }
        let (negative, text) = float::sign(text);
        if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
            return Some(Self { negative, mantissa: 0, exp: INFINITE });
        }
        let exact = match float::hex(text) {
            Some(digits) => Exact::from_hex(digits)?,
            None => decimal(text)?,
        };
        let number = Self::round(negative, exact);
        (number.is_finite() && (number.mantissa != 0 || exact.mantissa == 0)).then_some(number)
    }

    fn round(negative: bool, exact: Exact) -> Self {
        let (mantissa, exp) = exact.round(BITS, EXP_MIN);
        if exp > EXP_MAX {
            return Self { negative, mantissa: 0, exp: INFINITE };
        }
        Self { negative, mantissa, exp }
    }

    /// Whether this is a number and no infinity.
    pub fn is_finite(self) -> bool {
        self.exp != INFINITE
    }

    /// The sum, or `None` when it is infinite or no number.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if !self.is_finite() || !other.is_finite() {
            return None;
        }
        let (high, low) = if self.exp >= other.exp { (self, other) } else { (other, self) };
        let exp = high.exp - 62;
        let a = u128::from(high.mantissa) << 62;
        let b = u128::from(low.mantissa) << 62;
        let shift = (high.exp - low.exp).min(127) as u32;
        let b = b >> shift | u128::from(b.trailing_zeros() < shift);
        let (negative, mantissa) = match high.negative == low.negative {
            true => (high.negative, a + b),
            false if a >= b => (high.negative, a - b),
            false => (low.negative, b - a),
        };
        let sum = Self::round(negative, Exact { mantissa, exp });
        sum.is_finite().then_some(sum)
    }

    /// The number in plain decimal digits, rounded to 17 behind the point, trailing zeros left off.
    pub fn format(self) -> String {
        if !self.is_finite() {
            return if self.negative { "-inf".into() } else { "inf".into() };
        }
        let mut text = match self.exp {
            exp if exp >= 0 => (BigUint::from(self.mantissa) << exp).to_string(),
            exp if exp > -128 => {
                let one = 10u128.pow(FRACTION_DIGITS as u32);
                let scaled = float::halve(u128::from(self.mantissa) * one, -exp as u32);
                let mut text = format!("{}.{:0FRACTION_DIGITS$}", scaled / one, scaled % one);
                text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
                text
            }
            _ => "0".into(),
        };
        if self.negative && text != "0" {
            text.insert(0, '-');
        }
        text
    }
}

impl From<i64> for LongDouble {
    fn from(n: i64) -> Self {
        Self::round(n < 0, Exact { mantissa: n.unsigned_abs().into(), exp: 0 })
    }
}

/// Reads digits with at most one point among them, and a power of ten behind an `e`.
fn decimal(text: &[u8]) -> Option<Exact> {
    let (number, exp) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], float::exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let point = number.iter().position(|b| *b == b'.');
    let (whole, fraction) = point.map_or((number, &[][..]), |at| (&number[..at], &number[at + 1..]));
    let digits = whole.iter().chain(fraction).map(|b| b.wrapping_sub(b'0'));
    let len = whole.len() + fraction.len();
    if len == 0 || digits.clone().any(|d| d > 9) {
        return None;
    }
    // Beyond these powers every number of so few digits is infinite or zero.
    let beyond = 2 * TEXT_LEN_MAX as i64;
    let exp = exp.saturating_sub(fraction.len() as i64).clamp(-beyond, beyond);
    if len <= SHORT
        && let Some(exact) =
            Exact::from_short_decimal(digits.clone().fold(0, |n, d| n * 10 + u64::from(d)), exp)
    {
        return Some(exact);
    }
    let digits = BigUint::from_radix_be(&digits.collect::<Vec<_>>(), 10)?;
    Some(Exact::from_decimal(&digits, exp))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line: a value, an increment, and what Redis 8 answered to INCRBYFLOAT, `!` before errors.
    #[test]
    fn sums_are_those_of_redis() {
        for line in include_str!("../../tests/vectors/long_doubles.txt").lines() {
            let [value, increment, expected] = line.split('|').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let (a, b) = (LongDouble::parse(value.as_bytes()), LongDouble::parse(increment.as_bytes()));
            let sum = match (a, b) {
                (Some(a), Some(b)) => match a.checked_add(b) {
                    Some(sum) => sum.format(),
                    None => "!ERR increment would produce NaN or Infinity".into(),
                },
                _ => "!ERR value is not a valid float".into(),
            };
            assert_eq!(sum, expected, "{value} {increment}");
        }
    }

    #[test]
    fn integers_are_exact() {
        for n in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(LongDouble::from(n).format(), n.to_string());
        }
    }
}
