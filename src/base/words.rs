//! Splitting a line into words, with quotes: inline commands and configuration lines.

use super::text::is_blank;
use std::io::Write;

/// Splits `line` into words at blanks, or `None` when its quotes are unbalanced.
///
/// In `"…"` the escapes `\n \r \t \b \a \xHH` and `\` before any other byte are known, in `'…'` only
/// `\'`. A closing quote has to be followed by a blank or the end of the line.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        at += line[at..].iter().take_while(|b| is_blank(**b)).count();
        if at == line.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        at = one(line, at, &mut word)?;
        words.push(word);
    }
}

/// Appends the word that begins at `at`; returns the offset behind it.
fn one(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    while let Some(&byte) = line.get(at) {
        at += 1;
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => return Some(at),
            b'"' => return double_quoted(line, at, word),
            b'\'' => return single_quoted(line, at, word),
            _ => word.push(byte),
        }
    }
    Some(at)
}

fn double_quoted(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        at += match line.get(at..)? {
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
                word.push(digit(*high) << 4 | digit(*low));
                4
            }
            [b'\\', escaped, ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                2
            }
            [b'"', ..] => return closed(line, at + 1),
            [byte, ..] => {
                word.push(*byte);
                1
            }
            [] => return None,
        }
    }
}

fn single_quoted(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        at += match line.get(at..)? {
            [b'\\', b'\'', ..] => {
                word.push(b'\'');
                2
            }
            [b'\'', ..] => return closed(line, at + 1),
            [byte, ..] => {
                word.push(*byte);
                1
            }
            [] => return None,
        }
    }
}

/// `at`, behind a closing quote, unless more than a blank follows.
fn closed(line: &[u8], at: usize) -> Option<usize> {
    line.get(at).is_none_or(|b| is_blank(*b)).then_some(at)
}

/// Appends `word` in quotes, so that it stays on its line: what [`split`] reads as this word.
pub fn quote(word: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in word {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            _ => {
                // Writing to a Vec cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_text(line: &str) -> Option<Vec<String>> {
        let words = split(line.as_bytes())?;
        Some(words.into_iter().map(|w| w.iter().map(|b| *b as char).collect()).collect())
    }

    #[test]
    fn words_are_split_and_unquoted() {
        for (line, words) in [
            ("", &[][..]),
            (" \t ", &[]),
            ("set  key\tvalue ", &["set", "key", "value"]),
            (r#"a "b c" 'd e'"#, &["a", "b c", "d e"]),
            (r#""\x41\n\r\t\a\b\q\"\\""#, &["A\n\r\t\u{7}\u{8}q\"\\"]),
            (r#""\xg1""#, &["xg1"]),
            (r#"'\n \' "'"#, &["\\n ' \""]),
            (r#"foo"bar" x"#, &["foobar", "x"]),
            (r#""" ''"#, &["", ""]),
            ("a\u{b}b", &["a\u{b}b"]),
            ("\u{b}a", &["a"]),
            ("a\\", &["a\\"]),
        ] {
            assert_eq!(split_text(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn quoted_words_are_read_back_and_cannot_end_the_line() {
        let mut out = Vec::new();
        quote(b"a\r\n\"\\\x00\xff", &mut out);
        assert_eq!(out, br#""a\r\n\"\\\x00\xff""#);
        let all: Vec<u8> = (0..=255).collect();
        out.clear();
        quote(&all, &mut out);
        assert_eq!(split(&out), Some(vec![all]));
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\", "\"a\\\"", "'a\\'", "\"\"\"\""] {
            assert_eq!(split_text(line), None, "{line}");
        }
    }
}
