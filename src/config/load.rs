//! From the command line, the file and standard input to [`Settings`].
//!
//! ```text
//! synap-server [FILE] [--name value …]… [-]
//! ```
//! What comes later wins: the defaults, FILE, standard input (`-`), the flags.

use super::fault::{Fault, nearest};
use super::groups::{
    APPENDFSYNC, APPENDONLY, SAVE, WAL_BATCH_DELAY_US, WAL_BATCH_OPS_MAX, WAL_BUFFER_SIZE_KB,
    WAL_FSYNC_INTERVAL_MS, WAL_SEGMENT_SIZE_MB,
};
use super::kind::{Kind, Value};
use super::retired;
use super::setting::{Name, State};
use super::settings::Settings;
use super::{conf, manual, yaml};
use crate::base::words;
use bytes::Bytes;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the command line asks for.
#[derive(Debug)]
pub enum Start {
    /// Serve with these settings.
    Serve(Settings),
    /// Say that the configuration is fine, with its warnings.
    Check(Settings),
    /// Ask the server with these settings how it is.
    Health(Settings),
    /// Print this and stop.
    Print(String),
}

/// Where the values came from, and what came with them.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub file: Option<PathBuf>,
    pub format: Format,
    pub users: Vec<Vec<Bytes>>,
    pub renamed: Vec<(Bytes, Bytes)>,
    pub warnings: Vec<String>,
}

/// The two formats of the configuration file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Conf,
    Yaml,
}

/// A place in the configuration, for faults and warnings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub file: &'a str,
    pub line: usize,
}

impl Place<'_> {
    pub(super) fn fault(self, setting: &str, reason: impl Into<String>) -> Fault {
        let reason = reason.into();
        Fault {
            file: self.file.into(),
            line: self.line,
            setting: setting.into(),
            given: None,
            reason,
            nearest: None,
        }
    }
}

impl Settings {
    /// Reads the arguments of `synap-server` (without its own name) and what they name.
    pub fn load(args: &[OsString], stdin: &mut dyn Read) -> Result<Start, Fault> {
        if let Some(told) = manual::told(manual::server(), args) {
            return told.map(Start::Print).map_err(|why| COMMAND_LINE.fault("--completions", why));
        }
        let (mut check, mut health) = (false, false);
        let mut from_stdin = false;
        let mut file = None;
        let mut flags: Vec<Vec<Vec<u8>>> = Vec::new();
        for (at, arg) in args.iter().enumerate() {
            let arg = arg.as_bytes();
            match flags.last_mut() {
                // A flag's first value is a value whatever it looks like; `--save` alone may lack it.
                Some(flag) if flag.len() == 1 && !(flag[0] == b"save" && arg.starts_with(b"--")) => {
                    flag.push(arg.to_vec());
                    continue;
                }
                Some(flag) if flag.len() == 1 => flag.push(Vec::new()),
                _ => {}
            }
            match arg {
                b"--help" | b"-h" => return Ok(Start::Print(super::document::help())),
                b"--version" | b"-v" => return Ok(Start::Print(super::document::version())),
                b"--print-config" => return Ok(Start::Print(super::document::example())),
                b"--check-config" => check = true,
                b"--healthcheck" => health = true,
                b"-" if at == args.len() - 1 => from_stdin = true,
                [b'-', b'-', flag @ ..] => flags.push(flag_words(flag)?),
                // Switches as --check-config may stand before it.
                path if file.is_none() && flags.is_empty() => file = Some(Path::new(OsStr::from_bytes(path))),
                value => match flags.last_mut() {
                    Some(flag) => flag.push(value.to_vec()),
                    // As Redis allows: the first setting behind the file may lack its `--`.
                    None => flags.push(vec![value.to_vec()]),
                },
            }
        }

        let mut loader = Loader::new();
        if let Some(path) = file {
            loader.main_file(path)?;
        }
        if from_stdin {
            let place = Place { file: "standard input", line: 0 };
            let text = read_bounded(stdin, place)?;
            loader.text(place.file, &text, Format::of(None, &text), 0)?;
        }
        for flag in &flags {
            let words: Vec<&[u8]> = flag[1..].iter().map(Vec::as_slice).collect();
            loader.directive(COMMAND_LINE, &flag[0], &words)?;
        }
        let settings = loader.finish();
        Ok(match (check, health) {
            (true, _) => Start::Check(settings),
            (_, true) => Start::Health(settings),
            _ => Start::Serve(settings),
        })
    }
}

