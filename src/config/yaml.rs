//! The YAML format: groups of settings, each a word, a number or a list of words.
//!
//! ```text
//! server:
//!   port: 6379
//!   bind: [127.0.0.1, "-::1"]
//! kv_store:
//!   maxmemory: 1gb
//! ```
//! A part of a group may be a mapping again: `persistence: {wal: {enabled: yes}}` sets
//! `persistence.wal.enabled`.
//! Read from the parser's flat stream of events: nothing nests deeper than that, and
//! aliases are refused, so there is nothing that could grow.

use super::fault::{Fault, nearest};
use super::groups::GROUPS;
use super::kind::Kind;
use super::load::{Loader, Place};
use super::setting::Name;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::ops::Range;

/// A setting in a YAML text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub group: String,
    pub name: String,
    /// The value: one text, or those of a list.
    pub values: Vec<String>,
    pub list: bool,
    pub line: usize,
    /// Where the value lies in the text, in characters; empty when there is none.
    pub place: Range<usize>,
    /// Where the name ends in the text, in characters.
    pub name_end: usize,
}

/// Reads `text`, which came from `file`.
pub(super) fn load(loader: &mut Loader, file: &str, text: &[u8]) -> Result<(), Fault> {
    for entry in entries(file, text)? {
        let place = Place { file, line: entry.line };
        let Some(name) = Name::find(entry.name.as_bytes()) else {
            let known = Name::all().flat_map(|name| name.setting().names());
            let fault = place.fault(&entry.name, "unknown setting");
            return Err(Fault { nearest: nearest(&entry.name.to_ascii_lowercase(), known), ..fault });
        };
        if name.group() != entry.group {
            let reason = format!("belongs under '{}:', not '{}:'", name.group(), entry.group);
            return Err(place.fault(&entry.name, reason));
        }
        let values = words(name.setting().kind, &entry);
        let values: Vec<&[u8]> = values.iter().map(|v| v.as_bytes()).collect();
        loader.directive(place, entry.name.as_bytes(), &values)?;
    }
    Ok(())
}

/// The words of a value: lists may be written as a YAML list or as words in one text.
pub(super) fn words(kind: Kind, entry: &Entry) -> Vec<&str> {
    if kind.is_list() {
        let words: Vec<&str> = entry.values.iter().flat_map(|v| v.split_whitespace()).collect();
        return if words.is_empty() { vec![""] } else { words };
    }
    let values = entry.values.iter().map(String::as_str);
    match kind {
        Kind::Bool => values
            .map(|value| match value {
                "true" => "yes",
                "false" => "no",
                other => other,
            })
            .collect(),
        _ => values.collect(),
    }
}

/// Where the reader stands in the text.
enum At {
    Top,
    Groups,
    /// In a group, or in a part of one whose settings' names begin with `prefix`.
    Group {
        group: String,
        prefix: String,
    },
    Value {
        group: String,
        prefix: String,
        name: String,
        line: usize,
        name_end: usize,
    },
    List(Entry, String),
}

/// Every setting in `text`, in order.
pub(super) fn entries(file: &str, text: &[u8]) -> Result<Vec<Entry>, Fault> {
    let whole = Place { file, line: 0 };
    let text = std::str::from_utf8(text).map_err(|e| whole.fault("", format!("not UTF-8: {e}")))?;
    let mut found = Vec::new();
    let mut at = At::Top;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| {
            let place = Place { file, line: e.marker().line() };
            place.fault("", format!("not YAML: {}", e.info()))
        })?;
        let place = Place { file, line: span.start.line() };
        at = step(at, event, span, place, &mut found)?;
    }
    Ok(found)
}

/// No group has this name; a setting may.
fn unknown_group(name: &str, place: Place<'_>) -> Fault {
    let of =
        GROUPS.iter().find(|group| group.settings.iter().any(|setting| setting.names().any(|n| n == name)));
    match of {
        Some(group) => {
            place.fault(name, format!("unknown group; as a setting it stands below '{}:'", group.name))
        }
        None => {
            let fault = place.fault(name, "unknown group");
            Fault { nearest: nearest(name, GROUPS.iter().map(|known| known.name)), ..fault }
        }
    }
}

