//! All commands, found by one hash of their name.

use super::{Command, Find, Group, KeyedFn, Members, Run, flag};
use crate::acl::Catalogue;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

/// The longest name of a command or subcommand, in bytes.
const NAME_MAX: usize = 32;
const SLOTS: usize = 2048;
/// Slots for names of up to 8 letters: those of nearly all calls.
const SHORT_SLOTS: usize = 1024;

/// The commands and subcommands of the server, each with a number.
pub struct Registry {
    commands: Vec<&'static Command>,
    /// What is told of each when it is found.
    entries: Vec<Entry>,
    /// What each top-level command is called, in upper case: its name, unless it was renamed.
    names: Vec<Cow<'static, [u8]>>,
    /// Top-level commands by hash: the index in `commands` plus one.
    slots: Box<[u16; SLOTS]>,
    /// Those whose name is a [`short`] one: that word, the number, and the name's length; a word of 0 is none.
    short_slots: Box<[(u64, u16, u16); SHORT_SLOTS]>,
    /// Commands renamed to something longer than `NAME_MAX`.
    long: Vec<usize>,
    /// The numbers of all by the names they were declared with, when some were renamed.
    declared: Option<HashMap<&'static [u8], usize>>,
    /// The number of each top-level command's first subcommand.
    subcommands: Vec<usize>,
    top: usize,
}

/// A command found, with its number and what follows from its declaration.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The declaration.
    pub command: &'static Command,
    /// What runs its well-formed calls, if these are plain: over keys alone. Queues are not, as they have to be
    /// brought to the present first.
    pub plain: Option<KeyedFn>,
    /// Its number, for statistics.
    pub number: usize,
    /// Whether its only key is that of a collection.
    pub in_collection: bool,
    /// Where it names members of that.
    pub members: Option<Members>,
    /// Which of its words is its only key; 0 when it may have none or several.
    pub only_key: u8,
    /// Whether it has subcommands.
    pub is_container: bool,
}

impl Entry {
    fn of(command: &'static Command, number: usize) -> Self {
        let plain = match command.run {
            Run::Keyed(handler) if command.group != Group::Queue && !command.is_sub() => Some(handler),
            _ => None,
        };
        let only_key = match command.keys {
            [one] => match one.find {
                Find::At { first, last, .. } if last == first as i8 => first,
                _ => 0,
            },
            _ => 0,
        };
        let in_collection = only_key != 0
            && matches!(
                command.group,
                Group::List | Group::Set | Group::Hash | Group::Sorted | Group::Geo | Group::Stream
            );
        let is_container = !command.subcommands().is_empty();
        let members = command.members;
        Self { command, plain, number, in_collection, members, only_key, is_container }
    }
}

fn slot_of(name: &[u8; NAME_MAX], len: usize) -> usize {
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| name[at + i]));
    let mixed = (word(0) ^ word(8).rotate_left(23) ^ word(16).rotate_left(46) ^ len as u64)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> (64 - SLOTS.ilog2())) as usize
}

/// A name of 1 to 8 bytes as one word, in upper case as far as it is letters: without the bit that
/// makes them lower case, by which no two letters are mistaken for each other.
fn short(name: &[u8]) -> Option<u64> {
    let [first, .., last] = name else { return name.first().map(|only| u64::from(only & !0x20)) };
    let word = match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (Some(head), Some(tail)) if name.len() <= 8 => {
            let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
            u64::from(head) | u64::from(tail) << (8 * (name.len() - 4))
        }
        (None, _) => u64::from(*first) | u64::from(name[1]) << 8 | u64::from(*last) << (8 * (name.len() - 1)),
        _ => return None,
    };
    Some(word & !0x2020_2020_2020_2020)
}

fn short_slot(word: u64) -> usize {
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SHORT_SLOTS.ilog2())) as usize
}

fn upper(name: &[u8]) -> Option<[u8; NAME_MAX]> {
    let mut upper = [0; NAME_MAX];
    upper.get_mut(..name.len())?.copy_from_slice(name);
    upper.make_ascii_uppercase();
    Some(upper)
}

