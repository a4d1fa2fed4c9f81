//! All the rules of one user: whether it may log in, how, and what it may do then.

use super::{Catalogue, Denied, Fault, Question, Selector};
use crate::base::text::until_nul;
use sha2::{Digest, Sha256};

/// The rules of one user.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether one may log in as this user.
    pub on: bool,
    /// Whether every password is right.
    pub nopass: bool,
    /// Whether what RESTORE gets from this user is looked through.
    pub sanitize_payload: bool,
    /// SHA-256 of the passwords, in hexadecimal digits.
    pub passwords: Vec<String>,
    /// The root selector, then the others.
    selectors: Vec<Selector>,
}

impl Rules {
    /// The rules of a user that has just been made: it can do nothing.
    pub fn new(all_channels: bool) -> Self {
        Self {
            on: false,
            nopass: false,
            sanitize_payload: true,
            passwords: Vec::new(),
            selectors: vec![Selector::new(all_channels)],
        }
    }

    /// The rules of the default user: everything, without a password.
    pub fn everything(catalogue: &Catalogue) -> Self {
        let mut root = Selector::new(true);
        for rule in [&b"+@all"[..], b"~*"] {
            root.apply(rule, catalogue).expect("a rule of our own");
        }
        Self { on: true, nopass: true, selectors: vec![root], ..Self::new(true) }
    }

    /// Applies one rule; a selector of its own is one rule, in parentheses. `all_channels` says what
    /// `reset` and new selectors begin with.
    ///
    /// # Errors
    /// When it is no rule; nothing has changed then.
    pub fn apply(&mut self, rule: &[u8], all_channels: bool, catalogue: &Catalogue) -> Result<(), Fault> {
        match &rule.to_ascii_lowercase()[..] {
            b"" => return Ok(()),
            b"on" => self.on = true,
            b"off" => self.on = false,
            b"nopass" => (self.nopass, self.passwords) = (true, Vec::new()),
            b"resetpass" => (self.nopass, self.passwords) = (false, Vec::new()),
            b"sanitize-payload" => self.sanitize_payload = true,
            b"skip-sanitize-payload" => self.sanitize_payload = false,
            b"clearselectors" => self.selectors.truncate(1),
            b"reset" => *self = Self::new(all_channels),
            _ => match rule {
                [b'>', password @ ..] => self.add(hash(password)),
                [b'#', digits @ ..] => self.add(checked(digits)?),
                [b'<', password @ ..] => self.remove(&hash(password))?,
                [b'!', digits @ ..] => self.remove(&checked(digits)?)?,
                [b'(', inner @ .., b')'] => {
                    let mut selector = Selector::new(all_channels);
                    // As C sees them.
                    until_nul(inner)
                        .split(|b| matches!(b, b' ' | b'\t'..=b'\r'))
                        .filter(|rule| !rule.is_empty())
                        .try_for_each(|rule| selector.apply(rule, catalogue))?;
                    self.selectors.push(selector);
                }
                _ => return self.selectors[0].apply(rule, catalogue),
            },
        }
        Ok(())
    }

    fn add(&mut self, hash: String) {
        self.nopass = false;
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
    }

    fn remove(&mut self, hash: &str) -> Result<(), Fault> {
        let at = self.passwords.iter().position(|known| known == hash).ok_or(Fault::NoSuchPassword)?;
        self.passwords.remove(at);
        Ok(())
    }

    /// Whether one may log in with `password`. Hashes are compared, so the time it takes says nothing
    /// about the password.
    pub fn admits(&self, password: &[u8]) -> bool {
        self.on && (self.nopass || self.passwords.contains(&hash(password)))
    }

    /// Whether clients of this user need no check at all.
    pub fn is_unrestricted(&self) -> bool {
        self.selectors.iter().any(Selector::is_unrestricted)
    }

    /// The root selector first.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Whether a call is allowed: by one selector as a whole. What is told is what came closest.
    ///
    /// # Errors
    /// What is not allowed.
    pub fn check(&self, asked: &Question<'_>, catalogue: &Catalogue) -> Result<(), Denied> {
        let mut closest = None;
        for selector in &self.selectors {
            match selector.check(asked, catalogue) {
                Ok(()) => return Ok(()),
                Err(denied) => closest = closest.max(Some(denied)),
            }
        }
        Err(closest.unwrap_or(Denied::Command))
    }

    /// Whether a channel may be listened to.
    pub fn hears(&self, name: &[u8], is_pattern: bool) -> bool {
        self.selectors.iter().any(|selector| selector.hears(name, is_pattern))
    }

    /// Whether a selector that allows the call lets every key be read: what SORT needs for keys that
    /// no argument names.
    pub fn reads_every_key(&self, asked: &Question<'_>, catalogue: &Catalogue) -> bool {
        let suits = |selector: &&Selector| selector.check(asked, catalogue).is_ok();
        self.selectors.iter().filter(suits).any(Selector::reads_every_key)
    }

    /// The words ACL GETUSER lists under `flags`.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let payload = if self.sanitize_payload { "sanitize-payload" } else { "skip-sanitize-payload" };
        let nopass = self.nopass.then_some("nopass");
        [Some(if self.on { "on" } else { "off" }), nopass, Some(payload)].into_iter().flatten()
    }

    /// All of it, as a line of rules.
    pub fn describe(&self) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = self.flags().map(|flag| flag.into()).collect();
        words.extend(self.passwords.iter().map(|hash| format!("#{hash}").into_bytes()));
        let [root, others @ ..] = self.selectors.as_slice() else { return words.join(&b' ') };
        words.push(root.describe());
        words.extend(others.iter().map(|selector| [b"(", &selector.describe()[..], b")"].concat()));
        words.join(&b' ')
    }
}

/// The SHA-256 of a password, in hexadecimal digits.
pub fn hash(password: &[u8]) -> String {
    Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn checked(digits: &[u8]) -> Result<String, Fault> {
    let valid = digits.len() == 64 && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if valid { Ok(String::from_utf8_lossy(digits).into_owned()) } else { Err(Fault::Hash) }
}
