//! Who is connected.

use super::Lines;
use crate::config;
use crate::engine::{Engine, Flag, Paused};
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn clients(engine: &Engine, lines: &mut Lines) {
    let clients = engine.clients.all();
    let count = |flag: Flag| clients.iter().filter(|client| client.is(flag)).count();
    let most = |size: fn(&crate::engine::Client) -> usize| clients.iter().map(|c| size(c)).max().unwrap_or(0);
    let (blocking, on_removal) = lines.survey.blocking;
    lines.add("connected_clients", clients.len());
    lines.add("cluster_connections", 0);
    lines.add("maxclients", engine.settings.int(config::MAXCLIENTS));
    lines.add("client_recent_max_input_buffer", most(|client| client.query_room.load(Relaxed)));
    lines.add("client_recent_max_output_buffer", most(|client| client.output_len.load(Relaxed)));
    lines.add("blocked_clients", engine.blocked_clients.load(Relaxed));
    lines.add("tracking_clients", engine.tracking.clients());
    lines.add("pubsub_clients", count(Flag::Subscribed));
    lines.add("watching_clients", clients.iter().filter(|client| client.watching() > 0).count());
    lines.add("clients_in_timeout_table", 0);
    lines.add("total_watched_keys", lines.survey.watched);
    lines.add("total_blocking_keys", blocking);
    lines.add("total_blocking_keys_on_nokey", on_removal);
    let now_ms = engine.now_ms();
    let (reason, actions, left_ms) = match engine.pause.state(now_ms) {
        Some((what, until_ms)) => {
            let actions = if what == Paused::All { "all" } else { "write" };
            ("client_pause", actions, until_ms.saturating_sub(now_ms))
        }
        None => ("none", "none", 0),
    };
    lines.add("paused_reason", reason);
    lines.add("paused_actions", actions);
    lines.add("paused_timeout_milliseconds", left_ms);
}
