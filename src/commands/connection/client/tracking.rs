//! CLIENT TRACKING, TRACKINGINFO, GETREDIR, CACHING: client-side caching.

use super::SIMPLE;
use super::control::switch;
use crate::command::{Args, Command, Error, Group, Outer, Result, Run};
use crate::engine::{Client, Engine, Flag, Tracking, Wish};
use bytes::Bytes;
use std::sync::atomic::Ordering::Relaxed;

pub(super) const TRACKING: Command =
    Command::new("TRACKING", "client|tracking", Group::Connection, Run::Outer(tracking))
        .syntax(
            "<status: ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] \
             [OPTIN] [OPTOUT] [NOLOOP]",
        )
        .flags(SIMPLE)
        .doc("6.0.0", "O(1)", "Has the server tell of changes to keys that the client keeps.");

fn tracking(cx: &mut Outer<'_>) -> Result {
    let first = cx.args.bytes()?;
    let wish = parse(&mut cx.args, cx.engine)?;
    let client = &cx.session.client;
    if switch(&mut Args::new(&[first], 0))? {
        check(&wish, client, cx.engine)?;
        cx.engine.track(client, &wish);
    } else {
        cx.engine.untrack(client);
        cx.session.caching = false;
    }
    cx.reply.ok();
    Ok(())
}

fn parse(args: &mut Args<'_>, engine: &Engine) -> Result<Wish> {
    let mut wish = Wish::default();
    while args.more() {
        let followed = args.left() > 1;
        if followed && args.word("REDIRECT") {
            if wish.redirect != 0 {
                return Err(Error::new("ERR A client can only redirect to a single other client"));
            }
            wish.redirect = args.int()? as u64;
            if engine.clients.get(wish.redirect).is_none() {
                return Err(Error::new("ERR The client ID you want redirect to does not exist"));
            }
        } else if args.word("BCAST") {
            wish.broadcast = true;
        } else if args.word("OPTIN") {
            wish.opt_in = true;
        } else if args.word("OPTOUT") {
            wish.opt_out = true;
        } else if args.word("NOLOOP") {
            wish.no_loop = true;
        } else if followed && args.word("PREFIX") {
            wish.prefixes.push(Bytes::copy_from_slice(args.bytes()?));
        } else {
            return Err(Error::SYNTAX);
        }
    }
    Ok(wish)
}

/// Whether the options go together, and with what the client does already.
fn check(wish: &Wish, client: &Client, engine: &Engine) -> Result {
    let refuse = |why| Err(Error::new(why));
    if !wish.broadcast && !wish.prefixes.is_empty() {
        return refuse("ERR PREFIX option requires BCAST mode to be enabled");
    }
    if client.is(Flag::Tracking) && client.is(Flag::Broadcast) != wish.broadcast {
        return refuse(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling \
             it with a different mode.",
        );
    }
    if wish.broadcast && (wish.opt_in || wish.opt_out) {
        return refuse("ERR OPTIN and OPTOUT are not compatible with BCAST");
    }
    if wish.opt_in && wish.opt_out {
        return refuse("ERR You can't specify both OPTIN mode and OPTOUT mode");
    }
    if (wish.opt_in && client.is(Flag::OptOut)) || (wish.opt_out && client.is(Flag::OptIn)) {
        return refuse(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling \
             it with a different mode.",
        );
    }
    check_prefixes(&wish.prefixes, client.id, &engine.tracking)
}

