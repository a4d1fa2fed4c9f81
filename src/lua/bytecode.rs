//! What compiled code may do, read from the bytes that Lua 5.1 writes of it.

/// The begin of every dump: its version, and how large numbers are in it.
const HEADER: &[u8] = b"\x1bLua\x51\x00\x01\x04\x08\x04\x08\x00";
/// The instruction that gives a global variable a value.
const SET_GLOBAL: u8 = 7;

/// Whether a chunk, or a function within it, gives a global variable a value. What cannot be read may.
pub fn sets_globals(dump: &[u8]) -> bool {
    dump.strip_prefix(HEADER).and_then(|rest| Cursor(rest).function()).unwrap_or(true)
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn int(&mut self) -> Option<usize> {
        let bytes = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    }

    /// Skips as many pieces of `len` bytes as are told in front of them.
    fn list(&mut self, len: usize) -> Option<&'a [u8]> {
        let n = self.int()?;
        self.take(n.checked_mul(len)?)
    }

    fn text(&mut self) -> Option<()> {
        let bytes = self.take(8)?.try_into().ok()?;
        self.take(usize::try_from(u64::from_le_bytes(bytes)).ok()?).map(|_| ())
    }

    /// Reads a function; tells whether it sets globals.
    fn function(&mut self) -> Option<bool> {
        self.text()?;
        // Its lines, and four small numbers.
        self.take(12)?;
        // The lower six bits of an instruction tell what it does. Some hold data: that may look like anything.
        let mut sets = self.list(4)?.chunks_exact(4).any(|word| word[0] & 0x3F == SET_GLOBAL);
        for _ in 0..self.int()? {
            match self.take(1)?[0] {
                0 => {}
                1 => _ = self.take(1)?,
                3 => _ = self.take(8)?,
                4 => self.text()?,
                _ => return None,
            }
        }
        for _ in 0..self.int()? {
            sets |= self.function()?;
        }
        self.list(4)?;
        for _ in 0..self.int()? {
            self.text()?;
            self.take(8)?;
        }
        for _ in 0..self.int()? {
            self.text()?;
        }
        Some(sets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlua::Lua;

    #[test]
    fn assignments_to_globals_are_seen() {
        let lua = Lua::new();
        for (text, sets) in [
            ("return 1", false),
            ("local a = redis.call('GET', KEYS[1]) a = {1.5, true, nil, 'x'} return a, not a", false),
            ("local t = {} t.x = 1 t[1] = x function t.f() return y end return t", false),
            ("x = 1", true),
            ("function f() end", true),
            ("return function() local function g() x = 1 end return g end", true),
            ("a, b.c = 1, 2", true),
            ("for i = 1, 2 do local f = function() return function() return z end end end", false),
        ] {
            let f = lua.load(text).into_function().unwrap();
            for strip in [true, false] {
                assert_eq!(sets_globals(&f.dump(strip)), sets, "{text}");
            }
            let dump = f.dump(true);
            for len in 0..dump.len() {
                assert!(sets_globals(&dump[..len]), "{text}, cut to {len}");
            }
        }
    }
}
