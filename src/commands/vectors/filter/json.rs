//! Fields of JSON objects, found without reading more than what stands before them.
//!
//! What is passed over is not checked: only quotes and brackets have to match. Nothing is allocated but a string with
//! escapes, and nothing recurses.

use super::value::Value;
use crate::base::text::{is_blank, skip_blanks};
use smallvec::{SmallVec, smallvec};
use std::borrow::Cow;

/// A longer number is cut here.
const NUMBER_LEN_MAX: usize = 255;

/// Values of fields, as many as are mostly asked for.
pub type Fields<'j> = SmallVec<[Option<Value<'j>>; 4]>;

/// The values of the fields that are `wanted`, by their names as they are written in `object`, which are sorted. None where one
/// of them is absent or holds an object, or where the text before its end is no JSON.
pub fn fields<'j>(object: &'j [u8], wanted: &[&[u8]]) -> Option<Fields<'j>> {
    let mut found: Fields<'j> = smallvec![None; wanted.len()];
    let mut missing = wanted.len();
    if missing == 0 {
        return Some(found);
    }
    let mut rest = skip_blanks(object).strip_prefix(b"{")?;
    loop {
        let (name, behind) = string(skip_blanks(rest))?;
        rest = skip_blanks(behind).strip_prefix(b":")?;
        // Of several fields of one name the first counts; the empty name is nobody's.
        if let Ok(at) = wanted.binary_search(&name)
            && found[at].is_none()
            && !name.is_empty()
        {
            found[at] = Some(value(rest)?.0);
            missing -= 1;
            if missing == 0 {
                return Some(found);
            }
        }
        rest = skip_blanks(skip_value(rest)?).strip_prefix(b",")?;
    }
}

/// The values of an array that was read before.
pub fn items(array: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let mut rest = &array[1..];
    std::iter::from_fn(move || {
        let (item, behind) = value(rest)?;
        // The comma, or the bracket at the end.
        rest = skip_blanks(behind).get(1..)?;
        Some(item)
    })
}

/// The string that a text begins with, as it stands between its quotes, and what follows it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        match text[at] {
            b'"' => return Some((&text[..at], &text[at + 1..])),
            _ => at += 2,
        }
    }
}

/// What follows the value that a text begins with.
fn skip_value(text: &[u8]) -> Option<&[u8]> {
    let text = skip_blanks(text);
    match text.first()? {
        b'"' => string(text).map(|(_, rest)| rest),
        b'{' => skip_brackets(text, b'{', b'}'),
        b'[' => skip_brackets(text, b'[', b']'),
        b't' => text.strip_prefix(b"true"),
        b'f' => text.strip_prefix(b"false"),
        b'n' => text.strip_prefix(b"null"),
        _ => {
            let len = number_len(text);
            (len > 0).then(|| &text[len..])
        }
    }
}

/// What follows the bracket that closes the first one; brackets of the other kind are not looked at.
fn skip_brackets(text: &[u8], open: u8, close: u8) -> Option<&[u8]> {
    let (mut rest, mut depth) = (&text[1..], 1u32);
    while depth > 0 {
        let at = memchr::memchr3(b'"', open, close, rest)?;
        match rest[at] {
            b'"' => {
                rest = string(&rest[at..])?.1;
                continue;
            }
            byte if byte == open => depth += 1,
            _ => depth -= 1,
        }
        rest = &rest[at + 1..];
    }
    Some(rest)
}

/// The value that a text begins with, and what follows it. Objects are none, nor are arrays that hold some.
fn value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let text = skip_blanks(text);
    if text.first()? != &b'[' {
        return scalar(text);
    }
    let rest = skip_array(text)?;
    Some((Value::Array(&text[..text.len() - rest.len()]), rest))
}

/// What follows the array that a text begins with, all of whose values are read.
fn skip_array(text: &[u8]) -> Option<&[u8]> {
    let (mut rest, mut depth) = (text, 0u32);
    loop {
        // A value begins.
        rest = skip_blanks(rest);
        if let Some(behind) = rest.strip_prefix(b"[") {
            depth += 1;
            rest = skip_blanks(behind);
            if rest.first()? != &b']' {
                continue;
            }
        } else {
            rest = skip_blanks(scalar(rest)?.1);
        }
        // It has ended, and perhaps the arrays that it is in.
        while let Some(behind) = rest.strip_prefix(b"]") {
            depth -= 1;
            if depth == 0 {
                return Some(behind);
            }
            rest = skip_blanks(behind);
        }
        rest = rest.strip_prefix(b",")?;
    }
}

fn scalar(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    match text.first()? {
        b'"' => string(text).map(|(inner, rest)| (Value::Text(unescaped(inner)), rest)),
        b't' => literal(text, "true", Value::Number(1.0)),
        b'f' => literal(text, "false", Value::Number(0.0)),
        b'n' => literal(text, "null", Value::Null),
        b'0'..=b'9' | b'-' | b'+' => {
            let (number, rest) = text.split_at(number_len(text).min(NUMBER_LEN_MAX));
            let number = std::str::from_utf8(number).ok()?.parse().ok()?;
            Some((Value::Number(number), rest))
        }
        _ => None,
    }
}

/// `value`, where a text begins with `word` and a delimiter.
fn literal<'j>(text: &'j [u8], word: &str, value: Value<'j>) -> Option<(Value<'j>, &'j [u8])> {
    let rest = text.strip_prefix(word.as_bytes())?;
    let is_delimiter = |byte: u8| is_blank(byte) || matches!(byte, b',' | b']' | b'}');
    rest.first().is_none_or(|byte| is_delimiter(*byte)).then_some((value, rest))
}

/// How many bytes a text begins with that numbers are made of.
fn number_len(text: &[u8]) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    text.iter().take_while(|byte| is_part(byte)).count()
}

/// A string without its escapes: those of the breaks and the tabulator, and any other byte stands for itself.
fn unescaped(inner: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(other) => other,
                None => break,
            },
            _ => byte,
        });
    }
    Cow::Owned(text)
}
