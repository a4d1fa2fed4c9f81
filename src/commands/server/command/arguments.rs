//! The arguments of a command as a tree, from the syntax in its declaration.
//!
//! ```text
//! key value [NX | XX] [EX seconds]
//! └┬┘ └─┬─┘  └┬┘  └┬┘  └────┬────┘
//! key string  pure tokens   integer with the token EX
//!             └─oneof─┘
//! ```
//! `word [word ...]` is one argument that may be repeated. Words in capitals are tokens; the words
//! behind one, up to the next mark, are its value. What a word stands for follows from its name, or is
//! said behind it: `increment:integer`, and `pattern#1` for one that belongs to the second key
//! specification. The syntax is written by us, never by a client: its depth is a handful.

use crate::command::Reply;

/// One argument, or several that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Argument {
    name: String,
    kind: &'static str,
    token: Option<String>,
    optional: bool,
    multiple: bool,
    multiple_token: bool,
    /// The key specification it belongs to, where it says so.
    spec: Option<i64>,
    parts: Vec<Argument>,
}

/// Numbers keys by their specification, in the order in which they come.
pub(super) struct KeyCount {
    next: i64,
    last: i64,
}

impl KeyCount {
    /// For a command that has `specs` key specifications.
    pub(super) fn of(specs: usize) -> Self {
        Self { next: 0, last: specs as i64 - 1 }
    }

    /// The specification of the next key; several keys may share the last one.
    fn take(&mut self) -> i64 {
        self.next += 1;
        (self.next - 1).min(self.last)
    }
}

/// `syntax` for people: without what it says of types and keys.
pub(in crate::commands) fn plain(syntax: &str) -> String {
    let mut text = String::new();
    for mark in syntax.split_inclusive([' ', '[', ']', '<', '>', '|']) {
        let end = mark.trim_end_matches([' ', '[', ']', '<', '>', '|']).len();
        text.push_str(annotated(&mark[..end]).0);
        text.push_str(&mark[end..]);
    }
    text
}

/// A word, the type said behind it, and the key specification.
fn annotated(word: &str) -> (&str, Option<&'static str>, Option<i64>) {
    const TYPES: [&str; 6] = ["string", "integer", "double", "key", "pattern", "unix-time"];
    let spec = word.rsplit_once('#').and_then(|(rest, n)| Some((rest, n.parse().ok()?)));
    let (word, spec) = spec.map_or((word, None), |(rest, n)| (rest, Some(n)));
    match word.rsplit_once(':') {
        Some((name, kind)) if TYPES.contains(&kind) => {
            (name, TYPES.into_iter().find(|known| *known == kind), spec)
        }
        _ => (word, None, spec),
    }
}

