//! The shortest-digits algorithm Grisu2 of Florian Loitsch ("Printing Floating-Point Numbers Quickly and
//! Accurately with Integers", 2010), which Redis prints doubles with.
//!
//! Its digits always read back as the same number, but once in some hundred times one digit more
//! than needed is printed. Clients compare replies as text, so exactly these digits are wanted.

use super::float::Exact;
use num_bigint::BigUint;
use std::sync::LazyLock;

/// The most digits there are.
pub const DIGITS_MAX: usize = 18;

/// `mantissa × 2^exp`
#[derive(Clone, Copy)]
struct Float {
    mantissa: u64,
    exp: i32,
}

const POWER_MIN: i32 = -348;
const POWER_STEP: i32 = 8;
const POWERS: usize = 87;

/// 10^-348, 10^-340, … 10^340, each rounded to 64 bits.
static POWERS_OF_TEN: LazyLock<[Float; POWERS]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let power = i64::from(POWER_MIN + POWER_STEP * i as i32);
        let (mantissa, exp) = Exact::from_decimal(&BigUint::from(1u8), power).round(64, i64::MIN);
        Float { mantissa, exp: exp as i32 }
    })
});

impl Float {
    fn times(self, other: Float) -> Float {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        Float { mantissa: ((product + (1 << 63)) >> 64) as u64, exp: self.exp + other.exp + 64 }
    }

    fn normalized(self) -> Float {
        let shift = self.mantissa.leading_zeros();
        Float { mantissa: self.mantissa << shift, exp: self.exp - shift as i32 }
    }
}

/// The power of ten that brings a number of exponent `exp` where its integral part fits 32 bits,
/// and that power negated.
fn scale(exp: i32) -> (Float, i32) {
    const LOG10_2: f64 = 0.301_029_995_663_981_14;
    let estimate = (f64::from(-(exp + POWERS as i32)) * LOG10_2) as i32;
    let mut i = ((estimate - POWER_MIN) / POWER_STEP) as usize;
    loop {
        let power = POWERS_OF_TEN[i];
        match exp + power.exp + 64 {
            ..-60 => i += 1,
            -60..=-32 => return (power, -(POWER_MIN + POWER_STEP * i as i32)),
            _ => i -= 1,
        }
    }
}

/// Writes the decimal digits of `n`, finite and above zero, into `out`; returns how many there are,
/// and the power of ten the last one stands at.
pub fn digits(n: f64, out: &mut [u8; DIGITS_MAX]) -> (usize, i32) {
    let fraction = n.to_bits() & ((1 << 52) - 1);
    let value = match (n.to_bits() >> 52) as i32 {
        0 => Float { mantissa: fraction, exp: -1074 },
        biased => Float { mantissa: fraction | 1 << 52, exp: biased - 1075 },
    };
    // Halfway to the neighbours: below a power of two they are half as far apart.
    let below = if value.mantissa == 1 << 52 { 2 } else { 1 };
    let high = Float { mantissa: (value.mantissa << 1) + 1, exp: value.exp - 1 }.normalized();
    let low = Float { mantissa: (value.mantissa << below) - 1, exp: value.exp - below };
    let low = Float { mantissa: low.mantissa << (low.exp - high.exp), exp: high.exp };

    let (power, exp10) = scale(high.exp);
    let (value, high, low) = (value.normalized().times(power), high.times(power), low.times(power));
    // One unit inwards, as the products are inexact.
    let (high_mantissa, low_mantissa) = (high.mantissa - 1, low.mantissa + 1);
    generate(
        high_mantissa,
        high_mantissa - low_mantissa,
        high_mantissa - value.mantissa,
        -high.exp,
        exp10,
        out,
    )
}

/// Digits of a number in `high - delta ..= high`, near `high - distance`; all in units of
/// `2^-point`.
fn generate(
    high: u64,
    mut delta: u64,
    mut distance: u64,
    point: i32,
    exp10: i32,
    out: &mut [u8; DIGITS_MAX],
) -> (usize, i32) {
    let one = 1u64 << point;
    let (mut integral, mut fraction) = (high >> point, high & (one - 1));
    let mut len = 0;
    let mut push = |digit: u64| {
        if digit != 0 || len != 0 {
            out[len] = b'0' + digit as u8;
            len += 1;
        }
        len
    };
    for kappa in (0..10).rev() {
        let unit = 10u64.pow(kappa);
        let len = push(integral / unit);
        integral %= unit;
        let rest = (integral << point) + fraction;
        if rest <= delta {
            approach(&mut out[len - 1], delta, rest, unit << point, distance);
            return (len, exp10 + kappa as i32);
        }
    }
    let mut kappa = 0;
    loop {
        (fraction, delta, distance) = (fraction * 10, delta * 10, distance.wrapping_mul(10));
        kappa -= 1;
        let len = push(fraction >> point);
        fraction &= one - 1;
        if fraction < delta {
            approach(&mut out[len - 1], delta, fraction, one, distance);
            return (len, exp10 + kappa);
        }
    }
}

/// Lowers the last digit while that comes nearer to the number and stays in reach.
fn approach(last: &mut u8, delta: u64, mut rest: u64, unit: u64, distance: u64) {
    while rest < distance
        && delta - rest >= unit
        && (rest + unit < distance || distance - rest > rest + unit - distance)
    {
        *last -= 1;
        rest += unit;
    }
}
