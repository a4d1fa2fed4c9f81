//! Which keys a script touches, read from its text: a proof that they are all among those it is given, or none.
//!
//! Proven is a script in which every mention of `redis` (or `server`) is a call `redis.call("NAME", …)` or
//! `redis.pcall("NAME", …)` or one of the functions that touch no key, and in which nothing gets at these in
//! another way (`_G`, `load`, …). Its calls are told with the shape of their arguments; whether the places of
//! the command's keys hold [`Shape::Key`] is for the caller to say, who knows commands.
//!
//! `KEYS[…]` is a key, and so is a local name that is given one where it is declared and named on no other left
//! side. In libraries the first parameter of a registered function stands for `KEYS`.

use std::collections::{HashMap, HashSet};

/// What is known of an argument of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A key that the script was given, or nil.
    Key,
    /// This text.
    Text(Vec<u8>),
    /// One value, unknown.
    Other,
    /// All keys that the script was given: `unpack(KEYS)`.
    Keys,
    /// Any number of values, unknown.
    Many,
}

/// A call of a command, as the text shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The command's name.
    pub name: Vec<u8>,
    /// Its arguments.
    pub args: Vec<Shape>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Token<'a> {
    Name(&'a [u8]),
    Text(&'a [u8]),
    Number,
    Mark(&'a [u8]),
}

/// Functions of `redis` that touch no key.
const HARMLESS: [&[u8]; 15] = [
    b"error_reply",
    b"status_reply",
    b"sha1hex",
    b"log",
    b"setresp",
    b"replicate_commands",
    b"set_repl",
    b"acl_check_cmd",
    b"breakpoint",
    b"debug",
    b"register_function",
    b"REDIS_VERSION",
    b"REDIS_VERSION_NUM",
    b"REPL_ALL",
    b"REPL_NONE",
];

/// The calls that a script can make; `None` when its text does not show them all.
pub fn calls(text: &[u8]) -> Option<Vec<Call>> {
    let reading = Reading::new(text)?;
    let lists = HashSet::from([&b"KEYS"[..]]);
    // As a parameter it may be any table.
    let is_parameter =
        |at: usize| reading.at(at) == Some(Token::Name(b"KEYS")) && reading.is_first_parameter(at);
    if (0..reading.tokens.len()).any(is_parameter) {
        return None;
    }
    reading.calls(&lists)
}

/// Likewise for the functions of a library.
pub fn library_calls(text: &[u8]) -> Option<Vec<Call>> {
    let reading = Reading::new(text)?;
    let lists = reading.parameters()?;
    reading.calls(&lists)
}

struct Reading<'a> {
    tokens: Vec<Token<'a>>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a [u8]) -> Option<Self> {
        let tokens = tokens(text)?;
        let reading = Self { tokens };
        let hides = |at: usize| match reading.at(at) {
            // What reaches globals by other names, or runs other text, shows nothing.
            Some(Token::Name(b"_G" | b"load" | b"loadstring")) => true,
            // These are trusted to do what they are known for: nobody may give them another meaning.
            Some(Token::Name(b"unpack" | b"ipairs" | b"pairs")) => {
                !reading.is(at + 1, b"(") || reading.at(at.wrapping_sub(1)) == Some(Token::Name(b"function"))
            }
            _ => false,
        };
        (!(0..reading.tokens.len()).any(hides)).then_some(reading)
    }

    fn at(&self, at: usize) -> Option<Token<'a>> {
        self.tokens.get(at).copied()
    }

    fn is(&self, at: usize, mark: &[u8]) -> bool {
        self.at(at) == Some(Token::Mark(mark))
    }

    /// Whether the name at `at` is the first parameter of a function.
    fn is_first_parameter(&self, at: usize) -> bool {
        let function = |n: usize| self.at(at.wrapping_sub(n)) == Some(Token::Name(b"function"));
        self.is(at.wrapping_sub(1), b"(") && (function(2) || function(3))
    }

    /// The names of the first parameters of registered functions; `None` when one of them is used otherwise too.
    fn parameters(&self) -> Option<HashSet<&'a [u8]>> {
        let mut lists = HashSet::new();
        let mut declared = HashMap::new();
        for at in 0..self.tokens.len() {
            if self.at(at) != Some(Token::Name(b"function")) {
                continue;
            }
            // `function (` or `function name (`; a method's name has dots.
            let named = matches!(self.at(at + 1), Some(Token::Name(_)));
            let open = at + 1 + usize::from(named);
            let first = if self.is(open, b"(") { self.at(open + 1) } else { None };
            // Registered where it stands: behind `,` in register_function(…), or `callback =` in its table.
            let here = self.is(at.wrapping_sub(1), b",") && self.registers(at - 1)
                || self.is(at.wrapping_sub(1), b"=")
                    && self.at(at.wrapping_sub(2)) == Some(Token::Name(b"callback"));
            if let (true, Some(Token::Name(name))) = (here, first) {
                lists.insert(name);
            }
            *declared.entry(first).or_insert(0) += usize::from(!here);
        }
        // A name that is also the first parameter of another function may be any table there.
        let elsewhere =
            lists.iter().any(|name| declared.get(&Some(Token::Name(name))).is_some_and(|n| *n > 0));
        (!elsewhere).then_some(lists)
    }

    /// Whether the comma at `at` follows the name in `register_function(name, …)`.
    fn registers(&self, at: usize) -> bool {
        at >= 3 && self.is(at - 2, b"(") && self.at(at - 3) == Some(Token::Name(b"register_function"))
    }

    /// The local names that always hold a key of one of `lists`.
    fn keys(&self, lists: &HashSet<&'a [u8]>) -> HashSet<&'a [u8]> {
        let mut given: HashMap<&[u8], bool> = HashMap::new();
        let mut at = 0;
        while at < self.tokens.len() {
            match self.at(at) {
                Some(Token::Name(b"local")) if !matches!(self.at(at + 1), Some(Token::Name(b"function"))) => {
                    at = self.declaration(at + 1, lists, &mut given);
                }
                // Parameters and loop variables are given anything.
                Some(Token::Name(b"function" | b"for")) => {
                    at += 1;
                    while let Some(token) = self.at(at) {
                        match token {
                            Token::Mark(b")" | b"=") | Token::Name(b"in") => break,
                            Token::Name(name) => {
                                given.insert(name, false);
                            }
                            _ => {}
                        }
                        at += 1;
                    }
                }
                // Left sides of assignments: `name =`, `name, other =`.
                Some(Token::Name(name))
                    if self.is(at + 1, b"=") || self.is(at + 1, b",") && self.assigns(at) =>
                {
                    given.insert(name, false);
                    at += 1;
                }
                _ => at += 1,
            }
        }
        given.into_iter().filter(|(_, key)| *key).map(|(name, _)| name).collect()
    }

    /// Whether the names from `at` on, separated by commas, are a left side.
    fn assigns(&self, mut at: usize) -> bool {
        while self.is(at + 1, b",") && matches!(self.at(at + 2), Some(Token::Name(_))) {
            at += 2;
        }
        self.is(at + 1, b"=")
    }

    /// Reads `local a, b = …` from the first name on; returns where to go on.
    fn declaration(
        &self,
        mut at: usize,
        lists: &HashSet<&'a [u8]>,
        given: &mut HashMap<&'a [u8], bool>,
    ) -> usize {
        let mut names = Vec::new();
        while let Some(Token::Name(name)) = self.at(at) {
            names.push(name);
            at += 1;
            if !self.is(at, b",") {
                break;
            }
            at += 1;
        }
        let mut keys = 0;
        if self.is(at, b"=") {
            at += 1;
            // Only values in front, one by one: behind anything else nothing is known.
            let mut value = at;
            while let Some(end) = self.element(value, lists) {
                let ends = match self.at(end) {
                    Some(Token::Mark(mark)) => matches!(mark, b"," | b";"),
                    Some(Token::Name(name)) => !OPERATORS.contains(&name),
                    Some(_) => false,
                    None => true,
                };
                if !ends {
                    break;
                }
                keys += 1;
                if !self.is(end, b",") {
                    break;
                }
                value = end + 1;
            }
        }
        for (place, name) in names.into_iter().enumerate() {
            let key = place < keys && !given.contains_key(name);
            given.insert(name, key);
        }
        at
    }

    /// The end of `LIST[…]` at `at`, if a key is there: LIST is one of `lists`.
    fn element(&self, at: usize, lists: &HashSet<&'a [u8]>) -> Option<usize> {
        let Some(Token::Name(list)) = self.at(at) else { return None };
        if !lists.contains(list) || !self.is(at + 1, b"[") {
            return None;
        }
        let mut depth = 0;
        for end in at + 1..self.tokens.len() {
            depth += i32::from(self.is(end, b"[")) - i32::from(self.is(end, b"]"));
            if depth == 0 {
                return Some(end + 1);
            }
        }
        None
    }

    fn calls(&self, lists: &HashSet<&'a [u8]>) -> Option<Vec<Call>> {
        let keys = self.keys(lists);
        let mut calls = Vec::new();
        for at in 0..self.tokens.len() {
            match self.at(at)? {
                Token::Name(b"redis" | b"server") if !self.is(at.wrapping_sub(1), b".") => {
                    if !self.is(at + 1, b".") {
                        return None;
                    }
                    let Some(Token::Name(function)) = self.at(at + 2) else { return None };
                    if matches!(function, b"call" | b"pcall") {
                        calls.push(self.call(at + 3, lists, &keys)?);
                    } else if !HARMLESS.contains(&function) && !function.starts_with(b"LOG_") {
                        return None;
                    }
                }
                // A list may be read, counted, unpacked; given away or assigned, it may change.
                Token::Name(name) if lists.contains(name) && !self.reads(at) => return None,
                _ => {}
            }
        }
        Some(calls)
    }

    /// Whether the list at `at` is only read there: `KEYS[…]` on no left side, `#KEYS`, `unpack(KEYS`,
    /// `ipairs(KEYS)`, `pairs(KEYS)`, or it is a parameter.
    fn reads(&self, at: usize) -> bool {
        let behind = |n: usize| self.at(at.wrapping_sub(n));
        if self.is(at.wrapping_sub(1), b"#") {
            return true;
        }
        if self.is_first_parameter(at) {
            return true;
        }
        if self.is(at.wrapping_sub(1), b"(")
            && matches!(behind(2), Some(Token::Name(b"unpack" | b"ipairs" | b"pairs")))
        {
            return true;
        }
        if !self.is(at + 1, b"[") {
            return false;
        }
        let list = match self.at(at) {
            Some(Token::Name(name)) => HashSet::from([name]),
            _ => return false,
        };
        self.element(at, &list).is_some_and(|end| !self.is(end, b"=") && !self.is(end, b","))
            || self.element(at, &list).is_some_and(|end| self.is(end, b",") && !self.in_left_side(end))
    }

    /// Whether the comma at `at` separates left sides: a `=` follows before the statement can end.
    fn in_left_side(&self, at: usize) -> bool {
        let mut depth = 0i32;
        for next in at..self.tokens.len() {
            match self.at(next) {
                Some(Token::Mark(b"(" | b"[" | b"{")) => depth += 1,
                Some(Token::Mark(b")" | b"]" | b"}")) => depth -= 1,
                Some(Token::Mark(b"=")) if depth == 0 => return true,
                Some(Token::Name(
                    b"local" | b"return" | b"if" | b"for" | b"while" | b"end" | b"do" | b"then",
                )) => {
                    return false;
                }
                _ => {}
            }
            if depth < 0 {
                return false;
            }
        }
        false
    }

    /// Reads `("NAME", …)`.
    fn call(&self, open: usize, lists: &HashSet<&'a [u8]>, keys: &HashSet<&'a [u8]>) -> Option<Call> {
        if !self.is(open, b"(") {
            return None;
        }
        let Some(Token::Text(name)) = self.at(open + 1) else { return None };
        let mut call = Call { name: name.to_vec(), args: Vec::new() };
        let mut at = open + 2;
        while self.is(at, b",") {
            let begin = at + 1;
            let (mut depth, mut end) = (0i32, begin);
            while let Some(token) = self.at(end) {
                match token {
                    Token::Mark(b")" | b"]" | b"}") if depth == 0 => break,
                    Token::Mark(b",") if depth == 0 => break,
                    Token::Mark(b"(" | b"[" | b"{") => depth += 1,
                    Token::Mark(b")" | b"]" | b"}") => depth -= 1,
                    // A function's body has commas of its own.
                    Token::Name(b"function") => return None,
                    _ => {}
                }
                end += 1;
            }
            let last = self.is(end, b")");
            call.args.push(self.shape(begin, end, last, lists, keys));
            at = end;
        }
        self.is(at, b")").then_some(call)
    }

    fn shape(
        &self,
        begin: usize,
        end: usize,
        last: bool,
        lists: &HashSet<&'a [u8]>,
        keys: &HashSet<&'a [u8]>,
    ) -> Shape {
        if self.element(begin, lists) == Some(end) {
            return Shape::Key;
        }
        match &self.tokens[begin..end] {
            [Token::Name(name)] if keys.contains(name) => Shape::Key,
            [Token::Text(text)] => Shape::Text(text.to_vec()),
            [Token::Name(b"unpack"), Token::Mark(b"("), Token::Name(list), Token::Mark(b")")]
                if last && lists.contains(list) =>
            {
                Shape::Keys
            }
            // The last value may be many: of a call, or of `...`.
            [.., Token::Mark(b")" | b"...")] if last => Shape::Many,
            _ => Shape::Other,
        }
    }
}

