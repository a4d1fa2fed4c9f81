//! What a case expects of a reply: one notation that stands for the RESP2 and for the RESP3 form.

use super::{
    text::{Cursor, Word, expand, quote},
    value::Value,
};
use std::collections::HashMap;
use synap::base::glob;

/// Texts that a case has named with `%name%`, for use in later lines.
pub type Bindings = HashMap<String, Vec<u8>>;

/// What a text must be.
#[derive(Debug, Clone)]
pub enum Text {
    Exact(Vec<u8>),
    /// `*` stands for any bytes.
    Glob(Vec<u8>),
    OneOf(Vec<Vec<u8>>),
    /// An integer within both bounds.
    Between(i64, i64),
    /// Any text the first time, then the same text again.
    Bind(String),
}

#[derive(Debug, Clone)]
pub enum Pattern {
    Any,
    Simple(Text),
    Error(Text),
    Int(Text),
    Bulk(Text),
    Double(Text),
    Big(Text),
    Verbatim(Text),
    Bool(bool),
    Null,
    NullArray,
    /// Any scalar, bound to a name.
    Scalar(String),
    Array(Items),
    Set(Items),
    Push(Items),
    /// Keys and values in turn; pairs in any order.
    Map(Items),
}

#[derive(Debug, Clone)]
pub struct Items {
    pub list: Vec<Pattern>,
    pub any_order: bool,
    /// `...` at the end: more may follow.
    pub open: bool,
}

/// Parses the text behind `<`.
pub fn parse(text: &str) -> Result<Pattern, String> {
    let mut cursor = Cursor::new(text.trim());
    // An error or status at the top runs to the end of the line, blanks included.
    if let Some(sign @ (b'+' | b'-')) = cursor.peek()
        && !cursor.starts_with("+\"")
        && !cursor.starts_with("-\"")
    {
        cursor.skip(1);
        let line = cursor.rest();
        let text = match line.strip_suffix('*') {
            Some(_) => Text::Glob(line.as_bytes().to_vec()),
            None => Text::Exact(line.as_bytes().to_vec()),
        };
        return Ok(if sign == b'+' { Pattern::Simple(text) } else { Pattern::Error(text) });
    }
    let mut out = Vec::new();
    item(&mut cursor, &mut out, 0)?;
    cursor.blanks();
    match (out.pop(), out.is_empty(), cursor.peek()) {
        (Some(pattern), true, None) => Ok(pattern),
        _ => Err("more than one value: quote a bulk that holds blanks".into()),
    }
}

const STOPS: &[u8] = b"[]{}";

fn item(cursor: &mut Cursor<'_>, out: &mut Vec<Pattern>, depth: usize) -> Result<(), String> {
    if depth > 32 {
        return Err("nested too deeply".into());
    }
    let first = cursor.peek().ok_or("a value is missing")?;
    for (open, close, make) in [
        ("[", b']', (|i| Pattern::Array(Items { any_order: false, ..i })) as fn(Items) -> Pattern),
        ("?[", b']', Pattern::Array),
        ("~[", b']', Pattern::Set),
        (">[", b']', |i| Pattern::Push(Items { any_order: false, ..i })),
        ("{", b'}', Pattern::Map),
    ] {
        if cursor.starts_with(open) {
            cursor.skip(open.len());
            let (list, open) = items(cursor, close, depth)?;
            out.push(make(Items { list, any_order: true, open }));
            return Ok(());
        }
    }
    let scalar: Option<fn(Text) -> Pattern> = match first {
        b'+' => Some(Pattern::Simple),
        b'-' => Some(Pattern::Error),
        b':' => Some(Pattern::Int),
        b',' => Some(Pattern::Double),
        b'(' => Some(Pattern::Big),
        b'=' => Some(Pattern::Verbatim),
        _ => None,
    };
    if let Some(make) = scalar {
        cursor.skip(1);
        out.push(make(text(cursor)?));
        return Ok(());
    }
    if first == b'~' {
        cursor.skip(1);
        let word = cursor.word(STOPS)?;
        out.push(Pattern::Bulk(Text::Glob(word.bytes)));
        return Ok(());
    }
    // `v{1..3}` is a range, so a brace inside of a word does not end it.
    let mut words = Vec::new();
    let word = cursor.word(b"[]}")?;
    if word.bytes.contains(&b'{') && cursor.peek() == Some(b'}') {
        cursor.skip(1);
        let mut bytes = word.bytes;
        bytes.push(b'}');
        bytes.extend(cursor.word(STOPS).map(|tail| tail.bytes).unwrap_or_default());
        expand(Word { bytes, quoted: false }, &mut words);
    } else {
        words.push(word);
    }
    for word in words {
        out.push(match word.bytes.as_slice() {
            _ if word.quoted => Pattern::Bulk(Text::Exact(word.bytes)),
            b"" => return Err("an empty word: write \"\"".into()),
            b"*" => Pattern::Any,
            b"_" => Pattern::Null,
            b"*_" => Pattern::NullArray,
            b"#t" | b"#f" => Pattern::Bool(word.bytes == b"#t"),
            _ => match bare(word.bytes) {
                Text::Bind(name) => Pattern::Scalar(name),
                text => Pattern::Bulk(text),
            },
        });
    }
    Ok(())
}

