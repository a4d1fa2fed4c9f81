//! ACL: who may do what.

mod change;
mod disconnect;
mod dryrun;
mod file;
mod log;
mod permission;
mod read;

pub use file::start;
pub use log::refused_login;
pub use permission::{Asked, denied, is_permitted, permit, permit_patterns};

use crate::command::flag::*;
use crate::command::{Command, Group, Run};
use crate::commands::help::help;

/// The commands of this folder.
pub const COMMANDS: &[Command] = &[ACL];

const ACL: Command = Command::new("ACL", "acl", Group::Server, Run::Container(SUBCOMMANDS)).arity(-2).doc(
    "6.0.0",
    "Depends on the subcommand.",
    "Holds the commands about users and their rights.",
);

/// What the subcommands are that anybody may have.
const OPEN: u32 = NO_SCRIPT | LOADING | STALE;
/// What those are that tell of users or change them.
const ADMINS: u32 = OPEN | ADMIN;

const SUBCOMMANDS: &[Command] = &[
    read::CAT,
    change::DELUSER,
    dryrun::DRYRUN,
    change::GENPASS,
    read::GETUSER,
    HELP,
    read::LIST,
    file::LOAD,
    log::LOG,
    file::SAVE,
    change::SETUSER,
    read::USERS,
    read::WHOAMI,
];

const HELP: Command = Command::new("HELP", "acl|help", Group::Server, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("6.0.0", "O(1)", "Lists the subcommands.");
