//! The format of redis.conf: a directive and its arguments on each line.
//!
//! ```text
//! # a comment, which stands on a line of its own
//! port 6379
//! requirepass "quoted, with \x41 and \n"
//! include other/*.conf
//! ```

use super::fault::Fault;
use super::load::{Format, Loader, Place};
use crate::base::{glob, words};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many files deep `include` goes.
const INCLUDES_MAX: usize = 16;

/// Reads `text`, which came from `file`.
pub(super) fn load(loader: &mut Loader, file: &str, text: &[u8], depth: usize) -> Result<(), Fault> {
    for (at, line) in text.split(|b| *b == b'\n').enumerate() {
        let place = Place { file, line: at + 1 };
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let Some(words) = words::split(line) else {
            return Err(place.fault("", "Unbalanced quotes in configuration line"));
        };
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        match words.as_slice() {
            [] => {}
            [name, path] if name.eq_ignore_ascii_case(b"include") => include(loader, place, path, depth + 1)?,
            [name, values @ ..] => loader.directive(place, name, values)?,
        }
    }
    Ok(())
}

fn include(loader: &mut Loader, place: Place<'_>, path: &[u8], depth: usize) -> Result<(), Fault> {
    if depth > INCLUDES_MAX {
        return Err(place.fault("include", format!("files include each other more than {INCLUDES_MAX} deep")));
    }
    for path in expand(Path::new(OsStr::from_bytes(path))) {
        let text = loader.open(&path, place)?;
        loader.text(&path.to_string_lossy(), &text, Format::Conf, depth)?;
    }
    Ok(())
}

/// The files that `path` names, sorted: a glob in its last part may stand for many, or none.
fn expand(path: &Path) -> Vec<PathBuf> {
    let pattern = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    if !pattern.iter().any(|b| b"*?[".contains(b)) {
        return vec![path.to_owned()];
    }
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let shown = |name: &OsStr| !name.as_bytes().starts_with(b".") || pattern.starts_with(b".");
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| {
            shown(&entry.file_name()) && glob::matches(pattern, entry.file_name().as_bytes(), false)
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// `value` as it has to be written to be read back: in quotes, unless it is a plain word. Nothing in
/// it can end the line.
pub(super) fn quoted(value: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_graphic() && !b"\"'\\#".contains(b);
    if !value.is_empty() && value.iter().all(plain) {
        return String::from_utf8_lossy(value).into_owned();
    }
    let mut text = String::from("\"");
    for byte in value {
        match byte {
            b'"' | b'\\' => text.extend(['\\', *byte as char]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(*byte as char),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text.push('"');
    text
}
