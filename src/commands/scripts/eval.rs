//! EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO.

use crate::command::flag::*;
use crate::command::{Command, Group, Keys, Nest, Run, Source, access};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[EVAL, EVALSHA, EVALSHA_RO, EVAL_RO, FCALL, FCALL_RO];

const NOTE: &str = "What is done to the keys is up to the script";
const ANY: &[Keys] = &[Keys::counted(2, access::RW | access::ACCESS | access::UPDATE).note(NOTE)];
const ANY_RO: &[Keys] = &[Keys::counted(2, access::RO | access::ACCESS).note(NOTE)];
const FLAGS: u32 = NO_SCRIPT | STALE | NO_MONITOR | KEYS_OPTIONAL;
const COST: &str = "Depends on the script.";

const EVAL: Command = Command::new("EVAL", "eval", Group::Scripting, Run::Nested(Nest::Script(Source::Text)))
    .syntax("script numkeys [key ...] [arg ...]")
    .flags(FLAGS | REPLICATES)
    .keys(ANY)
    .doc("2.6.0", COST, "Runs a Lua script.");

const EVALSHA: Command =
    Command::new("EVALSHA", "evalsha", Group::Scripting, Run::Nested(Nest::Script(Source::Sha)))
        .syntax("sha1 numkeys [key ...] [arg ...]")
        .flags(FLAGS | REPLICATES)
        .keys(ANY)
        .doc("2.6.0", COST, "Runs a script that is loaded, by the SHA-1 of its text.");

const EVAL_RO: Command =
    Command::new("EVAL_RO", "eval_ro", Group::Scripting, Run::Nested(Nest::Script(Source::Text)))
        .syntax("script numkeys [key ...] [arg ...]")
        .flags(FLAGS | READ)
        .keys(ANY_RO)
        .doc("7.0.0", COST, "Runs a Lua script that may not write.");

const EVALSHA_RO: Command =
    Command::new("EVALSHA_RO", "evalsha_ro", Group::Scripting, Run::Nested(Nest::Script(Source::Sha)))
        .syntax("sha1 numkeys [key ...] [arg ...]")
        .flags(FLAGS | READ)
        .keys(ANY_RO)
        .doc("7.0.0", COST, "Runs a script that is loaded and may not write.");

const FCALL: Command =
    Command::new("FCALL", "fcall", Group::Scripting, Run::Nested(Nest::Script(Source::Function)))
        .syntax("function numkeys [key ...] [arg ...]")
        .flags(FLAGS | REPLICATES)
        .keys(ANY)
        .doc("7.0.0", COST, "Runs a function of a library.");

const FCALL_RO: Command =
    Command::new("FCALL_RO", "fcall_ro", Group::Scripting, Run::Nested(Nest::Script(Source::Function)))
        .syntax("function numkeys [key ...] [arg ...]")
        .flags(FLAGS | READ)
        .keys(ANY_RO)
        .doc("7.0.0", COST, "Runs a function of a library that may not write.");