const COMMAND_LINE: Place<'static> = Place { file: "command line", line: 0 };

/// A flag's name, and its value when both are one argument as in `"--port 6380"`.
fn flag_words(flag: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let shown = || format!("--{}", String::from_utf8_lossy(flag));
    match words::split(flag) {
        Some(words) if !words.is_empty() => Ok(words),
        Some(_) => Err(COMMAND_LINE.fault(&shown(), "the name of a setting is missing")),
        None => Err(COMMAND_LINE.fault(&shown(), "unbalanced quotes")),
    }
}

/// Bytes of the largest configuration file.
const FILE_BYTES_MAX: u64 = 16 << 20;

fn read_bounded(input: &mut dyn Read, place: Place<'_>) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    match input.take(FILE_BYTES_MAX + 1).read_to_end(&mut text) {
        Err(e) => Err(place.fault("", format!("cannot be read: {e}"))),
        Ok(size) if size as u64 > FILE_BYTES_MAX => {
            Err(place.fault("", format!("is larger than {} MiB", FILE_BYTES_MAX >> 20)))
        }
        Ok(_) => Ok(text),
    }
}

impl Format {
    /// By the file's extension, else by its first line of content: YAML begins with `group:`.
    pub(super) fn of(path: Option<&Path>, text: &[u8]) -> Format {
        match path.and_then(Path::extension).map(OsStrExt::as_bytes) {
            Some(b"yml" | b"yaml") => return Format::Yaml,
            Some(b"conf") => return Format::Conf,
            _ => {}
        }
        let lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
        let mut content = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
        let yaml = content.next().is_some_and(|line| {
            let name = line.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_-".contains(b)).count();
            line == b"---" || line.get(name) == Some(&b':')
        });
        if yaml { Format::Yaml } else { Format::Conf }
    }
}

/// Builds the settings up, directive by directive.
pub(super) struct Loader {
    settings: Settings,
    /// Whether a `save` was read: the first replaces the default, the others add to it.
    saved: bool,
    /// Where each setting was last set.
    set_at: HashMap<Name, String>,
    /// How many files were opened.
    files: usize,
}

impl Loader {
    pub(super) fn new() -> Self {
        Self { settings: Settings::new(), saved: false, set_at: HashMap::new(), files: 0 }
    }

    fn main_file(&mut self, path: &Path) -> Result<(), Fault> {
        let shown = path.to_string_lossy();
        let place = Place { file: &shown, line: 0 };
        let absolute = path.canonicalize().map_err(|e| place.fault("", format!("cannot be opened: {e}")))?;
        let text = self.open(&absolute, place)?;
        let format = Format::of(Some(path), &text);
        self.settings.source.format = format;
        self.settings.source.file = Some(absolute);
        self.text(&shown, &text, format, 0)
    }

    /// The content of a file, on behalf of the directive at `place`.
    pub(super) fn open(&mut self, path: &Path, place: Place<'_>) -> Result<Vec<u8>, Fault> {
        const FILES_MAX: usize = 256;
        self.files += 1;
        if self.files > FILES_MAX {
            return Err(place.fault("include", format!("more than {FILES_MAX} files are included")));
        }
        let shown = path.display();
        let mut file = std::fs::File::open(path)
            .map_err(|e| place.fault("", format!("{shown} cannot be opened: {e}")))?;
        read_bounded(&mut file, place)
    }

    /// Reads one file, called `file`, which is `depth` includes away from the first.
    pub(super) fn text(
        &mut self,
        file: &str,
        text: &[u8],
        format: Format,
        depth: usize,
    ) -> Result<(), Fault> {
        match format {
            Format::Conf => conf::load(self, file, text, depth),
            Format::Yaml => yaml::load(self, file, text),
        }
    }

