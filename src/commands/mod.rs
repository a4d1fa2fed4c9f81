//! Floor 6: the commands. A folder per family, a file per thing done to it; each declares its
//! commands above their handlers.

pub mod connection;
pub mod strings;

use crate::command::Command;

/// All commands, by family.
pub static FAMILIES: &[&[Command]] = &[
    connection::session::COMMANDS,
    strings::counter::COMMANDS,
    strings::read::COMMANDS,
    strings::write::COMMANDS,
];
