//! All commands, found by one hash of their name.

use super::{Command, flag};
use std::sync::OnceLock;

/// The longest name of a command or subcommand, in bytes.
const NAME_MAX: usize = 32;
const SLOTS: usize = 2048;
/// Slots for names of up to 8 letters: those of nearly all calls.
const SHORT_SLOTS: usize = 1024;

/// The commands and subcommands of the server, each with a number.
pub struct Registry {
    commands: Vec<&'static Command>,
    /// Top-level commands by hash: the index in `commands` plus one.
    slots: Box<[u16; SLOTS]>,
    /// Those whose name is a [`short`] one, with that word; 0 is none.
    short_slots: Box<[(u64, u16); SHORT_SLOTS]>,
    /// The number of each top-level command's first subcommand.
    subcommands: Vec<usize>,
    top: usize,
}

/// A command found, with its number.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The declaration.
    pub command: &'static Command,
    /// Its number, for statistics.
    pub number: usize,
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
    fn new(families: &[&'static [Command]]) -> Self {
        let mut commands: Vec<&'static Command> = families.iter().flat_map(|family| family.iter()).collect();
        let top = commands.len();
        let mut slots = Box::new([0; SLOTS]);
        let mut short_slots = Box::new([(0, 0); SHORT_SLOTS]);
        let mut subcommands = Vec::with_capacity(top);
        for number in 0..top {
            let name = commands[number].name.as_bytes();
            let mut slot = slot_of(&upper(name).expect("a command's name fits NAME_MAX"), name.len());
            while slots[slot] != 0 {
                let other: &Command = commands[slots[slot] as usize - 1];
                assert_ne!(other.name, commands[number].name, "declared twice");
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = number as u16 + 1;
            let is_short = name.iter().all(u8::is_ascii_uppercase) && !commands[number].has(flag::EFFECT);
            if let Some(word) = short(name).filter(|_| is_short) {
                let mut slot = short_slot(word);
                while short_slots[slot].0 != 0 {
                    slot = (slot + 1) % SHORT_SLOTS;
                }
                short_slots[slot] = (word, number as u16);
            }
            subcommands.push(commands.len());
            commands.extend(commands[number].subcommands());
        }
        Self { commands, slots, short_slots, subcommands, top }
    }

    /// The command called `name`, in any case, if clients may call it.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<Entry> {
        if let Some(word) = short(name) {
            let mut slot = short_slot(word);
            while self.short_slots[slot].0 != 0 {
                let (known, number) = self.short_slots[slot];
                let command = self.commands[number as usize];
                // The length tells NUL and blank apart from the end.
                if known == word && command.name.len() == name.len() {
                    return Some(Entry { command, number: number.into() });
                }
                slot = (slot + 1) % SHORT_SLOTS;
            }
        }
        self.find_effect(name).filter(|entry| !entry.command.has(flag::EFFECT))
    }

    /// The command called `name`, in any case, also if only replay may run it.
    pub fn find_effect(&self, name: &[u8]) -> Option<Entry> {
        let upper = upper(name)?;
        let mut slot = slot_of(&upper, name.len());
        loop {
            let number = (self.slots[slot] as usize).checked_sub(1)?;
            let command = self.commands[number];
            if command.name.as_bytes() == &upper[..name.len()] {
                return Some(Entry { command, number });
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
        Some(Entry { command: self.commands[number], number })
    }

    /// The top-level commands that clients may call.
    pub fn top(&self) -> impl Iterator<Item = &'static Command> {
        self.commands[..self.top].iter().copied().filter(|command| !command.has(flag::EFFECT))
    }

    /// Commands and subcommands by number.
    pub fn all(&self) -> &[&'static Command] {
        &self.commands
    }
}

static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// The registry of all commands, made on first use from `families`, which `commands` declares.
pub fn registry(families: &[&'static [Command]]) -> &'static Registry {
    REGISTRY.get_or_init(|| Registry::new(families))
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
        let registry = Registry::new(&[&FAMILY]);
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
}
