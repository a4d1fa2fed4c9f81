//! The request decoder: bytes from a client to batches of borrowed arguments.
//!
//! ```text
//! *2\r\n $3\r\nGET\r\n $3\r\nkey\r\n      an array of bulk strings: what client libraries send
//! GET key\r\n                            an inline command: what people type
//! ```
//!
//! - Nothing is reserved from an announced length; memory grows with the bytes that arrived.
//! - A request that arrives in many reads is parsed once: the decoder keeps its place in it.
//! - Errors are Redis' own, at the same bytes. As in Redis, the two bytes behind a bulk string are
//!   skipped unseen, and so is the one behind a header's CR.

use crate::base::{number, words};
use bumpalo::Bump;
use std::fmt;

/// Where one argument of a partial request lies: offset and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    at: usize,
    len: usize,
}

/// Decoders with room for more words than this give the memory back between requests.
const KEPT_PARTIAL_MAX: usize = 64;

/// Batches with room for more words than this give the memory back.
const KEPT_WORDS_MAX: usize = 4096;

/// Whole requests in order, their words where they arrived.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    words: Vec<&'a [u8]>,
    /// Where in `words` each request ends.
    ends: Vec<u32>,
}

impl<'a> Batch<'a> {
    /// Adds a request.
    pub fn push(&mut self, request: impl IntoIterator<Item = &'a [u8]>) {
        self.words.extend(request);
        self.seal();
    }

    /// Bytes allocated.
    pub fn capacity_bytes(&self) -> usize {
        self.words.capacity() * size_of::<&[u8]>() + self.ends.capacity() * size_of::<u32>()
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The words of request `i`: one at least.
    ///
    /// # Panics
    /// When there are not that many requests.
    #[inline(always)]
    pub fn request(&self, i: usize) -> &[&'a [u8]] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.words[start as usize..self.ends[i] as usize]
    }

    /// Empties it for another input, keeping the memory.
    pub fn recycle<'b>(self) -> Batch<'b> {
        let mut ends = self.ends;
        ends.clear();
        Batch { words: emptied(self.words, KEPT_WORDS_MAX), ends }
    }

    /// What was added to the words since the last request is a request.
    fn seal(&mut self) {
        self.ends.push(self.words.len() as u32);
    }
}

/// The memory of `vec`, unless it has room for more than `kept_max`, for values of another lifetime.
pub fn emptied<T, U>(mut vec: Vec<T>, kept_max: usize) -> Vec<U> {
    vec.clear();
    vec.shrink_to(kept_max);
    // Collecting in place keeps the allocation.
    vec.into_iter().map(|_| unreachable!("it is empty")).collect()
}

/// What a client may announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest bulk string in bytes (`proto-max-bulk-len`).
    pub bulk_len_max: usize,
    /// The most arguments in one request.
    pub args_max: usize,
    /// The longest inline command and the longest header line in bytes.
    pub inline_max: usize,
    /// The client has to authenticate first: at most 10 arguments of at most 16 KiB.
    pub unauthenticated: bool,
}

impl Limits {
    /// Whether every number of a short header is within them.
    fn is_roomy(&self) -> bool {
        !self.unauthenticated && self.bulk_len_max.min(self.args_max) >= SHORT_MAX
    }

    const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
    const UNAUTHENTICATED_BULK_LEN_MAX: i64 = 16 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bulk_len_max: 512 * 1024 * 1024,
            args_max: i32::MAX as usize,
            inline_max: 64 * 1024,
            unauthenticated: false,
        }
    }
}

/// Why a client's bytes are no requests. It is to be told (`-ERR ` and this text), and disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolError(Fault);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    ArrayLength,
    ArrayLengthUnauthenticated,
    ArrayHeaderTooLong,
    BulkLength,
    BulkLengthUnauthenticated,
    BulkHeaderTooLong,
    NoBulk(u8),
    InlineTooLong,
    Quotes,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        f.write_str(match self.0 {
            Fault::ArrayLength => "invalid multibulk length",
            Fault::ArrayLengthUnauthenticated => "unauthenticated multibulk length",
            Fault::ArrayHeaderTooLong => "too big mbulk count string",
            Fault::BulkLength => "invalid bulk length",
            Fault::BulkLengthUnauthenticated => "unauthenticated bulk length",
            Fault::BulkHeaderTooLong => "too big bulk count string",
            Fault::NoBulk(b'\r' | b'\n') => "expected '$', got ' '",
            Fault::NoBulk(byte) => return write!(f, "expected '$', got '{}'", byte as char),
            Fault::InlineTooLong => "too big inline request",
            Fault::Quotes => "unbalanced quotes in request",
        })
    }
}

impl std::error::Error for ProtocolError {}

/// What lies at the decoder's place.
enum Step {
    Whole,
    Partial,
}

