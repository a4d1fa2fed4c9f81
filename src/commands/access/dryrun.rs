//! ACL DRYRUN.

use super::ADMINS;
use super::permission::{Asked, check, denied};
use crate::command::{Command, Error, Group, Outer, Result, Run, registry};
use crate::commands::FAMILIES;

pub(super) const DRYRUN: Command = Command::new("DRYRUN", "acl|dryrun", Group::Server, Run::Outer(dryrun))
    .syntax("username command [arg [arg ...]]")
    .flags(ADMINS)
    .doc("7.0.0", "O(1)", "Tells whether a user may run a call, without running it.");

fn dryrun(cx: &mut Outer<'_>) -> Result {
    let name = cx.args.bytes()?;
    let Some(user) = cx.engine.acl.user(name) else {
        return Err(Error::parts(&[b"ERR User '", name, b"' not found"]));
    };
    let argv = cx.args.rest();
    let registry = registry(FAMILIES);
    let found = registry.find(argv[0]).and_then(|entry| match (entry.command.subcommands(), argv.get(1)) {
        ([], _) | (_, None) => Some(entry),
        (_, Some(word)) => registry.find_sub(entry, word),
    });
    let Some(entry) = found else {
        return Err(Error::parts(&[b"ERR Command '", argv[0], b"' not found"]));
    };
    if !entry.command.takes(argv.len()) {
        return Err(Error::arity(entry.command.full_name));
    }
    let asked = Asked { entry, argv, db: cx.session.db };
    match check(cx.engine, &user.rules(), &asked) {
        Ok(()) => cx.reply.ok(),
        Err(what) => cx.reply.bulk(denied(&user.name, &asked, what, true).as_bytes()),
    }
    Ok(())
}
