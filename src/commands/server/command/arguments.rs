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
//! specification. An argument is called as it is shown, or `change=CH`; a choice or several in a row as
//! the label before them says: `[order: ASC | DESC]`. Since when there is one is told behind its word or
//! its name in a label, and since when it is deprecated behind that: `REV@6.2.0`, `SLAVE@2.8.12..5.0.0`, `old@..2.8.12`.
//! The syntax is written by us, never by a client: its depth is a handful.

use crate::command::Reply;

/// One argument, or several that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Argument {
    name: String,
    /// What people are shown, where that is another word.
    text: Option<String>,
    kind: &'static str,
    token: Option<String>,
    /// The version of Redis that first had it, where that is told.
    since: Option<String>,
    /// The version of Redis from which on it is deprecated, where it is.
    deprecated_since: Option<String>,
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

/// `syntax` for people: without what it says of names, versions, types and keys.
pub(in crate::commands) fn plain(syntax: &str) -> String {
    let mut text = String::new();
    for mark in syntax.split_inclusive([' ', '[', ']', '<', '>', '|']) {
        let end = mark.trim_end_matches([' ', '[', ']', '<', '>', '|']).len();
        if is_label(&mark[..end]) {
            continue;
        }
        text.push_str(Note::of(&mark[..end]).text);
        text.push_str(&mark[end..]);
    }
    text
}

/// What a word of a syntax says.
struct Note<'a> {
    /// What people are shown.
    text: &'a str,
    name: Option<&'a str>,
    kind: Option<&'static str>,
    since: Option<&'a str>,
    deprecated_since: Option<&'a str>,
    spec: Option<i64>,
}

impl<'a> Note<'a> {
    fn of(word: &'a str) -> Self {
        const TYPES: [&str; 6] = ["string", "integer", "double", "key", "pattern", "unix-time"];
        let spec = word.rsplit_once('#').and_then(|(rest, n)| Some((rest, n.parse().ok()?)));
        let (word, spec) = spec.map_or((word, None), |(rest, n)| (rest, Some(n)));
        let (word, kind) = match word.rsplit_once(':') {
            Some((rest, kind)) if TYPES.contains(&kind) => {
                (rest, TYPES.into_iter().find(|known| *known == kind))
            }
            _ => (word, None),
        };
        let (word, versions) = word.rsplit_once('@').unwrap_or((word, ""));
        let (since, deprecated_since) = versions.split_once("..").unwrap_or((versions, ""));
        let told = |version: &'a str| Some(version).filter(|version| !version.is_empty());
        let (since, deprecated_since) = (told(since), told(deprecated_since));
        let named = word.split_once('=').filter(|(name, text)| !name.is_empty() && !text.is_empty());
        let (name, text) = named.map_or((None, word), |(name, text)| (Some(name), text));
        Self { text, name, kind, since, deprecated_since, spec }
    }
}

