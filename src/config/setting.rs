//! What a setting is, and the builder its declaration is written with.

use super::kind::Kind;

/// When a setting may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time, by `CONFIG SET`.
    Live,
    /// At any time, when `enable-protected-configs` allows it to the client.
    Protected,
    /// At the start only.
    Start,
}

/// How much of its meaning a setting has in this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what it says.
    Works,
    /// It is accepted and changes nothing: it tunes something that Synap does by itself, and no
    /// promise is broken. The text says why.
    Hint(&'static str),
    /// What it asks for is not built yet: any value but the default is refused by `CONFIG SET` and
    /// warned about at the start. The text names what is missing.
    Pending(&'static str),
}

/// The declaration of one setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name, as in `CONFIG GET` and the configuration file.
    pub name: &'static str,
    /// Other names it is known by.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: Kind,
    /// Its value when nobody sets it, as one would write it.
    pub default: &'static str,
    /// When it may change.
    pub change: Change,
    /// Whether it has its effect.
    pub state: State,
    /// It names something that may change itself, as a file does: setting it to what it is reads that anew.
    pub reloads: bool,
    /// Its value is never printed but by `CONFIG GET` and `CONFIG REWRITE`.
    pub secret: bool,
    /// Redis does not have it: where it may not change, CONFIG SET takes what it is, for those who write back all they read.
    pub own: bool,
    /// It is for tests and peculiar needs: `CONFIG GET` shows it by its own name alone.
    pub hidden: bool,
    /// One line of documentation.
    pub doc: &'static str,
}

impl Setting {
    /// A live, working setting.
    pub const fn new(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            default,
            change: Change::Live,
            state: State::Works,
            reloads: false,
            secret: false,
            own: false,
            hidden: false,
            doc: "",
        }
    }

    /// Only at the start.
    pub const fn start(mut self) -> Self {
        self.change = Change::Start;
        self
    }

    /// Guarded by `enable-protected-configs`.
    pub const fn protected(mut self) -> Self {
        self.change = Change::Protected;
        self
    }

    /// Its other names.
    pub const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    /// See [`State::Hint`].
    pub const fn hint(mut self, why: &'static str) -> Self {
        self.state = State::Hint(why);
        self
    }

    /// See [`State::Pending`].
    pub const fn pending(mut self, missing: &'static str) -> Self {
        self.state = State::Pending(missing);
        self
    }

    /// See [`Setting::reloads`].
    pub const fn reloads(mut self) -> Self {
        self.reloads = true;
        self
    }

    /// Keeps its value out of logs.
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// See [`Setting::own`].
    pub const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    /// See [`Setting::hidden`].
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// One line, in our own words.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Its name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// Settings that stand together in the configuration file.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Its key in the YAML file.
    pub name: &'static str,
    /// What its settings are about.
    pub doc: &'static str,
    /// Its settings, in the order of the file.
    pub settings: &'static [Setting],
}

/// A declared setting, as a place in the table of values: what the constants of `config::groups` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub(super) u16);