fn items(cursor: &mut Cursor<'_>, close: u8, depth: usize) -> Result<(Vec<Pattern>, bool), String> {
    let (mut list, mut open) = (Vec::new(), false);
    loop {
        cursor.blanks();
        match cursor.peek() {
            None => return Err(format!("'{}' is missing", close as char)),
            Some(b) if b == close => {
                cursor.skip(1);
                return Ok((list, open));
            }
            Some(_) if open => return Err("'...' must come last".into()),
            Some(_) if cursor.starts_with("...") => {
                cursor.skip(3);
                open = true;
            }
            Some(_) => item(cursor, &mut list, depth + 1)?,
        }
    }
}

fn text(cursor: &mut Cursor<'_>) -> Result<Text, String> {
    if cursor.starts_with("~\"") {
        cursor.skip(1);
        return Ok(Text::Glob(cursor.word(STOPS)?.bytes));
    }
    let word = cursor.word(STOPS)?;
    Ok(if word.quoted { Text::Exact(word.bytes) } else { bare(word.bytes) })
}

/// The wildcards of a bare word.
fn bare(bytes: Vec<u8>) -> Text {
    if let Some(name) = bytes.strip_prefix(b"%").and_then(|rest| rest.strip_suffix(b"%")) {
        return Text::Bind(String::from_utf8_lossy(name).into_owned());
    }
    let between = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.split_once(".."))
        .and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    match between {
        Some((low, high)) => Text::Between(low, high),
        None if bytes.contains(&b'|') => {
            Text::OneOf(bytes.split(|b| *b == b'|').map(<[u8]>::to_vec).collect())
        }
        None if bytes.contains(&b'*') => Text::Glob(bytes),
        None => Text::Exact(bytes),
    }
}

impl Text {
    fn fits(&self, got: &[u8], names: &mut Bindings) -> bool {
        match self {
            Text::Exact(want) => want == got,
            Text::Glob(glob) => glob::matches(glob, got, false),
            Text::OneOf(wants) => wants.iter().any(|want| want == got),
            Text::Between(low, high) => std::str::from_utf8(got)
                .ok()
                .and_then(|text| text.parse::<i64>().ok())
                .is_some_and(|n| (*low..=*high).contains(&n)),
            Text::Bind(name) => names.entry(name.clone()).or_insert_with(|| got.to_vec()) == got,
        }
    }
}

