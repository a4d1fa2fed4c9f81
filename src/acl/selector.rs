//! A selector: commands together with the keys, channels and databases they may touch. A user has
//! a root selector and may have more; a call is allowed when one selector allows all of it.

use super::pattern::{KeyPattern, READ, WRITE, has_blanks};
use super::{Catalogue, Denied, Fault, Question, category};
use crate::base::glob;
use std::collections::{BTreeMap, BTreeSet};

/// What one set of rules allows.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// By command number.
    bits: Vec<u64>,
    /// `+@all`, and nothing was taken away since.
    all_commands: bool,
    /// Begins with `+@all` when it is written down.
    from_all: bool,
    /// The rules since `+@all` or `-@all`, as they are written down.
    rules: Vec<String>,
    /// Commands allowed with some first arguments only (`+select|0`), in lower case.
    first_args: BTreeMap<usize, Vec<String>>,
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<Box<[u8]>>,
    /// `None` is every database.
    databases: Option<BTreeSet<u32>>,
}

impl Selector {
    /// Allows nothing, but every channel if `all_channels`.
    pub fn new(all_channels: bool) -> Self {
        Self { all_channels, ..Self::default() }
    }

    /// Whether it allows everything there is.
    pub fn is_unrestricted(&self) -> bool {
        self.all_commands && self.all_keys && self.all_channels && self.databases.is_none()
    }

    /// Whether it looks at keys at all.
    pub fn minds_keys(&self) -> bool {
        !self.all_keys
    }

    /// Whether it looks at databases at all.
    pub fn minds_databases(&self) -> bool {
        self.databases.is_some()
    }

    /// Applies one rule.
    ///
    /// # Errors
    /// When it is no rule; nothing has changed then.
    pub fn apply(&mut self, rule: &[u8], catalogue: &Catalogue) -> Result<(), Fault> {
        match &rule.to_ascii_lowercase()[..] {
            b"allkeys" | b"~*" => (self.all_keys, self.keys) = (true, Vec::new()),
            b"resetkeys" => (self.all_keys, self.keys) = (false, Vec::new()),
            b"allchannels" | b"&*" => (self.all_channels, self.channels) = (true, Vec::new()),
            b"resetchannels" => (self.all_channels, self.channels) = (false, Vec::new()),
            b"allcommands" | b"+@all" => self.every_command(true, catalogue),
            b"nocommands" | b"-@all" => self.every_command(false, catalogue),
            b"alldbs" => self.databases = None,
            b"resetdbs" => self.databases = Some(BTreeSet::new()),
            lower if lower.starts_with(b"db=") => self.databases = Some(databases(&lower[3..])?),
            _ => match rule {
                [b'~', glob @ ..] => self.key(glob, READ | WRITE)?,
                [b'%', ..] if self.all_keys => return Err(Fault::KeyAfterAll),
                [b'%', rest @ ..] => {
                    let (allows, glob) = permission(rest)?;
                    self.key(glob, allows)?;
                }
                [b'&', glob @ ..] => self.channel(glob)?,
                [sign @ (b'+' | b'-'), b'@', name @ ..] => self.category(*sign == b'+', name, catalogue)?,
                [b'+', name @ ..] => self.allow(name, catalogue)?,
                [b'-', name @ ..] => self.command(false, name, catalogue)?,
                _ => return Err(Fault::Syntax),
            },
        }
        Ok(())
    }

    fn every_command(&mut self, allowed: bool, catalogue: &Catalogue) {
        self.bits = vec![if allowed { u64::MAX } else { 0 }; catalogue.len().div_ceil(64)];
        (self.all_commands, self.from_all) = (allowed, allowed);
        self.rules.clear();
        self.first_args.clear();
    }

    fn key(&mut self, glob: &[u8], allows: u8) -> Result<(), Fault> {
        if self.all_keys {
            return Err(Fault::KeyAfterAll);
        }
        if has_blanks(glob) {
            return Err(Fault::Syntax);
        }
        match self.keys.iter_mut().find(|known| *known.glob == *glob) {
            Some(known) => known.allows |= allows,
            None => self.keys.push(KeyPattern { glob: glob.into(), allows }),
        }
        Ok(())
    }

