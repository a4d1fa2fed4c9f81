//! `struct`: values packed into bytes by a format.
//!
//! ```text
//! < > little, big endian    !n aligned to n bytes    blank nothing
//! b B byte   h H short   l L long   T size_t   in In integer of n bytes      (signed, unsigned)
//! f float   d double   x a zero byte   s text and a zero byte   cn n bytes of text
//! ```

use super::{integer, text};
use crate::base::text::until_nul;
use crate::lua::api::{bad_argument, mistake, number};
use mlua::{IntoLua, Lua, MultiValue, Result, Table, Value};

/// The longest integer, in bytes.
const INT_MAX: usize = 32;
/// What `!` alone aligns to.
const ALIGN: usize = 8;
/// Values that one format may ask for.
const VALUES_MAX: usize = 7000;

/// The library.
pub fn library(lua: &Lua) -> Result<Table> {
    let library = lua.create_table()?;
    library.set("pack", lua.create_function(pack)?)?;
    library.set("unpack", lua.create_function(unpack)?)?;
    library.set("size", lua.create_function(size)?)?;
    Ok(library)
}

/// A number as C makes an unsigned integer of 64 bits of it, on the machines that Redis runs on.
fn wrapped(n: f64) -> u64 {
    match n {
        n if n.is_nan() => 1 << 63,
        n if n < 0.0 => n as i64 as u64,
        n if n < (1u128 << 64) as f64 => n as u64,
        _ => 0,
    }
}

/// A format being read.
struct Format<'a> {
    rest: &'a [u8],
    big: bool,
    align: usize,
    lua: &'a Lua,
    /// Whether letters and digits that are no option are skipped.
    lenient: bool,
    /// The length of what is unpacked: nothing is read behind its end, not even an option without a value.
    end: usize,
}

/// One option of a format.
struct Item {
    letter: u8,
    /// Its bytes; 0 where its value says.
    size: usize,
    /// Bytes in front of it, for alignment.
    padding: usize,
}

impl<'a> Format<'a> {
    fn new(lua: &'a Lua, text: &'a [u8]) -> Self {
        Self { rest: until_nul(text), big: false, align: 1, lua, lenient: false, end: usize::MAX }
    }

