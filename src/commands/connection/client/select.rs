//! Which clients CLIENT LIST and CLIENT KILL mean: the filters of Redis 8 and of Valkey 9.1, each of
//! which may be turned around by `NOT-`.

use super::list::{FLAGS, flags_of};
use crate::base::number;
use crate::command::{Args, Error, Outer, Result};
use crate::engine::{Client, Engine, Flag};
use std::collections::BTreeSet;
use std::mem::discriminant;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The type of a client, as `TYPE` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Normal,
    Master,
    Replica,
    PubSub,
}

impl Type {
    fn parse(word: &[u8]) -> Result<Type> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Type::Normal),
            b"master" => Ok(Type::Master),
            b"slave" | b"replica" => Ok(Type::Replica),
            b"pubsub" => Ok(Type::PubSub),
            _ => Err(Error::parts(&[b"ERR Unknown client type '", word, b"'"])),
        }
    }

    fn of(client: &Client) -> Type {
        match () {
            () if client.is(Flag::Copies) => Type::Replica,
            () if client.is(Flag::Subscribed) => Type::PubSub,
            () => Type::Normal,
        }
    }
}

/// One property of a client.
enum Property<'a> {
    Ids(BTreeSet<u64>),
    Type(Type),
    User(&'a [u8]),
    Addr(&'a [u8]),
    Laddr(&'a [u8]),
    Ip(&'a [u8]),
    Name(&'a [u8]),
    Flags(&'a [u8]),
    /// Letters of what it is capable of.
    Capa(&'a [u8]),
    LibName(&'a [u8]),
    LibVer(&'a [u8]),
    Db(u32),
    /// Connected for at least so many seconds.
    Age(i64),
    /// Without a command for at least so many seconds.
    Idle(i64),
}

impl Property<'_> {
    fn is_of(&self, client: &Client, now_ms: i64) -> bool {
        let seconds = |since_ms: i64| (now_ms - since_ms) / 1000;
        match self {
            Property::Ids(ids) => ids.contains(&client.id),
            Property::Type(kind) => Type::of(client) == *kind,
            Property::User(name) => client.user.lock().as_bytes() == *name,
            Property::Addr(addr) => client.addr.as_bytes() == *addr,
            Property::Laddr(addr) => client.laddr.as_bytes() == *addr,
            Property::Ip(ip) => ip_of(&client.addr).as_bytes() == *ip,
            Property::Name(name) => *client.introduction().name == **name,
            Property::Flags(flags) => {
                let has = flags_of(client);
                flags.iter().all(|flag| has.contains(*flag as char))
            }
            Property::Capa(letters) => letters.iter().all(|l| *l == b'r' && client.is(Flag::Redirectable)),
            Property::LibName(name) => *client.introduction().library == **name,
            Property::LibVer(version) => *client.introduction().version == **version,
            Property::Db(db) => client.db.load(Relaxed) == *db,
            Property::Age(s) => seconds(client.created_ms) >= *s,
            Property::Idle(s) => seconds(client.active_ms.load(Relaxed)) >= *s,
        }
    }
}

/// The address without its port: `127.0.0.1`, `::1`, or the path of a unix socket.
fn ip_of(addr: &str) -> &str {
    let ip = addr.rsplit_once(':').map_or(addr, |(ip, _)| ip);
    ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip)
}

/// What a client has to be to be meant.
#[derive(Default)]
pub(super) struct Filter<'a> {
    /// Properties, each with whether it is to be had or not.
    properties: Vec<(Property<'a>, bool)>,
    /// Whether the client that asks is left out; `None` when nothing was said of it.
    pub(super) skip_me: Option<bool>,
}

impl<'a> Filter<'a> {
    /// Everybody who is at this address.
    pub(super) fn at(addr: &'a [u8]) -> Self {
        Filter { properties: vec![(Property::Addr(addr), true)], skip_me: Some(false) }
    }

    /// Takes all filters; ids are to be at least `id_min`.
    ///
    /// # Errors
    /// Unknown filters, and values that cannot be.
    pub(super) fn parse(args: &mut Args<'a>, engine: &Engine, id_min: i64) -> Result<Self> {
        let mut filter = Filter::default();
        while args.more() {
            let name = args.bytes()?.to_ascii_lowercase();
            let (name, wanted) = match name.strip_prefix(b"not-") {
                Some(name) => (name, false),
                None => (&name[..], true),
            };
            if name == b"id" {
                let more = ids(args, id_min)?;
                // Ids add up.
                match filter
                    .properties
                    .iter_mut()
                    .find(|(p, w)| *w == wanted && matches!(p, Property::Ids(_)))
                {
                    Some((Property::Ids(ids), _)) => ids.extend(more),
                    _ => filter.properties.push((Property::Ids(more), wanted)),
                }
                continue;
            }
            let value = args.bytes()?;
            let property = match name {
                b"type" => Property::Type(Type::parse(value)?),
                b"user" => Property::User(user(value, engine)?),
                b"addr" => Property::Addr(value),
                b"laddr" => Property::Laddr(value),
                b"ip" => Property::Ip(value),
                b"name" => Property::Name(value),
                b"flags" => Property::Flags(flags(value, wanted)?),
                b"capa" => Property::Capa(value),
                b"lib-name" => Property::LibName(value),
                b"lib-ver" => Property::LibVer(value),
                b"db" => Property::Db(db(value, wanted, engine)?),
                b"maxage" if wanted => Property::Age(seconds(value, "maxage")?),
                b"idle" if wanted => Property::Idle(seconds(value, "idle")?),
                b"skipme" if wanted => {
                    filter.skip_me = Some(yes_or_no(value)?);
                    continue;
                }
                _ => return Err(Error::SYNTAX),
            };
            // Of a filter that is given again, the last holds.
            let same = |(known, to_have): &(Property<'_>, bool)| {
                *to_have == wanted && discriminant(known) == discriminant(&property)
            };
            filter.properties.retain(|known| !same(known));
            filter.properties.push((property, wanted));
        }
        Ok(filter)
    }

    /// The clients meant, by ascending id.
    pub(super) fn select(&self, cx: &Outer<'_>) -> Vec<Arc<Client>> {
        let now_ms = cx.engine.now_ms();
        let me = cx.session.client.id;
        let skip_me = self.skip_me.unwrap_or(false);
        let named = self.properties.iter().find_map(|property| match property {
            (Property::Ids(ids), true) => Some(ids),
            _ => None,
        });
        let mut clients = match named {
            Some(ids) => ids.iter().filter_map(|id| cx.engine.clients.get(*id)).collect(),
            None => cx.engine.clients.all(),
        };
        clients.retain(|client| {
            let fits = |(property, wanted): &(Property<'_>, bool)| property.is_of(client, now_ms) == *wanted;
            let left_out = client.is(Flag::Gone) || skip_me && client.id == me;
            !left_out && self.properties.iter().all(fits)
        });
        clients
    }
}

/// Takes ids up to the next word that is no number.
fn ids(args: &mut Args<'_>, min: i64) -> Result<BTreeSet<u64>> {
    let mut ids = BTreeSet::new();
    while let Some(word) = args.peek() {
        match number::parse_i64(word) {
            Some(id) if id >= min => _ = ids.insert(id as u64),
            Some(_) => return Err(Error::new("ERR client-id should be greater than 0")),
            None if ids.is_empty() => return Err(Error::new("ERR client-id should be greater than 0")),
            None => break,
        }
        args.bytes()?;
    }
    if ids.is_empty() { Err(Error::SYNTAX) } else { Ok(ids) }
}

fn user<'a>(name: &'a [u8], engine: &Engine) -> Result<&'a [u8]> {
    if engine.acl.user(name).is_some() {
        return Ok(name);
    }
    Err(Error::parts(&[b"ERR No such user '", name, b"'"]))
}

fn flags(letters: &[u8], wanted: bool) -> Result<&[u8]> {
    let known = |letter: &u8| b"NTd".contains(letter) || FLAGS.iter().any(|(_, c)| *c as u8 == *letter);
    if letters.iter().all(known) {
        return Ok(letters);
    }
    let which = if wanted { "provided" } else { "NOT-FLAGS" };
    Err(Error::parts(&[b"ERR Unknown flags found in the ", which.as_bytes(), b" filter: ", letters]))
}

fn db(value: &[u8], wanted: bool, engine: &Engine) -> Result<u32> {
    let name = if wanted { "DB" } else { "NOT-DB" };
    let last = engine.keyspace.databases() as i64 - 1;
    match number::parse_i64(value) {
        None => Err(Error::text(format!("ERR {name} is not an integer or out of range"))),
        Some(db) if (0..=last).contains(&db) => Ok(db as u32),
        Some(_) => Err(Error::text(format!("ERR {name} number should be between 0 and {last}"))),
    }
}

fn seconds(value: &[u8], name: &str) -> Result<i64> {
    match number::parse_i64(value) {
        None => Err(Error::text(format!("ERR {name} is not an integer or out of range"))),
        Some(s @ 1..) => Ok(s),
        Some(_) => Err(Error::text(format!("ERR {name} should be greater than 0"))),
    }
}

fn yes_or_no(value: &[u8]) -> Result<bool> {
    match value.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(Error::SYNTAX),
    }
}
