//! Lua values to replies: the way back of `reading`.

use crate::resp::{Reply, Result};
use mlua::{Table, Value};

/// How deep tables may be in each other.
const DEPTH_MAX: usize = 1000;

/// Writes what a script returned.
pub struct Writer<'a> {
    /// The client's reply.
    pub reply: &'a mut Reply,
    /// Whether the script asked for RESP3 (`redis.setresp(3)`).
    pub resp3: bool,
    /// Told of every error in it that is not counted yet.
    pub on_error: &'a mut dyn FnMut(&[u8]),
}

/// Writes `text` as an error line; CR and LF become blanks, so that no second frame begins.
pub fn error_line(text: &[u8], reply: &mut Reply) {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    reply.raw(b"-");
    line(text, reply);
}

/// Whether a script that returns `value` answers an error.
pub fn is_error(value: &Value) -> bool {
    matches!(value, Value::Table(table) if matches!(table.raw_get("err"), Ok(Value::String(_))))
}

fn line(text: &[u8], reply: &mut Reply) {
    reply.raw(&one_line(text));
    reply.raw(b"\r\n");
}

fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// As C converts a double to a `long long` on the machines that Redis runs on.
fn truncated(n: f64) -> i64 {
    if n.abs() < (1u64 << 63) as f64 { n as i64 } else { i64::MIN }
}

impl Writer<'_> {
    /// Writes `value`.
    pub fn write(&mut self, value: &Value) {
        self.value(value, 0);
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::String(text) => self.reply.bulk(&text.as_bytes()),
            Value::Integer(n) => self.reply.int(*n),
            Value::Number(n) => self.reply.int(truncated(*n)),
            Value::Boolean(value) if self.resp3 => self.reply.bool(*value),
            Value::Boolean(true) => self.reply.int(1),
            Value::Table(table) => self.table(table, depth),
            _ => self.reply.null(),
        }
    }

    fn table(&mut self, table: &Table, depth: usize) {
        if depth > DEPTH_MAX {
            return error_line(b"ERR reached lua stack limit", self.reply);
        }
        let field = |name: &str| table.raw_get::<Value>(name).unwrap_or(Value::Nil);
        if let Some(text) = bytes(&field("err")) {
            if field("ignore_error_stats_update") == Value::Nil {
                (self.on_error)(&text);
            }
            return error_line(&text, self.reply);
        }
        if let Some(text) = bytes(&field("ok")) {
            self.reply.raw(b"+");
            return line(&text, self.reply);
        }
        match field("double") {
            Value::Number(n) => return self.reply.double(n),
            Value::Integer(n) => return self.reply.double(n as f64),
            _ => {}
        }
        if let Value::Table(map) = field("map") {
            return self.pairs(&map, depth, Reply::map, true);
        }
        if let Value::Table(set) = field("set") {
            return self.pairs(&set, depth, Reply::set, false);
        }
        if let Some(digits) = bytes(&field("big_number")) {
            if !self.reply.is_resp3() {
                return self.reply.bulk(&one_line(&digits));
            }
            self.reply.raw(b"(");
            return line(&digits, self.reply);
        }
        if let Value::Table(verbatim) = field("verbatim_string") {
            let part = |name: &str| bytes(&verbatim.raw_get(name).unwrap_or(Value::Nil));
            if let (Some(format), Some(text)) = (part("format"), part("string")) {
                let three: [u8; 3] = std::array::from_fn(|i| match format.get(i) {
                    Some(letter) if letter.is_ascii_graphic() => *letter,
                    _ => b' ',
                });
                return self.reply.verbatim(std::str::from_utf8(&three).unwrap_or("txt"), &text);
            }
        }
        self.array(table, depth);
    }

    fn array(&mut self, table: &Table, depth: usize) {
        self.counted(Reply::array, |this| {
            let mut n = 0;
            loop {
                match table.raw_get(n + 1) {
                    Ok(Value::Nil) | Err(_) => return n,
                    Ok(value) => this.value(&value, depth + 1),
                }
                n += 1;
            }
        });
    }

    fn pairs(&mut self, table: &Table, depth: usize, head: fn(&mut Reply, usize), values: bool) {
        self.counted(head, |this| {
            let mut n = 0;
            // Raw: what the table's metatable says is nobody's business.
            let walked = table.for_each(|key: Value, value: Value| {
                this.value(&key, depth + 1);
                if values {
                    this.value(&value, depth + 1);
                }
                n += 1;
                Ok(())
            });
            debug_assert!(walked.is_ok(), "walking a table does not fail");
            n
        });
    }

    fn counted(&mut self, head: fn(&mut Reply, usize), body: impl FnOnce(&mut Writer<'_>) -> usize) {
        let Writer { reply, resp3, on_error } = self;
        let (resp3, on_error) = (*resp3, &mut **on_error);
        let written: Result = reply.counted(head, |reply| Ok(body(&mut Writer { reply, resp3, on_error })));
        debug_assert!(written.is_ok(), "the body does not fail");
    }
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    if let Value::String(text) = value { Some(text.as_bytes().to_vec()) } else { None }
}