/// Whether `mark` names what follows it.
fn is_label(mark: &str) -> bool {
    mark.ends_with(':')
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
        group(&marks, &mut 0).1
    }

    fn word(word: &str) -> Self {
        let Note { text, name, kind, since, deprecated_since, spec } = Note::of(word);
        let token = !text.chars().any(|c| c.is_ascii_lowercase());
        let kind = if token { "pure-token" } else { kind.unwrap_or_else(|| kind_of(text)) };
        Self {
            name: name.map_or_else(|| text.to_ascii_lowercase(), str::to_owned),
            text: name.filter(|_| !token).map(|_| text.to_owned()),
            kind,
            // The empty word is written in quotes.
            token: token.then(|| text.trim_matches('"').to_owned()),
            since: since.map(str::to_owned),
            deprecated_since: deprecated_since.map(str::to_owned),
            spec,
            ..Self::default()
        }
    }

    /// Several in a row as one.
    fn block(mut parts: Vec<Argument>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let name = parts.first().map_or(String::new(), |first| first.name.clone());
        Self { name, kind: "block", parts, ..Self::default() }
    }

    /// With the name and the version that `label` says, if there is one.
    fn labelled(mut self, label: Option<&str>) -> Self {
        if let Some(label) = label {
            let Note { text, since, .. } = Note::of(label);
            self.name = text.to_owned();
            self.since = since.map(str::to_owned);
        }
        self
    }

    /// Whether `again` repeats it, whatever names the first time gave.
    fn is_like(&self, again: &Self) -> bool {
        let shown = |one: &Self| one.text.clone().unwrap_or_else(|| one.name.clone());
        let alike = match &*self.parts {
            [] => shown(self) == shown(again),
            parts => {
                parts.len() == again.parts.len()
                    && parts.iter().zip(&again.parts).all(|(one, again)| one.is_like(again))
            }
        };
        alike && self.kind == again.kind && self.token == again.token
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
        let texts =
            [("token", &self.token), ("since", &self.since), ("deprecated_since", &self.deprecated_since)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let extra = [single, key.is_some(), !flags.is_empty(), !single];
        reply.map(2 + texts.clone().count() + extra.iter().filter(|on| **on).count());
        let mut field = |name: &str, value: &str| {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        };
        field("name", &self.name);
        field("type", self.kind);
        if single {
            field("display_text", self.text.as_ref().unwrap_or(&self.name));
        }
        if let Some(spec) = key {
            reply.bulk(b"key_spec_index");
            reply.int(spec);
        }
        for (name, text) in texts {
            reply.bulk(name.as_bytes());
            reply.bulk(text.as_bytes());
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

/// What stands up to the closing mark: one sequence, or alternatives as a `oneof`. A label that is left is for the sequence.
fn group<'a>(marks: &'a [String], at: &mut usize) -> (Option<&'a str>, Vec<Argument>) {
    let first = label(marks, at);
    let mut found = vec![(label(marks, at), sequence(marks, at))];
    while marks.get(*at).is_some_and(|mark| mark == "|") {
        *at += 1;
        found.push((label(marks, at), sequence(marks, at)));
    }
    if found.len() == 1 {
        return (first, found.remove(0).1);
    }
    // Dots behind the last alternative are about the choice.
    let multiple = *at > 0 && marks[*at - 1] == "...";
    let blocks = found.into_iter().map(|(label, parts)| Argument::block(parts).labelled(label));
    let mut parts: Vec<Argument> = blocks.collect();
    if let Some(last) = parts.last_mut().filter(|_| multiple) {
        last.multiple = false;
        last.parts.last_mut().into_iter().for_each(|part| part.multiple = false);
    }
    let tokens = parts.iter().all(|part| part.kind == "pure-token");
    let name = if tokens { "condition" } else { "option" };
    let choice = Argument { name: name.into(), kind: "oneof", multiple, parts, ..Argument::default() };
    (None, vec![choice.labelled(first)])
}

/// Takes the label that stands here.
fn label<'a>(marks: &'a [String], at: &mut usize) -> Option<&'a str> {
    let label = marks.get(*at).filter(|mark| is_label(mark))?;
    *at += 1;
    Some(label.trim_end_matches(':'))
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
                let (label, inner) = group(marks, at);
                // The mark that closes it.
                let repeats = *at > from && marks[*at - 1] == "...";
                *at += 1;
                if open == "[" && repeats && repeat(&mut found, &inner, label) {
                    continue;
                }
                let mut argument = Argument::block(inner).labelled(label);
                argument.optional = open == "[";
                found.push(argument);
            }
            word => {
                *at += 1;
                let word = Argument::word(word);
                found.push(match word.kind {
                    "pure-token" => match value(marks, at) {
                        Some(value) => {
                            Argument { token: word.token, since: word.since.or(value.since), ..value }
                        }
                        None => word,
                    },
                    _ => word,
                });
            }
        }
    }
    found
}

/// The value of a token that was just read: a choice, or the words up to the next mark, each with its
/// repetition.
fn value(marks: &[String], at: &mut usize) -> Option<Argument> {
    if marks.get(*at).is_some_and(|mark| mark == "<") {
        *at += 1;
        let (label, inner) = group(marks, at);
        *at += 1;
        return Some(Argument::block(inner).labelled(label));
    }
    let label = label(marks, at);
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
                let (label, inner) = group(marks, &mut end);
                let repeats = marks[end - 1] == "..." && inner.iter().all(|part| part.token.is_none());
                if !repeats || !repeat(&mut found, &inner, label) {
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
    (!found.is_empty()).then(|| Argument::block(found).labelled(label))
}

/// Takes `x [x ...]` as a repetition: marks the end of `found` that `inner` repeats, which `label` names.
fn repeat(found: &mut Vec<Argument>, inner: &[Argument], label: Option<&str>) -> bool {
    let Some(from) = found.len().checked_sub(inner.len()) else { return false };
    if !found[from..].iter().zip(inner).all(|(one, again)| one.is_like(again)) {
        return false;
    }
    let mut argument = Argument::block(found.split_off(from)).labelled(label);
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
            (
                "[order: ASC | DESC] [change=CH]",
                "order:oneof(ASC=asc:pure-token DESC=desc:pure-token)? CH=change:pure-token?",
            ),
            ("key value [data: key value ...]", "data:block(key:key value:string)*"),
            (
                "[LIMIT limit: offset count] [by: x: A a b | B]",
                "LIMIT=limit:block(offset:integer count:integer)? by:oneof(A=x:block(a:string b:string) B=b:pure-token)?",
            ),
        ] {
            assert_eq!(shown(&Argument::parse(syntax)), tree, "{syntax}");
        }
    }
}