/// Words that go on with an expression.
const OPERATORS: [&[u8]; 2] = [b"and", b"or"];

/// The tokens of a text, comments left out; `None` when it is malformed.
fn tokens(text: &[u8]) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = &text[at..];
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0B | 0x0C => at += 1,
            b'-' if rest.starts_with(b"--") => {
                at += match long(&rest[2..]) {
                    Some((_, len)) => 2 + len,
                    None => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
                };
            }
            b'[' if long(rest).is_some() => {
                let (inner, len) = long(rest)?;
                tokens.push(Token::Text(inner));
                at += len;
            }
            b'"' | b'\'' => {
                let mut end = 1;
                while *rest.get(end)? != *byte {
                    // An escape may stand for anything: what it names is unknown then.
                    if rest[end] == b'\\' {
                        end += 1;
                    }
                    end += 1;
                }
                let inner = &rest[1..end];
                tokens.push(if inner.contains(&b'\\') { Token::Number } else { Token::Text(inner) });
                at += end + 1;
            }
            b'0'..=b'9' => {
                let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
                tokens.push(Token::Number);
                at += len;
            }
            byte if byte.is_ascii_alphabetic() || *byte == b'_' => {
                let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
                tokens.push(Token::Name(&rest[..len]));
                at += len;
            }
            _ => {
                let marks: [&[u8]; 6] = [b"...", b"..", b"==", b"~=", b"<=", b">="];
                let mark = marks.into_iter().find(|mark| rest.starts_with(mark)).unwrap_or(&rest[..1]);
                tokens.push(Token::Mark(&rest[..mark.len()]));
                at += mark.len();
            }
        }
    }
    Some(tokens)
}

