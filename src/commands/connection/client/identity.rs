//! CLIENT ID, GETNAME, SETNAME, SETINFO, CAPA.

use super::{SIMPLE, check_word};
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::engine::{Flag, Introduction};
use bytes::Bytes;

pub(super) const ID: Command = Command::new("ID", "client|id", Group::Connection, Run::Outer(id))
    .syntax("")
    .flags(SIMPLE)
    .doc("5.0.0", "O(1)", "Tells the number of this connection.");

fn id(cx: &mut Outer<'_>) -> Result {
    cx.reply.int(cx.session.client.id as i64);
    Ok(())
}

pub(super) const GETNAME: Command =
    Command::new("GETNAME", "client|getname", Group::Connection, Run::Outer(getname))
        .syntax("")
        .flags(SIMPLE)
        .doc("2.6.9", "O(1)", "Tells the name of this connection.");

fn getname(cx: &mut Outer<'_>) -> Result {
    match &*cx.session.client.introduction().name {
        b"" => cx.reply.null(),
        name => cx.reply.bulk(name),
    }
    Ok(())
}

pub(super) const SETNAME: Command =
    Command::new("SETNAME", "client|setname", Group::Connection, Run::Outer(setname))
        .syntax("connection-name")
        .flags(SIMPLE)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .doc("2.6.9", "O(1)", "Names this connection.");

fn setname(cx: &mut Outer<'_>) -> Result {
    let name = check_word(cx.args.bytes()?, "Client names")?;
    cx.session.client.introduce(|said| said.name = name);
    cx.reply.ok();
    Ok(())
}

pub(super) const SETINFO: Command =
    Command::new("SETINFO", "client|setinfo", Group::Connection, Run::Outer(setinfo))
        .syntax("<attr: LIB-NAME libname | LIB-VER libver>")
        .flags(SIMPLE)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .doc("7.2.0", "O(1)", "Notes the name or the version of the client's library.");

fn setinfo(cx: &mut Outer<'_>) -> Result {
    let [attribute, value] = *cx.args.take(2)? else { return Err(Error::SYNTAX) };
    let shown = String::from_utf8_lossy(attribute);
    let field: fn(&mut Introduction) -> &mut Bytes = match attribute.to_ascii_lowercase().as_slice() {
        b"lib-name" => |said| &mut said.library,
        b"lib-ver" => |said| &mut said.version,
        _ => return Err(Error::parts(&[b"ERR Unrecognized option '", attribute, b"'"])),
    };
    let word = check_word(value, &shown)?;
    cx.session.client.introduce(|said| *field(said) = word);
    cx.reply.ok();
    Ok(())
}

pub(super) const CAPA: Command = Command::new("CAPA", "client|capa", Group::Connection, Run::Outer(capa))
    .syntax("capability [capability ...]")
    .flags(SIMPLE)
    .doc("8.0.0", "O(N) where N is the number of capabilities.", "Notes what the client is capable of.");

/// What is unknown may be known to another server: it is passed over.
fn capa(cx: &mut Outer<'_>) -> Result {
    if cx.args.rest().iter().any(|word| word.eq_ignore_ascii_case(b"redirect")) {
        cx.session.client.set(Flag::Redirectable, true);
    }
    cx.reply.ok();
    Ok(())
}
