//! What rules may name: the commands by number and name, and the categories they belong to.

use std::collections::HashMap;

/// The categories in the order in which ACL CAT lists them; the place of each is its bit.
pub const CATEGORIES: [&str; 22] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
    "queue",
];

/// What Redis 8 has and this server does not. Rules may name it, so that users of a Redis can be taken over and handed back as
/// they are written; there is nothing that such a rule allows or forbids.
const ABSENT: [&str; 19] = [
    "cluster|addslots",
    "cluster|addslotsrange",
    "cluster|bumpepoch",
    "cluster|count-failure-reports",
    "cluster|delslots",
    "cluster|delslotsrange",
    "cluster|failover",
    "cluster|flushslots",
    "cluster|forget",
    "cluster|getkeysinslot",
    "cluster|links",
    "cluster|meet",
    "cluster|myshardid",
    "cluster|replicas",
    "cluster|replicate",
    "cluster|saveconfig",
    "cluster|set-config-epoch",
    "cluster|setslot",
    "cluster|slaves",
];

/// The bit of the category called `name`, in any case.
pub fn category(name: &[u8]) -> Option<u32> {
    let at = CATEGORIES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
    Some(1 << at)
}

/// One command or subcommand.
#[derive(Debug)]
pub struct Named {
    /// `get` or `config|get`.
    pub name: &'static str,
    /// The bits of its categories.
    pub categories: u32,
    /// Whether anybody may call it, even before authentication.
    pub open: bool,
    /// The numbers of its subcommands.
    pub subcommands: Vec<usize>,
}

/// The commands of the server, by the number that statistics use too.
#[derive(Debug, Default)]
pub struct Catalogue {
    commands: Vec<Named>,
    /// By names in lower case.
    by_name: HashMap<String, usize>,
}

impl Catalogue {
    /// The catalogue of `commands`: the full name of each, its categories, and whether anybody may
    /// call it. Subcommands stand behind their container.
    pub fn new(commands: impl IntoIterator<Item = (&'static str, Vec<&'static str>, bool)>) -> Self {
        let mut catalogue = Self::default();
        for (name, categories, open) in commands {
            let lower = name.to_ascii_lowercase();
            debug_assert!(!ABSENT.contains(&&*lower), "{name} is here");
            let number = catalogue.commands.len();
            let bits = categories.iter().filter_map(|name| category(name.as_bytes()));
            let categories = bits.fold(0, |all, bit| all | bit);
            catalogue.commands.push(Named { name, categories, open, subcommands: Vec::new() });
            if let Some(container) = lower.split_once('|').and_then(|(c, _)| catalogue.by_name.get(c)) {
                catalogue.commands[*container].subcommands.push(number);
            }
            catalogue.by_name.insert(lower, number);
        }
        catalogue
    }

    /// The number of the command called `name` (`config|get` for a subcommand), in any case.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.by_name.get(name.as_str()).copied()
    }

    /// The number and the name of what a rule about `name` is about: no number if it is not there, but in Redis.
    pub fn subject(&self, name: &[u8]) -> Option<(Option<usize>, &'static str)> {
        match self.find(name) {
            Some(number) => Some((Some(number), self.get(number).name)),
            None => ABSENT
                .iter()
                .find(|known| known.as_bytes().eq_ignore_ascii_case(name))
                .map(|known| (None, *known)),
        }
    }

    /// The command with this number.
    pub fn get(&self, number: usize) -> &Named {
        &self.commands[number]
    }

    /// The numbers of the commands and subcommands that belong to all of `categories`.
    pub fn of(&self, categories: u32) -> impl Iterator<Item = usize> {
        (0..self.commands.len())
            .filter(move |number| self.commands[*number].categories & categories == categories)
    }

    /// How many commands and subcommands there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }
}
