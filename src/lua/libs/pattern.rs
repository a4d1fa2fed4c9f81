//! Lua patterns, matched under supervision.
//!
//! The matcher of Lua 5.1 backtracks without looking up and recurses without an end: `.-.-.-.-x` over a few thousand
//! bytes runs for years, and a pattern of a million `a?` overflows the stack. So the prelude gives a search to Lua's own
//! functions only when it is short whatever it finds ([`measure`]); this twin of theirs runs the others. It asks now and
//! then whether the script may go on, and refuses what nests too deep.

use super::{integer, text};
use crate::lua::api::{mistake, place};
use crate::lua::interp::{State, look};
use mlua::{IntoLua, IntoLuaMulti, Lua, MultiValue, Result, Value};
use std::cell::Cell;

/// Captures that a pattern may have.
const CAPTURES_MAX: usize = 32;
/// How deep the matcher may recurse: one level for each repetition or capture it is within.
const DEPTH_MAX: usize = 200;
/// Steps between two looks at whether the script may go on.
const LOOK_EVERY: u32 = 1 << 16;
/// Bytes of text up to which Lua's own matcher may search with a pattern of so many repetitions: with n of them a
/// search takes up to len^(n+1) steps.
const REACH: [i64; 5] = [50_000, 220, 36, 14, 8];

/// Why a pattern is none, or cannot be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its text is malformed, in Lua's words.
    Malformed(&'static str),
    /// The script may not go on.
    Stopped,
}

/// How long a text Lua's own matcher may search with `pattern`; -1 when it may not at all. What is malformed is told by the
/// search that comes to it: nothing behind that counts.
pub fn measure(pattern: &[u8]) -> i64 {
    let (mut repetitions, mut at) = (0, 0);
    while let Some(byte) = pattern.get(at) {
        match (byte, pattern.get(at + 1)) {
            (b'(' | b')', _) => at += 1,
            (b'%', Some(b'b')) => {
                repetitions += 1;
                at += 4;
            }
            (b'%', Some(b'f')) => at += 2,
            (b'%', Some(b'0'..=b'9')) => at += 2,
            _ => {
                let Ok(end) = class_end(pattern, at) else { break };
                at = end;
                if let Some(b'*' | b'+' | b'-' | b'?') = pattern.get(at) {
                    repetitions += 1;
                    at += 1;
                }
            }
        }
    }
    let reach = REACH.get(repetitions).copied().unwrap_or(-1);
    reach.min(REACH[0] / (1 + pattern.len() as i64))
}

/// Where the single class that begins at `at` ends.
fn class_end(pattern: &[u8], at: usize) -> std::result::Result<usize, &'static str> {
    match pattern[at] {
        b'%' if at + 1 == pattern.len() => Err("malformed pattern (ends with '%')"),
        b'%' => Ok(at + 2),
        b'[' => {
            let mut at = at + 1 + usize::from(pattern.get(at + 1) == Some(&b'^'));
            loop {
                // The first byte of a set is of it, also a `]`.
                let byte = pattern.get(at).ok_or("malformed pattern (missing ']')")?;
                at += if *byte == b'%' { 2 } else { 1 };
                if pattern.get(at) == Some(&b']') {
                    return Ok(at + 1);
                }
            }
        }
        _ => Ok(at + 1),
    }
}

fn in_class(byte: u8, class: u8) -> bool {
    let is = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0B,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is != class.is_ascii_uppercase()
}

/// Whether `byte` is in the set `[…]`, given without its closing bracket.
fn in_set(byte: u8, set: &[u8]) -> bool {
    let (inner, is) = match set.get(1) {
        Some(b'^') => (&set[2..], false),
        _ => (&set[1..], true),
    };
    let mut at = 0;
    while let Some(first) = inner.get(at) {
        match (first, inner.get(at + 1), inner.get(at + 2)) {
            (b'%', Some(class), _) => {
                if in_class(byte, *class) {
                    return is;
                }
                at += 2;
            }
            (low, Some(b'-'), Some(high)) => {
                if (*low..=*high).contains(&byte) {
                    return is;
                }
                at += 3;
            }
            _ => {
                if *first == byte {
                    return is;
                }
                at += 1;
            }
        }
    }
    !is
}

#[derive(Clone, Copy)]
enum Len {
    Open,
    Position,
    Bytes(usize),
}