/// A header line's number and the offset behind it, or that it has not arrived.
enum Header {
    Line { number: Option<i64>, next: usize },
    Partial,
}

/// The decoder of one connection: its place in the request that has not arrived as a whole.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The next byte to parse, as an offset in the input.
    at: usize,
    /// Bytes behind `at` that are known to hold no end of line.
    scanned: usize,
    /// Arguments that are still to come; 0 at the start of a request.
    args_left: usize,
    /// The length of the bulk string at `at`, once its header is parsed.
    bulk_len: Option<usize>,
    /// Words of the partial request.
    words: Vec<Word>,
    wanted: usize,
}

impl Decoder {
    /// A decoder at the start of a request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes whole requests from `input` into `batch`, which is empty, until the input ends, `max` requests are
    /// there, or an error. The words of inline commands, which are not quite what arrived, lie in `unquoted`.
    /// Returns how many bytes those requests took.
    ///
    /// The caller drops these from the front and calls again with the rest, followed by more bytes if
    /// there are any. As long as a call yields requests another one may yield more: an error behind
    /// whole requests is returned by the call after them, under the limits given to that call.
    /// Empty requests (`*0`, blank lines) are skipped.
    pub fn decode<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
        max: usize,
        unquoted: &'a Bump,
        batch: &mut Batch<'a>,
    ) -> Result<usize, ProtocolError> {
        self.wanted = 0;
        let mut consumed = 0;
        while batch.len() < max {
            if self.args_left == 0
                && limits.is_roomy()
                && let Some(next) = plain_request(input, self.at, batch)
            {
                (self.at, self.scanned, consumed) = (next, 0, next);
                continue;
            }
            match self.request(input, limits, unquoted, batch) {
                Ok(Step::Whole) => {
                    consumed = self.at;
                    if !self.words.is_empty() {
                        batch.words.extend(self.words.drain(..).map(|word| &input[word.at..][..word.len]));
                    }
                    if batch.words.len() > batch.ends.last().map_or(0, |end| *end as usize) {
                        batch.seal();
                    }
                }
                Ok(Step::Partial) => {
                    // What is kept is relative to where the partial request begins.
                    self.at -= consumed;
                    if consumed > 0 {
                        self.words.iter_mut().for_each(|word| word.at -= consumed);
                    }
                    if self.words.is_empty() {
                        self.words.shrink_to(KEPT_PARTIAL_MAX);
                    }
                    return Ok(consumed);
                }
                Err(fault) => {
                    // The next call meets the fault again, at its start.
                    *self = Self::new();
                    return if batch.is_empty() { Err(ProtocolError(fault)) } else { Ok(consumed) };
                }
            }
        }
        self.at = 0;
        self.words.shrink_to(KEPT_PARTIAL_MAX);
        Ok(consumed)
    }

    /// How many more bytes the partial request at the end surely needs; 0 when that is unknown.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Bytes at the front of the input that the partial request at the end has taken as words so far.
    pub fn parsed(&self) -> usize {
        self.at
    }

    /// Goes on with the request at `at`, whatever it looks like; its words are kept until they are all there.
    fn request<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
        unquoted: &'a Bump,
        batch: &mut Batch<'a>,
    ) -> Result<Step, Fault> {
        if self.args_left == 0 {
            match input.get(self.at) {
                None => return Ok(Step::Partial),
                Some(b'*') => match self.array_header(input, limits)? {
                    Step::Whole if self.args_left == 0 => return Ok(Step::Whole),
                    Step::Whole => {}
                    Step::Partial => return Ok(Step::Partial),
                },
                Some(_) => return self.inline(input, limits, unquoted, batch),
            }
        }
        while self.args_left > 0 {
            let len = match self.bulk_len {
                Some(len) => len,
                None => match self.bulk_header(input, limits)? {
                    Some(len) => len,
                    None => return Ok(Step::Partial),
                },
            };
            let have = input.len() - self.at;
            if have < len + 2 {
                self.bulk_len = Some(len);
                self.wanted = len + 2 - have;
                return Ok(Step::Partial);
            }
            self.words.push(Word { at: self.at, len });
            self.at += len + 2;
            self.bulk_len = None;
            self.args_left -= 1;
        }
        Ok(Step::Whole)
    }

    #[inline]
    fn array_header(&mut self, input: &[u8], limits: &Limits) -> Result<Step, Fault> {
        let Header::Line { number, next } = self.header(input, limits, Fault::ArrayHeaderTooLong)? else {
            return Ok(Step::Partial);
        };
        let count = number.filter(|n| *n <= limits.args_max as i64).ok_or(Fault::ArrayLength)?;
        if limits.unauthenticated && count > Limits::UNAUTHENTICATED_ARGS_MAX {
            return Err(Fault::ArrayLengthUnauthenticated);
        }
        self.at = next;
        self.args_left = count.max(0) as usize;
        Ok(Step::Whole)
    }

    fn bulk_header(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, Fault> {
        let Header::Line { number, next } = self.header(input, limits, Fault::BulkHeaderTooLong)? else {
            return Ok(None);
        };
        if input[self.at] != b'$' {
            return Err(Fault::NoBulk(input[self.at]));
        }
        let len = number.filter(|n| (0..=limits.bulk_len_max as i64).contains(n)).ok_or(Fault::BulkLength)?;
        if limits.unauthenticated && len > Limits::UNAUTHENTICATED_BULK_LEN_MAX {
            return Err(Fault::BulkLengthUnauthenticated);
        }
        self.at = next;
        Ok(Some(len as usize))
    }

    /// The header line at `at`: one byte, a number, CR LF.
    #[inline]
    fn header(&mut self, input: &[u8], limits: &Limits, too_long: Fault) -> Result<Header, Fault> {
        let line = &input[self.at..];
        let Some(len) = memchr::memchr(b'\r', &line[self.scanned..]).map(|i| self.scanned + i) else {
            self.scanned = line.len();
            return if line.len() > limits.inline_max { Err(too_long) } else { Ok(Header::Partial) };
        };
        if line.len() < len + 2 {
            self.scanned = len;
            return Ok(Header::Partial);
        }
        self.scanned = 0;
        let number = line.get(1..len).and_then(number::parse_i64);
        Ok(Header::Line { number, next: self.at + len + 2 })
    }

    #[cold]
    fn inline<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
        unquoted: &'a Bump,
        batch: &mut Batch<'a>,
    ) -> Result<Step, Fault> {
        let line = &input[self.at..];
        // As C looks for it: no line goes on behind a NUL, and none ends there.
        let stop = memchr::memchr2(b'\n', 0, &line[self.scanned..]).map(|i| self.scanned + i);
        let Some(len) = stop.filter(|at| line[*at] == b'\n') else {
            self.scanned = stop.unwrap_or(line.len());
            return if line.len() > limits.inline_max {
                Err(Fault::InlineTooLong)
            } else {
                Ok(Step::Partial)
            };
        };
        let text = line[..len].strip_suffix(b"\r").unwrap_or(&line[..len]);
        for word in words::split(text).ok_or(Fault::Quotes)? {
            batch.words.push(unquoted.alloc_slice_copy(&word));
        }
        self.scanned = 0;
        self.at += len + 1;
        Ok(Step::Whole)
    }
}

