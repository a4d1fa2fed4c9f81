//! Numbers and their text, with exactly Redis' idea of what is a number.

use super::text::skip_blanks;
use super::{float, float::Exact, grisu};

/// Parses a signed 64-bit integer in its one canonical form: no sign but `-`, no leading zeros, no blanks.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] => return (!negative).then_some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    // 19 digits fit 64 bits without a sign.
    let mut n = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        n = n * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(n) } else { i64::try_from(n).ok() }
}

/// The integer that a text begins with, as C's `atoi`: 0 where there is none; of what is wider, the lower 32 bits.
pub fn leading_i32(text: &[u8]) -> i32 {
    leading_i64(text).0 as i32
}

/// The integer that a text begins with, and what follows it, as C's `strtoll`: 0 and the whole text where there is none; one
/// that is too large or too small is the nearest there is.
pub fn leading_i64(text: &[u8]) -> (i64, &[u8]) {
    let (negative, signless) = float::sign(skip_blanks(text));
    let sign = if negative { -1 } else { 1 };
    let (digits, rest) = signless.split_at(signless.iter().take_while(|b| b.is_ascii_digit()).count());
    let add = |n: i64, b: &u8| n.saturating_mul(10).saturating_add(sign * i64::from(b - b'0'));
    (digits.iter().fold(0, add), if digits.is_empty() { text } else { rest })
}

/// Parses an unsigned 64-bit integer as Redis' `string2ull`, which is laxer than [`parse_i64`]: leading
/// blanks, zeros and a sign are allowed, and what C's `strtoull` negates wraps around.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if let Some(n) = parse_i64(text) {
        return u64::try_from(n).ok();
    }
    let (negative, digits) = float::sign(skip_blanks(text));
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
    Some(if negative { n.wrapping_neg() } else { n })
}

/// Parses a floating point number as C's `strtod`: decimal, hexadecimal (`0x1.8p3`) or `inf`. NaN is
/// refused, as are blanks, and numbers too large or too small.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (negative, unsigned) = float::sign(text);
    if let Some(digits) = float::hex(unsigned) {
        let n = f64_of(Exact::from_hex(digits)?)?;
        return Some(if negative { -n } else { n });
    }
    let n = std::str::from_utf8(text).ok()?.parse::<f64>().ok()?;
    let digits = || unsigned.iter().take_while(|b| !matches!(b, b'e' | b'E'));
    let out_of_range = match n {
        0.0 => digits().any(|b| matches!(b, b'1'..=b'9')),
        _ => n.is_infinite() && digits().any(u8::is_ascii_digit),
    };
    (!n.is_nan() && !out_of_range).then_some(n)
}

/// The nearest double, unless it is infinite, or zero although the number is not.
fn f64_of(exact: Exact) -> Option<f64> {
    let n = nearest(exact);
    (n.is_finite() && (n != 0.0 || exact.mantissa == 0)).then_some(n)
}

fn nearest(exact: Exact) -> f64 {
    let (mantissa, exp) = exact.round(53, -1074);
    // The leading bit of a normal number adds one to the biased exponent.
    if exp > 971 { f64::INFINITY } else { f64::from_bits((((exp + 1074) as u64) << 52) + mantissa) }
}

/// Parses a floating point number with all that C's `strtod` takes: [`parse_f64`] and blanks in front, NaN, and numbers
/// too large or too small, which are infinite or zero.
pub fn parse_f64_loosely(text: &[u8]) -> Option<f64> {
    let text = skip_blanks(text);
    let (negative, unsigned) = float::sign(text);
    if let Some(digits) = float::hex(unsigned) {
        let n = nearest(Exact::from_hex(digits)?);
        return Some(if negative { -n } else { n });
    }
    match unsigned.split_at_checked(3) {
        Some((word, payload)) if word.eq_ignore_ascii_case(b"nan") && is_nan_payload(payload) => {
            Some(f64::NAN)
        }
        _ => std::str::from_utf8(text).ok()?.parse().ok(),
    }
}

/// Whether it is nothing, or a word in parentheses, which C allows behind `nan`.
fn is_nan_payload(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b'(', word @ .., b')'] => word.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'),
        _ => false,
    }
}

/// Appends `n` as Redis prints doubles: integers up to 2^62 in plain digits, the rest as
/// [`format_shortest`].
pub fn format_f64(n: f64, out: &mut Vec<u8>) {
    let size = n.abs();
    if size <= (i64::MAX / 2) as f64 && size == (size as i64) as f64 {
        if n.is_sign_negative() {
            out.push(b'-');
        }
        return out.extend_from_slice(itoa::Buffer::new().format(size as i64).as_bytes());
    }
    format_shortest(n, out);
}

/// Appends `n` in as few digits as read back as `n` (`grisu`), very large and very small numbers as `1e+20`.
pub fn format_shortest(n: f64, out: &mut Vec<u8>) {
    if n.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if n.is_sign_negative() {
        out.push(b'-');
    }
    let n = n.abs();
    if n.is_infinite() {
        return out.extend_from_slice(b"inf");
    }
    if n == 0.0 {
        return out.push(b'0');
    }
    let mut digits = [0; grisu::DIGITS_MAX];
    let (len, exp10) = grisu::digits(n, &mut digits);
    place_digits(&digits[..len], exp10, out);
}