/// A search for a well-formed pattern.
struct Matcher<'a> {
    text: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<(usize, Len)>,
    depth: usize,
    /// Counted on from search to search, so that many short ones are looked at too.
    steps: &'a Cell<u32>,
    may_go_on: &'a mut dyn FnMut() -> bool,
}

type Matched = std::result::Result<Option<usize>, Fault>;

impl Matcher<'_> {
    fn step(&mut self) -> std::result::Result<(), Fault> {
        self.steps.set(self.steps.get().wrapping_add(1));
        if self.steps.get().is_multiple_of(LOOK_EVERY) && !(self.may_go_on)() {
            return Err(Fault::Stopped);
        }
        Ok(())
    }

    /// Whether the class between `at` and `end` holds the byte of the text at `s`.
    fn single(&self, s: usize, at: usize, end: usize) -> bool {
        let Some(byte) = self.text.get(s) else { return false };
        match self.pattern[at] {
            b'.' => true,
            b'%' => in_class(*byte, self.pattern[at + 1]),
            b'[' => in_set(*byte, &self.pattern[at..end - 1]),
            literal => literal == *byte,
        }
    }

    /// Matches the pattern from `p` on at `s`; tells where the match ends.
    fn matched(&mut self, s: usize, p: usize) -> Matched {
        if self.depth == DEPTH_MAX {
            return Err(Fault::Malformed("pattern too complex"));
        }
        self.depth += 1;
        let result = self.run(s, p);
        self.depth -= 1;
        result
    }

    fn run(&mut self, mut s: usize, mut p: usize) -> Matched {
        loop {
            self.step()?;
            let Some(byte) = self.pattern.get(p) else { return Ok(Some(s)) };
            match (byte, self.pattern.get(p + 1)) {
                (b'(', next) => {
                    if self.captures.len() == CAPTURES_MAX {
                        return Err(Fault::Malformed("too many captures"));
                    }
                    let position = next == Some(&b')');
                    let len = if position { Len::Position } else { Len::Open };
                    self.captures.push((s, len));
                    let found = self.matched(s, p + 1 + usize::from(position))?;
                    if found.is_none() {
                        self.captures.pop();
                    }
                    return Ok(found);
                }
                (b')', _) => {
                    let open = self.captures.iter().rposition(|(_, len)| matches!(len, Len::Open));
                    let open = open.ok_or(Fault::Malformed("invalid pattern capture"))?;
                    self.captures[open].1 = Len::Bytes(s - self.captures[open].0);
                    let found = self.matched(s, p + 1)?;
                    if found.is_none() {
                        self.captures[open].1 = Len::Open;
                    }
                    return Ok(found);
                }
                (b'$', None) => return Ok((s == self.text.len()).then_some(s)),
                (b'%', Some(b'b')) => {
                    let Some([open, close]) = self.pattern.get(p + 2..p + 4) else {
                        return Err(Fault::Malformed("unbalanced pattern"));
                    };
                    match self.balanced(s, *open, *close)? {
                        Some(end) => (s, p) = (end, p + 4),
                        None => return Ok(None),
                    }
                }
                (b'%', Some(b'f')) => {
                    if self.pattern.get(p + 2) != Some(&b'[') {
                        return Err(Fault::Malformed("missing '[' after '%f' in pattern"));
                    }
                    let end = class_end(self.pattern, p + 2).map_err(Fault::Malformed)?;
                    let set = &self.pattern[p + 2..end - 1];
                    let before = s.checked_sub(1).map_or(0, |at| self.text[at]);
                    let here = self.text.get(s).copied().unwrap_or(0);
                    if in_set(before, set) || !in_set(here, set) {
                        return Ok(None);
                    }
                    p = end;
                }
                (b'%', Some(digit @ b'0'..=b'9')) => {
                    let number = usize::from(digit - b'0').wrapping_sub(1);
                    let (begin, len) = match self.captures.get(number) {
                        Some((begin, Len::Bytes(len))) => (*begin, *len),
                        Some((_, Len::Position)) => return Ok(None),
                        Some((_, Len::Open)) | None => return Err(Fault::Malformed("invalid capture index")),
                    };
                    if !self.text[s..].starts_with(&self.text[begin..begin + len]) {
                        return Ok(None);
                    }
                    (s, p) = (s + len, p + 2);
                }
                _ => {
                    let end = class_end(self.pattern, p).map_err(Fault::Malformed)?;
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if self.single(s, p, end)
                                && let Some(found) = self.matched(s + 1, end + 1)?
                            {
                                return Ok(Some(found));
                            }
                            p = end + 1;
                        }
                        Some(b'*') => return self.longest(s, s, p, end),
                        Some(b'+') if !self.single(s, p, end) => return Ok(None),
                        Some(b'+') => return self.longest(s, s + 1, p, end),
                        Some(b'-') => return self.shortest(s, p, end),
                        _ if !self.single(s, p, end) => return Ok(None),
                        _ => (s, p) = (s + 1, end),
                    }
                }
            }
        }
    }

    fn balanced(&mut self, s: usize, open: u8, close: u8) -> Matched {
        if self.text.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for at in s + 1..self.text.len() {
            self.step()?;
            match self.text[at] {
                byte if byte == close => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(Some(at + 1));
                    }
                }
                byte if byte == open => depth += 1,
                _ => {}
            }
        }
        Ok(None)
    }

    /// As many bytes as the class takes, but not back behind `least`.
    fn longest(&mut self, s: usize, least: usize, p: usize, end: usize) -> Matched {
        let mut at = s;
        while self.single(at, p, end) {
            self.step()?;
            at += 1;
        }
        while at >= least {
            if let Some(found) = self.matched(at, end + 1)? {
                return Ok(Some(found));
            }
            let Some(before) = at.checked_sub(1) else { break };
            at = before;
        }
        Ok(None)
    }

    fn shortest(&mut self, mut s: usize, p: usize, end: usize) -> Matched {
        loop {
            if let Some(found) = self.matched(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }
}

/// What a search found: where it begins and ends, and its captures, each with its begin.
type Found = (usize, usize, Vec<(usize, Len)>);

/// Searches `text` from `init` on.
fn search(
    text: &[u8],
    pattern: &[u8],
    init: usize,
    steps: &Cell<u32>,
    may_go_on: &mut dyn FnMut() -> bool,
) -> std::result::Result<Option<Found>, Fault> {
    let (pattern, anchored) = pattern.strip_prefix(b"^").map_or((pattern, false), |rest| (rest, true));
    let mut matcher = Matcher { text, pattern, captures: Vec::new(), depth: 0, steps, may_go_on };
    for begin in init..=text.len() {
        matcher.captures.clear();
        if let Some(end) = matcher.matched(begin, 0)? {
            return Ok(Some((begin, end, matcher.captures)));
        }
        if anchored {
            break;
        }
    }
    Ok(None)
}

/// Whether a search by `pattern` is more than one for its bytes.
fn is_pattern(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| b"^$*+?.([%-".contains(byte))
}

