//! Reading the primitives of the format from bytes in memory or from a stream.

use super::checksum::Checksum;
use super::lzf;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

/// Bytes read from a stream at a time.
const CHUNK: usize = 256 << 10;

/// Why input is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends too early.
    Short,
    /// It is malformed in this way.
    Malformed(&'static str),
    /// A collection has no elements, which no server writes but by a fault; the reader stands behind it.
    Empty,
    /// It has a kind of value that is not known.
    Kind(u8),
    /// The value belongs to a module, which Synap has not; the reader stands behind it.
    Module([u8; 9]),
    /// It could not be read.
    Io(io::ErrorKind),
}

/// Input that is not what it should be, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Bytes from the beginning of the input.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Short => write!(f, "it ends too early")?,
            Fault::Malformed(what) => write!(f, "{what}")?,
            Fault::Empty => write!(f, "a collection without elements")?,
            Fault::Kind(kind) => write!(f, "a value of the unknown kind {kind}")?,
            Fault::Module(name) => write!(f, "a value of the module {}", name.escape_ascii())?,
            Fault::Io(kind) => write!(f, "{kind}")?,
        }
        write!(f, " (at byte {})", self.offset)
    }
}

impl std::error::Error for Damage {}

/// Reads lengths, numbers and strings. Nothing announced reserves memory: what is taken is there.
pub struct Reader<'a> {
    lent: &'a [u8],
    own: Vec<u8>,
    source: Option<&'a mut (dyn Read + Send)>,
    /// How far the window, `lent` or `own`, is read.
    at: usize,
    /// Bytes before the window.
    before: u64,
    sum: Option<Checksum>,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { lent: bytes, own: Vec::new(), source: None, at: 0, before: 0, sum: None }
    }

    /// Reads a stream, with no more in memory than what is asked for at once; keeps a checksum.
    pub fn stream(source: &'a mut (dyn Read + Send)) -> Self {
        Reader { source: Some(source), sum: Some(Checksum::default()), ..Reader::new(&[]) }
    }

    fn window(&self) -> &[u8] {
        if self.source.is_none() { self.lent } else { &self.own }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// That something is wrong at the present place.
    pub fn damage(&self, what: &'static str) -> Damage {
        self.fault(Fault::Malformed(what))
    }

    /// As [`Reader::damage`], for any fault.
    pub fn fault(&self, fault: Fault) -> Damage {
        Damage { offset: self.offset(), fault }
    }

    /// Sees to it that the window holds `n` bytes more.
    #[inline]
    fn need(&mut self, n: usize) -> Result<(), Damage> {
        if self.window().len() - self.at >= n { Ok(()) } else { self.fill(n) }
    }

    #[cold]
    fn fill(&mut self, n: usize) -> Result<(), Damage> {
        let Some(source) = &mut self.source else { return Err(self.fault(Fault::Short)) };
        if let Some(sum) = &mut self.sum {
            sum.add(&self.own[..self.at]);
        }
        self.before += self.at as u64;
        self.own.drain(..self.at);
        self.at = 0;
        while self.own.len() < n {
            let len = self.own.len();
            self.own.resize(len + CHUNK, 0);
            let got = source.read(&mut self.own[len..]);
            self.own.truncate(len + *got.as_ref().unwrap_or(&0));
            match got {
                Ok(0) => return Err(self.fault(Fault::Short)),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.fault(Fault::Io(e.kind()))),
            }
        }
        Ok(())
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&[u8], Damage> {
        self.need(n)?;
        let from = self.at;
        self.at += n;
        Ok(&self.window()[from..from + n])
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Damage> {
        self.need(1)?;
        self.at += 1;
        Ok(self.window()[self.at - 1])
    }

    /// The next 8 bytes as a time in milliseconds.
    pub fn time_ms(&mut self) -> Result<i64, Damage> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A length, or the encoding of a string as `Err`.
    #[inline]
    fn length_or_encoding(&mut self) -> Result<Result<u64, u8>, Damage> {
        let first = self.byte()?;
        Ok(Ok(match first {
            0..0x40 => first.into(),
            0x40..0x80 => u64::from(first & 0x3F) << 8 | u64::from(self.byte()?),
            0x80 => u32::from_be_bytes(self.array()?).into(),
            0x81 => u64::from_be_bytes(self.array()?),
            0xC0.. => return Ok(Err(first & 0x3F)),
            _ => return Err(self.damage("a length in an unknown form")),
        }))
    }

    /// A length or another unsigned number.
    #[inline]
    pub fn length(&mut self) -> Result<u64, Damage> {
        self.length_or_encoding()?.map_err(|_| self.damage("a string where a length belongs"))
    }

    /// How many elements follow: at least one, for nothing is stored empty.
    pub fn count(&mut self) -> Result<u64, Damage> {
        match self.length()? {
            0 => Err(self.fault(Fault::Empty)),
            count => Ok(count),
        }
    }

    fn size(&mut self) -> Result<usize, Damage> {
        let length = self.length()?;
        usize::try_from(length).map_err(|_| self.damage("a length past all memory"))
    }

    /// A string: borrowed where it is stored as it is.
    #[inline]
    pub fn string(&mut self) -> Result<Cow<'_, [u8]>, Damage> {
        match self.length_or_encoding()? {
            Ok(len) => match usize::try_from(len) {
                Ok(len) => Ok(Cow::Borrowed(self.take(len)?)),
                Err(_) => Err(self.damage("a length past all memory")),
            },
            Err(encoding) => self.encoded(encoding).map(|text| match text {
                Encoded::Int(n) => Cow::Owned(itoa::Buffer::new().format(n).as_bytes().to_vec()),
                Encoded::Text(text) => Cow::Owned(text),
            }),
        }
    }

    /// A string put into `out`, in place of what was there.
    pub fn string_into(&mut self, out: &mut Vec<u8>) -> Result<(), Damage> {
        out.clear();
        out.extend_from_slice(&self.string()?);
        Ok(())
    }

    /// A string or the integer it is stored as, shown to `f`.
    #[inline]
    pub fn string_or_int<R>(&mut self, f: impl FnOnce(Result<Cow<'_, [u8]>, i64>) -> R) -> Result<R, Damage> {
        match self.length_or_encoding()? {
            Ok(len) => match usize::try_from(len) {
                Ok(len) => Ok(f(Ok(Cow::Borrowed(self.take(len)?)))),
                Err(_) => Err(self.damage("a length past all memory")),
            },
            Err(encoding) => Ok(match self.encoded(encoding)? {
                Encoded::Int(n) => f(Err(n)),
                Encoded::Text(text) => f(Ok(Cow::Owned(text))),
            }),
        }
    }

    fn encoded(&mut self, encoding: u8) -> Result<Encoded, Damage> {
        Ok(Encoded::Int(match encoding {
            0 => i8::from_le_bytes(self.array()?).into(),
            1 => i16::from_le_bytes(self.array()?).into(),
            2 => i32::from_le_bytes(self.array()?).into(),
            3 => {
                let (packed, plain) = (self.size()?, self.size()?);
                let mut text = Vec::new();
                if !lzf::unpack(self.take(packed)?, plain, &mut text) {
                    return Err(self.damage("a compressed string is malformed"));
                }
                return Ok(Encoded::Text(text));
            }
            _ => return Err(self.damage("a string in an unknown encoding")),
        }))
    }

    /// Whether nothing is left.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn is_at_end(&mut self) -> Result<bool, Damage> {
        match self.need(1) {
            Ok(()) => Ok(false),
            Err(Damage { fault: Fault::Short, .. }) => Ok(true),
            Err(damage) => Err(damage),
        }
    }

    /// The checksum of a stream's bytes so far.
    pub fn checksum(&self) -> Checksum {
        let mut sum = self.sum.unwrap_or_default();
        sum.add(&self.window()[..self.at]);
        sum
    }

    /// The bytes not read yet.
    ///
    /// Of a stream, only those that happen to be at hand.
    pub fn rest(&self) -> &[u8] {
        &self.window()[self.at..]
    }
}

enum Encoded {
    Int(i64),
    Text(Vec<u8>),
}
