//! The values of all settings: read from everywhere, changed by `CONFIG SET` alone.

use super::groups::{COUNT, GROUPS, SAVE};
use super::kind::{Kind, Value};
use super::load::Source;
use super::set::Hook;
use super::setting::{Name, Setting};
use super::special::{self, ClientClass, OutputLimit, SavePoint};
use crate::base::glob;
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// Every declaration, by place.
pub(super) static TABLE: LazyLock<Vec<&'static Setting>> =
    LazyLock::new(|| GROUPS.iter().flat_map(|group| group.settings).collect());

/// Every name and alias, to its place.
static PLACES: LazyLock<HashMap<&'static str, Name>> = LazyLock::new(|| {
    let all = TABLE.iter().enumerate();
    all.flat_map(|(at, setting)| setting.names().map(move |name| (name, Name(at as u16)))).collect()
});

impl Name {
    /// The setting called `name`, or known by that alias; case does not matter.
    pub fn find(name: &[u8]) -> Option<Name> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        PLACES.get(name.as_str()).copied()
    }

    /// Every setting, in the order of the configuration file.
    pub fn all() -> impl Iterator<Item = Name> {
        (0..COUNT as u16).map(Name)
    }

    /// The declaration.
    pub fn setting(self) -> &'static Setting {
        TABLE[self.0 as usize]
    }

    /// The name of its group in the configuration file.
    pub fn group(self) -> &'static str {
        let mut rest = usize::from(self.0);
        for group in &GROUPS {
            match rest.checked_sub(group.settings.len()) {
                Some(behind) => rest = behind,
                None => return group.name,
            }
        }
        unreachable!("a name is a place in the groups")
    }
}

/// One value: numbers are read without a lock.
#[derive(Debug)]
struct Cell {
    number: AtomicI64,
    text: RwLock<Bytes>,
}

/// The values of all settings.
#[derive(Debug)]
pub struct Settings {
    cells: Box<[Cell]>,
    /// Decoded from `client-output-buffer-limit`: read for every reply that is not sent at once.
    output_limits: RwLock<[OutputLimit; 3]>,
    /// Serialises `CONFIG SET` and holds what it tells of changes.
    pub(super) hooks: Mutex<Vec<Hook>>,
    /// Where the values came from.
    pub(super) source: Source,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
    /// Every setting at its default.
    pub fn new() -> Self {
        let empty = || Cell { number: AtomicI64::new(0), text: RwLock::default() };
        let settings = Self {
            cells: std::iter::repeat_with(empty).take(COUNT).collect(),
            output_limits: RwLock::default(),
            hooks: Mutex::default(),
            source: Source::default(),
        };
        for name in Name::all() {
            settings.store(name, &name.default());
        }
        settings
    }

    /// The number of a switch, a choice, an integer or an amount of memory. Lock-free.
    pub fn int(&self, name: Name) -> i64 {
        self.cells[name.0 as usize].number.load(Relaxed)
    }

    /// Whether a switch is on. Lock-free.
    pub fn yes(&self, name: Name) -> bool {
        self.int(name) != 0
    }

    /// The value as `CONFIG GET` shows it.
    pub fn text(&self, name: Name) -> Bytes {
        name.setting().kind.format(&self.value(name))
    }

    /// The same, for values that are text to people.
    pub fn string(&self, name: Name) -> String {
        String::from_utf8_lossy(&self.text(name)).into_owned()
    }

    /// The words of a list.
    pub fn words(&self, name: Name) -> Vec<String> {
        self.string(name).split_whitespace().map(str::to_owned).collect()
    }

    /// Whether the setting has its default value.
    pub fn is_default(&self, name: Name) -> bool {
        self.value(name) == name.default()
    }

    /// The points of `save`.
    pub fn save_points(&self) -> Vec<SavePoint> {
        special::save_points(&self.text(SAVE))
    }

    /// The output buffer limit of a class of clients.
    pub fn output_limit(&self, class: ClientClass) -> OutputLimit {
        self.output_limits.read()[class as usize]
    }

    /// Users declared by `user` lines: their words, the first of which is the name.
    pub fn users(&self) -> &[Vec<Bytes>] {
        &self.source.users
    }

    /// Commands renamed by `rename-command`: old name and new name, which is empty for none.
    pub fn renamed_commands(&self) -> &[(Bytes, Bytes)] {
        &self.source.renamed
    }

    /// What the operator should know: settings that have no effect yet, directives that are gone.
    pub fn warnings(&self) -> &[String] {
        &self.source.warnings
    }

    /// Absolute path of the configuration file, if there is one.
    pub fn file(&self) -> Option<&std::path::Path> {
        self.source.file.as_deref()
    }

    /// Answers `CONFIG GET`: the settings and aliases that match one of `patterns`, once each. A
    /// pattern without wildcards is a name, and is shown as it was asked for.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Bytes, Bytes)> {
        let mut found = BTreeMap::new();
        for pattern in patterns {
            if !pattern.iter().any(|b| b"*?[".contains(b)) {
                if let Some(name) = Name::find(pattern) {
                    let asked = pattern.to_ascii_lowercase();
                    found.entry(asked).or_insert((Bytes::copy_from_slice(pattern), self.text(name)));
                }
                continue;
            }
            let shown = Name::all().map(|name| (name, name.setting())).filter(|(_, setting)| !setting.hidden);
            for (name, setting) in shown {
                let shown = setting.names().filter(|n| glob::matches(pattern, n.as_bytes(), true));
                for shown in shown {
                    found
                        .entry(shown.as_bytes().to_vec())
                        .or_insert_with(|| (Bytes::from_static(shown.as_bytes()), self.text(name)));
                }
            }
        }
        found.into_values().collect()
    }

    pub(super) fn value(&self, name: Name) -> Value {
        let cell = &self.cells[name.0 as usize];
        match name.setting().kind {
            kind if kind.is_text() => Value::Text(cell.text.read().clone()),
            _ => Value::Number(cell.number.load(Relaxed)),
        }
    }

    pub(super) fn store(&self, name: Name, value: &Value) {
        let cell = &self.cells[name.0 as usize];
        match value {
            Value::Number(n) => cell.number.store(*n, Relaxed),
            Value::Text(text) => *cell.text.write() = text.clone(),
        }
        if let (Kind::OutputLimits, Value::Text(text)) = (name.setting().kind, value) {
            *self.output_limits.write() = special::output_limits(text);
        }
    }
}

impl Name {
    /// The parsed default.
    pub(super) fn default(self) -> Value {
        let Setting { kind, default, name, .. } = *self.setting();
        let words: Vec<&[u8]> = match kind.is_list() {
            true => default.as_bytes().split(|b| *b == b' ').collect(),
            false => vec![default.as_bytes()],
        };
        let parsed = kind.parse(&words, &Value::Text(Bytes::new()));
        parsed.unwrap_or_else(|refusal| panic!("the default of {name}, '{default}': {refusal}"))
    }
}
