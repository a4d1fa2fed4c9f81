//! Values and replies as the debugger shows them.

use crate::base::digits::write_g;
use crate::base::words::quote;
use crate::lua::stack::{Kept, Stack, Type};
use memchr::memchr;

/// How deep tables are shown.
const DEPTH_MAX: usize = 10;
/// Digits of a number.
const DIGITS: usize = 6;
/// Places of the stack that one table takes beside those within it.
const PLACES: i32 = 6;

/// Takes the topmost value and appends it to `out`. Of a table that scripts may only read, what is behind it in the table
/// `real` is shown.
pub fn value(stack: &Stack, real: Kept, out: &mut Vec<u8>) {
    append(stack, real, 0, out);
    stack.pop(1);
}

fn append(stack: &Stack, real: Kept, depth: usize, out: &mut Vec<u8>) {
    if depth == DEPTH_MAX || !stack.room(PLACES) {
        return out.extend_from_slice(b"<max recursion level reached! Nested table?>");
    }
    match stack.kind(-1) {
        Type::Text => quote(stack.text(-1).unwrap_or_default(), out),
        Type::Number => write_g(stack.number(-1), DIGITS, out),
        Type::Boolean => out.extend_from_slice(if stack.is_true(-1) { b"true" } else { b"false" }),
        Type::Nil => out.extend_from_slice(b"nil"),
        Type::Table => table(stack, real, depth, out),
        Type::Other => {
            let (kind, address) = stack.address(-1);
            let address = if address == 0 { "(nil)".into() } else { format!("{address:#x}") };
            out.extend_from_slice(format!("\"{kind}@{address}\"").as_bytes());
        }
    }
}

/// A list is shown without its places.
fn table(stack: &Stack, real: Kept, depth: usize, out: &mut Vec<u8>) {
    let top = stack.top();
    stack.push(real);
    stack.push_copy(top);
    stack.field(-2);
    let at = if stack.kind(-1) == Type::Table { stack.top() } else { top };
    let is_list = is_list(stack, at);
    out.push(b'{');
    stack.push_nil();
    let mut first = true;
    while stack.next(at) {
        if !std::mem::take(&mut first) {
            out.extend_from_slice(b"; ");
        }
        if !is_list {
            out.push(b'[');
            stack.push_copy(-2);
            append(stack, real, depth + 1, out);
            stack.pop(1);
            out.extend_from_slice(b"]=");
        }
        append(stack, real, depth + 1, out);
        stack.pop(1);
    }
    out.push(b'}');
    stack.cut(top);
}

/// Whether the keys of the table at `at` are 1, 2, 3 and so on, in this order.
fn is_list(stack: &Stack, at: i32) -> bool {
    let top = stack.top();
    stack.push_nil();
    let mut expected = 1.0;
    while stack.next(at) {
        if stack.kind(-2) != Type::Number || stack.number(-2) != expected {
            stack.cut(top);
            return false;
        }
        expected += 1.0;
        stack.pop(1);
    }
    true
}

/// The words of a call, on a line.
pub fn call(argv: &[&[u8]]) -> Vec<u8> {
    [b"<redis> ", &*argv.join(&b' ')].concat()
}

/// An error, on a line: as a command answered it if it `ran`, otherwise without its general code.
pub fn error(text: &[u8], ran: bool) -> Vec<u8> {
    let (sign, text): (&[u8], _) = match text.strip_prefix(b"ERR ") {
        Some(text) if !ran => (b"", text),
        _ => (b"-", text),
    };
    [b"<error> ", sign, text].concat()
}

/// A reply, on a line.
pub fn reply(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"<reply> ".to_vec();
    one(bytes, &mut out);
    out
}

/// Appends the first reply of `bytes`; returns what is behind it.
fn one<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some(kind) = bytes.first() else { return bytes };
    let end = memchr(b'\r', bytes).unwrap_or(bytes.len());
    let line = &bytes[1..end];
    let rest = bytes.get(end + 2..).unwrap_or_default();
    // Also -1, which is none.
    let len = std::str::from_utf8(line).ok().and_then(|digits| digits.parse::<usize>().ok());
    match (kind, len) {
        (b':', _) => out.extend_from_slice(line),
        (b'$' | b'*', None) => out.extend_from_slice(b"NULL"),
        (b'$', Some(len)) => {
            quote(&rest[..len.min(rest.len())], out);
            return rest.get(len + 2..).unwrap_or_default();
        }
        (b'=', Some(len)) => {
            // Behind its format.
            quote(&rest[4.min(rest.len())..len.min(rest.len())], out);
            return rest.get(len + 2..).unwrap_or_default();
        }
        (b'*' | b'>', Some(n)) => return many(rest, n, (b"[", b"]"), out),
        (b'~', Some(n)) => return many(rest, n, (b"~(", b")"), out),
        (b'%', Some(n)) => return pairs(rest, n, out),
        (b'_', _) => out.extend_from_slice(b"(null)"),
        (b'#', _) => out.extend_from_slice(if line == b"t" { b"#true" } else { b"#false" }),
        (b',', _) => out.extend([b"(double) ", line].concat()),
        (b'(', _) => out.extend([b"(big number) ", line].concat()),
        _ => quote(&bytes[..end], out),
    }
    rest
}

fn many<'a>(mut rest: &'a [u8], n: usize, (open, close): (&[u8], &[u8]), out: &mut Vec<u8>) -> &'a [u8] {
    out.extend_from_slice(open);
    for i in 0..n {
        if i > 0 {
            out.push(b',');
        }
        rest = one(rest, out);
    }
    out.extend_from_slice(close);
    rest
}

fn pairs<'a>(mut rest: &'a [u8], n: usize, out: &mut Vec<u8>) -> &'a [u8] {
    out.push(b'{');
    for i in 0..n {
        if i > 0 {
            out.push(b',');
        }
        rest = one(rest, out);
        out.extend_from_slice(b" => ");
        rest = one(rest, out);
    }
    out.push(b'}');
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_shown_on_a_line() {
        for (bytes, shown) in [
            (":5\r\n", "5"),
            ("$-1\r\n", "NULL"),
            ("*-1\r\n", "NULL"),
            ("$2\r\na\n\r\n", r#""a\n""#),
            ("+OK\r\n", r#""+OK""#),
            ("-ERR no\r\n", r#""-ERR no""#),
            ("*3\r\n$1\r\na\r\n*0\r\n:1\r\n", r#"["a",[],1]"#),
            ("~1\r\n$1\r\na\r\n", r#"~("a")"#),
            ("%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n", r#"{"a" => 1,"b" => (null)}"#),
            ("*2\r\n#t\r\n#f\r\n", "[#true,#false]"),
            (",1.5\r\n", "(double) 1.5"),
            ("(12\r\n", "(big number) 12"),
            ("=6\r\ntxt:ab\r\n", r#""ab""#),
        ] {
            assert_eq!(String::from_utf8_lossy(&reply(bytes.as_bytes())), format!("<reply> {shown}"));
        }
    }
}