/// No prefix of a client may begin with another one: it would be told twice.
fn check_prefixes(wanted: &[Bytes], client: u64, tracking: &Tracking) -> Result {
    // In order, one that begins with another stands right behind it, or behind one that does, too.
    let mut sorted: Vec<&Bytes> = wanted.iter().collect();
    sorted.sort_unstable();
    let apart = !sorted.windows(2).any(|pair| pair[1].starts_with(pair[0]));
    let overlap = |a: &Bytes, b: &Bytes| a.starts_with(b) || b.starts_with(a);
    for (at, prefix) in wanted.iter().enumerate() {
        let old = tracking.overlapping(client, prefix).map(|old| ("an existing prefix", old));
        let new = || wanted[at + 1..].iter().find(|new| !apart && overlap(prefix, new));
        let other = old.or_else(|| new().map(|new| ("another provided prefix", new.clone())));
        if let Some((what, other)) = other {
            let (overlaps, end) =
                (format!("' overlaps with {what} '"), b"'. Prefixes for a single client must not overlap.");
            return Err(Error::parts(&[b"ERR Prefix '", prefix, overlaps.as_bytes(), &other, end]));
        }
    }
    Ok(())
}

pub(super) const TRACKINGINFO: Command =
    Command::new("TRACKINGINFO", "client|trackinginfo", Group::Connection, Run::Outer(trackinginfo))
        .syntax("")
        .flags(SIMPLE)
        .doc("6.2.0", "O(1)", "Tells how this connection uses client-side caching.");

fn trackinginfo(cx: &mut Outer<'_>) -> Result {
    let client = &cx.session.client;
    let tracks = client.is(Flag::Tracking);
    let caching = cx.session.caching;
    let flags = [
        ("on", tracks),
        ("off", !tracks),
        ("bcast", client.is(Flag::Broadcast)),
        ("optin", client.is(Flag::OptIn)),
        ("caching-yes", client.is(Flag::OptIn) && caching),
        ("optout", client.is(Flag::OptOut)),
        ("caching-no", client.is(Flag::OptOut) && caching),
        ("noloop", client.is(Flag::NoLoop)),
        ("broken_redirect", client.is(Flag::BrokenRedirect)),
    ];
    let on = flags.iter().filter(|(_, on)| *on);
    cx.reply.map(3);
    cx.reply.bulk(b"flags");
    cx.reply.set(on.clone().count());
    on.for_each(|(name, _)| cx.reply.bulk(name.as_bytes()));
    cx.reply.bulk(b"redirect");
    cx.reply.int(redirect_of(client));
    cx.reply.bulk(b"prefixes");
    let prefixes = cx.engine.tracking.prefixes_of(client.id);
    cx.reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| cx.reply.bulk(prefix));
    Ok(())
}

/// The client that is told in the place of `client`: 0 for itself, -1 when nobody is.
pub(super) fn redirect_of(client: &Client) -> i64 {
    if client.is(Flag::Tracking) { client.redirect.load(Relaxed) as i64 } else { -1 }
}

pub(super) const GETREDIR: Command =
    Command::new("GETREDIR", "client|getredir", Group::Connection, Run::Outer(getredir))
        .syntax("")
        .flags(SIMPLE)
        .doc("6.0.0", "O(1)", "Tells which client gets the invalidation messages of this one.");

fn getredir(cx: &mut Outer<'_>) -> Result {
    cx.reply.int(redirect_of(&cx.session.client));
    Ok(())
}

pub(super) const CACHING: Command =
    Command::new("CACHING", "client|caching", Group::Connection, Run::Outer(caching))
        .syntax("<mode: YES | NO>")
        .flags(SIMPLE)
        .doc("6.0.0", "O(1)", "Says whether the keys of the next command are tracked.");

fn caching(cx: &mut Outer<'_>) -> Result {
    let client = &cx.session.client;
    if !client.is(Flag::Tracking) {
        return Err(Error::new(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
             enabled",
        ));
    }
    if cx.args.word("YES") {
        if !client.is(Flag::OptIn) {
            return Err(Error::new(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
    } else if cx.args.word("NO") {
        if !client.is(Flag::OptOut) {
            return Err(Error::new(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
    } else {
        return Err(Error::SYNTAX);
    }
    cx.session.caching = true;
    cx.reply.ok();
    Ok(())
}
