//! Redis' glob-style patterns.
//!
//! ```text
//! *        any bytes, none too       [abc]  [a-z]  [^a]   one byte of, or not of, a class
//! ?        one byte                  \x                   the byte x itself, also in a class
//! ```
//!
//! A `*` is retried only while no later one was reached (text that an earlier one could take
//! over is no better), literal text behind it is searched for, and what stands behind the last one
//! is compared with the end of the text. So time is linear but for text between two `*` that holds `?`,
//! a class or an escape, or when case is ignored: there it is their product.

use memchr::memmem;

/// Whether all of `text` matches `pattern`. An empty text matches only the empty pattern, not even
/// `*`: so does Redis.
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let same = literal_len(pattern, text);
    let (mut p, mut t) = (same, same);
    // Where to go on when the next byte does not match: behind the last star, one byte later.
    let mut retry = None;
    let mut depth = 0;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += stars(&pattern[p..]);
            depth += usize::from(p < pattern.len());
            if depth > DEPTH_MAX {
                return false;
            }
            let Some(end) = pattern[p..].iter().position(|b| SPECIAL.contains(b)).map(|i| p + i) else {
                return ends_with(&text[t..], &pattern[p..], ignore_case);
            };
            if pattern[end] == b'*' && !ignore_case {
                let Some(found) = memmem::find(&text[t..], &pattern[p..end]) else { return false };
                t += found + (end - p);
                p = end;
                continue;
            }
            match elements_to_end(&pattern[p..]) {
                Some(count) if count > text.len() - t => return false,
                Some(count) => {
                    t = text.len() - count;
                    retry = None;
                }
                None => retry = Some((p, t)),
            }
            continue;
        }
        if let Some(len) = element(&pattern[p..], text[t], ignore_case) {
            p += len;
            t += 1;
            continue;
        }
        let Some((after_star, from)) = retry else { return false };
        (p, t) = (after_star, from + 1);
        retry = Some((p, t));
    }
    p + stars(&pattern[p..]) == pattern.len()
}

/// A pattern matches nothing that reaches more stars than this, one at the end not counted: Redis goes no deeper.
const DEPTH_MAX: usize = 1000;

const SPECIAL: &[u8] = b"*?[\\";

/// How many bytes `pattern` and `text` both begin with that stand for themselves.
fn literal_len(pattern: &[u8], text: &[u8]) -> usize {
    pattern.iter().zip(text).take_while(|(p, t)| p == t && !SPECIAL.contains(p)).count()
}

/// How many stars `pattern` begins with.
fn stars(pattern: &[u8]) -> usize {
    pattern.iter().take_while(|b| **b == b'*').count()
}

fn ends_with(text: &[u8], end: &[u8], ignore_case: bool) -> bool {
    let Some(at) = text.len().checked_sub(end.len()) else { return false };
    if ignore_case { text[at..].eq_ignore_ascii_case(end) } else { &text[at..] == end }
}

/// How many bytes of text `pattern` matches, or `None` when it holds a star.
fn elements_to_end(pattern: &[u8]) -> Option<usize> {
    let (mut p, mut count) = (0, 0);
    while p < pattern.len() {
        if pattern[p] == b'*' {
            return None;
        }
        p += element_len(&pattern[p..]);
        count += 1;
    }
    Some(count)
}

/// The length of the element that `pattern`, not empty, begins with.
fn element_len(pattern: &[u8]) -> usize {
    match pattern {
        [b'[', ..] => class(pattern, 0, false).0,
        [b'\\', _, ..] => 2,
        _ => 1,
    }
}

