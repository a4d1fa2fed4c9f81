//! Which clients CLIENT LIST and CLIENT KILL mean.

use crate::command::{Error, Result};
use crate::engine::{Client, Flag};

/// The type of a client, as `TYPE` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Normal,
    Master,
    Replica,
    PubSub,
}

impl Type {
    pub(super) fn parse(word: &[u8]) -> Result<Type> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Type::Normal),
            b"master" => Ok(Type::Master),
            b"slave" | b"replica" => Ok(Type::Replica),
            b"pubsub" => Ok(Type::PubSub),
            _ => Err(Error::text(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(word)))),
        }
    }

    pub(super) fn of(client: &Client) -> Type {
        if client.is(Flag::Subscribed) { Type::PubSub } else { Type::Normal }
    }
}
