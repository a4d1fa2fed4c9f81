//! Users as lines of text: an ACL file, or the `user` lines of a configuration file.

use super::pattern::has_blanks;
use super::{Acl, Rules, gather};
use compact_str::CompactString;
use std::collections::BTreeMap;

/// The users that some lines declare.
#[derive(Debug, Default)]
pub struct Lines {
    /// Their rules, by name.
    pub users: BTreeMap<CompactString, Rules>,
}

impl Lines {
    /// Adds the user that `words` declare: its name, then its rules.
    ///
    /// # Errors
    /// What is wrong.
    pub fn add(&mut self, acl: &Acl, words: &[&[u8]]) -> Result<(), String> {
        let Some((name, rules)) = words.split_first() else {
            return Err("should start with user keyword followed by the username. ".into());
        };
        let shown = String::from_utf8_lossy(name).into_owned();
        if has_blanks(name) || std::str::from_utf8(name).is_err() {
            return Err(format!("username '{shown}' contains invalid characters. "));
        }
        if self.users.contains_key(shown.as_str()) {
            return Err(format!("WARNING: Duplicate user '{shown}' found. "));
        }
        let rules = gather(rules).map_err(|_| "Unmatched parenthesis in selector definition.".to_owned())?;
        let mut made = acl.new_rules();
        for rule in &rules {
            acl.apply(&mut made, rule).map_err(|fault| match fault {
                // Neither of these can hold a password.
                super::Fault::Unknown => {
                    format!("Error in applying operation '{}': {fault}. ", String::from_utf8_lossy(rule))
                }
                _ => format!("{fault}. "),
            })?;
        }
        self.users.insert(shown.into(), made);
        Ok(())
    }

    /// Reads an ACL file's `text`; `file` is its name, for what is said of faults.
    ///
    /// # Errors
    /// All that is wrong, in one text.
    pub fn read(acl: &Acl, file: &str, text: &[u8]) -> Result<Self, String> {
        let (mut lines, mut faults) = (Self::default(), String::new());
        for (at, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let words: Vec<&[u8]> = line.split(|b| *b == b' ').filter(|word| !word.is_empty()).collect();
            let added = match words.split_first() {
                Some((first, rest)) if *first == b"user" => lines.add(acl, rest),
                _ => lines.add(acl, &[]),
            };
            if let Err(fault) = added {
                faults.push_str(&format!("{file}:{}: {fault}", at + 1));
            }
        }
        if faults.is_empty() {
            return Ok(lines);
        }
        Err(format!(
            "{faults}WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
        ))
    }
}
