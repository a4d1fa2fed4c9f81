//! Manual pages and completions of command lines; the server's own is declared from its settings.

use super::groups::GROUPS;
use super::kind::Kind;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use std::ffi::OsString;

/// What `--man` and `--completions SHELL` print about `command`; `None` when `args` ask for neither.
///
/// # Errors
/// When there are no completions for that shell.
pub fn told(mut command: Command, args: &[OsString]) -> Option<Result<String, String>> {
    let words: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let mut text = Vec::new();
    match words[..] {
        ["--man"] => {
            // A `Vec` takes every write.
            let _ = Man::new(command).render(&mut text);
        }
        ["--completions", shell] => match shell.parse::<Shell>() {
            Ok(shell) => {
                let name = command.get_name().to_owned();
                clap_complete::generate(shell, &mut command, name, &mut text);
            }
            Err(why) => return Some(Err(why)),
        },
        ["--completions"] => return Some(Err("--completions takes a shell: bash, zsh, fish".into())),
        _ => return None,
    }
    Some(Ok(String::from_utf8_lossy(&text).into_owned()))
}

/// The server's command line.
pub fn server() -> Command {
    let own = [
        Arg::new("file")
            .value_name("FILE")
            .value_hint(ValueHint::FilePath)
            .help("A YAML file (synap-server --print-config) or a redis.conf"),
        switch("check-config", "Read the configuration, report what is wrong with it, and stop"),
        switch("print-config", "Print a file with every setting at its default"),
        switch("healthcheck", "Ask the server of this configuration how it is; exit 0 when it is well"),
        switch("man", "Print the manual page"),
        Arg::new("completions")
            .long("completions")
            .value_name("SHELL")
            .value_parser(PossibleValuesParser::new(["bash", "zsh", "fish"]))
            .help("Print completions for a shell"),
        switch("version", "Print the version").short('v'),
    ];
    let settings = GROUPS.iter().flat_map(|group| group.settings).map(|setting| {
        let arg = Arg::new(setting.name).long(setting.name).value_name("value").help(setting.doc);
        let arg = match setting.kind {
            Kind::Bool => arg.value_parser(PossibleValuesParser::new(["yes", "no"])),
            Kind::Choice(words) => arg.value_parser(PossibleValuesParser::new(words.iter().copied())),
            Kind::Directory => arg.value_hint(ValueHint::DirPath),
            _ => arg,
        };
        // The name of a default of nothing would be an empty word.
        let arg = if setting.default.is_empty() { arg } else { arg.default_value(setting.default) };
        arg.hide_possible_values(true)
    });
    Command::new("synap-server")
        .version(crate::base::version::SYNAP)
        .about("A drop-in, Redis-protocol in-memory server")
        .long_about(
            "Synap serves Redis' protocol from memory. Every setting is an option of the same name, which wins over the \
             configuration file; a lone - at the end reads a configuration from standard input.",
        )
        .disable_version_flag(true)
        .args(own)
        .args(settings)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(words: &[&str]) -> Option<Result<String, String>> {
        told(server(), &words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn every_setting_is_told() {
        server().debug_assert();
        let page = ask(&["--man"]).unwrap().unwrap();
        for shell in ["bash", "zsh", "fish"] {
            let completions = ask(&["--completions", shell]).unwrap().unwrap();
            for setting in GROUPS.iter().flat_map(|group| group.settings) {
                assert!(completions.contains(setting.name), "{shell}: {}", setting.name);
                assert!(page.contains(&setting.name.replace('-', "\\-")), "{}", setting.name);
            }
        }
        assert!(ask(&["--completions", "cmd"]).unwrap().is_err());
        assert!(ask(&["--port", "1"]).is_none());
    }
}
