//! FUNCTION: libraries of functions.

use super::{library, unkillable};
use crate::base::glob;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Reply, Result, Run};
use crate::commands::help::help;
use crate::engine::Adding;
use crate::lua::Library;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[FUNCTION];

const FUNCTION: Command = Command::new("FUNCTION", "function", Group::Scripting, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("7.0.0", "Depends on the subcommand.", "Holds the commands about libraries of functions.");

const SUBCOMMANDS: &[Command] = &[DELETE, DUMP, FLUSH, HELP, KILL, LIST, LOAD, RESTORE, STATS];

const EVERYWHERE: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

const HELP: Command = Command::new("HELP", "function|help", Group::Scripting, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("7.0.0", "O(1)", "Lists the subcommands.");

const LOAD: Command = Command::new("LOAD", "function|load", Group::Scripting, Run::Outer(load))
    .syntax("[REPLACE] function-code")
    .flags(WRITE | GROWS | NO_SCRIPT)
    .tips(EVERYWHERE)
    .doc("7.0.0", "O(N) where N is the length of the code.", "Loads a library; tells its name.");

fn load(cx: &mut Outer<'_>) -> Result {
    let mut replace = false;
    while cx.args.left() > 1 {
        if !cx.args.word("REPLACE") {
            return Err(Error::parts(&[b"ERR Unknown option given: ", cx.args.bytes()?]));
        }
        replace = true;
    }
    let how = if replace { Adding::Replace } else { Adding::Append };
    let code = cx.args.bytes()?;
    let name = library::load(cx.engine, code, how)?;
    cx.reply.bulk(&name);
    Ok(())
}

const DELETE: Command = Command::new("DELETE", "function|delete", Group::Scripting, Run::Outer(delete))
    .syntax("library-name")
    .flags(WRITE | NO_SCRIPT)
    .tips(EVERYWHERE)
    .doc("7.0.0", "O(N) where N is the number of its functions.", "Deletes a library.");

fn delete(cx: &mut Outer<'_>) -> Result {
    library::delete(cx.engine, cx.args.bytes()?)?;
    cx.reply.ok();
    Ok(())
}

const FLUSH: Command = Command::new("FLUSH", "function|flush", Group::Scripting, Run::Outer(flush))
    .syntax("[flush-type: ASYNC | SYNC]")
    .flags(WRITE | NO_SCRIPT)
    .tips(EVERYWHERE)
    .doc("7.0.0", "O(N) where N is the number of functions.", "Deletes all libraries.");

fn flush(cx: &mut Outer<'_>) -> Result {
    if cx.args.left() > 1 {
        return Err(cx.args.misused());
    }
    let fine = cx.args.word("ASYNC") || cx.args.word("SYNC") || !cx.args.more();
    if !fine {
        return Err(Error::new("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    library::flush(cx.engine);
    cx.reply.ok();
    Ok(())
}

const LIST: Command = Command::new("LIST", "function|list", Group::Scripting, Run::Outer(list))
    .syntax("[LIBRARYNAME library-name-pattern] [WITHCODE]")
    .flags(NO_SCRIPT)
    .tips(&["nondeterministic_output_order"])
    .doc(
        "7.0.0",
        "O(N) where N is the number of functions.",
        "Tells what libraries and functions there are.",
    );

fn list(cx: &mut Outer<'_>) -> Result {
    let (mut pattern, mut with_code) = (None, false);
    while cx.args.more() {
        if !with_code && cx.args.word("WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && cx.args.word("LIBRARYNAME") {
            let given = cx.args.bytes();
            pattern = Some(given.map_err(|_| Error::new("ERR library name argument was not given"))?);
        } else {
            return Err(Error::parts(&[b"ERR Unknown argument ", cx.args.bytes()?]));
        }
    }
    let mut libraries = cx.engine.scripts.libraries();
    libraries.retain(|library| pattern.is_none_or(|pattern| glob::matches(pattern, &library.name, true)));
    cx.reply.array(libraries.len());
    for library in &libraries {
        write(library, with_code, cx.reply);
    }
    Ok(())
}

fn write(library: &Library, with_code: bool, reply: &mut Reply) {
    reply.map(3 + usize::from(with_code));
    reply.bulk(b"library_name");
    reply.bulk(&library.name);
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    for function in &library.functions {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(&function.name);
        reply.bulk(b"description");
        reply.bulk_or_null(function.description.as_deref());
        reply.bulk(b"flags");
        reply.set(function.flags.names().count());
        function.flags.names().for_each(|name| reply.status(name));
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.code);
    }
}

const STATS: Command = Command::new("STATS", "function|stats", Group::Scripting, Run::Outer(stats))
    .syntax("")
    .flags(NO_SCRIPT | BUSY)
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .doc("7.0.0", "O(1)", "Tells which function runs for long, and how many there are.");

fn stats(cx: &mut Outer<'_>) -> Result {
    let reply = &mut *cx.reply;
    reply.map(2);
    reply.bulk(b"running_script");
    match cx.engine.scripts.longest() {
        Some(run) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&run.name);
            reply.bulk(b"command");
            reply.array(run.argv.len());
            run.argv.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.int(run.since.elapsed().as_millis() as i64);
        }
        None => reply.null(),
    }
    let (libraries, functions, _) = cx.engine.scripts.library_counts();
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.len_of(libraries);
    reply.bulk(b"functions_count");
    reply.len_of(functions);
    Ok(())
}

const KILL: Command = Command::new("KILL", "function|kill", Group::Scripting, Run::Outer(kill))
    .syntax("")
    .flags(NO_SCRIPT | BUSY)
    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
    .doc("7.0.0", "O(1)", "Ends the function that runs for too long, if it wrote nothing.");

fn kill(cx: &mut Outer<'_>) -> Result {
    cx.engine.scripts.kill(true).map_err(|why| unkillable(why, true))?;
    cx.reply.ok();
    Ok(())
}

const DUMP: Command = Command::new("DUMP", "function|dump", Group::Scripting, Run::Outer(dump))
    .syntax("")
    .flags(NO_SCRIPT)
    .doc(
        "7.0.0",
        "O(N) where N is the length of all code.",
        "Tells all libraries as a payload for FUNCTION RESTORE.",
    );

fn dump(cx: &mut Outer<'_>) -> Result {
    cx.reply.bulk(&library::dump(cx.engine));
    Ok(())
}

const RESTORE: Command = Command::new("RESTORE", "function|restore", Group::Scripting, Run::Outer(restore))
    .syntax("serialized-value [policy: FLUSH | APPEND | REPLACE]")
    .flags(WRITE | GROWS | NO_SCRIPT)
    .tips(EVERYWHERE)
    .doc("7.0.0", "O(N) where N is the length of the payload.", "Loads the libraries of a FUNCTION DUMP.");

fn restore(cx: &mut Outer<'_>) -> Result {
    if cx.args.left() > 2 {
        return Err(cx.args.misused());
    }
    let payload = cx.args.bytes()?;
    let how = match () {
        () if !cx.args.more() || cx.args.word("APPEND") => Adding::Append,
        () if cx.args.word("REPLACE") => Adding::Replace,
        () if cx.args.word("FLUSH") => Adding::Flush,
        () => {
            return Err(Error::new(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    library::restore(cx.engine, payload, how)?;
    cx.reply.ok();
    Ok(())
}