/// The words and marks of a syntax.
fn marks(syntax: &str) -> Vec<String> {
    let mut marks = vec![String::new()];
    for c in syntax.chars() {
        match c {
            ' ' => marks.push(String::new()),
            '[' | ']' | '<' | '>' | '|' => marks.extend([c.to_string(), String::new()]),
            c => marks.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    marks.retain(|mark| !mark.is_empty());
    marks
}

impl Argument {
    /// The arguments of `syntax`.
    pub(super) fn parse(syntax: &str) -> Vec<Argument> {
        let marks = marks(syntax);
        let mut at = 0;
        alternatives(&marks, &mut at)
    }

    fn word(word: &str) -> Self {
        let (word, kind, spec) = annotated(word);
        let token = !word.chars().any(|c| c.is_ascii_lowercase());
        let kind = if token { "pure-token" } else { kind.unwrap_or_else(|| kind_of(word)) };
        let token = token.then(|| word.to_owned());
        Self { name: word.to_ascii_lowercase(), kind, token, spec, ..Self::default() }
    }

    /// Several in a row as one.
    fn block(mut parts: Vec<Argument>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let name = parts.first().map_or(String::new(), |first| first.name.clone());
        Self { name, kind: "block", parts, ..Self::default() }
    }

    /// Writes it as COMMAND DOCS does; `keys` counts the keys so far.
    pub(super) fn write(&self, reply: &mut Reply, keys: &mut KeyCount) {
        let flags: Vec<&str> = [
            (self.optional, "optional"),
            (self.multiple, "multiple"),
            (self.multiple_token, "multiple_token"),
        ]
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect();
        let single = self.parts.is_empty();
        let key =
            (self.kind == "key" || self.spec.is_some()).then(|| self.spec.unwrap_or_else(|| keys.take()));
        let extra = [single, key.is_some(), self.token.is_some(), !flags.is_empty(), !single];
        reply.map(2 + extra.iter().filter(|on| **on).count());
        let mut field = |name: &str, value: &str| {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        };
        field("name", &self.name);
        field("type", self.kind);
        if single {
            field("display_text", &self.name);
        }
        if let Some(token) = &self.token {
            field("token", token);
        }
        if let Some(spec) = key {
            reply.bulk(b"key_spec_index");
            reply.int(spec);
        }
        if !flags.is_empty() {
            reply.bulk(b"flags");
            reply.set(flags.len());
            flags.iter().for_each(|flag| reply.status(flag));
        }
        if !single {
            reply.bulk(b"arguments");
            reply.array(self.parts.len());
            self.parts.iter().for_each(|part| part.write(reply, keys));
        }
    }
}

/// What a word of a syntax stands for, by its name.
fn kind_of(word: &str) -> &'static str {
    match word {
        "key" | "source" | "destination" | "newkey" | "key1" | "key2" | "destkey" | "sourcekey" | "src"
        | "dst" | "storekey" | "storedistkey" => "key",
        "pattern" => "pattern",
        "unix-time-seconds" | "unix-time-milliseconds" => "unix-time",
        "score" | "timeout" | "longitude" | "latitude" | "radius" | "width" | "height" => "double",
        "count" | "numkeys" | "index" | "start" | "stop" | "end" | "offset" | "seconds" | "milliseconds"
        | "ms" | "increment" | "weight" | "len" | "cursor" | "decrement" | "client-id" | "protover"
        | "rank" | "maxlen" | "limit" | "bit" | "port" | "db" | "numfields" | "maxage" => "integer",
        _ => "string",
    }
}

/// What stands up to the closing mark: one sequence, or alternatives as a `oneof`.
fn alternatives(marks: &[String], at: &mut usize) -> Vec<Argument> {
    let mut found = vec![sequence(marks, at)];
    while marks.get(*at).is_some_and(|mark| mark == "|") {
        *at += 1;
        found.push(sequence(marks, at));
    }
    if found.len() == 1 {
        return found.remove(0);
    }
    // Dots behind the last alternative are about the choice.
    let multiple = *at > 0 && marks[*at - 1] == "...";
    let mut parts: Vec<Argument> = found.into_iter().map(Argument::block).collect();
    if let Some(last) = parts.last_mut().filter(|_| multiple) {
        last.multiple = false;
        last.parts.last_mut().into_iter().for_each(|part| part.multiple = false);
    }
    let tokens = parts.iter().all(|part| part.kind == "pure-token");
    let name = if tokens { "condition" } else { "option" };
    vec![Argument { name: name.into(), kind: "oneof", multiple, parts, ..Argument::default() }]
}

fn sequence(marks: &[String], at: &mut usize) -> Vec<Argument> {
    let mut found: Vec<Argument> = Vec::new();
    while let Some(mark) = marks.get(*at) {
        match mark.as_str() {
            "]" | ">" | "|" => break,
            "..." => {
                *at += 1;
                found.last_mut().into_iter().for_each(|last| last.multiple = true);
            }
            open @ ("[" | "<") => {
                *at += 1;
                let from = *at;
                let inner = alternatives(marks, at);
                // The mark that closes it.
                let repeats = *at > from && marks[*at - 1] == "...";
                *at += 1;
                if open == "[" && repeats && repeat(&mut found, &inner) {
                    continue;
                }
                let mut argument = Argument::block(inner);
                argument.optional = open == "[";
                found.push(argument);
            }
            word => {
                *at += 1;
                let word = Argument::word(word);
                match word.kind {
                    "pure-token" => {
                        let token = word.token.clone();
                        let mut value = value(marks, at);
                        match value.len() {
                            0 => found.push(word),
                            1 => found.push(Argument { token, ..value.remove(0) }),
                            _ => found.push(Argument { token, ..Argument::block(value) }),
                        }
                    }
                    _ => found.push(word),
                }
            }
        }
    }
    found
}

/// The value of a token that was just read: a choice, or the words up to the next mark, each with its
/// repetition.
fn value(marks: &[String], at: &mut usize) -> Vec<Argument> {
    if marks.get(*at).is_some_and(|mark| mark == "<") {
        *at += 1;
        let inner = alternatives(marks, at);
        *at += 1;
        return inner;
    }
    let mut found: Vec<Argument> = Vec::new();
    let from = *at;
    while let Some(mark) = marks.get(*at) {
        match mark.as_str() {
            // What a choice follows is no block: the token is the first word's.
            "<" if found.len() > 1 => {
                *at = from + 1;
                found.truncate(1);
                break;
            }
            "[" => {
                let mut end = *at + 1;
                let inner = alternatives(marks, &mut end);
                let repeats = marks[end - 1] == "..." && inner.iter().all(|part| part.token.is_none());
                if !repeats || !repeat(&mut found, &inner) {
                    break;
                }
                *at = end + 1;
            }
            "]" | "<" | ">" | "|" | "..." => break,
            word => {
                let word = Argument::word(word);
                if word.kind == "pure-token" {
                    break;
                }
                *at += 1;
                found.push(word);
            }
        }
    }
    found
}

/// Takes `x [x ...]` as a repetition: marks the end of `found` that `inner` repeats.
fn repeat(found: &mut Vec<Argument>, inner: &[Argument]) -> bool {
    let Some(from) = found.len().checked_sub(inner.len()) else { return false };
    let same = found[from..].iter().zip(inner).all(|(a, b)| a.name == b.name && a.kind == b.kind);
    if !same {
        return false;
    }
    let mut argument = Argument::block(found.split_off(from));
    argument.multiple = true;
    argument.multiple_token = argument.token.is_some();
    found.push(argument);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(arguments: &[Argument]) -> String {
        let one = |a: &Argument| {
            let marks =
                [(a.optional, "?"), (a.multiple, "*")].into_iter().filter(|(on, _)| *on).map(|(_, m)| m);
            let token = a.token.as_ref().map_or(String::new(), |token| format!("{token}="));
            let parts = if a.parts.is_empty() { String::new() } else { format!("({})", shown(&a.parts)) };
            format!("{token}{}:{}{parts}{}", a.name, a.kind, marks.collect::<String>())
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_syntax_becomes_a_tree() {
        for (syntax, tree) in [
            ("", ""),
            ("key member [member ...]", "key:key member:string*"),
            (
                "key value [NX | XX] [EX seconds]",
                "key:key value:string condition:oneof(NX=nx:pure-token XX=xx:pure-token)? EX=seconds:integer?",
            ),
            ("key field value [field value ...]", "key:key field:block(field:string value:string)*"),
            ("[ASYNC | SYNC]", "condition:oneof(ASYNC=async:pure-token SYNC=sync:pure-token)?"),
        ] {
            assert_eq!(shown(&Argument::parse(syntax)), tree, "{syntax}");
        }
    }
}
