//! `CONFIG SET`: all of the given settings change, or none does.

use super::groups::ENABLE_PROTECTED_CONFIGS;
use super::kind::{Refusal, Value};
use super::setting::{Change, Name, State};
use super::settings::Settings;
use std::fmt;

type Apply = dyn Fn(&Settings) -> Result<(), String> + Send + Sync;

/// Whoever wants to know of a change, and may refuse it.
pub(super) struct Hook {
    names: Vec<Name>,
    apply: Box<Apply>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").field(&self.names).finish()
    }
}

/// Who asks for a change, as far as `enable-protected-configs` cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client of this machine.
    Local,
    /// Any other client.
    Remote,
}

impl Settings {
    /// Has `apply` called after `CONFIG SET` changed any of `names`; its `Err` takes the whole change
    /// back, after which it is called again. It must not set anything itself.
    pub fn on_change(
        &self,
        names: &[Name],
        apply: impl Fn(&Settings) -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.hooks.lock().push(Hook { names: names.to_vec(), apply: Box::new(apply) });
    }

    /// Answers `CONFIG SET`: changes all of `pairs` or none. The error is what the client is told.
    pub fn set(&self, pairs: &[(&[u8], &[u8])], origin: Origin) -> Result<(), Vec<u8>> {
        let hooks = self.hooks.lock();
        let names = self.settable(pairs, origin)?;

        let before: Vec<Value> = names.iter().map(|name| self.value(*name)).collect();
        let restore = || names.iter().zip(&before).for_each(|(name, value)| self.store(*name, value));
        for (name, (shown, value)) in names.iter().zip(pairs) {
            match self.parse_one(*name, value) {
                Ok(value) => self.store(*name, &value),
                Err(why) => {
                    restore();
                    return Err(failed(shown, &why));
                }
            }
        }

        let changed: Vec<Name> = names
            .iter()
            .zip(&before)
            .filter(|(name, value)| name.setting().reloads || self.value(**name) != **value)
            .map(|(n, _)| *n)
            .collect();
        let concerned: Vec<&Hook> =
            hooks.iter().filter(|hook| hook.names.iter().any(|name| changed.contains(name))).collect();
        for (at, hook) in concerned.iter().enumerate() {
            let Err(why) = (hook.apply)(self) else { continue };
            restore();
            for hook in &concerned[..=at] {
                // What was accepted before is accepted again; if not, the first error is the one to tell.
                let _ = (hook.apply)(self);
            }
            let culprit = names.iter().position(|name| hook.names.contains(name) && changed.contains(name));
            let shown = culprit.map_or(&b""[..], |at| pairs[at].0);
            return Err(failed(shown, &why));
        }
        Ok(())
    }

    /// The settings that `pairs` name, if every one may be changed by `origin`.
    fn settable(&self, pairs: &[(&[u8], &[u8])], origin: Origin) -> Result<Vec<Name>, Vec<u8>> {
        let mut names = Vec::with_capacity(pairs.len());
        for (at, (shown, text)) in pairs.iter().enumerate() {
            let Some(name) = Name::find(shown) else {
                const WHY: &[u8] = b"ERR Unknown option or number of arguments for CONFIG SET - '";
                return Err([WHY, shown, b"'"].concat());
            };
            match name.setting().change {
                Change::Start if name.setting().own && self.is_set_to(name, text) => {}
                Change::Start => return Err(failed(shown, "can't set immutable config")),
                Change::Protected if !self.may_set_protected(origin) => {
                    return Err(failed(shown, "can't set protected config"));
                }
                _ => {}
            }
            // By another of its names a setting may stand there again: then the last one holds.
            if pairs[..at].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(shown)) {
                return Err(failed(shown, "duplicate parameter"));
            }
            names.push(name);
        }
        Ok(names)
    }

    fn is_set_to(&self, name: Name, text: &[u8]) -> bool {
        self.parse_one(name, text).is_ok_and(|value| value == self.value(name))
    }

    fn may_set_protected(&self, origin: Origin) -> bool {
        match self.text(ENABLE_PROTECTED_CONFIGS).as_ref() {
            b"yes" => true,
            b"local" => origin == Origin::Local,
            _ => false,
        }
    }

    fn parse_one(&self, name: Name, text: &[u8]) -> Result<Value, Refusal> {
        let setting = name.setting();
        let words: Vec<&[u8]> = match setting.kind.is_list() {
            true => text.split(|b| *b == b' ').collect(),
            false => vec![text],
        };
        let value = setting.kind.parse(&words, &self.value(name))?;
        match setting.state {
            State::Pending(missing) if value != name.default() => {
                Err(format!("not supported by this version of Synap: {missing}").into())
            }
            _ => Ok(value),
        }
    }
}

fn failed(shown: &[u8], why: &str) -> Vec<u8> {
    const HOW: &[u8] = b"ERR CONFIG SET failed (possibly related to argument '";
    [HOW, shown, b"') - ", why.as_bytes()].concat()
}
