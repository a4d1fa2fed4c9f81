//! JSON to Lua values.

use super::json::Settings;
use super::{ARRAY, DEPTH_MAX};
use crate::base::digits::read_double;
use crate::lua::api::mistake;
use mlua::{IntoLua, Lua, Result, Value};

enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Wrong(&'static str),
}

impl Kind {
    /// The name that errors give it.
    fn name(&self) -> &'static str {
        match self {
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::Text(_) => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Boolean(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
            Kind::Wrong(why) => why,
        }
    }
}

struct Token {
    kind: Kind,
    at: usize,
}

/// Decodes one text.
pub struct Decoder<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    text: &'a [u8],
    at: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder that does what `settings` say.
    pub fn new(lua: &'a Lua, settings: &'a Settings, text: &'a [u8]) -> Self {
        Self { lua, settings, text, at: 0 }
    }

    /// The value of the whole text.
    pub fn decode(mut self) -> Result<Value> {
        if self.text.len() >= 2 && (self.text[0] == 0 || self.text[1] == 0) {
            return Err(mistake(self.lua, "JSON parser does not support UTF-16 or UTF-32"));
        }
        let token = self.next();
        let value = self.value(token, 0)?;
        let token = self.next();
        match token.kind {
            Kind::End => Ok(value),
            _ => Err(self.unexpected("the end", &token)),
        }
    }

    fn unexpected(&self, expected: &str, token: &Token) -> mlua::Error {
        let found = token.kind.name();
        mistake(self.lua, &format!("Expected {expected} but found {found} at character {}", token.at + 1))
    }

    /// The byte at `at`; a text ends with a zero byte.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let single = |kind| (kind, 1);
        let (kind, len) = match self.byte(at) {
            b'{' => single(Kind::ObjectBegin),
            b'}' => single(Kind::ObjectEnd),
            b'[' => single(Kind::ArrayBegin),
            b']' => single(Kind::ArrayEnd),
            b':' => single(Kind::Colon),
            b',' => single(Kind::Comma),
            0 => (Kind::End, 0),
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => match !self.settings.decode_invalid && self.is_odd_number() {
                true => (Kind::Wrong("invalid number"), 0),
                false => self.number(),
            },
            b't' if self.text[at..].starts_with(b"true") => (Kind::Boolean(true), 4),
            b'f' if self.text[at..].starts_with(b"false") => (Kind::Boolean(false), 5),
            b'n' if self.text[at..].starts_with(b"null") => (Kind::Null, 4),
            b'+' | b'i' | b'I' | b'n' | b'N' if self.settings.decode_invalid && self.is_odd_number() => {
                self.number()
            }
            _ => (Kind::Wrong("invalid token"), 0),
        };
        self.at += len;
        Token { kind, at }
    }

    /// Whether a number begins here that is no JSON: a sign in front, hexadecimal, leading zeros, infinity, NaN.
    fn is_odd_number(&self) -> bool {
        let mut at = self.at;
        if self.byte(at) == b'+' {
            return true;
        }
        at += usize::from(self.byte(at) == b'-');
        match self.byte(at) {
            b'0' => matches!(self.byte(at + 1), b'x' | b'X' | b'0'..=b'9'),
            byte if byte <= b'9' => false,
            _ => self
                .text
                .get(at..at + 3)
                .is_some_and(|word| word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")),
        }
    }

    fn number(&self) -> (Kind, usize) {
        match read_double(&self.text[self.at..]) {
            (_, 0) => (Kind::Wrong("invalid number"), 0),
            (n, len) => (Kind::Number(n), len),
        }
    }

    fn string(&mut self) -> Token {
        let begin = self.at;
        let mut text = Vec::new();
        let mut at = begin + 1;
        loop {
            let wrong = |why| Token { kind: Kind::Wrong(why), at };
            match self.byte(at) {
                b'"' => break,
                0 => return wrong("unexpected end of string"),
                b'\\' => {
                    let plain = match self.byte(at + 1) {
                        byte @ (b'"' | b'\\' | b'/') => byte,
                        b'b' => 0x08,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 0x0C,
                        b'r' => b'\r',
                        b'u' => {
                            let Some((c, len)) = self.unicode(at) else {
                                return wrong("invalid unicode escape code");
                            };
                            let mut buffer = [0; 4];
                            text.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                            at += len;
                            continue;
                        }
                        _ => return wrong("invalid escape code"),
                    };
                    text.push(plain);
                    at += 2;
                }
                byte => {
                    text.push(byte);
                    at += 1;
                }
            }
        }
        self.at = at + 1;
        Token { kind: Kind::Text(text), at: begin }
    }

    /// The character of `\uXXXX` at `at`, or of two of these, and their length.
    fn unicode(&self, at: usize) -> Option<(char, usize)> {
        let hex = |at: usize| {
            let digits = self.text.get(at..at + 4)?;
            digits.iter().try_fold(0, |n, digit| Some(n << 4 | (*digit as char).to_digit(16)?))
        };
        let first = hex(at + 2)?;
        if first & 0xF800 != 0xD800 {
            return Some((char::from_u32(first)?, 6));
        }
        if first & 0x400 != 0 || self.byte(at + 6) != b'\\' || self.byte(at + 7) != b'u' {
            return None;
        }
        let second = hex(at + 8).filter(|second| second & 0xFC00 == 0xDC00)?;
        Some((char::from_u32(((first & 0x3FF) << 10 | second & 0x3FF) + 0x1_0000)?, 12))
    }

    fn value(&mut self, token: Token, depth: usize) -> Result<Value> {
        match token.kind {
            Kind::Text(text) => self.lua.create_string(text).map(Value::String),
            Kind::Number(n) => n.into_lua(self.lua),
            Kind::Boolean(value) => Ok(Value::Boolean(value)),
            Kind::Null => Ok(Value::NULL),
            Kind::ObjectBegin => self.object(depth + 1),
            Kind::ArrayBegin => self.array(depth + 1),
            _ => Err(self.unexpected("value", &token)),
        }
    }

    fn deeper(&self, depth: usize) -> Result<()> {
        match depth as i64 > self.settings.decode_depth || depth > DEPTH_MAX {
            true => {
                let at = self.at;
                let why = format!("Found too many nested data structures ({depth}) at character {at}");
                Err(mistake(self.lua, &why))
            }
            false => Ok(()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value> {
        self.deeper(depth)?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if let Kind::ObjectEnd = token.kind {
            return Ok(Value::Table(table));
        }
        loop {
            let Kind::Text(key) = &token.kind else {
                return Err(self.unexpected("object key string", &token));
            };
            let key = self.lua.create_string(key)?;
            let colon = self.next();
            let Kind::Colon = colon.kind else { return Err(self.unexpected("colon", &colon)) };
            let begin = self.next();
            table.raw_set(key, self.value(begin, depth)?)?;
            let behind = self.next();
            match behind.kind {
                Kind::ObjectEnd => return Ok(Value::Table(table)),
                Kind::Comma => token = self.next(),
                _ => return Err(self.unexpected("comma or object end", &behind)),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value> {
        self.deeper(depth)?;
        let table = self.lua.create_table()?;
        if self.settings.decode_marked {
            table.set_metatable(Some(self.lua.named_registry_value(ARRAY)?))?;
        }
        let mut token = self.next();
        if let Kind::ArrayEnd = token.kind {
            return Ok(Value::Table(table));
        }
        for at in 1.. {
            table.raw_set(at, self.value(token, depth)?)?;
            let behind = self.next();
            match behind.kind {
                Kind::ArrayEnd => break,
                Kind::Comma => token = self.next(),
                _ => return Err(self.unexpected("comma or array end", &behind)),
            }
        }
        Ok(Value::Table(table))
    }
}
