//! What the operator is told when the configuration is wrong.

use std::fmt;

/// A configuration that cannot be used: where, which setting, why, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// File name, `command line` or `standard input`.
    pub file: String,
    /// Line in the file, from 1; 0 when there is none.
    pub line: usize,
    /// Name of the setting as it was written; empty when none was read.
    pub setting: String,
    /// Where a whole directive is at fault: the words that the setting was given, unless they may be secret.
    pub given: Option<Vec<String>>,
    /// What is wrong with it.
    pub reason: String,
    /// The known name that is nearest to an unknown one.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        match &self.given {
            // As Redis tells the line that it could not read: who starts servers looks for it.
            Some(words) => {
                write!(f, ": '{}", self.setting.escape_debug())?;
                words.iter().try_for_each(|word| write!(f, " \"{}\"", word.escape_debug()))?;
                f.write_str("'")?;
            }
            None if self.setting.is_empty() => {}
            None => write!(f, ": {}", self.setting.escape_debug())?,
        }
        write!(f, ": {}", self.reason)?;
        match self.nearest {
            Some(name) => write!(f, " (did you mean '{name}'?)"),
            None => Ok(()),
        }
    }
}

/// Names longer than this are not compared.
const COMPARED_MAX: usize = 64;

/// The one of `names` that needs the fewest edits to become `word`, if it is near enough to be a slip.
pub(super) fn nearest(word: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if word.len() > COMPARED_MAX {
        return None;
    }
    let slips_max = 1 + word.len() / 4;
    names
        .map(|name| (distance(word.as_bytes(), name.as_bytes()), name))
        .min()
        .filter(|(distance, _)| *distance <= slips_max)
        .map(|(_, name)| name)
}

/// Levenshtein's distance: bytes to insert, remove or replace.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_away() {
        let names = ["maxmemory", "maxclients", "port"];
        for (word, name) in
            [("maxmemmory", Some("maxmemory")), ("prot", Some("port")), ("zebra", None), ("", None)]
        {
            assert_eq!(nearest(word, names.into_iter()), name, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(1 << 20), names.into_iter()), None);
    }

    #[test]
    fn a_fault_names_the_place() {
        let fault = Fault {
            file: "a.conf".into(),
            line: 3,
            setting: "po\nrt".into(),
            given: None,
            reason: "unknown setting".into(),
            nearest: Some("port"),
        };
        assert_eq!(fault.to_string(), "a.conf:3: po\\nrt: unknown setting (did you mean 'port'?)");
        let fault = Fault { given: Some(vec!["1".into(), "a\"\n".into()]), nearest: None, ..fault };
        assert_eq!(fault.to_string(), r#"a.conf:3: 'po\nrt "1" "a\"\n"': unknown setting"#);
    }
}
