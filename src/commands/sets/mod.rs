//! Sets.

pub mod combine;
pub mod member;
pub mod random;
pub mod scan;
pub mod store;

use crate::command::Reply;
use crate::types::Item;

/// Answers a member or field: a bulk string.
pub fn reply_item(reply: &mut Reply, item: Item<'_>) {
    match item {
        Item::Int(n) => reply.bulk_int(n),
        Item::Bytes(text) => reply.bulk(text),
    }
}
