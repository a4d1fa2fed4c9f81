//! Replies are bytes, written once, in the protocol the connection speaks.

use super::Error;
use crate::base::number;
use bytes::Bytes;

/// The protocol version a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, the default of every new connection.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
}

/// A place in a [`Reply`] to rewind to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    bytes: usize,
    shared: usize,
}

/// Values of at least this many bytes leave as shared [`Bytes`], without a copy.
pub const SHARED_MIN: usize = 16 * 1024;

/// The longest head: a kind, 20 digits, CR LF.
const HEAD_MAX: usize = 23;

/// The reply writer of one connection.
///
/// Short values are copied into one buffer; long ones are kept as shared [`Bytes`] with the place
/// in the buffer they belong to, and both leave in one vectored write.
#[derive(Debug, Default)]
pub struct Reply {
    bytes: Vec<u8>,
    /// Shared values, each with the offset in `bytes` it is to be inserted at.
    shared: Vec<(usize, Bytes)>,
    shared_len: usize,
    protocol: Protocol,
}

impl Reply {
    /// An empty reply in `protocol`.
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, ..Self::default() }
    }

    /// Bytes allocated for what is not shared.
    pub fn capacity_bytes(&self) -> usize {
        self.bytes.capacity() + self.shared.capacity() * size_of::<(usize, Bytes)>()
    }

    /// The protocol replies are written in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether replies are written in RESP3.
    pub fn is_resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// Switches the protocol for what is written from here on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// The place reached so far.
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), shared: self.shared.len() }
    }

    /// Forgets everything written after `mark`.
    pub fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        for (_, value) in self.shared.drain(mark.shared..) {
            self.shared_len -= value.len();
        }
    }

    /// Bytes waiting to be sent, shared values included.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.shared_len
    }

    /// Bytes behind `mark`.
    pub fn len_since(&self, mark: Mark) -> usize {
        let own = self.bytes.len() - mark.bytes;
        match self.shared.len() == mark.shared {
            true => own,
            false => own + self.shared[mark.shared..].iter().map(|(_, value)| value.len()).sum::<usize>(),
        }
    }

    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.shared.is_empty()
    }

    /// Whether it begins with an error.
    pub fn is_error(&self) -> bool {
        self.bytes.first() == Some(&b'-')
    }

    /// The buffer and the shared values with their offsets in it, for the socket writer.
    pub fn parts(&self) -> (&[u8], &[(usize, Bytes)]) {
        (&self.bytes, &self.shared)
    }

    /// Empties the reply, keeping up to `keep` bytes of its buffer for the next one.
    pub fn clear(&mut self, keep: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(keep);
        self.shared.clear();
        self.shared_len = 0;
    }

    /// Everything written, as one run of bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        let mut at = 0;
        for (offset, value) in &self.shared {
            out.extend_from_slice(&self.bytes[at..*offset]);
            out.extend_from_slice(value);
            at = *offset;
        }
        out.extend_from_slice(&self.bytes[at..]);
        out
    }

    /// What was written after `mark`, as one run of bytes.
    pub fn since(&self, mark: Mark) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = mark.bytes;
        for (offset, value) in &self.shared[mark.shared..] {
            out.extend_from_slice(&self.bytes[at..*offset]);
            out.extend_from_slice(value);
            at = *offset;
        }
        out.extend_from_slice(&self.bytes[at..]);
        out
    }

    /// Appends bytes that are already a whole reply, or several.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a whole frame, shared when it is long.
    pub fn raw_shared(&mut self, frame: Bytes) {
        if frame.len() < SHARED_MIN {
            return self.raw(&frame);
        }
        self.shared_len += frame.len();
        self.shared.push((self.bytes.len(), frame));
    }

    /// Puts `error` in place of each of `spans`, which are whole replies, in order.
    pub fn replace(&mut self, spans: impl Iterator<Item = (Mark, Mark)>, error: &Error) {
        let mut out = Reply::new(self.protocol);
        let mut at = Mark::default();
        for (from, to) in spans {
            out.append_part(self, at, from);
            out.error(error);
            at = to;
        }
        out.append_part(self, at, self.mark());
        *self = out;
    }

    fn append_part(&mut self, other: &Reply, from: Mark, to: Mark) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes[from.bytes..to.bytes]);
        for (offset, value) in &other.shared[from.shared..to.shared] {
            self.shared_len += value.len();
            self.shared.push((at + offset - from.bytes, value.clone()));
        }
    }

    /// Appends all of another reply.
    pub fn append(&mut self, other: Reply) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.shared.extend(other.shared.into_iter().map(|(offset, value)| (at + offset, value)));
        self.shared_len += other.shared_len;
    }

    #[inline(always)]
    fn head(&mut self, kind: u8, n: i64) {
        let digit = |n: i64| b'0' + n as u8;
        match n {
            0..=9 => self.bytes.extend_from_slice(&[kind, digit(n), b'\r', b'\n']),
            10..=99 => self.bytes.extend_from_slice(&[kind, digit(n / 10), digit(n % 10), b'\r', b'\n']),
            _ => self.long_head(kind, n),
        }
    }

    #[inline(never)]
    fn long_head(&mut self, kind: u8, n: i64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(n).as_bytes();
        self.bytes.reserve(digits.len() + 3);
        self.bytes.push(kind);
        self.bytes.extend_from_slice(digits);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// `+OK`
    pub fn ok(&mut self) {
        self.bytes.extend_from_slice(b"+OK\r\n");
    }

    /// A status line; `text` must hold neither CR nor LF.
    pub fn status(&mut self, text: &str) {
        self.status_parts(&[text]);
    }

    /// The same of a text in parts.
    pub fn status_parts(&mut self, parts: &[&str]) {
        self.bytes.push(b'+');
        for part in parts {
            debug_assert!(!part.contains(['\r', '\n']));
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// An error line.
    pub fn error(&mut self, error: &Error) {
        self.bytes.push(b'-');
        self.bytes.extend_from_slice(error.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Bytes of an error line.
    pub fn error_len(error: &Error) -> usize {
        error.as_bytes().len() + 3
    }

    /// A signed integer.
    pub fn int(&mut self, n: i64) {
        self.head(b':', n);
    }

    /// A count or length as an integer.
    pub fn len_of(&mut self, n: usize) {
        self.head(b':', n as i64);
    }

    /// A bulk string, copied.
    pub fn bulk(&mut self, value: &[u8]) {
        self.bytes.reserve(value.len() + HEAD_MAX + 2);
        self.head(b'$', value.len() as i64);
        self.bytes.extend_from_slice(value);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// A bulk string that is shared when it is long.
    pub fn bulk_shared(&mut self, value: &Bytes) {
        if value.len() < SHARED_MIN {
            return self.bulk(value);
        }
        self.head(b'$', value.len() as i64);
        self.shared.push((self.bytes.len(), value.clone()));
        self.shared_len += value.len();
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// A bulk string holding an integer's text.
    pub fn bulk_int(&mut self, n: i64) {
        let mut digits = itoa::Buffer::new();
        self.bulk(digits.format(n).as_bytes());
    }

    /// A bulk string, or null for `None`.
    pub fn bulk_or_null(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bulk(value),
            None => self.null(),
        }
    }

    /// A floating point number: a double in RESP3, a bulk string in RESP2.
    pub fn double(&mut self, n: f64) {
        let whole = n as i64;
        // A whole number is printed as an integer; -0 is not one.
        if (whole as f64).to_bits() == n.to_bits() && whole.unsigned_abs() < 1 << 53 {
            return if self.is_resp3() { self.head(b',', whole) } else { self.bulk_int(whole) };
        }
        let mut text = Vec::with_capacity(24);
        number::format_f64(n, &mut text);
        if self.is_resp3() {
            self.bytes.push(b',');
            self.bytes.extend_from_slice(&text);
            self.bytes.extend_from_slice(b"\r\n");
        } else {
            self.bulk(&text);
        }
    }

    /// A truth value: a boolean in RESP3, 1 or 0 in RESP2.
    pub fn bool(&mut self, value: bool) {
        match (self.protocol, value) {
            (Protocol::Resp3, true) => self.bytes.extend_from_slice(b"#t\r\n"),
            (Protocol::Resp3, false) => self.bytes.extend_from_slice(b"#f\r\n"),
            (Protocol::Resp2, value) => self.int(value.into()),
        }
    }

    /// Text with a three-letter format (`txt`, `mkd`): verbatim in RESP3, bulk in RESP2.
    pub fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        if self.is_resp3() {
            self.head(b'=', text.len() as i64 + 4);
            self.bytes.extend_from_slice(&format);
            self.bytes.push(b':');
            self.bytes.extend_from_slice(text);
            self.bytes.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text);
        }
    }

    /// No value: `_` in RESP3, the null bulk in RESP2.
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No array: `_` in RESP3, the null array in RESP2.
    pub fn null_array(&mut self) {
        self.bytes.extend_from_slice(if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The head of an array of `n` replies.
    pub fn array(&mut self, n: usize) {
        self.head(b'*', n as i64);
    }

    /// The head of a map of `n` pairs; a flat array of `2n` in RESP2.
    pub fn map(&mut self, n: usize) {
        if self.is_resp3() { self.head(b'%', n as i64) } else { self.head(b'*', 2 * n as i64) }
    }

    /// The head of a set of `n` members; an array in RESP2.
    pub fn set(&mut self, n: usize) {
        self.head(if self.is_resp3() { b'~' } else { b'*' }, n as i64);
    }

    /// The head of a push of `n` parts; an array in RESP2.
    pub fn push(&mut self, n: usize) {
        self.head(if self.is_resp3() { b'>' } else { b'*' }, n as i64);
    }

    /// Writes an aggregate whose length is known only afterwards: `body` writes the members and
    /// returns how many, `head` then writes the head in front of them.
    pub fn counted(
        &mut self,
        head: impl FnOnce(&mut Reply, usize),
        body: impl FnOnce(&mut Reply) -> super::Result<usize>,
    ) -> super::Result {
        let mark = self.mark();
        let n = body(self)?;
        let end = self.bytes.len();
        head(self, n);
        let head_len = self.bytes.len() - end;
        self.bytes[mark.bytes..].rotate_right(head_len);
        for (offset, _) in &mut self.shared[mark.shared..] {
            *offset += head_len;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewinding_forgets_shared_values_too() {
        let mut reply = Reply::new(Protocol::Resp2);
        reply.ok();
        let mark = reply.mark();
        reply.bulk_shared(&Bytes::from(vec![b'x'; SHARED_MIN]));
        assert_eq!(reply.len(), 5 + 8 + SHARED_MIN + 2);
        reply.rewind(mark);
        assert_eq!(reply.to_vec(), b"+OK\r\n");
    }

    #[test]
    fn doubles_are_printed_as_redis_prints_them() {
        for (n, text) in
            [(0.0, "0"), (-0.0, "-0"), (-17.0, "-17"), (1.5, "1.5"), (1e17, "100000000000000000")]
        {
            let (mut two, mut three) = (Reply::new(Protocol::Resp2), Reply::new(Protocol::Resp3));
            two.double(n);
            three.double(n);
            assert_eq!(two.to_vec(), format!("${}\r\n{text}\r\n", text.len()).into_bytes());
            assert_eq!(three.to_vec(), format!(",{text}\r\n").into_bytes());
        }
    }

    #[test]
    fn a_counted_aggregate_gets_its_head_in_front() {
        let mut reply = Reply::new(Protocol::Resp3);
        reply.int(7);
        let done = reply.counted(Reply::set, |r| {
            r.bulk(b"a");
            r.bulk_shared(&Bytes::from(vec![b'x'; SHARED_MIN]));
            Ok(2)
        });
        assert!(done.is_ok());
        let text = reply.to_vec();
        assert!(text.starts_with(b":7\r\n~2\r\n$1\r\na\r\n$16384\r\nxx"));
        assert!(text.ends_with(b"xx\r\n"));
    }
}