    fn number(&mut self, default: usize) -> Result<usize> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(default);
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let number =
            number.iter().try_fold(0i32, |n, digit| n.checked_mul(10)?.checked_add((digit - b'0').into()));
        number.map(|n| n as usize).ok_or_else(|| mistake(self.lua, "integral size overflow"))
    }

    /// The next option that stands for a value or for padding; `at` is the place reached.
    fn next(&mut self, at: usize) -> Result<Option<Item>> {
        loop {
            let Some((letter, rest)) = self.rest.split_first() else { return Ok(None) };
            self.rest = rest;
            let size = match letter {
                b'b' | b'B' | b'x' => 1,
                b'h' | b'H' => 2,
                b'l' | b'L' | b'T' | b'd' => 8,
                b'f' => 4,
                b's' => 0,
                b'c' => self.number(1)?,
                b'i' | b'I' => {
                    let size = self.number(4)?;
                    if size > INT_MAX {
                        let why = format!("integral size {size} is larger than limit of {INT_MAX}");
                        return Err(mistake(self.lua, &why));
                    }
                    size
                }
                _ => {
                    if at > self.end {
                        return Err(too_short(self.lua));
                    }
                    self.control(*letter)?;
                    continue;
                }
            };
            let unit = if *letter == b'c' { 0 } else { size.min(self.align) };
            let padding = if unit == 0 { 0 } else { unit.wrapping_sub(at & (unit - 1)) & (unit - 1) };
            return Ok(Some(Item { letter: *letter, size, padding }));
        }
    }

    fn control(&mut self, letter: u8) -> Result<()> {
        match letter {
            b' ' => {}
            b'>' => self.big = true,
            b'<' => self.big = false,
            b'!' => {
                let align = self.number(ALIGN)?;
                if !align.is_power_of_two() {
                    return Err(mistake(self.lua, &format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            _ if self.lenient && letter.is_ascii_alphanumeric() => {}
            _ => {
                let why = [b"invalid format option '", &[letter][..], b"'"].concat();
                return Err(bad_argument(self.lua, 1, &why));
            }
        }
        Ok(())
    }

    /// Bytes given least significant first, in the order of the format.
    fn ordered<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        if self.big {
            bytes.reverse();
        }
        bytes
    }

    fn integer(&self, bytes: &[u8], signed: bool) -> f64 {
        let shift = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
        let n = match self.big {
            true => bytes.iter().fold(0, shift),
            false => bytes.iter().rev().fold(0, shift),
        };
        if !signed {
            return n as f64;
        }
        let mask = u64::MAX.wrapping_shl((bytes.len() as u32 * 8).wrapping_sub(1));
        (if n & mask != 0 { n | mask } else { n }) as i64 as f64
    }
}

fn pack(lua: &Lua, mut args: MultiValue) -> Result<Value> {
    if !args.is_empty() {
        // A value that is missing counts as nil.
        args.push_back(Value::Nil);
    }
    let format = text(lua, &args, 1)?;
    let format = format.as_bytes();
    let mut format = Format::new(lua, &format);
    let mut out: Vec<u8> = Vec::new();
    let mut at = 2;
    while let Some(Item { letter, size, padding }) = format.next(out.len())? {
        out.resize(out.len() + padding, 0);
        match letter {
            b'x' => out.push(0),
            b'f' => out.extend(format.ordered((number(lua, &args, at)? as f32).to_le_bytes())),
            b'd' => out.extend(format.ordered(number(lua, &args, at)?.to_le_bytes())),
            b's' | b'c' => {
                let value = text(lua, &args, at)?;
                let value = value.as_bytes();
                let len = if size == 0 { value.len() } else { size };
                let value = value.get(..len).ok_or_else(|| bad_argument(lua, at + 1, "string too short"))?;
                out.extend_from_slice(value);
                if letter == b's' {
                    out.push(0);
                }
            }
            _ => {
                let n = number(lua, &args, at)?;
                let value = wrapped(n);
                let mut bytes = [0; INT_MAX];
                bytes[..8].copy_from_slice(&value.to_le_bytes());
                let bytes = &mut bytes[..size];
                if format.big {
                    bytes.reverse();
                }
                out.extend_from_slice(bytes);
            }
        }
        at += usize::from(letter != b'x');
    }
    lua.create_string(out).map(Value::String)
}

fn too_short(lua: &Lua) -> mlua::Error {
    bad_argument(lua, 2, "data string too short")
}

fn unpack(lua: &Lua, args: MultiValue) -> Result<MultiValue> {
    let format = text(lua, &args, 1)?;
    let format = format.as_bytes();
    let data = text(lua, &args, 2)?;
    let data = data.as_bytes();
    let from = integer(lua, &args, 3, Some(1))?;
    if from == 0 {
        return Err(bad_argument(lua, 3, "offset must be 1 or greater"));
    }
    let mut at = usize::try_from(from).map_or(usize::MAX, |from| from - 1);
    let mut format = Format { end: data.len(), ..Format::new(lua, &format) };
    let mut values: Vec<Value> = Vec::new();
    let short = || too_short(lua);
    while let Some(Item { letter, mut size, padding }) = format.next(at)? {
        at = at.saturating_add(padding);
        let of = |size: usize| at.checked_add(size).and_then(|end| data.get(at..end)).ok_or_else(short);
        let bytes = of(size)?;
        if values.len() >= VALUES_MAX {
            return Err(mistake(lua, "stack overflow (too many results)"));
        }
        match letter {
            b'x' => {}
            b'f' => {
                let bytes: [u8; 4] = bytes.try_into().map_err(|_| short())?;
                values.push(f64::from(f32::from_le_bytes(format.ordered(bytes))).into_lua(lua)?);
            }
            b'd' => {
                let bytes: [u8; 8] = bytes.try_into().map_err(|_| short())?;
                values.push(f64::from_le_bytes(format.ordered(bytes)).into_lua(lua)?);
            }
            b'c' => {
                let bytes = if size == 0 {
                    let given = match values.pop() {
                        Some(Value::Integer(n)) => n as f64,
                        Some(Value::Number(n)) => n,
                        _ => return Err(mistake(lua, "format 'c0' needs a previous size")),
                    };
                    size = given as usize;
                    if given < 0.0 { return Err(short()) } else { of(size)? }
                } else {
                    bytes
                };
                values.push(Value::String(lua.create_string(bytes)?));
            }
            b's' => {
                let rest = data.get(at..).unwrap_or_default();
                let len = memchr::memchr(0, rest).ok_or_else(|| mistake(lua, "unfinished string in data"))?;
                values.push(Value::String(lua.create_string(&rest[..len])?));
                size = len + 1;
            }
            _ => values.push(format.integer(bytes, letter.is_ascii_lowercase()).into_lua(lua)?),
        }
        at += size;
    }
    values.push(at.saturating_add(1).into_lua(lua)?);
    Ok(values.into_iter().collect())
}

fn size(lua: &Lua, args: MultiValue) -> Result<usize> {
    let format = text(lua, &args, 1)?;
    let format = format.as_bytes();
    let mut format = Format::new(lua, &format);
    format.lenient = true;
    let mut at = 0usize;
    while let Some(Item { letter, size, padding }) = format.next(at)? {
        if letter == b's' {
            return Err(bad_argument(lua, 1, "option 's' has no fixed size"));
        }
        if letter == b'c' && size == 0 {
            return Err(bad_argument(lua, 1, "option 'c0' has no fixed size"));
        }
        at = at.saturating_add(padding).saturating_add(size);
    }
    Ok(at)
}
