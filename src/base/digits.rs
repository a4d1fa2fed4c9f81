//! Numbers and text as C writes and reads them.

/// Writes `n` as C's `%.{precision}g`.
pub fn write_g(n: f64, precision: usize, out: &mut Vec<u8>) {
    if !n.is_finite() {
        let text = if n.is_nan() { "nan" } else { "inf" };
        out.extend(n.is_sign_negative().then_some(b'-'));
        return out.extend_from_slice(text.as_bytes());
    }
    let precision = precision.max(1);
    // Most numbers are whole and have few digits.
    if n.fract() == 0.0 && n.abs() < 10f64.powi(precision.min(WHOLE_DIGITS) as i32) && !is_negative_zero(n) {
        return out.extend_from_slice(itoa::Buffer::new().format(n as i64).as_bytes());
    }
    let scientific = format!("{:.*e}", precision - 1, n);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= precision as i32 {
        out.extend_from_slice(shortened(digits).as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        return out.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
    }
    let (sign, digits) = digits.split_at(usize::from(n.is_sign_negative()));
    let digits = digits.replace('.', "");
    let fixed = match usize::try_from(exponent) {
        Ok(before) => format!("{sign}{}.{}", &digits[..=before], &digits[before + 1..]),
        Err(_) => format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
    };
    out.extend_from_slice(shortened(&fixed).as_bytes());
}

/// Digits of a whole number that every `f64` of so many has exactly.
const WHOLE_DIGITS: usize = 15;

fn is_negative_zero(n: f64) -> bool {
    n == 0.0 && n.is_sign_negative()
}

/// Without zeros at the end of a fraction.
fn shortened(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Reads a number of decimal digits, with a sign or a point; `None` also for others that C would read.
pub fn read_plain(text: &[u8]) -> Option<f64> {
    let is_plain = text.len() <= 24 && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
    if is_plain { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// Reads the longest number at the begin of `text` as C's `strtod` does; tells how long it is, 0 for none.
pub fn read_double(text: &[u8]) -> (f64, usize) {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let negative = text.first() == Some(&b'-');
    let signed = |n: f64| if negative { -n } else { n };
    let rest = &text[sign..];
    let begins = |word: &[u8]| rest.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    if begins(b"infinity") {
        return (signed(f64::INFINITY), sign + 8);
    }
    if begins(b"inf") {
        return (signed(f64::INFINITY), sign + 3);
    }
    if begins(b"nan") {
        return (signed(f64::NAN), sign + 3);
    }
    if begins(b"0x")
        && let Some((n, len)) = read_hex(&rest[2..])
    {
        return (signed(n), sign + 2 + len);
    }
    let len = decimal_len(rest);
    match std::str::from_utf8(&rest[..len]).ok().and_then(|digits| digits.parse().ok()) {
        Some(n) if len > 0 => (signed(n), sign + len),
        _ => (0.0, 0),
    }
}

fn digits_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn decimal_len(text: &[u8]) -> usize {
    let whole = digits_len(text);
    let mut len = whole;
    if text.get(len) == Some(&b'.') {
        let fraction = digits_len(&text[len + 1..]);
        if whole + fraction == 0 {
            return 0;
        }
        len += 1 + fraction;
    }
    if len > 0 && matches!(text.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'-' | b'+')));
        let exponent = digits_len(text.get(len + 1 + sign..).unwrap_or_default());
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    len
}

/// Reads hexadecimal digits, with a fraction and a binary exponent, behind `0x`.
fn read_hex(text: &[u8]) -> Option<(f64, usize)> {
    let (mut n, mut scale, mut at, mut seen, mut point) = (0f64, 0i32, 0, false, false);
    while let Some(byte) = text.get(at) {
        match (*byte as char).to_digit(16) {
            Some(digit) => {
                n = n * 16.0 + f64::from(digit);
                scale -= if point { 4 } else { 0 };
                seen = true;
            }
            None if *byte == b'.' && !point => point = true,
            None => break,
        }
        at += 1;
    }
    if !seen {
        return None;
    }
    if matches!(text.get(at), Some(b'p' | b'P')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'-' | b'+')));
        let digits = digits_len(text.get(at + 1 + sign..).unwrap_or_default());
        if digits > 0 {
            let exponent = std::str::from_utf8(&text[at + 1..at + 1 + sign + digits]).ok()?;
            scale = scale.saturating_add(exponent.trim_start_matches('+').parse().unwrap_or(i32::MAX / 2));
            at += 1 + sign + digits;
        }
    }
    Some((n * 2f64.powi(scale), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        for (n, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e15, "1e+15"),
            (12_345_678_901_234.0, "12345678901234"),
            (123_456_789_012_345.0, "1.2345678901234e+14"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1.0 / 3.0, "0.33333333333333"),
            (-0.001_25, "-0.00125"),
            (-2.5, "-2.5"),
            (99_999_999_999_999.0, "99999999999999"),
            (99_999_999_999_999.9, "1e+14"),
            (9.999_999_999_999_999, "10"),
            (f64::INFINITY, "inf"),
        ] {
            let mut out = Vec::new();
            write_g(n, 14, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn plain_numbers_are_digits_a_sign_and_a_point() {
        let plain = [("0", 0.0), ("-12", -12.0), ("12.5", 12.5), (".5", 0.5), ("5.", 5.0)];
        for (text, n) in plain {
            assert_eq!(read_plain(text.as_bytes()), Some(n), "{text}");
        }
        assert!(read_plain(b"-0").is_some_and(|n| n.is_sign_negative()));
        for text in ["", "-", ".", "1-", "1.2.3", "+1", " 1", "1e3", "0x1", "inf", "1\0"] {
            assert_eq!(read_plain(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        for (text, n, len) in [
            ("1", 1.0, 1),
            ("-1.5e3x", -1500.0, 6),
            ("1e", 1.0, 1),
            (".5", 0.5, 2),
            (".", 0.0, 0),
            ("0x10", 16.0, 4),
            ("0x", 0.0, 1),
            ("0x1.8p1", 3.0, 7),
            ("inf", f64::INFINITY, 3),
            ("x", 0.0, 0),
        ] {
            assert_eq!(read_double(text.as_bytes()), (n, len), "{text}");
        }
    }
}
