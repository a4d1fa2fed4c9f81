//! ACL SETUSER, DELUSER, GENPASS.

use super::disconnect;
use super::{ADMINS, OPEN};
use crate::acl::gather;
use crate::base::random;
use crate::command::{Command, Error, Group, Outer, Result, Run};

pub(super) const SETUSER: Command =
    Command::new("SETUSER", "acl|setuser", Group::Server, Run::Outer(setuser))
        .syntax("username [rule [rule ...]]")
        .flags(ADMINS)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .history(&[
            ("6.2.0", "Patterns of channels."),
            ("7.0.0", "Selectors, and keys that may be read or written only."),
        ])
        .doc(
            "6.0.0",
            "O(N) where N is the number of rules.",
            "Makes a user, or changes its rules: by all of these or none.",
        );

fn setuser(cx: &mut Outer<'_>) -> Result {
    let name = user_name(cx.args.bytes()?)?;
    let rules = gather(cx.args.rest()).map_err(|word| {
        Error::parts(&[b"ERR Unmatched parenthesis in acl selector starting at '", word, b"'."])
    })?;
    let before = cx.engine.acl.set_user(name, rules.iter().map(Vec::as_slice)).map_err(|(rule, fault)| {
        Error::parts(&[b"ERR Error in ACL SETUSER modifier '", rule, b"': ", fault.to_string().as_bytes()])
    })?;
    if let (Some(before), Some(user)) = (before, cx.engine.acl.user(name.as_bytes())) {
        disconnect::deaf(cx.engine, cx.session, &user, &before);
    }
    cx.reply.ok();
    Ok(())
}

/// `word` as the name of a user.
fn user_name(word: &[u8]) -> Result<&str> {
    let blank = word.iter().any(|b| matches!(b, 0 | b' ' | b'\t'..=b'\r'));
    std::str::from_utf8(word)
        .ok()
        .filter(|_| !blank)
        .ok_or(Error::new("ERR Usernames can't contain spaces or null characters"))
}

pub(super) const DELUSER: Command =
    Command::new("DELUSER", "acl|deluser", Group::Server, Run::Outer(deluser))
        .syntax("username [username ...]")
        .flags(ADMINS)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .doc(
            "6.0.0",
            "O(1) for each user, and O(N) for N clients.",
            "Removes users, and ends their connections.",
        );

fn deluser(cx: &mut Outer<'_>) -> Result {
    let names = cx.args.rest();
    if names.contains(&crate::acl::DEFAULT.as_bytes()) {
        return Err(Error::new("ERR The 'default' user cannot be removed"));
    }
    let removed: Vec<_> = names.iter().filter_map(|name| cx.engine.acl.remove_user(name)).collect();
    removed.iter().for_each(|user| disconnect::all(cx.engine, cx.session, user));
    cx.reply.len_of(removed.len());
    Ok(())
}

pub(super) const GENPASS: Command =
    Command::new("GENPASS", "acl|genpass", Group::Server, Run::Outer(genpass))
        .syntax("[bits:integer]")
        .flags(OPEN)
        .doc("6.0.0", "O(1)", "Makes up a password that cannot be guessed.");

/// Bits of a password unless somebody says otherwise, and at most.
const BITS: (i64, i64) = (256, 4096);

fn genpass(cx: &mut Outer<'_>) -> Result {
    let bits = match cx.args.more() {
        false => BITS.0,
        true if cx.args.left() > 1 => return Err(cx.args.misused()),
        true => cx.args.int_in(
            1..=BITS.1,
            Error::new(
                "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
            ),
        )?,
    };
    cx.reply.bulk(random::hex((bits as usize).div_ceil(4)).as_bytes());
    Ok(())
}
