//! Numbers and their text, with exactly Redis' idea of what is a number.

/// Parses a signed 64-bit integer in its one canonical form: no sign but `-`, no leading zeros, no blanks.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let canonical = match text {
        [b'0'] => true,
        [b'-', b'1'..=b'9', ..] | [b'1'..=b'9', ..] => text.len() <= 20,
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Parses a floating point number as Redis does; NaN is refused.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|n: &f64| !n.is_nan())
}

/// Appends the shortest text that reads back as `n`, in Redis' notation.
pub fn format_f64(n: f64, out: &mut Vec<u8>) {
    out.extend(n.to_string().bytes());
}
