//! Exact text to binary floating point of any precision; the ground under `number` and `LongDouble`.

use num_bigint::BigUint;

/// A real number that is not negative: `mantissa × 2^exp`.
///
/// The mantissa stays below 2^127. One of more than 80 bits may be inexact: its last bit is then set
/// and stands for everything below it.
#[derive(Clone, Copy, Debug)]
pub struct Exact {
    /// The significant bits.
    pub mantissa: u128,
    /// The power of two they are multiplied by.
    pub exp: i64,
}

/// Bits kept of numbers that have more.
const BITS: u64 = 126;

impl Exact {
    /// The number `digits × 10^exp10`.
    pub fn from_decimal(digits: &BigUint, exp10: i64) -> Self {
        let power = BigUint::from(5u8).pow(exp10.unsigned_abs() as u32);
        if exp10 >= 0 {
            return Self::from_big(digits * power, exp10, false);
        }
        let shift = (BITS + power.bits()).saturating_sub(digits.bits());
        let numerator = digits << shift;
        let quotient = &numerator / &power;
        let inexact = &quotient * &power != numerator;
        Self::from_big(quotient, exp10 - shift as i64, inexact)
    }

    /// The number `digits × 10^exp10`, as long as no more is needed for it than two words: powers of ten from -19 to 27.
    pub fn from_short_decimal(digits: u64, exp10: i64) -> Option<Self> {
        match exp10 {
            _ if digits == 0 => Some(Self { mantissa: 0, exp: 0 }),
            0..=27 => Some(Self { mantissa: u128::from(digits) * 5u128.pow(exp10 as u32), exp: exp10 }),
            -19..0 => {
                let power = 5u128.pow(-exp10 as u32);
                let shift = u128::from(digits).leading_zeros() - 1;
                let numerator = u128::from(digits) << shift;
                let (quotient, rest) = (numerator / power, numerator % power);
                Some(Self { mantissa: quotient | u128::from(rest != 0), exp: exp10 - i64::from(shift) })
            }
            _ => None,
        }
    }

    fn from_big(n: BigUint, exp: i64, inexact: bool) -> Self {
        let drop = n.bits().saturating_sub(BITS);
        let top = &n >> drop;
        let inexact = inexact || drop > n.trailing_zeros().unwrap_or(u64::MAX);
        let mantissa = top.iter_u64_digits().rev().fold(0, |all, word| all << 64 | u128::from(word));
        Self { mantissa: mantissa | u128::from(inexact), exp: exp + drop as i64 }
    }

    /// Reads what follows `0x`: hexadecimal digits with at most one point among them, and a power of
    /// two behind a `p`.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        let (digits, exp) = match text.iter().position(|b| matches!(b, b'p' | b'P')) {
            Some(at) => (&text[..at], exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (mut number, mut point, mut any) = (Self { mantissa: 0, exp }, false, false);
        for byte in digits {
            if *byte == b'.' && !point {
                point = true;
                continue;
            }
            let digit = (*byte as char).to_digit(16)?;
            any = true;
            if number.mantissa >> (BITS - 4) == 0 {
                number.mantissa = number.mantissa << 4 | u128::from(digit);
            } else {
                number.mantissa |= u128::from(digit != 0);
                number.exp += 4;
            }
            number.exp -= if point { 4 } else { 0 };
        }
        any.then_some(number)
    }

    /// The nearest mantissa of `bits` bits and its power of two, ties to even. The power is not
    /// below `exp_min`: numbers that are smaller have fewer bits.
    pub fn round(self, bits: u32, exp_min: i64) -> (u64, i64) {
        if self.mantissa == 0 {
            return (0, exp_min);
        }
        let len = i64::from(128 - self.mantissa.leading_zeros());
        let drop = (len - i64::from(bits)).max(exp_min.saturating_sub(self.exp));
        let exp = self.exp.saturating_add(drop);
        if drop <= 0 {
            return ((self.mantissa << -drop) as u64, exp);
        }
        if drop > 127 {
            return (0, exp_min);
        }
        match halve(self.mantissa, drop as u32) {
            carried if carried >> bits != 0 => ((carried >> 1) as u64, exp + 1),
            rounded => (rounded as u64, exp),
        }
    }
}

/// `n / 2^bits`, rounded to the nearest integer, ties to even; `bits` from 1 to 127.
pub fn halve(n: u128, bits: u32) -> u128 {
    let quotient = n >> bits;
    let rest = n - (quotient << bits);
    let half = 1 << (bits - 1);
    quotient + u128::from(rest > half || rest == half && quotient & 1 == 1)
}

/// Reads a decimal exponent; huge ones are cut to where no number is left anyway.
pub fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exp = digits.iter().fold(0, |n, digit| (n * 10 + i64::from(digit - b'0')).min(1 << 40));
    Some(if negative { -exp } else { exp })
}

/// Whether `text` begins with a minus, and what follows its sign.
pub fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// What follows the `0x` that `text` begins with.
pub fn hex(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'0', b'x' | b'X', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn short_decimals_are_those_of_any_length(digits: u64, zeros in 0u32..64, exp10 in -19i64..=27) {
            let digits = digits >> zeros;
            let long = Exact::from_decimal(&BigUint::from(digits), exp10);
            let short = Exact::from_short_decimal(digits, exp10).unwrap();
            for (bits, exp_min) in [(64, -16_445), (53, -1074)] {
                prop_assert_eq!(short.round(bits, exp_min), long.round(bits, exp_min));
            }
        }
    }
}