/// `find(text, pattern, init, plain)` as `string.find`, for searches of any length.
pub(in crate::lua) fn find(lua: &Lua, state: &State, args: MultiValue) -> Result<MultiValue> {
    let (text, pattern) = (text(lua, &args, 1)?, text(lua, &args, 2)?);
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let init = match integer(lua, &args, 3, Some(1))? {
        n if n < 0 => text.len().saturating_sub(n.unsigned_abs() as usize),
        n => (n.max(1) as usize - 1).min(text.len()),
    };
    let plain = args.get(3).is_some_and(|plain| !matches!(plain, Value::Nil | Value::Boolean(false)));
    if plain || !is_pattern(&pattern) {
        return match memchr::memmem::find(&text[init..], &pattern) {
            Some(at) => (init + at + 1, init + at + pattern.len()).into_lua_multi(lua),
            None => Value::Nil.into_lua_multi(lua),
        };
    }
    let mut may_go_on = || look(lua, state, || place(lua)).is_ok();
    match search(&text, &pattern, init, &state.steps, &mut may_go_on) {
        Ok(None) => Value::Nil.into_lua_multi(lua),
        Ok(Some((begin, end, captures))) => {
            let mut found = vec![(begin + 1).into_lua(lua)?, end.into_lua(lua)?];
            for (at, len) in captures {
                found.push(match len {
                    Len::Bytes(len) => Value::String(lua.create_string(&text[at..at + len])?),
                    Len::Position => (at + 1).into_lua(lua)?,
                    Len::Open => return Err(mistake(lua, "unfinished capture")),
                });
            }
            Ok(MultiValue::from_vec(found))
        }
        Err(Fault::Malformed(why)) => Err(mistake(lua, why)),
        Err(Fault::Stopped) => Err(mlua::Error::runtime("script stopped")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, pattern: &str) -> Option<(usize, usize)> {
        let found = search(text.as_bytes(), pattern.as_bytes(), 0, &Cell::new(0), &mut || true);
        found.unwrap().map(|(begin, end, _)| (begin, end))
    }

    /// Short random texts and patterns, against Lua's own matcher.
    #[test]
    fn finds_what_lua_finds() {
        let lua = Lua::new();
        let find: mlua::Function =
            lua.load("return function(s, p) return {string.find(s, p)} end").eval().unwrap();
        let tokens = [
            "a", "b", ".", "%a", "[ab]", "[^a]", "*", "+", "-", "?", "(", ")", "()", "%1", "%b()", "%f[b]",
            "^", "$", "%.", "]",
        ];
        let (mut random, mut compared) = (fastrand::Rng::with_seed(1), 0);
        for _ in 0..40_000 {
            let pattern: String =
                (0..random.usize(1..7)).map(|_| tokens[random.usize(..tokens.len())]).collect();
            let text: String =
                (0..random.usize(..9)).map(|_| ["a", "b", "(", ")"][random.usize(..4)]).collect();
            if !is_pattern(pattern.as_bytes()) {
                continue;
            }
            let ours = search(text.as_bytes(), pattern.as_bytes(), 0, &Cell::new(0), &mut || true);
            let ours = ours.and_then(|found| {
                let open = found.iter().flat_map(|found| &found.2).any(|(_, len)| matches!(len, Len::Open));
                if open { Err(Fault::Malformed("unfinished capture")) } else { Ok(found) }
            });
            match (find.call::<mlua::Table>((text.as_str(), pattern.as_str())), ours) {
                (Ok(theirs), Ok(ours)) => {
                    let place: (Option<usize>, Option<usize>) =
                        (theirs.get(1).unwrap(), theirs.get(2).unwrap());
                    assert_eq!(
                        place,
                        (ours.as_ref().map(|f| f.0 + 1), ours.as_ref().map(|f| f.1)),
                        "{text} {pattern}"
                    );
                    for (at, (begin, len)) in ours.map(|f| f.2).unwrap_or_default().into_iter().enumerate() {
                        match len {
                            Len::Bytes(len) => {
                                let capture: String = theirs.get(at + 3).unwrap();
                                assert_eq!(capture, text[begin..begin + len], "{text} {pattern}");
                            }
                            _ => assert_eq!(
                                theirs.get::<usize>(at + 3).unwrap(),
                                begin + 1,
                                "{text} {pattern}"
                            ),
                        }
                    }
                    compared += 1;
                }
                (Err(_), Err(_)) => {}
                (theirs, ours) => panic!("{text} {pattern}: {theirs:?} {:?}", ours.map(|f| f.map(|f| f.0))),
            }
        }
        assert!(compared > 5_000, "{compared}");
    }

    #[test]
    fn what_takes_long_is_stopped() {
        let text = "a".repeat(5000);
        let mut looks = 0;
        let stopped = search(text.as_bytes(), b".-.-.-.-.-b", 0, &Cell::new(0), &mut || {
            looks += 1;
            looks < 3
        });
        assert!(matches!(stopped, Err(Fault::Stopped)));
        let deep = search(text.as_bytes(), "a?".repeat(1000).as_bytes(), 0, &Cell::new(0), &mut || true);
        assert!(matches!(deep, Err(Fault::Malformed("pattern too complex"))));
    }

    #[test]
    fn patterns_are_measured_by_their_repetitions() {
        assert_eq!(measure(b"abc"), 12_500);
        assert_eq!(measure(b"[^,]+"), 220);
        assert_eq!(measure(b".-.-.-.-.-.-b"), -1);
        // Up to what is malformed, which Lua's own matcher tells when it comes to it.
        assert_eq!(measure(b"a+[abc"), 220);
        assert_eq!(measure(b"a+%"), 220);
        assert_eq!(measure(b"(%1a*"), 220);
        assert_eq!(found("xx=42;", "%d+"), Some((3, 5)));
    }
}
