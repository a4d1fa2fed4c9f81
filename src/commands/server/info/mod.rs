//! INFO: how the server fares, in sections of `name:value` lines.

mod clients;
mod commands;
mod data;
mod keysizes;
mod machine;
mod queues;
mod server;
mod stats;
mod survey;

pub(super) use machine::client_memory;
pub(super) use survey::Survey;

use crate::command::flag::{LOADING, STALE};
use crate::command::{Command, Group, Result, Run, Sweep};
use crate::config;
use crate::engine::Engine;
use crate::metrics::Memory;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[INFO];

const INFO: Command = Command::new("INFO", "info", Group::Server, Run::Sweep(info))
    .syntax("[section [section ...]]")
    .flags(LOADING | STALE | crate::command::flag::DANGEROUS)
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .history(&[("7.0.0", "Several sections.")])
    .doc("1.0.0", "O(1)", "Tells how the server fares.");

/// One section.
struct Section {
    name: &'static str,
    title: &'static str,
    /// Whether it is shown without being asked for.
    default: bool,
    write: fn(&Engine, &mut Lines),
}

const SECTIONS: [Section; 19] = [
    Section { name: "server", title: "Server", default: true, write: server::server },
    Section { name: "clients", title: "Clients", default: true, write: clients::clients },
    Section { name: "memory", title: "Memory", default: true, write: machine::memory },
    Section { name: "persistence", title: "Persistence", default: true, write: data::persistence },
    Section { name: "threads", title: "Threads", default: true, write: machine::threads },
    Section { name: "stats", title: "Stats", default: true, write: stats::stats },
    Section { name: "replication", title: "Replication", default: true, write: data::replication },
    Section { name: "cpu", title: "CPU", default: true, write: machine::cpu },
    Section { name: "hotkeys", title: "Hotkeys", default: true, write: stats::hot_keys },
    Section { name: "modules", title: "Modules", default: true, write: data::modules },
    Section { name: "commandstats", title: "Commandstats", default: false, write: commands::commandstats },
    Section { name: "errorstats", title: "Errorstats", default: true, write: commands::errorstats },
    Section { name: "latencystats", title: "Latencystats", default: false, write: commands::latencystats },
    Section { name: "cluster", title: "Cluster", default: true, write: data::cluster },
    Section { name: "keyspace", title: "Keyspace", default: true, write: data::keyspace },
    Section {
        name: "keysizes",
        title: "Keysizes",
        default: true,
        write: |_, lines| keysizes::keysizes(lines),
    },
    Section { name: "queues", title: "Queues", default: false, write: queues::queues },
    Section { name: "tls", title: "TLS", default: false, write: server::tls },
    Section { name: "debug", title: "Debug", default: false, write: stats::debug },
];

/// The lines of the reply, and what of the keyspace they tell.
#[derive(Default)]
struct Lines {
    text: String,
    /// Taken before anything is gathered here: that would be told as in use.
    memory: Memory,
    survey: Survey,
}

impl Lines {
    fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        use std::fmt::Write;
        self.text.push_str(name);
        self.text.push(':');
        // A `String` takes every write.
        let _ = write!(self.text, "{value}");
        self.text.push_str("\r\n");
    }

    /// Bytes, and the same for people.
    fn bytes(&mut self, name: &str, bytes: usize) {
        self.add(name, bytes);
        self.add(&format!("{name}_human"), human(bytes));
    }

    /// Fields that have the value 0 as long as nothing here can change them.
    fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.add(name, 0));
    }
}

/// Bytes as people read them: `1.50M`.
fn human(bytes: usize) -> String {
    let n = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..0x10_0000 => format!("{:.2}K", n / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.2}M", n / 1_048_576.0),
        0x4000_0000..0x100_0000_0000 => format!("{:.2}G", n / 1_073_741_824.0),
        _ => format!("{:.2}T", n / 1_099_511_627_776.0),
    }
}

fn info(cx: &mut Sweep<'_, '_>) -> Result {
    let asked: Vec<Vec<u8>> = cx.args.rest().iter().map(|word| word.to_ascii_lowercase()).collect();
    let has = |name: &str| asked.iter().any(|word| word == name.as_bytes());
    let everything = has("everything");
    let all = everything || has("all");
    let default = asked.is_empty() || has("default");
    let is_wanted = |section: &Section| match section.name {
        "modules" => everything || default || has("modules"),
        // Shown to those alone who ask for it.
        "debug" => has("debug"),
        name => all || (default && section.default) || has(name),
    };
    let sections = || SECTIONS.iter().filter(|section| is_wanted(section));
    let tells = |name: &str| sections().any(|section| section.name == name);
    let memory = if tells("memory") { Memory::now() } else { Memory::default() };
    let mut lines = Lines { memory, ..Lines::default() };
    if ["clients", "memory", "keyspace", "keysizes"].into_iter().any(tells) {
        lines.survey = Survey::of(cx, tells("keysizes"));
    }
    if tells("keysizes") && cx.engine.settings.yes(config::KEY_MEMORY_HISTOGRAMS) {
        lines.survey.weigh(cx);
    }
    for section in sections() {
        if !lines.text.is_empty() {
            lines.text.push_str("\r\n");
        }
        lines.text.push_str(&format!("# {}\r\n", section.title));
        (section.write)(cx.engine, &mut lines);
    }
    cx.reply.verbatim(*b"txt", lines.text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_for_people() {
        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1536, "1.50K"), (3 << 20, "3.00M"), (5 << 30, "5.00G")]
        {
            assert_eq!(super::human(bytes), text);
        }
    }
}
