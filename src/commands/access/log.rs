//! ACL LOG, and what is written there.

use super::ADMINS;
use crate::acl::{Context, Reason, Refusal};
use crate::command::{Command, Group, Outer, Result, Run};
use crate::commands::connection::client::line;
use crate::config;
use crate::engine::{Client, Engine, Session};

pub(super) const LOG: Command = Command::new("LOG", "acl|log", Group::Server, Run::Outer(log))
    .syntax("[operation: count | RESET]")
    .flags(ADMINS)
    .history(&[("7.2.0", "Tells a number of each entry, and when it came and was changed.")])
    .doc("6.0.0", "O(N) where N is the number of entries.", "Tells what was refused lately, or forgets it.");

/// Entries that are told when no number is given.
const COUNT: i64 = 10;

fn log(cx: &mut Outer<'_>) -> Result {
    if cx.args.left() > 1 {
        return Err(cx.args.misused());
    }
    if cx.args.word("RESET") {
        cx.engine.acl.log.reset();
        cx.reply.ok();
        return Ok(());
    }
    let count = if cx.args.more() { cx.args.int()?.max(0) } else { COUNT };
    let now_ms = cx.engine.now_ms();
    let refusals = cx.engine.acl.log.latest(count as usize);
    let reply = &mut *cx.reply;
    reply.array(refusals.len());
    for refusal in refusals {
        reply.map(10);
        reply.bulk(b"count");
        reply.int(refusal.count as i64);
        for (field, value) in [
            (&b"reason"[..], refusal.reason.name().as_bytes()),
            (b"context", refusal.context.name().as_bytes()),
            (b"object", &refusal.object),
            (b"username", refusal.user.as_bytes()),
        ] {
            reply.bulk(field);
            reply.bulk(value);
        }
        reply.bulk(b"age-seconds");
        reply.double((now_ms - refusal.updated_ms).max(0) as f64 / 1000.0);
        reply.bulk(b"client-info");
        reply.bulk(refusal.client.as_bytes());
        for (field, value) in [
            ("entry-id", refusal.id as i64),
            ("timestamp-created", refusal.created_ms),
            ("timestamp-last-updated", refusal.updated_ms),
        ] {
            reply.bulk(field.as_bytes());
            reply.int(value);
        }
    }
    Ok(())
}

/// Writes down that a session could not log in as `user`; `object` is the command's word.
pub fn refused_login(engine: &Engine, session: &Session, object: &[u8], user: &str) {
    let context = if session.multi.is_some() { Context::Multi } else { Context::TopLevel };
    note(engine, &session.client, (Reason::Auth, context), object, user);
}

/// Writes down that `object` was refused to `user`.
pub(super) fn note(
    engine: &Engine,
    client: &Client,
    (reason, context): (Reason, Context),
    object: &[u8],
    user: &str,
) {
    let now_ms = engine.now_ms();
    let mut about = String::new();
    line(client, now_ms, 0, &mut about);
    let refusal = Refusal {
        id: 0,
        count: 0,
        reason,
        context,
        object: object.into(),
        user: user.into(),
        client: about.trim_end().to_owned(),
        created_ms: now_ms,
        updated_ms: now_ms,
    };
    engine.acl.log.add(refusal, engine.settings.int(config::ACLLOG_MAX_LEN) as usize);
}
