//! What is written about the settings, from their declarations: the commented configuration file,
//! its reference, and `--help`.

use super::groups::GROUPS;
use super::setting::{Change, Setting, State};
use super::yaml;
use crate::base::version;
use std::fmt::Write;

/// Bytes of a line in the configuration file.
const WIDTH: usize = 100;

/// `config/synap.yml`: every setting at its default, but for hidden ones.
pub fn example() -> String {
    let mut text = String::from(
        "# Every setting of Synap, at its default.\n\
         #\n\
         # Written from the declarations in src/config/groups. Start with it by `synap-server synap.yml`; flags\n\
         # such as `--port 6380` win over the file. Sizes take a unit: 1k is 1000 bytes, 1kb is 1024, and so on.\n",
    );
    for group in &GROUPS {
        let _ = write!(text, "\n# {}\n{}:\n", group.doc, group.name);
        let mut part = None;
        for setting in group.settings.iter().filter(|setting| !setting.hidden) {
            // `group.part.name` stands below `part:`.
            let below =
                setting.name.strip_prefix(&format!("{}.", group.name)).and_then(|rest| rest.split_once('.'));
            let indent = if below.is_some() { "    " } else { "  " };
            if let Some((name, _)) = below
                && part != Some(name)
            {
                let _ = writeln!(text, "  {name}:");
            }
            part = below.map(|(name, _)| name);
            for line in comment(setting) {
                let _ = writeln!(text, "{indent}# {line}");
            }
            let name = below.map_or(setting.name, |(_, name)| name);
            let _ = writeln!(text, "{indent}{name}: {}", yaml::quoted(setting.default));
        }
    }
    text
}

/// The comment above a setting in the file: what it does, what it takes, what to know about it.
fn comment(setting: &Setting) -> Vec<String> {
    let mut words = format!("{} [{}]", setting.doc, setting.kind.describe());
    if let Some(note) = note(setting) {
        let _ = write!(words, " {note}");
    }
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < WIDTH => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn note(setting: &Setting) -> Option<String> {
    match setting.state {
        State::Works => None,
        State::Hint(why) => Some(format!("Accepted, changes nothing: {why}.")),
        State::Pending(missing) => Some(format!("Not supported yet: {missing}.")),
    }
}

/// `docs/configuration.md`: the reference of all settings that are not hidden.
pub fn reference() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Written from the declarations in `src/config/groups`.\n\n\
         Synap starts without any configuration. `synap-server [FILE] [--name value …] [-]` reads FILE, which is YAML\n\
         (`config/synap.yml` holds every setting) or a redis.conf, then standard input when `-` is given, then the\n\
         flags; what comes later wins. `--check-config` reads all of it and stops. An unknown setting or a bad\n\
         value stops the start with the place, the setting and the nearest known name.\n\n\
         A setting *at the start only* cannot be changed by CONFIG SET; a *protected* one only as\n\
         `enable-protected-configs` says. *Accepted* means that the setting is known and tunes something that Synap\n\
         does by itself. *Not yet* means that what it asks for is not built: another value than the default is warned\n\
         about at the start and refused by CONFIG SET.\n",
    );
    for group in &GROUPS {
        let _ = write!(text, "\n## {}\n\n{}\n\n", group.name, group.doc);
        text.push_str("| setting | default | values | |\n|---|---|---|---|\n");
        for setting in group.settings.iter().filter(|setting| !setting.hidden) {
            let default =
                if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
            let mut remarks = setting.doc.to_owned();
            if !setting.aliases.is_empty() {
                let _ = write!(remarks, " Also `{}`.", setting.aliases.join("`, `"));
            }
            match setting.change {
                Change::Live => {}
                Change::Protected => remarks.push_str(" *Protected.*"),
                Change::Start => remarks.push_str(" *At the start only.*"),
            }
            match setting.state {
                State::Works => {}
                State::Hint(why) => drop(write!(remarks, " *Accepted:* {why}.")),
                State::Pending(missing) => drop(write!(remarks, " *Not yet:* {missing}.")),
            }
            let kind = setting.kind.describe().replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | {default} | {kind} | {remarks} |", setting.name);
        }
    }
    text
}

/// `--help`.
pub(super) fn help() -> String {
    "Usage: synap-server [FILE] [--name value ...] [-]\n\
     \n\
     FILE                 a YAML file (see config/synap.yml) or a redis.conf\n\
     --name value ...     any setting of it, which then wins over the file\n\
     -                    as the last argument: reads a configuration from standard input\n\
     --check-config       reads the configuration, reports what is wrong with it, and stops\n\
     --print-config       prints a file with every setting at its default\n\
     --healthcheck        asks the server of this configuration how it is; exits with 0 when it is well\n\
     --man                prints the manual page\n\
     --completions SHELL  prints completions for bash, zsh or fish\n\
     --version, -v        prints the version\n\
     --help, -h           prints this\n\
     \n\
     Examples:\n\
     synap-server\n\
     synap-server --port 6380 --maxmemory 1gb\n\
     synap-server /etc/redis/redis.conf --loglevel verbose\n\
     echo 'timeout 60' | synap-server -\n"
        .to_owned()
}

/// `--version`.
pub(super) fn version() -> String {
    // What starts a redis-server reads behind `v=` which commands to expect.
    format!("Synap server v={} synap={} bits={}\n", version::REDIS, version::SYNAP, usize::BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The file in the repository is what the declarations say; `UPDATE=1 cargo test` writes it.
    fn is_current(path: &str, text: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{} is not current: run `UPDATE=1 cargo test --lib config`", path.display());
    }

    #[test]
    fn the_example_is_current() {
        is_current("config/synap.yml", &example());
    }

    #[test]
    fn the_reference_is_current() {
        is_current("docs/configuration.md", &reference());
    }
}
