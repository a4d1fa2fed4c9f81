//! Why a rule is none.

use std::fmt;

/// Why a rule was refused, in Redis' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No command or category of that name.
    Unknown,
    /// It is no rule at all.
    Syntax,
    /// A key pattern behind one that allows every key.
    KeyAfterAll,
    /// A channel pattern behind one that allows every channel.
    ChannelAfterAll,
    /// The password to be removed is not there.
    NoSuchPassword,
    /// A hash that is none.
    Hash,
    /// `+container|subcommand|argument`.
    ArgumentOfSubcommand,
    /// A database that cannot be.
    Database,
}

impl Fault {
    /// The text for people.
    pub fn text(self) -> &'static str {
        match self {
            Fault::Unknown => "Unknown command or category name in ACL",
            Fault::Syntax => "Syntax error",
            Fault::KeyAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Fault::ChannelAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            Fault::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            Fault::Hash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            Fault::ArgumentOfSubcommand => "Allowing first-arg of a subcommand is not supported",
            Fault::Database => "The provided database ID is out of range",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