fn step(at: At, event: Event<'_>, span: Span, place: Place<'_>, found: &mut Vec<Entry>) -> Result<At, Fault> {
    let range = span.start.index()..span.end.index();
    let line = place.line;
    Ok(match (at, event) {
        (
            at,
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd,
        ) => at,
        (At::Top, Event::MappingStart(..)) => At::Groups,
        (At::Top, Event::Scalar(value, ..)) if value.is_empty() => At::Top,
        (At::Groups, Event::MappingEnd) => At::Top,
        (At::Groups, Event::Scalar(group, ..)) => {
            if !GROUPS.iter().any(|known| known.name == group) {
                return Err(unknown_group(&group, place));
            }
            let (group, prefix) = (group.into_owned(), String::new());
            At::Value { group, prefix, name: String::new(), line, name_end: range.end }
        }
        // A group: its settings, or nothing at all.
        (At::Value { group, prefix, name, .. }, Event::MappingStart(..)) if name.is_empty() => {
            At::Group { group, prefix }
        }
        // A part of a group: `persistence: wal: enabled` is the setting `persistence.wal.enabled`.
        (At::Value { group, prefix, name, .. }, Event::MappingStart(..))
            if prefix.is_empty() && is_part(&group, &name) =>
        {
            At::Group { prefix: format!("{group}.{name}."), group }
        }
        (At::Value { name, .. }, Event::Scalar(value, style, ..))
            if name.is_empty() && null(&value, style) =>
        {
            At::Groups
        }
        (At::Group { prefix, .. }, Event::MappingEnd) if prefix.is_empty() => At::Groups,
        (At::Group { group, .. }, Event::MappingEnd) => At::Group { group, prefix: String::new() },
        (At::Group { group, prefix }, Event::Scalar(name, ..)) if !name.is_empty() => {
            At::Value { group, name: format!("{prefix}{name}"), prefix, line, name_end: range.end }
        }
        (At::Value { group, prefix, name, line, name_end }, Event::Scalar(value, style, ..))
            if !name.is_empty() =>
        {
            let value = if null(&value, style) { String::new() } else { value.into_owned() };
            found.push(Entry {
                group: group.clone(),
                name,
                values: vec![value],
                list: false,
                line,
                place: range,
                name_end,
            });
            At::Group { group, prefix }
        }
        (At::Value { group, prefix, name, line, name_end }, Event::SequenceStart(..)) if !name.is_empty() => {
            let entry = Entry { group, name, values: Vec::new(), list: true, line, place: range, name_end };
            At::List(entry, prefix)
        }
        (At::List(mut entry, prefix), Event::Scalar(value, ..)) => {
            entry.values.push(value.into_owned());
            entry.place.end = range.end;
            At::List(entry, prefix)
        }
        (At::List(mut entry, prefix), Event::SequenceEnd) => {
            if !range.is_empty() {
                entry.place.end = range.end; // behind the bracket; a list of lines ends with its last one
            }
            let group = entry.group.clone();
            found.push(entry);
            At::Group { group, prefix }
        }
        (_, Event::Alias(_)) => return Err(place.fault("", "aliases are not supported")),
        _ => return Err(place.fault("", "expected groups of settings, each a value or a list of values")),
    })
}

/// Whether settings of `group` have names that begin with `group.name.`.
fn is_part(group: &str, name: &str) -> bool {
    let prefix = format!("{group}.{name}.");
    Name::all().flat_map(|name| name.setting().names()).any(|name| name.starts_with(&prefix))
}

fn null(value: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(value, "" | "~" | "null")
}

/// `value` as it has to be written to be read back: in quotes, unless it is a plain word.
pub(super) fn quoted(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/+".contains(&b);
    let first = value.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'/');
    if first && value.bytes().all(plain) && !matches!(value, "null" | "Null" | "NULL") {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
