//! CLIENT: what a connection says about itself, and about others.

mod control;
mod identity;
mod kill;
mod list;
mod select;
mod tracking;

pub(in crate::commands) use list::line;

use crate::base::text::until_nul;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Result, Run};
use crate::commands::help::help;
use bytes::Bytes;

/// The commands of this folder.
pub const COMMANDS: &[Command] = &[CLIENT];

/// What most of the subcommands are.
const SIMPLE: u32 = NO_SCRIPT | LOADING | STALE;

const CLIENT: Command = Command::new("CLIENT", "client", Group::Connection, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("2.4.0", "Depends on the subcommand.", "Holds the commands about connections.");

const SUBCOMMANDS: &[Command] = &[
    tracking::CACHING,
    identity::CAPA,
    control::DURABILITY,
    identity::GETNAME,
    tracking::GETREDIR,
    HELP,
    identity::ID,
    control::IMPORT_SOURCE,
    list::INFO,
    kill::KILL,
    list::LIST,
    control::NO_EVICT,
    control::NO_TOUCH,
    control::PAUSE,
    control::REPLY,
    identity::SETINFO,
    identity::SETNAME,
    tracking::TRACKING,
    tracking::TRACKINGINFO,
    control::UNBLOCK,
    control::UNPAUSE,
];

const HELP: Command = Command::new("HELP", "client|help", Group::Connection, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("5.0.0", "O(1)", "Lists the subcommands.");

/// `word` as a name, if it has no blanks or control characters as far as C sees it; `what` is said to the client
/// otherwise.
pub(super) fn check_word(word: &[u8], what: &str) -> Result<Bytes> {
    if until_nul(word).iter().all(u8::is_ascii_graphic) {
        return Ok(Bytes::copy_from_slice(word));
    }
    Err(Error::text(format!("ERR {what} cannot contain spaces, newlines or special characters.")))
}