    /// One directive: a setting, or one of those that are none.
    pub(super) fn directive(&mut self, place: Place<'_>, shown: &[u8], words: &[&[u8]]) -> Result<(), Fault> {
        // What is not known might be a password all the same.
        let told = Name::find(shown).is_some_and(|name| !name.setting().secret);
        let given = if told { words } else { &[] };
        let given = || given.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        self.take(place, shown, words).map_err(|fault| Fault { given: Some(given()), ..fault })
    }

    fn take(&mut self, place: Place<'_>, shown: &[u8], words: &[&[u8]]) -> Result<(), Fault> {
        let lower = String::from_utf8_lossy(shown).to_ascii_lowercase();
        if let Some(name) = Name::find(shown) {
            return self.setting(place, name, &lower, words);
        }
        let source = &mut self.settings.source;
        let owned = |words: &[&[u8]]| words.iter().map(|w| Bytes::copy_from_slice(w)).collect::<Vec<_>>();
        match (lower.as_str(), words) {
            ("user", [_, ..]) => source.users.push(owned(words)),
            ("rename-command", [old, new]) => {
                source.renamed.push((Bytes::copy_from_slice(old), Bytes::copy_from_slice(new)));
            }
            ("user" | "rename-command", _) => return Err(place.fault(&lower, "wrong number of arguments")),
            (name, _) => match retired::reason(name) {
                Some(why) => {
                    source.warnings.push(place.fault(name, format!("ignored: {why}")).to_string());
                }
                None => {
                    let known = Name::all().flat_map(|name| name.setting().names());
                    let reason = "unknown setting: Bad directive or wrong number of arguments";
                    let fault = place.fault(&String::from_utf8_lossy(shown), reason);
                    return Err(Fault { nearest: nearest(&lower, known), ..fault });
                }
            },
        }
        Ok(())
    }

    /// Whether snapshots were declined and nothing was said about the log: what Redis is told to keep nothing.
    fn keeps_nothing(&self) -> bool {
        let log = [
            APPENDONLY,
            APPENDFSYNC,
            WAL_FSYNC_INTERVAL_MS,
            WAL_BUFFER_SIZE_KB,
            WAL_BATCH_OPS_MAX,
            WAL_BATCH_DELAY_US,
            WAL_SEGMENT_SIZE_MB,
        ];
        let said = |name| self.set_at.contains_key(&name);
        said(SAVE) && self.settings.text(SAVE).is_empty() && !log.into_iter().any(said)
    }

    fn setting(&mut self, place: Place<'_>, name: Name, shown: &str, words: &[&[u8]]) -> Result<(), Fault> {
        let before = self.settings.text(SAVE);
        let mut words = words.to_vec();
        if (name == SAVE || matches!(name.setting().kind, Kind::Shutdown)) && words.is_empty() {
            // Redis' own test suite writes `save` so; of the others it tells which words there are.
            words.push(b"");
        }
        if let ([one], true) = (words.as_slice(), name.setting().kind.is_list()) {
            words = one.split(|b| *b == b' ').collect();
        }
        if name == SAVE && words != [b""] {
            if self.saved && !before.is_empty() {
                words.splice(..0, before.split(|b| *b == b' '));
            }
            self.saved = true;
        }
        let parsed = match words.is_empty() {
            true => Err("wrong number of arguments".into()),
            false => name.setting().kind.parse(&words, &self.settings.value(name)),
        };
        let value = parsed.map_err(|refusal| place.fault(shown, refusal))?;
        self.settings.store(name, &value);
        self.set_at.insert(name, place.fault(shown, "").to_string());
        Ok(())
    }

    /// The settings, with a warning for each that asks for what is not built.
    pub(super) fn finish(mut self) -> Settings {
        if self.keeps_nothing() {
            self.settings.store(APPENDONLY, &Value::Number(0));
        }
        for name in Name::all() {
            let State::Pending(missing) = name.setting().state else { continue };
            if let (false, Some(place)) = (self.settings.is_default(name), self.set_at.get(&name)) {
                let warning = format!("{place}has no effect yet: {missing}");
                self.settings.source.warnings.push(warning);
            }
        }
        self.settings
    }
}