/// Appends `digits × 10^exp10` in plain notation where that is short, else in scientific notation.
fn place_digits(digits: &[u8], exp10: i32, out: &mut Vec<u8>) {
    let first_exp10 = exp10 + digits.len() as i32 - 1;
    let zeros = |n: i32| std::iter::repeat_n(b'0', n as usize);
    if exp10 >= 0 && first_exp10 < digits.len() as i32 + 7 {
        out.extend_from_slice(digits);
        out.extend(zeros(exp10));
    } else if exp10 < 0 && (exp10 > -7 || first_exp10.abs() < 4) {
        if first_exp10 < 0 {
            out.extend_from_slice(b"0.");
            out.extend(zeros(-first_exp10 - 1));
            out.extend_from_slice(digits);
        } else {
            let (integral, fraction) = digits.split_at(first_exp10 as usize + 1);
            out.extend_from_slice(integral);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    } else {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if first_exp10 < 0 { b"e-" } else { b"e+" });
        out.extend_from_slice(itoa::Buffer::new().format(first_exp10.unsigned_abs()).as_bytes());
    }
}

/// Parses an amount of memory as in configuration files: digits and a unit of any case, where `k`,
/// `m`, `g` are powers of 1000 and `kb`, `mb`, `gb` powers of 1024.
pub fn parse_bytes(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_form() {
        for n in [0, 1, -1, 10, i64::MAX, i64::MIN, 999_999_999_999_999_999] {
            assert_eq!(parse_i64(n.to_string().as_bytes()), Some(n));
        }
        let refused = "|-|+1| 1|1 |01|-0|-01|--1|1a|0x1|1.0|9223372036854775808|-9223372036854775809|99999999999999999999";
        for text in refused.split('|') {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn unsigned_integers_are_read_as_by_strtoull() {
        for (text, n) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            (" +007", Some(7)),
            ("-1", None),
            ("-01", Some(u64::MAX)),
            ("", None),
            ("+", None),
            ("1 ", None),
        ] {
            assert_eq!(parse_u64(text.as_bytes()), n, "{text}");
        }
    }

    #[test]
    fn floats_are_read_as_by_strtod() {
        for (text, n) in [
            ("+1", 1.0),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1E+5", 1e5),
            ("01", 1.0),
            ("Inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0x1.8P3", -12.0),
            ("0x1p-1074", 5e-324),
            ("0x1.8p-1075", 5e-324),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080000000000000000000000000000001p0", 1.0 + f64::EPSILON),
            ("5e-324", 5e-324),
            ("1.7976931348623158e308", f64::MAX),
            ("0e99999999999999999999", 0.0),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(n), "{text}");
        }
        for text in [
            "",
            " 1",
            "1 ",
            "--1",
            "+-1",
            "nan",
            "-nan",
            "nan(1)",
            "infinit",
            "1e",
            "1e+",
            "e5",
            ".",
            "-",
            "+",
            "1_0",
            "1,5",
            "1f",
            "1e400",
            "-1e400",
            "2e-324",
            "1e-400",
            "1.7976931348623159e308",
            "0x",
            "0x.p1",
            "0x1p",
            "0x1p1024",
            "0x1p-1075",
            "0x1.1.1",
            "1e0x3",
            "1\0",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn floats_are_read_loosely() {
        for (text, n) in [
            (" \t\x0b1.5", Some(1.5)),
            ("-1e400", Some(f64::NEG_INFINITY)),
            ("1e-400", Some(0.0)),
            ("0x1p1024", Some(f64::INFINITY)),
            ("-0x1p-1075", Some(0.0)),
            ("INF", Some(f64::INFINITY)),
            ("1 ", None),
            ("", None),
            ("0x", None),
            ("nanx", None),
            ("nan(", None),
            ("nan( )", None),
        ] {
            assert_eq!(parse_f64_loosely(text.as_bytes()), n, "{text}");
        }
        for text in ["nan", "-NaN", "nan()", "+nan(0x_1)"] {
            assert!(parse_f64_loosely(text.as_bytes()).is_some_and(f64::is_nan), "{text}");
        }
    }

    /// Each line: the bits of a double, and what Redis 8 answered for it to ZSCORE.
    #[test]
    fn doubles_are_printed_as_by_redis() {
        for line in include_str!("../../tests/vectors/doubles.txt").lines() {
            let (bits, text) = line.split_once(' ').unwrap();
            let n = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
            let mut out = Vec::new();
            format_f64(n, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text, "{bits}");
        }
        for (n, text) in
            [(0.0, "0"), (-0.0, "-0"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf"), (f64::NAN, "nan")]
        {
            let mut out = Vec::new();
            format_f64(n, &mut out);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn amounts_of_memory_have_units() {
        for (text, n) in [
            ("0", Some(0)),
            ("100b", Some(100)),
            ("1k", Some(1000)),
            ("1KB", Some(1024)),
            ("2m", Some(2_000_000)),
            ("2Mb", Some(2 << 20)),
            ("3g", Some(3_000_000_000)),
            ("3gb", Some(3 << 30)),
            ("", None),
            ("gb", None),
            ("-1", None),
            ("1.5gb", None),
            ("1tb", None),
            ("99999999999999999999", None),
            ("18446744073709551615kb", None),
        ] {
            assert_eq!(parse_bytes(text.as_bytes()), n, "{text}");
        }
    }
}
