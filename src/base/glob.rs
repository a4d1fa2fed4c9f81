//! Redis' glob-style patterns.

/// Whether `text` matches the glob `pattern` (`*`, `?`, `[a-z]`, `[^x]`, `\`), as Redis' `stringmatchlen`.
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|at| matches(rest, &text[at..], ignore_case)),
        Some((b'?', rest)) => !text.is_empty() && matches(rest, &text[1..], ignore_case),
        Some((p, rest)) => {
            let same = |t: &u8| p == t || ignore_case && p.eq_ignore_ascii_case(t);
            text.split_first().is_some_and(|(t, more)| same(t) && matches(rest, more, ignore_case))
        }
    }
}
