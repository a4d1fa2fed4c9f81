//! AUTH, HELLO, RESET: who the client is, and the protocol it speaks.

use super::client::check_word;
use crate::acl;
use crate::base::version;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::commands::access::refused_login;
use crate::commands::server::module;
use crate::config;
use crate::resp::Protocol;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[AUTH, HELLO, RESET];

/// What every connection may run at any time.
const ANY_TIME: u32 = NO_AUTH | NO_SCRIPT | LOADING | STALE | FAST | BUSY;

const AUTH: Command = Command::new("AUTH", "auth", Group::Connection, Run::Outer(auth))
    .syntax("[username@6.0.0] password")
    .flags(ANY_TIME)
    .history(&[("6.0.0", "Takes a user's name before the password.")])
    .doc("1.0.0", "O(1)", "Authenticates the connection.");

fn auth(cx: &mut Outer<'_>) -> Result {
    let (user, password) = match *cx.args.rest() {
        [_] if cx.engine.acl.default_user().rules().nopass => {
            return Err(Error::new(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        [password] => (acl::DEFAULT.as_bytes(), password),
        [user, password] => (user, password),
        _ => return Err(Error::SYNTAX),
    };
    authenticate(cx, user, password)?;
    cx.reply.ok();
    Ok(())
}

/// Makes the connection one of the user called `name`.
fn authenticate(cx: &mut Outer<'_>, name: &[u8], password: &[u8]) -> Result {
    match cx.engine.acl.user(name).filter(|user| user.rules().admits(password)) {
        Some(user) => {
            cx.session.log_in(user);
            Ok(())
        }
        None => {
            cx.engine.metrics.local().counters.auth_failures.add(1);
            let (object, name) = (cx.args.argv()[0], String::from_utf8_lossy(name));
            refused_login(cx.engine, cx.session, object, &name);
            Err(Error::new("WRONGPASS invalid username-password pair or user is disabled."))
        }
    }
}

const HELLO: Command = Command::new("HELLO", "hello", Group::Connection, Run::Outer(hello))
    .syntax("[arguments: protover [AUTH auth: username password] [SETNAME clientname]]")
    .flags(ANY_TIME)
    .history(&[("6.2.0", "Without a version the protocol stays.")])
    .doc("6.0.0", "O(1)", "Agrees on the protocol, and may authenticate and name the connection.");

fn hello(cx: &mut Outer<'_>) -> Result {
    let protocol = match cx.args.more() {
        false => None,
        true => Some(match cx.args.int() {
            Ok(2) => Protocol::Resp2,
            Ok(3) => Protocol::Resp3,
            Ok(_) => return Err(Error::new("NOPROTO unsupported protocol version")),
            Err(_) => return Err(Error::new("ERR Protocol version is not an integer or out of range")),
        }),
    };
    let (mut credentials, mut name) = (None, None);
    while let Some(option) = cx.args.peek() {
        if cx.args.word("AUTH") && cx.args.left() >= 2 {
            credentials = Some((cx.args.bytes()?, cx.args.bytes()?));
        } else if option.eq_ignore_ascii_case(b"SETNAME") && cx.args.left() >= 2 {
            cx.args.bytes()?;
            name = Some(check_word(cx.args.bytes()?, "Client names")?);
        } else {
            return Err(Error::parts(&[b"ERR Syntax error in HELLO option '", option, b"'"]));
        }
    }

    if let Some((user, password)) = credentials {
        authenticate(cx, user, password)?;
    }
    if !cx.session.may_run(cx.engine) {
        return Err(Error::new(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
             the same time",
        ));
    }
    if let Some(name) = name {
        cx.session.client.introduce(|said| said.name = name);
    }
    if let Some(protocol) = protocol {
        cx.session.set_protocol(protocol);
        cx.reply.set_protocol(protocol);
    }

    let zone = cx.engine.settings.text(config::AVAILABILITY_ZONE);
    let reply = &mut *cx.reply;
    reply.map(7 + usize::from(!zone.is_empty()));
    for (field, value) in [("server", "redis"), ("version", version::REDIS)] {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"proto");
    reply.int(if reply.is_resp3() { 3 } else { 2 });
    reply.bulk(b"id");
    reply.int(cx.session.client.id as i64);
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    module::write_list(reply);
    if !zone.is_empty() {
        reply.bulk(b"availability_zone");
        reply.bulk(&zone);
    }
    Ok(())
}

const RESET: Command = Command::new("RESET", "reset", Group::Connection, Run::Outer(reset))
    .syntax("")
    .flags(ANY_TIME | UNQUEUED | SUBSCRIBED)
    .doc("6.2.0", "O(1)", "Puts the connection back to how it was when it was made.");

fn reset(cx: &mut Outer<'_>) -> Result {
    cx.session.reset(cx.engine);
    cx.reply.set_protocol(cx.session.protocol());
    cx.reply.status("RESET");
    Ok(())
}