impl Pattern {
    /// Whether `got` is this reply as protocol 2 or 3 writes it; binds the names it meets.
    pub fn fits(&self, got: &Value, protocol: u8, names: &mut Bindings) -> bool {
        use Value as V;
        match (self, got) {
            (Pattern::Any, _) => true,
            (Pattern::Simple(t), V::Simple(s)) | (Pattern::Error(t), V::Error(s)) => t.fits(s, names),
            (Pattern::Bulk(t), V::Bulk(s)) => t.fits(s, names),
            (Pattern::Int(t), V::Int(n)) => t.fits(n.to_string().as_bytes(), names),
            (Pattern::Double(t), V::Double(s)) | (Pattern::Big(t), V::Big(s)) => {
                protocol == 3 && t.fits(s, names)
            }
            (Pattern::Verbatim(t), V::Verbatim(s)) => protocol == 3 && t.fits(s, names),
            (Pattern::Double(t) | Pattern::Big(t) | Pattern::Verbatim(t), V::Bulk(s)) => {
                protocol == 2 && t.fits(s, names)
            }
            (Pattern::Bool(yes), V::Bool(got)) => protocol == 3 && yes == got,
            (Pattern::Bool(yes), V::Int(got)) => protocol == 2 && i64::from(*yes) == *got,
            (Pattern::Null, V::NullBulk) | (Pattern::NullArray, V::NullArray) => protocol == 2,
            (Pattern::Null | Pattern::NullArray, V::Null) => protocol == 3,
            (Pattern::Scalar(name), V::Simple(s) | V::Error(s) | V::Bulk(s) | V::Double(s)) => {
                Text::Bind(name.clone()).fits(s, names)
            }
            (Pattern::Scalar(name), V::Int(n)) => {
                Text::Bind(name.clone()).fits(n.to_string().as_bytes(), names)
            }
            (Pattern::Array(items), V::Array(got)) => items.fit(got, protocol, names),
            (Pattern::Set(items), V::Set(got)) | (Pattern::Push(items), V::Push(got)) => {
                protocol == 3 && items.fit(got, protocol, names)
            }
            (Pattern::Set(items) | Pattern::Push(items), V::Array(got)) => {
                protocol == 2 && items.fit(got, protocol, names)
            }
            (Pattern::Map(items), V::Map(got)) => protocol == 3 && items.fit_pairs(got, protocol, names),
            (Pattern::Map(items), V::Array(got)) => {
                let pairs: Vec<_> =
                    got.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
                protocol == 2 && got.len().is_multiple_of(2) && items.fit_pairs(&pairs, protocol, names)
            }
            _ => false,
        }
    }

    /// Exact patterns claim their reply before wildcards do.
    fn loose(&self) -> bool {
        match self {
            Pattern::Any | Pattern::Scalar(_) => true,
            Pattern::Simple(t) | Pattern::Error(t) | Pattern::Int(t) | Pattern::Bulk(t) => {
                !matches!(t, Text::Exact(_))
            }
            _ => false,
        }
    }
}

impl Items {
    fn fit(&self, got: &[Value], protocol: u8, names: &mut Bindings) -> bool {
        if got.len() < self.list.len() || (got.len() > self.list.len() && !self.open) {
            return false;
        }
        if !self.any_order {
            return self.list.iter().zip(got).all(|(want, got)| want.fits(got, protocol, names));
        }
        let mut left: Vec<&Value> = got.iter().collect();
        let (loose, exact): (Vec<_>, Vec<_>) = self.list.iter().partition(|want| want.loose());
        exact.into_iter().chain(loose).all(|want| {
            let at = left.iter().position(|got| want.fits(got, protocol, names));
            at.map(|at| left.swap_remove(at)).is_some()
        })
    }

    fn fit_pairs(&self, got: &[(Value, Value)], protocol: u8, names: &mut Bindings) -> bool {
        let wants = self.list.chunks_exact(2);
        if !self.list.len().is_multiple_of(2)
            || got.len() < wants.len()
            || (got.len() > wants.len() && !self.open)
        {
            return false;
        }
        let mut left: Vec<&(Value, Value)> = got.iter().collect();
        let (loose, exact): (Vec<_>, Vec<_>) = wants.partition(|pair| pair[0].loose());
        exact.into_iter().chain(loose).all(|want| {
            let fits = |(k, v): &&(Value, Value), names: &mut Bindings| {
                want[0].fits(k, protocol, names) && want[1].fits(v, protocol, names)
            };
            let at = left.iter().position(|got| fits(got, names));
            at.map(|at| left.swap_remove(at)).is_some()
        })
    }
}

/// Replaces every `%name%` that is bound.
pub fn fill(bytes: &[u8], names: &Bindings) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (name, text) in names {
        let mark = format!("%{name}%").into_bytes();
        while let Some(at) = out.windows(mark.len()).position(|w| w == mark) {
            out.splice(at..at + mark.len(), text.iter().copied());
        }
    }
    out
}

/// A command as a failure report shows it: words quoted where they need it, cut when long.
pub fn show(argv: &[Vec<u8>]) -> String {
    let words: Vec<String> = argv
        .iter()
        .map(|word| match std::str::from_utf8(word) {
            Ok(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"') => {
                text.into()
            }
            _ => quote(word),
        })
        .collect();
    cut(&words.join(" "))
}

/// `text`, cut to what fits a report.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(2000) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text.into(),
    }
}
