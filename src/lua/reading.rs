//! Replies to Lua values.
//!
//! ```text
//! :1 → 1        $… → "…"    $-1 *-1 → false    +OK → {ok = "OK"}    -ERR … → {err = "ERR …"}    *… → {…}
//! %… → {map = {…}}    ~… → {set = {member = true}}    ,1.5 → {double = 1.5}    _ → nil    #t → true
//! (1… → {big_number = "1…"}    =…txt:… → {verbatim_string = {format = "txt", string = "…"}}
//! ```
//! The bytes are of this server's own commands: a malformed one is a bug, and reads as nil.

use memchr::memchr;
use mlua::{IntoLua, Lua, Result, Value};

/// A cursor over replies.
pub struct Reader<'a> {
    bytes: &'a [u8],
    lua: &'a Lua,
}

impl<'a> Reader<'a> {
    /// Begins at the first of the replies in `bytes`.
    pub fn new(lua: &'a Lua, bytes: &'a [u8]) -> Self {
        Self { bytes, lua }
    }

    fn line(&mut self) -> &'a [u8] {
        let end = memchr(b'\r', self.bytes).unwrap_or(self.bytes.len());
        let line = &self.bytes[..end];
        self.bytes = self.bytes.get(end + 2..).unwrap_or_default();
        line
    }

    fn number(&mut self) -> i64 {
        let line = self.line();
        let (negative, digits) = line.strip_prefix(b"-").map_or((false, line), |digits| (true, digits));
        let n = digits.iter().fold(0i64, |n, digit| n.wrapping_mul(10).wrapping_add((digit - b'0').into()));
        if negative { n.wrapping_neg() } else { n }
    }

    fn take(&mut self, n: i64) -> Option<&'a [u8]> {
        let n = usize::try_from(n).ok()?;
        let taken = self.bytes.get(..n)?;
        self.bytes = self.bytes.get(n + 2..).unwrap_or_default();
        Some(taken)
    }

    fn tagged(&self, name: &str, value: impl IntoLua) -> Result<Value> {
        let table = self.lua.create_table_with_capacity(0, 1)?;
        table.raw_set(name, value)?;
        Ok(Value::Table(table))
    }

    fn text(&self, bytes: &[u8]) -> Result<Value> {
        self.lua.create_string(bytes).map(Value::String)
    }

    /// The next reply.
    pub fn value(&mut self) -> Result<Value> {
        let Some((kind, rest)) = self.bytes.split_first() else { return Ok(Value::Nil) };
        self.bytes = rest;
        match kind {
            b':' => self.number().into_lua(self.lua),
            b'$' => {
                let len = self.number();
                self.take(len).map_or(Ok(Value::Boolean(false)), |bytes| self.text(bytes))
            }
            b'+' => {
                let text = self.line();
                self.tagged("ok", self.text(text)?)
            }
            b'-' => {
                let text = self.line();
                self.tagged("err", self.text(text)?)
            }
            b'*' | b'>' => self.array(),
            b'%' => self.map(),
            b'~' => self.set(),
            b',' => {
                let n = std::str::from_utf8(self.line()).ok().and_then(|text| text.parse::<f64>().ok());
                self.tagged("double", n.unwrap_or_default())
            }
            b'#' => Ok(Value::Boolean(self.line() == b"t")),
            b'(' => {
                let digits = self.line();
                self.tagged("big_number", self.text(digits)?)
            }
            b'=' => self.verbatim(),
            b'|' => {
                // Attributes of the reply behind them.
                self.map()?;
                self.value()
            }
            _ => {
                self.line();
                Ok(Value::Nil)
            }
        }
    }

    fn array(&mut self) -> Result<Value> {
        let Ok(n) = usize::try_from(self.number()) else { return Ok(Value::Boolean(false)) };
        let table = self.lua.create_table_with_capacity(n, 0)?;
        for at in 1..=n {
            table.raw_set(at, self.value()?)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self) -> Result<Value> {
        let n = self.number().max(0) as usize;
        let table = self.lua.create_table_with_capacity(0, n)?;
        for _ in 0..n {
            let key = self.value()?;
            table.raw_set(key, self.value()?)?;
        }
        self.tagged("map", table)
    }

    fn set(&mut self) -> Result<Value> {
        let n = self.number().max(0) as usize;
        let table = self.lua.create_table_with_capacity(0, n)?;
        for _ in 0..n {
            table.raw_set(self.value()?, true)?;
        }
        self.tagged("set", table)
    }

    fn verbatim(&mut self) -> Result<Value> {
        let len = self.number();
        let bytes = self.take(len).unwrap_or_default();
        let (format, string) = bytes.split_at(bytes.len().min(4));
        let table = self.lua.create_table_with_capacity(0, 2)?;
        table.raw_set("format", self.text(format.strip_suffix(b":").unwrap_or(format))?)?;
        table.raw_set("string", self.text(string)?)?;
        self.tagged("verbatim_string", table)
    }
}