/// The request at `at`, if all of it is there and it has nothing unusual about it: nearly every one. Returns the
/// offset behind it.
#[inline]
fn plain_request<'a>(input: &'a [u8], at: usize, batch: &mut Batch<'a>) -> Option<usize> {
    let (count, mut at) = short_header(b'*', input, at)?;
    let before = batch.words.len();
    for _ in 0..count {
        let word = short_header(b'$', input, at)
            .and_then(|(len, next)| Some((input.get(next..next + len)?, next + len + 2)))
            .filter(|(_, behind)| *behind <= input.len());
        let Some((word, behind)) = word else {
            batch.words.truncate(before);
            return None;
        };
        batch.words.push(word);
        at = behind;
    }
    if count == 0 {
        return None;
    }
    batch.seal();
    Some(at)
}

/// The longest number of a short header.
const SHORT_MAX: usize = 9_999;

/// The number of a header of this `kind` with up to 4 digits, and the offset behind it. Everything unusual,
/// and the last 7 bytes of the input, are left to [`Decoder::header`].
#[inline(always)]
fn short_header(kind: u8, input: &[u8], at: usize) -> Option<(usize, usize)> {
    let line = u64::from_le_bytes(*input.get(at..)?.first_chunk::<8>()?);
    // All of the line but its digits: `$_\r\n`, `$__\r\n` and so on.
    let digit = |at: u32| usize::from(((line >> (8 * at)) as u8).wrapping_sub(b'0'));
    let is_line = |digits: u32| {
        let rest = 0xFFFF << (8 * (digits + 1)) | 0xFF;
        line & rest == 0x0A0D << (8 * (digits + 1)) | u64::from(kind)
    };
    let first = digit(1);
    if is_line(1) {
        return (first <= 9).then_some((first, at + 4));
    }
    if !(1..=9).contains(&first) {
        return None;
    }
    let second = digit(2);
    if is_line(2) {
        return (second <= 9).then_some((10 * first + second, at + 5));
    }
    let third = digit(3);
    if is_line(3) {
        return (second <= 9 && third <= 9).then_some((100 * first + 10 * second + third, at + 6));
    }
    let fourth = digit(4);
    (is_line(4) && second <= 9 && third <= 9 && fourth <= 9)
        .then_some((1000 * first + 100 * second + 10 * third + fourth, at + 7))
}

#[cfg(test)]
mod tests;
