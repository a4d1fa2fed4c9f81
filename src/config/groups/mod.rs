//! The declarations: a file per group of the configuration file.
//!
//! Each line makes a constant of type [`Name`](super::Name), which is how the server reads the value:
//! `settings.int(config::MAXCLIENTS)`. A name is the setting's place in the table of all values, so
//! the groups are numbered one after another: `after` names the group before.

use super::setting::{Group, Setting};

/// Declares a group: its settings, their constants, and where it lies in the table.
macro_rules! group {
    ($name:literal, $start:expr, $doc:literal; $($constant:ident = $setting:expr;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Place { $($constant,)* }
        const FIRST: u16 = $start;
        $(
            #[allow(missing_docs)] // the declaration's own `.doc(…)` says it
            pub const $constant: $crate::config::Name = $crate::config::setting::Name(FIRST + Place::$constant as u16);
        )*
        pub(super) const GROUP: $crate::config::Group =
            $crate::config::Group { name: $name, doc: $doc, settings: &[$($setting,)*] };
        pub(super) const END: u16 = FIRST + GROUP.settings.len() as u16;
    };
}

mod cluster;
mod encodings;
mod kv_store;
mod limits;
mod metrics;
mod persistence;
mod replication;
mod scripting;
mod security;
mod server;
mod system;

pub use self::{
    cluster::*, encodings::*, kv_store::*, limits::*, metrics::*, persistence::*, replication::*,
    scripting::*, security::*, server::*, system::*,
};

/// Every group, in the order of the configuration file and of the table.
pub const GROUPS: [Group; 11] = [
    server::GROUP,
    limits::GROUP,
    security::GROUP,
    kv_store::GROUP,
    encodings::GROUP,
    persistence::GROUP,
    scripting::GROUP,
    metrics::GROUP,
    replication::GROUP,
    cluster::GROUP,
    system::GROUP,
];

/// How many settings there are.
pub(super) const COUNT: usize = system::END as usize;

const fn setting(name: &'static str, kind: super::Kind, default: &'static str) -> Setting {
    Setting::new(name, kind, default)
}

const fn switch(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, super::Kind::Bool, default)
}

const fn text(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, super::Kind::Text, default)
}
