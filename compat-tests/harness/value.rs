//! A reply as it came over the wire, RESP2 or RESP3, and its reader.

use super::text::quote;
use std::fmt;

/// One reply. The three nulls are kept apart, so that a case can tell `$-1` from `*-1` from `_`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    Int(i64),
    Bulk(Vec<u8>),
    NullBulk,
    NullArray,
    Null,
    Bool(bool),
    Double(Vec<u8>),
    Big(Vec<u8>),
    /// The text after the `txt:` of a verbatim string.
    Verbatim(Vec<u8>),
    Array(Vec<Value>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

/// Reads one reply from the head of `buf`: the reply and its length, or `None` while it is incomplete.
pub fn read(buf: &[u8]) -> Result<Option<(Value, usize)>, String> {
    let Some(end) = buf.windows(2).position(|w| w == b"\r\n") else { return Ok(None) };
    let Some((&kind, head)) = buf[..end].split_first() else {
        return Err("an empty line is no reply".into());
    };
    let mut at = end + 2;
    let text = || head.to_vec();
    let value = match kind {
        b'+' => Value::Simple(text()),
        b'-' => Value::Error(text()),
        b':' => Value::Int(number(head)?),
        b'_' if head.is_empty() => Value::Null,
        b'#' if matches!(head, b"t" | b"f") => Value::Bool(head == b"t"),
        b',' => Value::Double(text()),
        b'(' => Value::Big(text()),
        b'$' | b'=' | b'!' => {
            let len = number(head)?;
            if len < 0 {
                return Ok(Some((Value::NullBulk, at)));
            }
            let len = len as usize;
            let Some(body) = buf.get(at..at + len + 2) else { return Ok(None) };
            if !body.ends_with(b"\r\n") {
                return Err(format!("a bulk of {len} bytes does not end with CR LF"));
            }
            at += len + 2;
            let body = body[..len].to_vec();
            match kind {
                b'$' => Value::Bulk(body),
                b'!' => Value::Error(body),
                _ => Value::Verbatim(body.strip_prefix(b"txt:").map(<[u8]>::to_vec).unwrap_or(body)),
            }
        }
        b'*' | b'~' | b'>' | b'%' => {
            let len = number(head)?;
            if len < 0 {
                return Ok(Some((Value::NullArray, at)));
            }
            let len = if kind == b'%' { len * 2 } else { len };
            let mut items = Vec::new();
            for _ in 0..len {
                let Some((item, used)) = read(&buf[at..])? else { return Ok(None) };
                items.push(item);
                at += used;
            }
            match kind {
                b'*' => Value::Array(items),
                b'~' => Value::Set(items),
                b'>' => Value::Push(items),
                _ => {
                    let mut items = items.into_iter();
                    let mut pairs = Vec::new();
                    while let (Some(key), Some(value)) = (items.next(), items.next()) {
                        pairs.push((key, value));
                    }
                    Value::Map(pairs)
                }
            }
        }
        _ => return Err(format!("no reply begins like this: {}", quote(&buf[..end]))),
    };
    Ok(Some((value, at)))
}

fn number(digits: &[u8]) -> Result<i64, String> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("not a number: {}", quote(digits)))
}

/// In the notation of the cases, so that a reply can be pasted into one.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self {
            Value::Simple(text) => write!(f, "+{}", lossy(text)),
            Value::Error(text) => write!(f, "-{}", lossy(text)),
            Value::Int(n) => write!(f, ":{n}"),
            Value::Bulk(bytes) => f.write_str(&bare(bytes)),
            Value::NullBulk | Value::Null => f.write_str("_"),
            Value::NullArray => f.write_str("*_"),
            Value::Bool(yes) => f.write_str(if *yes { "#t" } else { "#f" }),
            Value::Double(text) => write!(f, ",{}", lossy(text)),
            Value::Big(text) => write!(f, "({}", lossy(text)),
            Value::Verbatim(text) => write!(f, "={}", bare(text)),
            Value::Array(items) => list(f, "[", items, "]"),
            Value::Set(items) => list(f, "~[", items, "]"),
            Value::Push(items) => list(f, ">[", items, "]"),
            Value::Map(pairs) => {
                let items: Vec<_> = pairs.iter().flat_map(|(k, v)| [k, v]).cloned().collect();
                list(f, "{", &items, "}")
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        let blank = if i == 0 { "" } else { " " };
        match item {
            Value::Simple(text) if text.contains(&b' ') => write!(f, "{blank}+{}", quote(text))?,
            Value::Error(text) => write!(f, "{blank}-{}", quote(text))?,
            item => write!(f, "{blank}{item}")?,
        }
    }
    f.write_str(close)
}

/// A bulk as a bare word where that reads back as the same, else quoted.
fn bare(bytes: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_.:-/@#,+".contains(b);
    let first = bytes.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'/');
    if first && bytes.iter().all(plain) { String::from_utf8_lossy(bytes).into_owned() } else { quote(bytes) }
}
