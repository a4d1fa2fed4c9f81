//! Replies to Lua values.
//!
//! ```text
//! :1 → 1        $… → "…"    $-1 *-1 → false    +OK → {ok = "OK"}    -ERR … → {err = "ERR …"}    *… → {…}
//! %… → {map = {…}}    ~… → {set = {member = true}}    ,1.5 → {double = 1.5}    _ → nil    #t → true
//! (1… → {big_number = "1…"}    =…txt:… → {verbatim_string = {format = "txt", string = "…"}}
//! ```
//! The bytes are of this server's own commands: a malformed one is a bug, and reads as nil.

use super::names::Names;
use super::stack::{Kept, Stack, Type};
use memchr::memchr;

/// Places of the stack that one reply takes beside those within it.
const PLACES: i32 = 6;

/// A cursor over replies; what it reads is pushed.
pub struct Reader<'a> {
    bytes: &'a [u8],
    stack: &'a Stack,
    names: &'a Names,
}

impl<'a> Reader<'a> {
    /// Begins at the first of the replies in `bytes`.
    pub fn new(stack: &'a Stack, names: &'a Names, bytes: &'a [u8]) -> Self {
        Self { bytes, stack, names }
    }

    fn line(&mut self) -> &'a [u8] {
        let end = memchr(b'\r', self.bytes).unwrap_or(self.bytes.len());
        let line = &self.bytes[..end];
        self.bytes = self.bytes.get(end + 2..).unwrap_or_default();
        line
    }

    fn number(&mut self) -> i64 {
        let (negative, mut rest) =
            self.bytes.strip_prefix(b"-").map_or((false, self.bytes), |rest| (true, rest));
        let mut n = 0i64;
        while let [digit @ b'0'..=b'9', behind @ ..] = rest {
            n = n.wrapping_mul(10).wrapping_add((digit - b'0').into());
            rest = behind;
        }
        self.bytes = rest.get(2..).unwrap_or_default();
        if negative { n.wrapping_neg() } else { n }
    }

    fn take(&mut self, n: i64) -> Option<&'a [u8]> {
        let n = usize::try_from(n).ok()?;
        let taken = self.bytes.get(..n)?;
        self.bytes = self.bytes.get(n + 2..).unwrap_or_default();
        Some(taken)
    }

    /// Pushes a table with the field `name`, which `value` pushes.
    fn tagged(&mut self, name: Kept, value: impl FnOnce(&mut Self)) {
        self.stack.push_table(0, 1);
        self.stack.push(name);
        value(self);
        self.stack.set_field(-3);
    }

    /// Pushes the next reply.
    pub fn push(&mut self) {
        let Some((kind, rest)) = self.bytes.split_first() else { return self.stack.push_nil() };
        self.bytes = rest;
        // Each of these takes one place, which is there: who holds others asked for it.
        match kind {
            b':' => {
                let n = self.number();
                return self.stack.push_number(n as f64);
            }
            b'$' => {
                let len = self.number();
                return match self.take(len) {
                    Some(text) => self.stack.push_text(text),
                    None => self.stack.push_bool(false),
                };
            }
            _ if self.stack.room(PLACES) => {}
            _ => return self.stack.push_nil(),
        }
        let names = self.names;
        match kind {
            b'+' => self.tagged(names.ok, Self::push_line),
            b'-' => self.tagged(names.err, Self::push_line),
            b'*' | b'>' => self.array(),
            b'%' => self.tagged(names.map, |this| this.pairs(true)),
            b'~' => self.tagged(names.set, |this| this.pairs(false)),
            b',' => self.tagged(names.double, |this| {
                let n = std::str::from_utf8(this.line()).ok().and_then(|text| text.parse::<f64>().ok());
                this.stack.push_number(n.unwrap_or_default());
            }),
            b'#' => {
                let value = self.line() == b"t";
                self.stack.push_bool(value);
            }
            b'(' => self.tagged(names.big_number, Self::push_line),
            b'=' => self.tagged(names.verbatim_string, Self::verbatim),
            b'|' => {
                // Attributes of the reply behind them.
                self.pairs(true);
                self.stack.pop(1);
                self.push();
            }
            _ => {
                self.line();
                self.stack.push_nil();
            }
        }
    }

    fn push_line(&mut self) {
        let line = self.line();
        self.stack.push_text(line);
    }

    fn array(&mut self) {
        let Ok(n) = i32::try_from(self.number()) else { return self.stack.push_bool(false) };
        if n < 0 {
            return self.stack.push_bool(false);
        }
        self.stack.push_table(n as usize, 0);
        for at in 1..=n {
            self.push();
            self.stack.set_item(-2, at);
        }
    }

    /// The members of a map, or of a set, whose values are true.
    fn pairs(&mut self, values: bool) {
        let n = self.number().max(0) as usize;
        self.stack.push_table(0, n);
        for _ in 0..n {
            self.push();
            match values {
                true => self.push(),
                false => self.stack.push_bool(true),
            }
            match self.stack.kind(-2) {
                // There is no such field.
                Type::Nil => self.stack.pop(2),
                _ => self.stack.set_field(-3),
            }
        }
    }

    fn verbatim(&mut self) {
        let len = self.number();
        let bytes = self.take(len).unwrap_or_default();
        let (format, string) = bytes.split_at(bytes.len().min(4));
        self.stack.push_table(0, 2);
        let fields =
            [(self.names.format, format.strip_suffix(b":").unwrap_or(format)), (self.names.string, string)];
        for (name, text) in fields {
            self.stack.push(name);
            self.stack.push_text(text);
            self.stack.set_field(-3);
        }
    }
}