/// A long string `[[…]]` or `[=[…]=]` at the begin of `text`: its inside, and its length.
fn long(text: &[u8]) -> Option<(&[u8], usize)> {
    let level = text.strip_prefix(b"[")?.iter().take_while(|byte| **byte == b'=').count();
    let open = level + 2;
    if text.get(level + 1) != Some(&b'[') {
        return None;
    }
    let close = [&b"]"[..], &vec![b'='; level], b"]"].concat();
    let inner = memchr::memmem::find(&text[open..], &close)?;
    Some((&text[open..open + inner], open + inner + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(text: &str) -> Option<Vec<Vec<Shape>>> {
        Some(calls(text.as_bytes())?.into_iter().map(|call| call.args).collect())
    }

    #[test]
    fn keys_are_seen_through_names() {
        use Shape::*;
        assert_eq!(shapes("return redis.call('get', KEYS[1])"), Some(vec![vec![Key]]));
        assert_eq!(shapes("local k = KEYS[1] redis.call('set', k, ARGV[1])"), Some(vec![vec![Key, Other]]));
        assert_eq!(
            shapes("local a, b = KEYS[1], KEYS[2]; redis.call('set', b, a)"),
            Some(vec![vec![Key, Key]])
        );
        assert_eq!(shapes("redis.call('del', unpack(KEYS))"), Some(vec![vec![Keys]]));
        assert_eq!(shapes("redis.call('set', KEYS[1], f(1, 2))"), Some(vec![vec![Key, Many]]));
        assert_eq!(shapes("for i = 1, #KEYS do redis.call('get', KEYS[i]) end"), Some(vec![vec![Key]]));
        assert_eq!(shapes("redis.call('get', KEYS[tonumber(ARGV[1])])"), Some(vec![vec![Key]]));
    }

    #[test]
    fn what_may_be_another_key_is_none() {
        use Shape::*;
        for text in [
            "local k = KEYS[1] .. 'x' redis.call('get', k)",
            "local k = KEYS[1] or 'x' redis.call('get', k)",
            "local k = KEYS[1] k = 'x' redis.call('get', k)",
            "local k = KEYS[1] local k = 'x' redis.call('get', k)",
            "local k = 'x' local k = KEYS[1] redis.call('get', k)",
            "local k = KEYS[1] for k in pairs(ARGV) do redis.call('get', k) end",
            "local k = KEYS[1] local function f(k) redis.call('get', k) end f('x')",
            "local k = KEYS[1] k, j = 'x', 1 redis.call('get', k)",
            "local k = KEYS[1] == nil redis.call('get', k)",
            "local k = KEYS[1]:upper() redis.call('get', k)",
            "redis.call('get', KEYS[1] .. 'x')",
            "redis.call('get', KEYS[1]:lower())",
            "redis.call('get', 'x' .. KEYS[1])",
        ] {
            let args = shapes(text).unwrap();
            assert!(args.iter().all(|args| args[0] != Key), "{text}: {args:?}");
        }
        for text in [
            "KEYS[1] = 'x' redis.call('get', KEYS[1])",
            "KEYS[1], a = 'x', 1 redis.call('get', KEYS[1])",
            "a, KEYS[1] = 1, 'x' redis.call('get', KEYS[1])",
            "table.insert(KEYS, 'x') redis.call('get', KEYS[2])",
            "local t = KEYS t[1] = 'x' redis.call('get', KEYS[1])",
            "local call = redis.call call('get', 'x')",
            "local r = redis r.call('get', 'x')",
            "redis['call']('get', 'x')",
            "_G.redis.call('get', 'x')",
            "redis.call(ARGV[1], KEYS[1])",
            "redis.call('g\\101t', KEYS[1])",
            "pcall(redis.call, 'get', 'x')",
            "loadstring('x')()",
            "local function f(KEYS) redis.call('get', KEYS[1]) end f({'x'})",
            "local unpack = function() return 'x' end redis.call('del', unpack(KEYS))",
            "local function pairs(t) t[1] = 'x' end pairs(KEYS)",
            "local KEYS = {'x'} redis.call('get', KEYS[1])",
        ] {
            assert_eq!(shapes(text), None, "{text}");
        }
    }

    #[test]
    fn functions_have_their_keys_as_parameters() {
        let text = "redis.register_function('f', function(keys, args) return redis.call('get', keys[1]) end)";
        assert_eq!(library_calls(text.as_bytes()).unwrap()[0].args, [Shape::Key]);
        let text = "redis.register_function{function_name = 'f', callback = function(k) return redis.call('get', k[1]) end}";
        assert_eq!(library_calls(text.as_bytes()).unwrap()[0].args, [Shape::Key]);
        let text = "local function g(keys) return redis.call('get', keys[1]) end
            redis.register_function('f', function(keys, args) return g({'x'}) end)";
        assert_eq!(library_calls(text.as_bytes()), None);
    }
}
