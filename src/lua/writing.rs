//! Lua values to replies: the way back of `reading`.

use super::names::Names;
use super::stack::{Kept, Stack, Type};
use crate::base::text::until_nul;
use crate::resp::{Error, Reply, Result};

/// How deep tables may be in each other.
const DEPTH_MAX: usize = 1000;
/// Bytes that may be answered: tables that hold themselves twice have no end that anybody lives to see.
pub(super) const REPLY_MAX: usize = if cfg!(test) { 4 << 20 } else { 512 << 20 };
const TOO_LARGE: Error = Error::new("ERR the script's reply is too large");
/// Places of the stack that one table takes beside those within it.
const PLACES: i32 = 6;

/// Writes what a script returned.
pub(super) struct Writer<'a> {
    pub stack: &'a Stack,
    pub names: &'a Names,
    /// The client's reply.
    pub reply: &'a mut Reply,
    /// Whether the script asked for RESP3 (`redis.setresp(3)`).
    pub resp3: bool,
    /// Told of every error in it that is not counted yet.
    pub on_error: &'a mut dyn FnMut(&[u8]),
    /// Whether an error was written.
    pub has_error: bool,
    /// The length of `reply` beyond which it is too large.
    pub end: usize,
    /// Whether it is: nothing more is written then.
    pub is_full: bool,
}

/// Writes `text` as an error line, up to a NUL as C does; CR and LF become blanks, so that no second frame begins.
pub fn error_line(text: &[u8], reply: &mut Reply) {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    reply.raw(b"-");
    line(text, reply);
}

fn line(text: &[u8], reply: &mut Reply) {
    let text = until_nul(text);
    match memchr::memchr2(b'\r', b'\n', text) {
        None => reply.raw(text),
        Some(_) => reply.raw(&one_line(text)),
    }
    reply.raw(b"\r\n");
}

fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// As C converts a double to a `long long` on the machines that Redis runs on.
pub(super) fn truncated(n: f64) -> i64 {
    if n.abs() < (1u64 << 63) as f64 { n as i64 } else { i64::MIN }
}

impl Writer<'_> {
    /// Takes the topmost value and writes it; tells whether there is an error in it.
    pub fn write(mut self) -> bool {
        let mark = self.reply.mark();
        self.value(0);
        if self.is_full {
            self.reply.rewind(mark);
            (self.on_error)(TOO_LARGE.as_bytes());
            error_line(TOO_LARGE.as_bytes(), self.reply);
        }
        self.has_error | self.is_full
    }

    /// Takes the topmost value and writes it.
    fn value(&mut self, depth: usize) {
        let stack = self.stack;
        match stack.kind(-1) {
            Type::Text => self.reply.bulk(stack.text(-1).unwrap_or_default()),
            Type::Number => self.reply.int(truncated(stack.number(-1))),
            Type::Boolean if self.resp3 => self.reply.bool(stack.is_true(-1)),
            Type::Boolean if stack.is_true(-1) => self.reply.int(1),
            Type::Table => {
                let top = stack.top();
                self.table(depth);
                stack.cut(top);
            }
            _ => self.reply.null(),
        }
        stack.pop(1);
    }

    /// Pushes a field of the topmost table.
    fn push_field(&self, name: Kept) {
        self.stack.push(name);
        self.stack.field(-2);
    }

    /// Pushes a field of the topmost table if it is of this type; tells whether it is.
    fn has(&self, name: Kept, kind: Type) -> bool {
        self.push_field(name);
        let has = self.stack.kind(-1) == kind;
        if !has {
            self.stack.pop(1);
        }
        has
    }

    /// Writes the topmost table; what it leaves above it is the caller's to take away.
    fn table(&mut self, depth: usize) {
        let (stack, names) = (self.stack, self.names);
        self.is_full |= self.reply.len() > self.end;
        if self.is_full {
            return;
        }
        if depth > DEPTH_MAX || !stack.room(PLACES) {
            self.has_error = true;
            return error_line(b"ERR reached lua stack limit", self.reply);
        }
        if self.has(names.err, Type::Text) {
            self.has_error = true;
            let text = stack.text(-1).unwrap_or_default();
            stack.push(names.ignore_error_stats_update);
            stack.field(-3);
            if stack.kind(-1) == Type::Nil {
                (self.on_error)(text);
            }
            return error_line(text, self.reply);
        }
        if self.has(names.ok, Type::Text) {
            self.reply.raw(b"+");
            return line(stack.text(-1).unwrap_or_default(), self.reply);
        }
        if self.has(names.double, Type::Number) {
            return self.reply.double(stack.number(-1));
        }
        if self.has(names.map, Type::Table) {
            return self.pairs(depth, Reply::map, true);
        }
        if self.has(names.set, Type::Table) {
            return self.pairs(depth, Reply::set, false);
        }
        if self.has(names.big_number, Type::Text) {
            let digits = stack.text(-1).unwrap_or_default();
            if !self.reply.is_resp3() {
                return self.reply.bulk(&one_line(digits));
            }
            self.reply.raw(b"(");
            self.reply.raw(&one_line(digits));
            return self.reply.raw(b"\r\n");
        }
        if self.has(names.verbatim_string, Type::Table) {
            self.push_field(names.format);
            stack.push(names.string);
            stack.field(-3);
            if let (Some(format), Some(text)) = (stack.text(-2), stack.text(-1)) {
                let format = until_nul(format);
                let three = std::array::from_fn(|i| format.get(i).copied().unwrap_or(b' '));
                return self.reply.verbatim(three, text);
            }
            stack.pop(3);
        }
        self.array(depth);
    }

    fn array(&mut self, depth: usize) {
        self.counted(Reply::array, |this| {
            let mut n = 0;
            loop {
                this.stack.push_item(-1, n + 1);
                if this.stack.kind(-1) == Type::Nil || this.is_full {
                    return n as usize;
                }
                this.value(depth + 1);
                n += 1;
            }
        });
    }

    /// The pairs of the topmost table. What its metatable says is nobody's business.
    fn pairs(&mut self, depth: usize, head: fn(&mut Reply, usize), values: bool) {
        self.counted(head, |this| {
            let stack = this.stack;
            let mut n = 0;
            stack.push_nil();
            while !this.is_full && stack.next(-2) {
                stack.push_copy(-2);
                this.value(depth + 1);
                match values {
                    true => this.value(depth + 1),
                    false => stack.pop(1),
                }
                n += 1;
            }
            n
        });
    }

    fn counted(&mut self, head: fn(&mut Reply, usize), body: impl FnOnce(&mut Writer<'_>) -> usize) {
        let Writer { stack, names, reply, resp3, on_error, has_error, end, is_full } = self;
        let (resp3, on_error) = (*resp3, &mut **on_error);
        let body = |reply: &mut Reply| {
            let (end, has, full) = (*end, *has_error, *is_full);
            let mut inner =
                Writer { stack, names, reply, resp3, on_error, has_error: has, end, is_full: full };
            let count = body(&mut inner);
            (*has_error, *is_full) = (inner.has_error, inner.is_full);
            // What is too large is given up: its head would be put before half a gigabyte at each level.
            if inner.is_full { Err(TOO_LARGE) } else { Ok(count) }
        };
        let written: Result = reply.counted(head, body);
        debug_assert!(written.is_ok() || self.is_full, "the body does not fail otherwise");
    }
}