    fn channel(&mut self, glob: &[u8]) -> Result<(), Fault> {
        if self.all_channels {
            return Err(Fault::ChannelAfterAll);
        }
        if has_blanks(glob) {
            return Err(Fault::Syntax);
        }
        if !self.channels.iter().any(|known| **known == *glob) {
            self.channels.push(glob.into());
        }
        Ok(())
    }

    fn category(&mut self, allowed: bool, name: &[u8], catalogue: &Catalogue) -> Result<(), Fault> {
        let bit = category(name).ok_or(Fault::Unknown)?;
        for number in catalogue.of(bit) {
            self.set(number, allowed, catalogue);
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        self.note(allowed, &format!("@{name}"));
        Ok(())
    }

    /// A rule about one command or subcommand as a whole.
    fn command(&mut self, allowed: bool, name: &[u8], catalogue: &Catalogue) -> Result<(), Fault> {
        let (number, name) = catalogue.subject(name).ok_or(Fault::Unknown)?;
        if let Some(number) = number {
            self.set(number, allowed, catalogue);
        }
        self.note(allowed, &name.to_ascii_lowercase());
        Ok(())
    }

    /// `+command`, `+container|subcommand`, or `+command|argument`.
    fn allow(&mut self, name: &[u8], catalogue: &Catalogue) -> Result<(), Fault> {
        let Some(bar) = name.iter().rposition(|b| *b == b'|') else {
            return self.command(true, name, catalogue);
        };
        let (command, argument) = (&name[..bar], &name[bar + 1..]);
        let (container, full_name) = catalogue.subject(command).ok_or(Fault::Unknown)?;
        if full_name.contains('|') {
            return Err(Fault::ArgumentOfSubcommand);
        }
        if container.is_some_and(|container| !catalogue.get(container).subcommands.is_empty()) {
            return self.command(true, name, catalogue);
        }
        let argument = std::str::from_utf8(argument).map_err(|_| Fault::Syntax)?.to_ascii_lowercase();
        if argument.is_empty() || has_blanks(argument.as_bytes()) {
            return Err(Fault::Syntax);
        }
        if let Some(container) = container {
            let allowed = self.first_args.entry(container).or_default();
            if !allowed.contains(&argument) {
                allowed.push(argument);
            }
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        self.note(true, &name);
        Ok(())
    }

    /// Allows or forbids a command with its subcommands.
    fn set(&mut self, number: usize, allowed: bool, catalogue: &Catalogue) {
        self.bits.resize(catalogue.len().div_ceil(64), 0);
        self.all_commands &= allowed;
        for number in std::iter::once(&number).chain(&catalogue.get(number).subcommands) {
            let (word, bit) = (&mut self.bits[number / 64], 1 << (number % 64));
            *word = if allowed { *word | bit } else { *word & !bit };
            self.first_args.remove(number);
        }
    }

    /// Writes a rule down, in the place of those about the same command or its subcommands.
    fn note(&mut self, allowed: bool, name: &str) {
        self.rules.retain(|rule| {
            let rest = rule[1..].strip_prefix(name);
            !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
        });
        self.rules.push(format!("{}{name}", if allowed { '+' } else { '-' }));
    }

    /// Whether it allows all of a call.
    pub fn check(&self, asked: &Question<'_>, catalogue: &Catalogue) -> Result<(), Denied> {
        if !self.all_commands && !catalogue.get(asked.command).open && !self.allows(asked) {
            return Err(Denied::Command);
        }
        if let Some(allowed) = &self.databases {
            for wanted in asked.databases {
                if wanted.number.is_none_or(|number| !allowed.contains(&number)) {
                    return Err(Denied::Database(wanted.at));
                }
            }
        }
        if !self.all_keys
            && let Some(key) = asked.keys.iter().find(|key| !self.covers(key.bytes, key.wanted))
        {
            return Err(Denied::Key(key.at));
        }
        if !self.all_channels
            && let Some(channel) = asked.channels.iter().find(|c| !self.hears(c.name, c.is_pattern))
        {
            return Err(Denied::Channel(channel.at));
        }
        Ok(())
    }

    fn allows(&self, asked: &Question<'_>) -> bool {
        let word = self.bits.get(asked.command / 64).copied().unwrap_or(0);
        word & 1 << (asked.command % 64) != 0
            || self.first_args.get(&asked.command).is_some_and(|allowed| {
                let first = asked.argv.get(1).copied().unwrap_or_default();
                allowed.iter().any(|argument| argument.as_bytes().eq_ignore_ascii_case(first))
            })
    }

    fn covers(&self, key: &[u8], wanted: u8) -> bool {
        self.keys.iter().any(|pattern| pattern.covers(key, wanted))
    }

    /// Whether a channel may be used; a pattern only as it stands among the rules.
    pub fn hears(&self, name: &[u8], is_pattern: bool) -> bool {
        self.all_channels
            || self
                .channels
                .iter()
                .any(|rule| if is_pattern { **rule == *name } else { glob::matches(rule, name, false) })
    }

    /// Whether it lets every key be read.
    pub fn reads_every_key(&self) -> bool {
        self.all_keys || self.keys.iter().any(|pattern| &*pattern.glob == b"*" && pattern.allows & READ != 0)
    }

    /// The rules about commands, as they are written down.
    pub fn describe_commands(&self) -> String {
        let first = if self.from_all { "+@all" } else { "-@all" };
        std::iter::once(first).chain(self.rules.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    /// The key patterns, as they are written down.
    pub fn describe_keys(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        joined(self.keys.iter(), |key, out| key.describe(out))
    }

    /// The channel patterns, as they are written down.
    pub fn describe_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        joined(self.channels.iter(), |glob, out| {
            out.push(b'&');
            out.extend_from_slice(glob);
        })
    }

    /// The databases, as they are written down; nothing stands for none.
    pub fn describe_databases(&self) -> String {
        match &self.databases {
            None => "alldbs".into(),
            Some(allowed) if allowed.is_empty() => String::new(),
            Some(allowed) => {
                format!("db={}", allowed.iter().map(u32::to_string).collect::<Vec<_>>().join(","))
            }
        }
    }

    /// All of it, as rules.
    pub fn describe(&self) -> Vec<u8> {
        let mut words = vec![self.describe_keys()];
        if !self.all_channels {
            words.push(b"resetchannels".to_vec());
        }
        words.push(self.describe_channels());
        words.push(match &self.databases {
            None => Vec::new(),
            Some(allowed) if allowed.is_empty() => b"resetdbs".to_vec(),
            Some(_) => self.describe_databases().into_bytes(),
        });
        words.push(self.describe_commands().into_bytes());
        words.retain(|word| !word.is_empty());
        words.join(&b' ')
    }
}

/// Writes each of `items`, with a blank between them.
fn joined<T>(items: impl Iterator<Item = T>, write: impl Fn(T, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    for item in items {
        if !out.is_empty() {
            out.push(b' ');
        }
        write(item, &mut out);
    }
    out
}

/// `R~glob`, `W~glob`, `RW~glob`. As Redis takes it, what lacks the `~` is the empty key.
fn permission(rest: &[u8]) -> Result<(u8, &[u8]), Fault> {
    let tilde = rest.iter().position(|b| *b == b'~').unwrap_or(rest.len());
    let mut allows = 0;
    for letter in &rest[..tilde] {
        let bit = match letter.to_ascii_uppercase() {
            b'R' => READ,
            b'W' => WRITE,
            _ => return Err(Fault::Syntax),
        };
        if allows & bit != 0 {
            return Err(Fault::Syntax);
        }
        allows |= bit;
    }
    if allows == 0 { Err(Fault::Syntax) } else { Ok((allows, rest.get(tilde + 1..).unwrap_or_default())) }
}

/// The numbers of `db=0,1`.
fn databases(list: &[u8]) -> Result<BTreeSet<u32>, Fault> {
    let number = |word: &[u8]| {
        let number = crate::base::number::parse_i64(word).ok_or(Fault::Syntax)?;
        u32::try_from(number).ok().filter(|n| *n <= i32::MAX as u32).ok_or(Fault::Database)
    };
    list.split(|b| *b == b',').map(number).collect()
}