impl Registry {
    fn new(families: &[&'static [Command]], renamed: &[Renamed]) -> Self {
        let mut commands: Vec<&'static Command> = families.iter().flat_map(|family| family.iter()).collect();
        let top = commands.len();
        let mut slots = Box::new([0; SLOTS]);
        let mut short_slots = Box::new([(0, 0, 0); SHORT_SLOTS]);
        let (mut names, mut subcommands, mut long) =
            (Vec::with_capacity(top), Vec::with_capacity(top), Vec::new());
        for number in 0..top {
            let name = named(commands[number], renamed);
            match upper(&name) {
                // Taken away.
                _ if name.is_empty() => {}
                None => long.push(number),
                Some(padded) => {
                    let mut slot = slot_of(&padded, name.len());
                    while slots[slot] != 0 {
                        assert_ne!(names[slots[slot] as usize - 1], name, "declared twice");
                        slot = (slot + 1) % SLOTS;
                    }
                    slots[slot] = number as u16 + 1;
                }
            }
            let is_short = name.iter().all(u8::is_ascii_uppercase) && !commands[number].has(flag::EFFECT);
            if let Some(word) = short(&name).filter(|_| is_short) {
                let mut slot = short_slot(word);
                while short_slots[slot].0 != 0 {
                    slot = (slot + 1) % SHORT_SLOTS;
                }
                short_slots[slot] = (word, number as u16, name.len() as u16);
            }
            names.push(name);
            subcommands.push(commands.len());
            commands.extend(commands[number].subcommands());
        }
        let declared =
            commands[..top].iter().enumerate().map(|(number, command)| (command.name.as_bytes(), number));
        let declared = (!renamed.is_empty()).then(|| declared.collect());
        let entries =
            commands.iter().enumerate().map(|(number, command)| Entry::of(command, number)).collect();
        Self { commands, entries, names, slots, short_slots, long, declared, subcommands, top }
    }

    /// The command called `name`, in any case, if clients may call it.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<Entry> {
        if let Some(word) = short(name) {
            let mut slot = short_slot(word);
            while self.short_slots[slot].0 != 0 {
                let (known, number, len) = self.short_slots[slot];
                // The length tells NUL and blank apart from the end.
                if known == word && usize::from(len) == name.len() {
                    return Some(self.entries[usize::from(number)]);
                }
                slot = (slot + 1) % SHORT_SLOTS;
            }
        }
        self.find_any(name).filter(|entry| !entry.command.has(flag::EFFECT))
    }

    /// The command declared as `name`, in any case, whatever clients call it, and also if only replay
    /// may run it.
    pub fn find_effect(&self, name: &[u8]) -> Option<Entry> {
        let Some(declared) = &self.declared else { return self.find_any(name) };
        let number = *declared.get(&name.to_ascii_uppercase()[..])?;
        Some(self.entries[number])
    }

    fn find_any(&self, name: &[u8]) -> Option<Entry> {
        let Some(upper) = upper(name) else {
            let number = *self.long.iter().find(|n| self.names[**n].eq_ignore_ascii_case(name))?;
            return Some(self.entries[number]);
        };
        let mut slot = slot_of(&upper, name.len());
        loop {
            let number = (self.slots[slot] as usize).checked_sub(1)?;
            if *self.names[number] == upper[..name.len()] {
                return Some(self.entries[number]);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The subcommand called `name` of a command found before.
    pub fn find_sub(&self, container: Entry, name: &[u8]) -> Option<Entry> {
        let at = container
            .command
            .subcommands()
            .iter()
            .position(|c| c.name.as_bytes().eq_ignore_ascii_case(name))?;
        let number = self.subcommands[container.number] + at;
        Some(self.entries[number])
    }

    /// The top-level commands that clients may call.
    pub fn top(&self) -> impl Iterator<Item = &'static Command> {
        self.commands[..self.top].iter().copied().filter(|command| !command.has(flag::EFFECT))
    }

    /// The commands and subcommands that clients may call.
    pub fn given(&self) -> impl Iterator<Item = &'static Command> {
        self.commands.iter().copied().filter(|command| !command.has(flag::EFFECT))
    }

    /// What rules about users may name: the commands with their categories.
    pub fn catalogue(&self) -> Catalogue {
        let about = |command: &&'static Command| {
            // Nobody is given what only replay may run.
            let is_given = !command.has(flag::EFFECT);
            let categories = if is_given { command.categories() } else { Vec::new() };
            (command.full_name, categories, command.has(flag::NO_AUTH))
        };
        Catalogue::new(self.commands.iter().map(about))
    }

