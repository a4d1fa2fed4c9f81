//! All commands, found by one hash of their name.

use super::Command;
use std::sync::OnceLock;

/// The longest name of a command or subcommand, in bytes.
const NAME_MAX: usize = 32;
const SLOTS: usize = 2048;

/// The commands and subcommands of the server, each with a number.
pub struct Registry {
    commands: Vec<&'static Command>,
    /// Top-level commands by hash: the index in `commands` plus one.
    slots: Box<[u16; SLOTS]>,
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
            subcommands.push(commands.len());
            commands.extend(commands[number].subcommands());
        }
        Self { commands, slots, subcommands, top }
    }

    /// The command called `name`, in any case.
    pub fn find(&self, name: &[u8]) -> Option<Entry> {
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

    /// The top-level commands.
    pub fn top(&self) -> impl Iterator<Item = &'static Command> {
        self.commands[..self.top].iter().copied()
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
