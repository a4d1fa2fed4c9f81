//! Floor 2: Lua. An interpreter per thread, sandboxed; what a script calls goes out through [`Host`], so
//! that this room knows no commands.
//!
//! ```text
//! KEYS, ARGV ──▶ Lua tables ──▶ script ──redis.call──▶ Host::call ──▶ reply bytes
//!                                  │   ◀── Lua values ◀── reading ◀────────┘
//!                                  └ return ──▶ writing ──▶ the client's reply
//! ```
//!
//! - The language is PUC Lua 5.1. LuaJIT is faster in long computations, but its compiled loops do not
//!   run hooks, so that a script could not be ended, and it knows no limit of memory.
//! - Scripts see shown, read-only tables (`prelude.lua`); nothing that a script of EVAL does outlives it.
//! - A hook every [`HOOK_EVERY`] instructions asks the host whether the script may go on; once it may
//!   not, every line ends in an error, so that no `pcall` keeps it alive. What the libraries of C do
//!   between two instructions is short: the prelude gives what may take long to twins that look up.
//! - The debugger ([`debug`]) runs as a hook before each line, which talks with the client.
//! - Memory is limited per interpreter while a script runs. The functions written in Rust run without
//!   the limit, and it is looked at when they are done.

mod api;
mod bytecode;
mod calling;
pub mod debug;
mod interp;
pub mod keys;
mod libs;
mod names;
mod random;
mod reading;
mod registry;
pub mod script;
mod stack;
#[cfg(test)]
mod tests;
mod writing;

pub use interp::{Compiled, Failure, Interp, Kind, Words, enable_deprecated, memory, with};
pub use libs::json::Lasting;
pub use registry::{BAD_NAME, Declared, Registered, folded, is_name};
pub use script::{Flags, Library, Script, Sha};
pub use writing::error_line;

use crate::resp::Reply;

/// Instructions between two looks at whether a script may go on.
pub const HOOK_EVERY: u32 = 5_000;

/// How important a line of `redis.log` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `redis.LOG_DEBUG`
    Debug,
    /// `redis.LOG_VERBOSE`
    Verbose,
    /// `redis.LOG_NOTICE`
    Notice,
    /// `redis.LOG_WARNING`
    Warning,
}

/// Why a call of a script failed.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The error, code first.
    pub error: crate::resp::Error,
    /// Whether it is counted in the statistics already: the command ran.
    pub counted: bool,
    /// Whether it is what the command answered.
    pub ran: bool,
}

/// What a running script reaches outside of Lua.
pub trait Host {
    /// Runs a command and writes its reply, in the protocol that `reply` has.
    ///
    /// # Errors
    /// What the command answered, or why it was not run.
    fn call(&mut self, argv: &[&[u8]], reply: &mut Reply) -> Result<(), Refused>;

    /// Whether the user may run a command.
    ///
    /// # Errors
    /// When there is no such command.
    fn may_run(&mut self, argv: &[&[u8]]) -> Result<bool, Refused>;

    /// Writes a line to the log.
    fn log(&mut self, level: Level, text: &str);

    /// Is told of an error within what a script returned, which is not counted yet.
    fn returned_error(&mut self, text: &[u8]);

    /// What `cjson` was told to do by those before.
    fn json(&self) -> &Lasting;

    /// Whether the script may go on; asked now and then.
    fn may_go_on(&mut self) -> bool;

    /// Is told that the script waits for the client that debugs it, for as long as that takes.
    fn waits(&mut self);
}

scoped_tls_hkt::scoped_thread_local!(
    /// The host of the script that this thread runs.
    static mut HOST: for<'a> &'a mut (dyn Host + 'a)
);