    /// Commands and subcommands by number.
    pub fn all(&self) -> &[&'static Command] {
        &self.commands
    }
}

static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// A command's own name and what it is called instead, in upper case; empty if it is taken away.
type Renamed = (Vec<u8>, Vec<u8>);

static RENAMED: OnceLock<Vec<Renamed>> = OnceLock::new();

fn named(command: &'static Command, renamed: &[Renamed]) -> Cow<'static, [u8]> {
    match renamed.iter().find(|(old, _)| old == command.name.as_bytes()) {
        Some((_, new)) => Cow::Owned(new.clone()),
        None => Cow::Borrowed(command.name.as_bytes()),
    }
}

/// Renames commands for all of this process (`rename-command`): pairs of an old name and a new one,
/// which is empty for commands that are taken away. To be called before [`registry`] is.
///
/// # Errors
/// When there is no such command, a name is taken, or the registry is in use.
pub fn rename(families: &[&'static [Command]], pairs: &[(Bytes, Bytes)]) -> Result<(), String> {
    if pairs.is_empty() {
        return Ok(());
    }
    let commands = || families.iter().flat_map(|family| family.iter());
    let mut renamed: Vec<Renamed> = Vec::new();
    for (old, new) in pairs {
        let shown = String::from_utf8_lossy(old).into_owned();
        let new = new.to_ascii_uppercase();
        // As in Redis, what was renamed before is known by its newer name.
        let known = commands().find(|command| named(command, &renamed).eq_ignore_ascii_case(old));
        let Some(command) = known else {
            return Err(format!("rename-command {shown}: there is no such command"));
        };
        if !new.is_empty() && commands().any(|other| *named(other, &renamed) == *new) {
            return Err(format!("rename-command {shown}: the new name is taken"));
        }
        renamed.retain(|(old, _)| old != command.name.as_bytes());
        renamed.push((command.name.into(), new));
    }
    RENAMED.set(renamed).map_err(|_| "rename-command: commands are in use already".to_owned())
}

/// The registry of all commands, made on first use from `families`, which `commands` declares.
pub fn registry(families: &[&'static [Command]]) -> &'static Registry {
    REGISTRY.get_or_init(|| Registry::new(families, RENAMED.get().map_or(&[], Vec::as_slice)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Group, Outer, Result, Run};

    fn nothing(_: &mut Outer<'_>) -> Result {
        Ok(())
    }

    const fn named(name: &'static str) -> Command {
        Command::new(name, name, Group::Server, Run::Outer(nothing))
    }

    static FAMILY: [Command; 8] = [
        named("A"),
        named("AB"),
        named("GET"),
        named("MGET"),
        named("EXPIRETM"),
        named("EXPIRETIME"),
        named("X_9"),
        named("INCRBYFLOATANDMUCHMORE"),
    ];

    #[test]
    fn names_are_found_in_any_case_and_nothing_else_is() {
        let registry = Registry::new(&[&FAMILY], &[]);
        for (number, command) in FAMILY.iter().enumerate() {
            for name in [command.name.to_string(), command.name.to_lowercase()] {
                let found = registry.find(name.as_bytes()).unwrap();
                assert_eq!((found.command.name, found.number), (command.name, number));
            }
        }
        for name in
            ["", "G", "GE", "GET ", "GET\0", " GET", "G\u{5}T", "EXPIRETMX", "X9", "X_\u{19}", "EXPIRETIM"]
        {
            assert!(registry.find(name.as_bytes()).is_none(), "{name:?}");
        }
    }

    static TWO: &[Command] = &[
        Command::new("GET", "get", Group::String, Run::Outer(nothing)),
        Command::new("SET", "set", Group::String, Run::Outer(nothing)),
    ];

    #[test]
    fn renamed_commands_have_their_new_name_only() {
        let long = [b'X'; NAME_MAX + 8];
        for (new, asked, found) in [
            (&b""[..], &b"get"[..], false),
            (b"FETCH", b"get", false),
            (b"FETCH", b"fetch", true),
            (&long, &long, true),
        ] {
            let registry = Registry::new(&[TWO], &[(b"GET".to_vec(), new.to_vec())]);
            assert_eq!(registry.find(asked).is_some_and(|entry| entry.command.name == "GET"), found);
            assert!(registry.find(b"set").is_some());
            assert!(registry.find_effect(b"get").is_some(), "what is replayed keeps its name");
        }
    }
}
