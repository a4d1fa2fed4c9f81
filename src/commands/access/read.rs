//! ACL CAT, GETUSER, LIST, USERS, WHOAMI.

use super::{ADMINS, OPEN};
use crate::acl::{CATEGORIES, Selector, category};
use crate::command::{Command, Error, Group, Outer, Reply, Result, Run};

pub(super) const CAT: Command =
    Command::new("CAT", "acl|cat", Group::Server, Run::Outer(cat)).syntax("[category]").flags(OPEN).doc(
        "6.0.0",
        "O(1) for the number of categories and commands is fixed.",
        "Lists the categories, or the commands of one.",
    );

fn cat(cx: &mut Outer<'_>) -> Result {
    if !cx.args.more() {
        cx.reply.array(CATEGORIES.len());
        CATEGORIES.iter().for_each(|name| cx.reply.bulk(name.as_bytes()));
        return Ok(());
    }
    let name = cx.args.bytes()?;
    if cx.args.more() {
        return Err(cx.args.misused());
    }
    let Some(bit) = category(name) else {
        return Err(Error::parts(&[b"ERR Unknown category '", name, b"'"]));
    };
    let catalogue = &cx.engine.acl.catalogue;
    let numbers: Vec<usize> = catalogue.of(bit).collect();
    cx.reply.array(numbers.len());
    numbers.iter().for_each(|number| cx.reply.bulk(catalogue.get(*number).name.as_bytes()));
    Ok(())
}

pub(super) const GETUSER: Command =
    Command::new("GETUSER", "acl|getuser", Group::Server, Run::Outer(getuser))
        .syntax("username")
        .flags(ADMINS)
        .history(&[
            ("6.2.0", "Patterns of channels."),
            ("7.0.0", "Selectors; patterns are told as the rules that give them."),
        ])
        .doc("6.0.0", "O(N) where N is the number of rules.", "Tells the rules of a user.");

fn getuser(cx: &mut Outer<'_>) -> Result {
    let Some(user) = cx.engine.acl.user(cx.args.bytes()?) else {
        cx.reply.null();
        return Ok(());
    };
    let rules = user.rules();
    let reply = &mut *cx.reply;
    let (root, others) = rules.selectors().split_first().expect("there is a root selector");
    reply.map(6 + usize::from(root.minds_databases()));
    reply.bulk(b"flags");
    reply.set(rules.flags().count());
    rules.flags().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(rules.passwords.len());
    rules.passwords.iter().for_each(|hash| reply.bulk(hash.as_bytes()));
    selector(reply, root);
    reply.bulk(b"selectors");
    reply.array(others.len());
    for other in others {
        reply.map(3 + usize::from(other.minds_databases()));
        selector(reply, other);
    }
    Ok(())
}

/// Tells of databases only where a rule does: clients of Redis know nothing of them.
fn selector(reply: &mut Reply, selector: &Selector) {
    reply.bulk(b"commands");
    reply.bulk(selector.describe_commands().as_bytes());
    reply.bulk(b"keys");
    reply.bulk(&selector.describe_keys());
    reply.bulk(b"channels");
    reply.bulk(&selector.describe_channels());
    if selector.minds_databases() {
        reply.bulk(b"databases");
        reply.bulk(selector.describe_databases().as_bytes());
    }
}

pub(super) const LIST: Command =
    Command::new("LIST", "acl|list", Group::Server, Run::Outer(list)).syntax("").flags(ADMINS).doc(
        "6.0.0",
        "O(N) where N is the number of users.",
        "Lists the users with their rules, as an ACL file would.",
    );

fn list(cx: &mut Outer<'_>) -> Result {
    let lines = cx.engine.acl.describe();
    cx.reply.array(lines.len());
    lines.iter().for_each(|line| cx.reply.bulk(line));
    Ok(())
}

pub(super) const USERS: Command = Command::new("USERS", "acl|users", Group::Server, Run::Outer(users))
    .syntax("")
    .flags(ADMINS)
    .doc("6.0.0", "O(N) where N is the number of users.", "Lists the names of the users.");

fn users(cx: &mut Outer<'_>) -> Result {
    let users = cx.engine.acl.users();
    cx.reply.array(users.len());
    users.iter().for_each(|user| cx.reply.bulk(user.name.as_bytes()));
    Ok(())
}

pub(super) const WHOAMI: Command = Command::new("WHOAMI", "acl|whoami", Group::Server, Run::Outer(whoami))
    .syntax("")
    .flags(OPEN)
    .doc("6.0.0", "O(1)", "Tells the user of this connection.");

fn whoami(cx: &mut Outer<'_>) -> Result {
    cx.reply.bulk(cx.session.user().name.as_bytes());
    Ok(())
}