/// The length of the element that `pattern` begins with, if it is there and matches `byte`.
#[inline]
fn element(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<usize> {
    let (len, found) = match *pattern {
        [] => return None,
        [b'?', ..] => (1, true),
        [b'[', ..] => class(pattern, byte, ignore_case),
        [b'\\', escaped, ..] => (2, same(escaped, byte, ignore_case)),
        [literal, ..] => (1, same(literal, byte, ignore_case)),
    };
    found.then_some(len)
}

fn same(a: u8, b: u8, ignore_case: bool) -> bool {
    a == b || ignore_case && a.eq_ignore_ascii_case(&b)
}

/// The length of the class that `pattern` begins with, and whether `byte` is one of it. A class
/// without its `]` reaches to the end of the pattern; escapes in it do not ignore case.
fn class(pattern: &[u8], byte: u8, ignore_case: bool) -> (usize, bool) {
    let negated = pattern.get(1) == Some(&b'^');
    let mut p = if negated { 2 } else { 1 };
    let mut found = false;
    loop {
        let (len, hit) = match *pattern.get(p..).unwrap_or_default() {
            [] => return (pattern.len(), found != negated),
            [b'\\', escaped, ..] => (2, escaped == byte),
            [b']', ..] => return (p + 1, found != negated),
            [from, b'-', to, ..] => (3, in_range(from, to, byte, ignore_case)),
            [literal, ..] => (1, same(literal, byte, ignore_case)),
        };
        p += len;
        found |= hit;
    }
}

/// Whether `byte` lies between two bytes given in any order. They are compared as C's signed
/// characters, and ordered before their case is folded: so does Redis.
fn in_range(from: u8, to: u8, byte: u8, ignore_case: bool) -> bool {
    let fold = |b: i8| if ignore_case { (b as u8).to_ascii_lowercase() as i8 } else { b };
    let (low, high) = ((from as i8).min(to as i8), (from as i8).max(to as i8));
    (fold(low)..=fold(high)).contains(&fold(byte as i8))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn the_elements_match_as_in_redis() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", false),
            ("", "a", false),
            ("*", "a", true),
            ("a**", "a", true),
            ("a?", "a", false),
            ("h?llo*", "hello world", true),
            ("*llo", "hello", true),
            ("*b*b", "abcb", true),
            ("*[b-c]*d?", "abcxdx", true),
            ("*b?*", "ab", false),
            ("[^a]", "a", false),
            ("[^a]", "b", true),
            ("[z-a]", "m", true),
            ("[a-]", "_", true),
            ("[a-]", "-", false),
            ("[a-", "-", true),
            ("[a-]x]", "b", false),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("[", "[", false),
            ("[^", "x", true),
            ("[]", "]", false),
            ("[\\", "\\", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("*\\", "a\\", true),
            ("*a\\*", "ba*", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), expected, "{pattern} {text}");
        }
        assert!(!matches(b"[a-\xff]", b"z", false));
        assert!(matches(b"[a-\xff]", b"Z", false));
    }

    #[test]
    fn case_is_ignored_on_demand() {
        for (pattern, text) in
            [("MAX*", "maxmemory"), ("*MEM*y", "maxmemory"), ("[A-C]x", "bX"), ("*Y", "maxmemory")]
        {
            assert!(matches(pattern.as_bytes(), text.as_bytes(), true));
            assert!(!matches(pattern.as_bytes(), text.as_bytes(), false));
        }
        assert!(!matches(b"[\\A]", b"a", true));
        assert!(!matches(b"[Z-a]", b"z", true));
    }

    #[test]
    fn hostile_patterns_take_linear_time() {
        let text = vec![b'a'; 1 << 20];
        for pattern in ["a*a*a*a*a*a*b", "*a*a*a*a*a*a*b*", "*?a?*a[b]*", "*a?a?a?a?a?a?a?b"] {
            assert!(!matches(pattern.as_bytes(), &text, false), "{pattern}");
        }
        assert!(!matches(&[b"*".to_vec(), text.clone(), b"b".to_vec()].concat(), &text, false));
        assert!(!matches(&[b"*".to_vec(), text[1..].to_vec(), b"b*".to_vec()].concat(), &text, false));
        assert!(!matches(&b"a*".repeat(1 << 20), &text, false));
        assert!(!matches(&b"[".repeat(1 << 20), &text, false));
        assert!(matches(&b"?".repeat(1 << 20), &text, true));
    }

    #[test]
    fn a_thousand_stars_are_the_most() {
        let text = vec![b'a'; 50_000];
        for (pattern, expected) in [
            (b"*?".repeat(1000), true),
            (b"*?".repeat(1001), false),
            (b"?*".repeat(1001), true),
            (b"?*".repeat(1002), false),
            (b"*a".repeat(1000), true),
            (b"*a".repeat(1001), false),
            (b"*".repeat(5000), true),
        ] {
            assert_eq!(matches(&pattern, &text, false), expected, "{} bytes", pattern.len());
        }
        // Stars that the text does not reach do not count.
        assert!(matches(&[b"a".to_vec(), b"*".repeat(3000)].concat(), b"a", false));
    }

    /// The first line: texts in hexadecimal. Each other: a pattern, and for each text whether Redis 8
    /// answered it to KEYS.
    #[test]
    fn random_patterns_match_as_in_redis() {
        let unhex = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
        };
        let mut lines = include_str!("../../tests/vectors/globs.txt").lines();
        let texts: Vec<_> = lines.next().unwrap().split(' ').map(unhex).collect();
        for line in lines {
            let (pattern, expected) = line.split_once(' ').unwrap();
            let pattern = unhex(pattern);
            let found: String =
                texts.iter().map(|t| if matches(&pattern, t, false) { '1' } else { '0' }).collect();
            assert_eq!(found, expected, "{}", pattern.escape_ascii());
        }
    }
}
