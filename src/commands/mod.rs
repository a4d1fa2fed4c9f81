//! Floor 6: the commands. A folder per family, a file per thing done to it; each declares its
//! commands above their handlers.

pub mod access;
pub mod bits;
pub mod channels;
pub mod cluster;
pub mod connection;
pub mod geo;
pub mod hashes;
mod help;
pub mod hyperlog;
pub mod keys;
pub mod lists;
mod mpop;
pub mod queues;
pub mod scan;
pub mod scripts;
pub mod server;
pub mod sets;
pub mod sorted;
pub mod streams;
pub mod strings;
pub mod transaction;
pub mod vectors;

use crate::command::{Command, Reply};
use crate::types::Item;

/// All commands, by family.
pub static FAMILIES: &[&[Command]] = &[
    access::COMMANDS,
    bits::combine::COMMANDS,
    bits::count::COMMANDS,
    bits::field::COMMANDS,
    bits::single::COMMANDS,
    cluster::COMMANDS,
    connection::auth::COMMANDS,
    connection::client::COMMANDS,
    connection::durable::COMMANDS,
    channels::inspect::COMMANDS,
    channels::publish::COMMANDS,
    channels::subscribe::COMMANDS,
    connection::session::COMMANDS,
    geo::add::COMMANDS,
    geo::radius::COMMANDS,
    geo::read::COMMANDS,
    geo::search::COMMANDS,
    hashes::counter::COMMANDS,
    hashes::exchange::COMMANDS,
    hashes::expire::COMMANDS,
    hashes::random::COMMANDS,
    hashes::read::COMMANDS,
    hashes::scan::COMMANDS,
    hashes::ttl::COMMANDS,
    hashes::write::COMMANDS,
    hyperlog::count::COMMANDS,
    hyperlog::inspect::COMMANDS,
    keys::dump::COMMANDS,
    keys::expire::COMMANDS,
    keys::migrate::COMMANDS,
    keys::object::COMMANDS,
    keys::presence::COMMANDS,
    keys::rename::COMMANDS,
    keys::scan::COMMANDS,
    keys::sort::COMMANDS,
    keys::swap::COMMANDS,
    keys::ttl::COMMANDS,
    lists::change::COMMANDS,
    lists::pop::COMMANDS,
    lists::push::COMMANDS,
    lists::read::COMMANDS,
    lists::transfer::COMMANDS,
    queues::delete::COMMANDS,
    queues::info::COMMANDS,
    queues::peek::COMMANDS,
    queues::pop::COMMANDS,
    queues::push::COMMANDS,
    queues::redrive::COMMANDS,
    queues::replay::COMMANDS,
    queues::set::COMMANDS,
    queues::settle::COMMANDS,
    scripts::eval::COMMANDS,
    scripts::function::COMMANDS,
    scripts::script::COMMANDS,
    sets::combine::COMMANDS,
    sets::member::COMMANDS,
    sets::random::COMMANDS,
    sets::scan::COMMANDS,
    sets::store::COMMANDS,
    sorted::add::COMMANDS,
    sorted::combine::COMMANDS,
    sorted::pop::COMMANDS,
    sorted::random::COMMANDS,
    sorted::range::COMMANDS,
    sorted::read::COMMANDS,
    sorted::remove::COMMANDS,
    sorted::scan::COMMANDS,
    server::command::COMMANDS,
    server::config::COMMANDS,
    server::debug::COMMANDS,
    server::flush::COMMANDS,
    server::info::COMMANDS,
    server::latency::COMMANDS,
    server::memory::COMMANDS,
    server::module::COMMANDS,
    server::monitor::COMMANDS,
    server::process::COMMANDS,
    server::replication::COMMANDS,
    server::save::COMMANDS,
    server::commandlog::COMMANDS,
    server::hotkeys::COMMANDS,
    streams::add::COMMANDS,
    streams::claim::COMMANDS,
    streams::deliver::COMMANDS,
    streams::group::COMMANDS,
    streams::info::COMMANDS,
    streams::pending::COMMANDS,
    streams::producer::COMMANDS,
    streams::read::COMMANDS,
    streams::remove::COMMANDS,
    strings::counter::COMMANDS,
    strings::lcs::COMMANDS,
    strings::many::COMMANDS,
    strings::range::COMMANDS,
    strings::read::COMMANDS,
    strings::take::COMMANDS,
    strings::write::COMMANDS,
    transaction::COMMANDS,
    vectors::inspect::COMMANDS,
    vectors::random::COMMANDS,
    vectors::range::COMMANDS,
    vectors::read::COMMANDS,
    vectors::search::COMMANDS,
    vectors::write::COMMANDS,
];

/// Answers an element, member or field: a bulk string.
fn reply_item(reply: &mut Reply, item: Item<'_>) {
    match item {
        Item::Int(n) => reply.bulk_int(n),
        Item::Bytes(text) => reply.bulk(text),
    }
}
