//! Every setting, declared once: name, kind, default, bounds, when it may change, and its documentation.
//!
//! ```text
//! groups/*.rs   the declarations, a file per group; each makes a constant such as `config::PORT`
//! kind          words ↔ values, with Redis' error texts
//! Settings      the values: cheap reads, CONFIG GET and SET, hooks
//! load          command line, file and standard input → Settings
//! conf, yaml    the two formats of the file
//! rewrite       CONFIG REWRITE of both
//! document      config/synap.yml and docs/configuration.md, from the declarations
//! ```
//!
//! A setting whose feature is not built yet is declared all the same, marked with what is missing
//! ([`State::Pending`]), so that no file fails to load and no `CONFIG SET` promises what is not done.

mod conf;
pub mod document;
mod fault;
mod groups;
mod kind;
mod load;
pub mod manual;
mod retired;
mod rewrite;
mod set;
mod setting;
mod settings;
mod special;
mod yaml;

pub use fault::Fault;
pub use groups::*;
pub use kind::{Kind, Refusal, Value};
pub use load::Start;
pub use set::Origin;
pub use setting::{Change, Group, Name, Setting, State};
pub use settings::Settings;
pub use special::{ClientClass, OutputLimit, SavePoint, events};

#[cfg(test)]
mod tests;
