//! The settings from outside: what loads, what is refused, what `CONFIG GET`, `SET` and `REWRITE` answer.

use super::*;
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

fn load(args: &[&str], stdin: &str) -> Result<Settings, Fault> {
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    match Settings::load(&args, &mut stdin.as_bytes())? {
        Start::Serve(settings) | Start::Check(settings) | Start::Health(settings) => Ok(settings),
        Start::Print(text) => panic!("printed {text}"),
    }
}

fn fault(args: &[&str], stdin: &str) -> String {
    load(args, stdin).unwrap_err().to_string()
}

fn set(settings: &Settings, pairs: &[(&str, &str)]) -> Result<(), String> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    settings.set(&pairs, Origin::Local).map_err(|why| String::from_utf8(why).unwrap())
}

fn get(settings: &Settings, name: &str) -> String {
    let found = settings.get(&[name.as_bytes()]);
    assert_eq!(found.len(), 1, "{name}");
    String::from_utf8(found[0].1.to_vec()).unwrap()
}

/// A file of a test's own, gone with its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let directory = std::env::temp_dir().join(format!(
            "synap-config-{}-{}",
            std::process::id(),
            crate::base::random::hex(8)
        ));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

#[test]
fn every_declaration_is_whole() {
    let settings = Settings::new();
    let mut names = std::collections::HashSet::new();
    for name in Name::all() {
        let setting = name.setting();
        assert!(setting.doc.ends_with('.'), "{}: no doc", setting.name);
        for name in setting.names() {
            assert!(names.insert(name), "{name} is declared twice");
            assert_eq!(name, name.to_ascii_lowercase());
        }
        // The text of a value reads back as that value.
        let text = settings.text(name);
        let words: Vec<&[u8]> =
            if setting.kind.is_list() { text.split(|b| *b == b' ').collect() } else { vec![&text] };
        assert_eq!(setting.kind.parse(&words, &name.default()).unwrap(), name.default(), "{}", setting.name);
    }
    assert_eq!(PORT.setting().name, "port");
    assert_eq!(BGSAVE_CPULIST.setting().name, "bgsave-cpulist");
    assert_eq!((MAXMEMORY.group(), PORT.group(), BGSAVE_CPULIST.group()), ("kv_store", "server", "system"));
}

#[test]
fn every_constant_names_its_setting() {
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/groups")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap().replace(['\n', ' '], "");
        for (at, _) in text
            .match_indices("=setting(\"")
            .chain(text.match_indices("=text(\""))
            .chain(text.match_indices("=switch(\""))
        {
            let constant = text[..at].rsplit([';', '"']).next().unwrap();
            let name = text[at..].split('"').nth(1).unwrap();
            assert_eq!(
                constant.trim_start_matches("//").to_ascii_lowercase().replace('_', "-"),
                constant_of(name).replace('_', "-")
            );
        }
    }
}

/// The constant of a setting: `group.part.name` is `part_name`.
fn constant_of(name: &str) -> String {
    let name = name.split_once('.').map_or(name, |(_, name)| name);
    name.replace(['-', '.'], "_")
}

/// Every Rust file below `directory` but those of this module.
fn sources(directory: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("src/config") {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    text
}

#[test]
fn a_setting_that_works_is_read_somewhere() {
    let text = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    for setting in Name::all().map(Name::setting).filter(|setting| setting.state == State::Works) {
        let field = constant_of(setting.name);
        // The thresholds of `types::Packing` are found by their names, these in this module.
        let here = ["client_output_buffer_limit", "enable_protected_configs"].contains(&&*field);
        let read =
            here || text.contains(&format!("{field} = ")) || text.contains(&field.to_ascii_uppercase());
        assert!(read, "{} does nothing: mark it as a hint, or as pending", setting.name);
    }
}

#[test]
fn defaults_are_safe() {
    let settings = load(&[], "").unwrap();
    assert_eq!(settings.words(BIND), ["127.0.0.1", "-::1"]);
    assert_eq!((settings.int(PORT), settings.int(DATABASES), settings.yes(PROTECTED_MODE)), (6379, 16, true));
    assert_eq!(get(&settings, "save"), "3600 1 300 100 60 10000");
    assert_eq!(
        get(&settings, "dir"),
        std::env::current_dir().unwrap().canonicalize().unwrap().to_str().unwrap()
    );
    assert_eq!(settings.output_limit(ClientClass::PubSub).hard_bytes, 32 << 20);
    assert!(settings.warnings().is_empty());
}

#[test]
fn flags_are_read_as_redis_does() {
    let settings = load(&["--port", "6380", "--save", "", "--appendonly", "no"], "").unwrap();
    assert_eq!(settings.int(PORT), 6380);
    let settings = load(&["--save", "--port", "6381", "--requirepass", "--x", "--timeout 5"], "").unwrap();
    assert_eq!(
        (settings.int(PORT), settings.int(TIMEOUT), settings.string(REQUIREPASS)),
        (6381, 5, "--x".into())
    );
    let settings = load(&["--bind", "127.0.0.1", "10.0.0.1", "-"], "maxmemory 1kb\ntimeout 3\n").unwrap();
    assert_eq!((settings.words(BIND).len(), settings.int(MAXMEMORY), settings.int(TIMEOUT)), (2, 1024, 3));
    let settings = load(&["--timeout", "9", "-"], "timeout 3").unwrap();
    assert_eq!(settings.int(TIMEOUT), 9, "flags win over standard input");

    let file = File::new("a.conf", "");
    let settings =
        load(&[file.path(), "loglevel", "verbose", "--shutdown-on-sigint", "nosave force"], "").unwrap();
    assert_eq!(
        (get(&settings, "loglevel"), get(&settings, "shutdown-on-sigint")),
        ("verbose".into(), "nosave force".into())
    );

    assert_eq!(
        fault(&["--prot", "1"], ""),
        "command line: 'prot': unknown setting: Bad directive or wrong number of arguments (did you mean 'port'?)"
    );
    assert_eq!(
        fault(&["--port=6380"], ""),
        "command line: 'port=6380': unknown setting: Bad directive or wrong number of arguments"
    );
    assert_eq!(
        fault(&["--port", "99999"], ""),
        r#"command line: 'port "99999"': argument must be between 0 and 65535 inclusive"#
    );
    assert_eq!(
        fault(&["--port", "1", "2"], ""),
        r#"command line: 'port "1" "2"': wrong number of arguments"#
    );
    assert_eq!(fault(&["--port"], ""), "command line: 'port': wrong number of arguments");
    assert_eq!(
        fault(&["--maxmemory", "xx"], ""),
        r#"command line: 'maxmemory "xx"': argument must be a memory value"#
    );
    assert_eq!(
        fault(&["--requirepass", "a", "b"], ""),
        "command line: 'requirepass': wrong number of arguments",
        "no password is told"
    );
    assert!(
        fault(&["--shutdown-on-sigint"], "")
            .ends_with("must be one of the following: default, save, nosave, now, force")
    );
    assert!(fault(&["/nonexistent"], "").starts_with("/nonexistent: cannot be opened: No such file"));
}

#[test]
fn help_version_and_check() {
    for flag in ["--help", "-h", "--version", "-v", "--print-config"] {
        assert!(matches!(Settings::load(&[flag.into()], &mut &b""[..]), Ok(Start::Print(_))), "{flag}");
    }
    let args = ["--check-config".into(), "--port".into(), "1".into()];
    assert!(matches!(Settings::load(&args, &mut &b""[..]), Ok(Start::Check(_))));
}

#[test]
fn switches_stand_before_or_behind_the_file() {
    let file = File::new("checked.conf", "timeout 7\n");
    for args in [["--check-config", file.path()], [file.path(), "--check-config"]] {
        match Settings::load(&args.map(Into::into), &mut &b""[..]) {
            Ok(Start::Check(settings)) => assert_eq!(settings.int(TIMEOUT), 7),
            other => panic!("{args:?}: {other:?}"),
        }
    }
}

#[test]
fn a_redis_conf_loads() {
    let other = File::new("other.conf", "timeout 7\n");
    let file = File::new(
        "redis.conf",
        &format!(
            "# comment\n\n  PORT 7000\r\n\tbind 127.0.0.1 -::1\nsave 900 1\nsave 300 10\nrequirepass \"a \\x41\\n'\"\n\
             include {}\nclient-output-buffer-limit normal 1mb 2mb 3\nslave-read-only no\nuser alice on >p ~* +@all\n\
             rename-command FLUSHALL \"\"\nloadmodule /x.so\nappendonly yes\nappendonly no\nhash-max-ziplist-value 65\n",
            other.path()
        ),
    );
    let settings = load(&[file.path()], "").unwrap();
    assert_eq!(
        (settings.int(PORT), settings.int(TIMEOUT), settings.int(HASH_MAX_LISTPACK_VALUE)),
        (7000, 7, 65)
    );
    assert_eq!(settings.string(REQUIREPASS), "a A\n'");
    assert_eq!(settings.save_points()[1], SavePoint { seconds: 300, changes: 10 });
    assert_eq!(
        get(&settings, "client-output-buffer-limit"),
        "normal 1048576 2097152 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
    );
    assert_eq!(settings.users()[0][0], "alice");
    assert_eq!(settings.renamed_commands(), [("FLUSHALL".into(), "".into())]);
    let path = file.path();
    assert_eq!(
        settings.warnings(),
        [
            format!("{path}:13: loadmodule: ignored: modules are not supported"),
            format!("{path}:10: slave-read-only: has no effect yet: replication"),
        ]
    );
}

#[test]
fn faults_of_a_redis_conf_name_the_line() {
    for (text, expected) in [
        ("port 1\nport \"1", "standard input:2: Unbalanced quotes in configuration line"),
        (
            "\nmaxmemmory 1",
            "standard input:2: 'maxmemmory': unknown setting: Bad directive or wrong number of arguments (did you mean 'maxmemory'?)",
        ),
        ("timeout 1 # no", r##"standard input:1: 'timeout "1" "#" "no"': wrong number of arguments"##),
        ("save 1", r#"standard input:1: 'save "1"': Invalid save parameters"#),
        ("rename-command X", "standard input:1: 'rename-command': wrong number of arguments"),
        (
            "include /nonexistent",
            "standard input:1: /nonexistent cannot be opened: No such file or directory (os error 2)",
        ),
        (
            "dbfilename a/b",
            r#"standard input:1: 'dbfilename "a/b"': dbfilename can't be a path, just a filename"#,
        ),
    ] {
        assert_eq!(fault(&["-"], text), expected);
    }
}

#[test]
fn includes_are_bounded() {
    let file = File::new("loop.conf", "");
    std::fs::write(file.path(), format!("include {}\n", file.path())).unwrap();
    assert!(fault(&[file.path()], "").ends_with("include: files include each other more than 16 deep"));
    std::fs::write(file.path(), format!("include {}\n", file.path()).repeat(3)).unwrap();
    assert!(load(&[file.path()], "").is_err());

    let many = File::new("main", "include many/*.conf\n");
    let directory = many.0.parent().unwrap();
    std::fs::create_dir(directory.join("many")).unwrap();
    std::fs::write(directory.join("many/b.conf"), "timeout 2").unwrap();
    std::fs::write(directory.join("many/a.conf"), "timeout 1").unwrap();
    std::fs::write(many.path(), format!("include {}/many/*.conf\n", directory.display())).unwrap();
    assert_eq!(load(&[many.path()], "").unwrap().int(TIMEOUT), 2, "in order of their names");
}

#[test]
fn save_with_nothing_behind_it_saves_nothing() {
    let settings = load(&["-"], "save 900 1\nsave \nport 7000\n").unwrap();
    assert_eq!((get(&settings, "save"), settings.int(PORT)), ("".into(), 7000));
}

#[test]
fn yaml_loads() {
    let text = "---\nserver:\n  port: 7000\n  bind: [127.0.0.1, \"-::1\"]\n  tcp-keepalive: 3\nkv_store:\n  # why\n  maxmemory: 1gb\n  \
                lazyfree-lazy-expire: true\nlimits:\nsecurity:\n  requirepass: ~\npersistence:\n  save:\n    - 900 1\n    - 300 10\n";
    let settings = load(&["-"], text).unwrap();
    assert_eq!(
        (settings.int(PORT), settings.int(MAXMEMORY), settings.yes(LAZYFREE_LAZY_EXPIRE)),
        (7000, 1 << 30, true)
    );
    assert_eq!(
        (settings.words(BIND).len(), settings.string(REQUIREPASS), get(&settings, "save")),
        (2, "".into(), "900 1 300 10".into())
    );
    assert_eq!(settings.warnings(), [""; 0]);

    let text = "persistence:\n  wal:\n    enabled: false\n    fsync_mode: never\n    fsync_interval_ms: 50\n  dbfilename: a\n";
    let settings = load(&["-"], text).unwrap();
    assert_eq!(
        (settings.yes(APPENDONLY), settings.string(APPENDFSYNC), settings.int(WAL_FSYNC_INTERVAL_MS)),
        (false, "no".into(), 50)
    );
    assert_eq!(get(&settings, "persistence.wal.fsync_mode"), "no");
    let settings = load(&["--persistence.wal.fsync_mode", "always", "--appendonly", "no"], "").unwrap();
    assert_eq!((settings.string(APPENDFSYNC), settings.yes(APPENDONLY)), ("always".into(), false));

    let example = document::example();
    let settings = load(&["-"], &example).unwrap();
    assert!(settings.warnings().is_empty());
    assert!(Name::all().all(|name| settings.is_default(name)));
    for name in Name::all().filter(|name| !name.setting().hidden) {
        let name = name.setting().name;
        let line = name.rsplit('.').next().unwrap();
        let indent = if name == line { "  " } else { "    " };
        assert!(example.contains(&format!("\n{indent}{line}: ")), "{name}");
    }
}

#[test]
fn faults_of_yaml_name_the_line() {
    for (text, expected) in [
        ("server:\n  prot: 1\n", "standard input:2: prot: unknown setting (did you mean 'port'?)"),
        ("servr:\n  port: 1\n", "standard input:1: servr: unknown group (did you mean 'server'?)"),
        ("port: 1\n", "standard input:1: port: unknown group; as a setting it stands below 'server:'"),
        (
            "server:\n  maxmemory: 1\n",
            "standard input:2: maxmemory: belongs under 'kv_store:', not 'server:'",
        ),
        (
            "server:\n  port: x\n",
            r#"standard input:2: 'port "x"': argument couldn't be parsed into an integer"#,
        ),
        (
            "server:\n  port: {a: b}\n",
            "standard input:2: expected groups of settings, each a value or a list of values",
        ),
        ("server:\n  port: &a 1\n  bind: *a\n", "standard input:3: aliases are not supported"),
    ] {
        assert_eq!(fault(&["-"], text), expected);
    }
    assert!(fault(&["-"], "server:\n  port: \"1\n").contains("not YAML"));
    assert!(load(&["-"], &format!("server:\n  port: {}", "[".repeat(100_000))).is_err());
}

#[test]
fn set_answers_as_redis_does() {
    let settings = Settings::new();
    for (name, value, why) in [
        ("port", "abc", "argument couldn't be parsed into an integer"),
        ("port", "70000", "argument must be between 0 and 65535 inclusive"),
        ("maxmemory", "abc", "argument must be a memory value"),
        ("maxmemory", "-1", "argument must be a memory value"),
        ("maxmemory", "99999999999gb", "argument must be a memory value"),
        ("maxmemory-clients", "101%", "percentage argument must be less or equal to 100"),
        ("maxmemory-clients", "-1", "argument must be a memory or percent value"),
        ("databases", "3", "can't set immutable config"),
        ("databases", "16", "can't set immutable config"),
        ("metrics-listen", "127.0.0.1:1", "can't set immutable config"),
        ("dir", "/tmp", "can't set protected config"),
        ("lazyfree-lazy-expire", "maybe", "argument must be 'yes' or 'no'"),
        (
            "loglevel",
            "x",
            "argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
        ),
        ("save", "1", "Invalid save parameters"),
        ("save", "  5   1  ", "Invalid save parameters"),
        (
            "client-output-buffer-limit",
            "normal 0 0",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "foo 0 0 0",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "normal -1 0 0",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("notify-keyspace-events", "Q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ("oom-score-adj-values", "1 2", "wrong number of arguments"),
        ("latency-tracking-info-percentiles", "a", "Invalid latency-tracking-info-percentiles parameters"),
        ("bind", "127.0.0.1\nport", "Failed to bind to specified addresses."),
    ] {
        let expected = format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}");
        assert_eq!(set(&settings, &[(name, value)]).unwrap_err(), expected);
    }
    let unknown = "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'";
    assert_eq!(set(&settings, &[("maxmemory", "1"), ("nosuch", "2")]).unwrap_err(), unknown);
    let twice =
        "ERR CONFIG SET failed (possibly related to argument 'slave-lazy-flush') - duplicate parameter";
    assert_eq!(set(&settings, &[("slave-lazy-flush", "no"), ("slave-lazy-flush", "no")]).unwrap_err(), twice);
    assert!(set(&settings, &[("replica-lazy-flush", "yes"), ("slave-lazy-flush", "no")]).is_ok());
    assert_eq!(get(&settings, "replica-lazy-flush"), "no");

    for (name, value, shown) in [
        ("maxmemory", "1K", "1000"),
        ("maxmemory", "", "0"),
        ("metrics-listen", "", ""),
        ("hz", "0", "1"),
        ("hz", "501", "500"),
        ("maxmemory-clients", "10%", "10%"),
        ("LOGLEVEL", "NOTICE", "notice"),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "KEAmn", "AKEm"),
        ("notify-keyspace-events", "KEmnglz$", "g$lznKEm"),
        ("notify-keyspace-events", "qEcKonm", "nocKEmq"),
        ("notify-keyspace-events", "AKoc", "AK"),
        ("save", "", ""),
        ("latency-tracking-info-percentiles", "", ""),
        ("latency-tracking-info-percentiles", "50.1 99.99 0", "50.1 99.99 0"),
    ] {
        set(&settings, &[(name, value)]).unwrap();
        assert_eq!(get(&settings, name), shown, "{name} {value}");
    }
}

#[test]
fn set_changes_all_or_nothing() {
    let settings = Settings::new();
    set(&settings, &[("maxmemory", "5"), ("timeout", "x")]).unwrap_err();
    assert_eq!(settings.int(MAXMEMORY), 0);

    let seen = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(-1));
    let inner = seen.clone();
    settings.on_change(&[TIMEOUT], move |s| {
        inner.store(s.int(TIMEOUT), std::sync::atomic::Ordering::Relaxed);
        if s.int(TIMEOUT) == 13 { Err("unlucky".into()) } else { Ok(()) }
    });
    let seen = || seen.load(std::sync::atomic::Ordering::Relaxed);
    set(&settings, &[("maxmemory", "5")]).unwrap();
    assert_eq!(seen(), -1, "nothing it wants to know changed");
    set(&settings, &[("timeout", "3")]).unwrap();
    assert_eq!(seen(), 3);
    let error = set(&settings, &[("maxmemory", "6"), ("timeout", "13")]).unwrap_err();
    assert_eq!(error, "ERR CONFIG SET failed (possibly related to argument 'timeout') - unlucky");
    assert_eq!((settings.int(MAXMEMORY), settings.int(TIMEOUT), seen()), (5, 3, 3));
}

#[test]
fn protected_settings_ask_for_permission() {
    for (guard, local, remote) in [("no", false, false), ("local", true, false), ("yes", true, true)] {
        let settings = load(&["--enable-protected-configs", guard], "").unwrap();
        let allowed = |origin| settings.set(&[(b"dir", b"/")], origin).is_ok();
        assert_eq!((allowed(Origin::Local), allowed(Origin::Remote)), (local, remote), "{guard}");
    }
}

#[test]
fn get_matches_names_and_aliases() {
    let settings = Settings::new();
    let names = |patterns: &[&[u8]]| -> Vec<String> {
        settings.get(patterns).iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect()
    };
    assert_eq!(names(&[b"MaxMemory"]), ["MaxMemory"]);
    assert_eq!(names(&[b"nosuch"]), [""; 0]);
    assert_eq!(names(&[b"maxmemory", b"maxmemory-s*", b"MAXMEMORY"]), ["maxmemory", "maxmemory-samples"]);
    assert_eq!(names(&[b"*-ziplist-entries"]), ["hash-max-ziplist-entries", "zset-max-ziplist-entries"]);
    let shown = Name::all().map(Name::setting).filter(|setting| !setting.hidden);
    let all: usize = shown.map(|setting| setting.names().count()).sum();
    assert_eq!(names(&[b"*"]).len(), all);
}

#[test]
fn who_declines_snapshots_alone_has_no_log() {
    let logs = |args: &[&str]| load(args, "").unwrap().yes(APPENDONLY);
    assert!(logs(&[]) && logs(&["--save", "60 1"]));
    assert!(!logs(&["--save", ""]) && !logs(&["--save", "", "--port", "7000"]));
    for said in [["--appendonly", "yes"], ["--appendfsync", "always"], ["--persistence.wal.enabled", "yes"]] {
        assert!(logs(&[&["--save", ""][..], &said].concat()), "{said:?}");
    }
    let file = File::new("redis.conf", "save \"\"\n");
    assert!(!logs(&[file.path()]) && logs(&[file.path(), "--appendonly", "yes"]));
    assert!(logs(&[file.path(), "--save", "60 1"]));
}

#[test]
fn rewrite_keeps_a_redis_conf() {
    let file = File::new(
        "redis.conf",
        "# head\n\nport 7000\nmaxmemory 1gb\ntimeout 3\n# mid\ntimeout 4\nsave \"\"\nrename-command GET G\n",
    );
    let settings = load(&[file.path()], "").unwrap();
    set(&settings, &[("requirepass", "a\nport 1"), ("maxmemory", "2mb"), ("hz", "20")]).unwrap();
    settings.rewrite(&[]).unwrap();
    let dir = std::env::current_dir().unwrap();
    let expected = format!(
        "# head\n\nport 7000\nmaxmemory 2097152\ntimeout 4\n# mid\nsave \"\"\nrename-command GET G\n\n\
         # Generated by CONFIG REWRITE\ndir {}\nrequirepass \"a\\nport 1\"\nhz 20\nappendonly no\n",
        dir.display(),
    );
    assert_eq!(file.text(), expected);
    settings.rewrite(&[]).unwrap();
    assert_eq!(file.text(), expected);
    assert_eq!(load(&[file.path()], "").unwrap().string(REQUIREPASS), "a\nport 1");
    assert_eq!(Settings::new().rewrite(&[]).unwrap_err(), "ERR The server is running without a config file");
}

#[test]
fn rewrite_keeps_a_yaml_file() {
    let file = File::new(
        "synap.yml",
        "# head\nserver:\n  port: 7000 # mine\n  bind:\n    - 127.0.0.1\n    - 127.0.0.2\nsecurity:\n  requirepass:\nkv_store:\n  maxmemory: 1gb\n",
    );
    let settings = load(&[file.path()], "").unwrap();
    set(&settings, &[("requirepass", "a\nport: \"1"), ("hz", "20"), ("timeout", "3"), ("bind", "127.0.0.3")])
        .unwrap();
    settings.rewrite(&[]).unwrap();
    let dir = std::env::current_dir().unwrap();
    let expected = format!(
        "# head\nserver:\n  port: 7000 # mine\n  bind:\n    127.0.0.3\n  dir: {}\nsecurity:\n  requirepass: \"a\\nport: \\\"1\"\n\
         kv_store:\n  maxmemory: 1gb\n  hz: 20\n\nlimits:\n  timeout: 3\n",
        dir.display(),
    );
    assert_eq!(file.text(), expected);
    settings.rewrite(&[]).unwrap();
    assert_eq!(file.text(), expected);
}

#[test]
fn rewrite_puts_users_where_users_were() {
    let file = File::new("redis.conf", "user ann on\n# mid\nUser bob on\nport 7000\n");
    let settings = load(&[file.path()], "").unwrap();
    let users = |lines: &[&str]| lines.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>();
    let [ann, bob, default] =
        ["user ann off -@all", "user bob on +@all", "user default on nopass ~* &* +@all"];
    settings.rewrite(&users(&[ann, bob, default])).unwrap();
    assert!(file.text().starts_with(&format!("{ann}\n# mid\n{bob}\nport 7000\n")), "{}", file.text());
    assert!(file.text().ends_with(&format!("\n{default}\n")), "{}", file.text());
    settings.rewrite(&users(&[default])).unwrap();
    assert!(file.text().starts_with(&format!("{default}\n# mid\nport 7000\n")), "{}", file.text());

    let file = File::new("synap.yml", "server:\n  port: 7000\n");
    let settings = load(&[file.path()], "").unwrap();
    settings.rewrite(&users(&[default])).unwrap();
    let refusal = settings.rewrite(&users(&[ann, default])).unwrap_err();
    assert!(refusal.contains("aclfile"), "{refusal}");
}

proptest! {
    #[test]
    fn any_bytes_load_or_are_refused(bytes: Vec<u8>, yaml: bool) {
        let mut text = if yaml { b"---\nserver:\n ".to_vec() } else { b"port ".to_vec() };
        text.extend(bytes);
        let _ = Settings::load(&["-".into()], &mut text.as_slice());
    }

    #[test]
    fn any_yaml_like_text_loads_or_is_refused(text in "[a-z0-9:\\-\\[\\]{}&*!|>'\"%@,#? \n\t]{0,120}") {
        let _ = Settings::load(&["-".into()], &mut format!("server:\n  {text}").as_bytes());
    }

    #[test]
    fn any_arguments_load_or_are_refused(args: Vec<Vec<u8>>) {
        let args: Vec<OsString> = args.into_iter().map(|arg| OsString::from_vec([b"--", &arg[..]].concat())).collect();
        let _ = Settings::load(&args, &mut &b""[..]);
    }

    #[test]
    fn any_value_of_any_setting_reads_back(at in 0..Name::all().count(), text: Vec<u8>, small in "[0-9a-zA-Z %.*:-]{0,9}", pick: bool) {
        let name = Name::all().nth(at).unwrap();
        let text = if pick { text } else { small.into_bytes() };
        let kind = name.setting().kind;
        let words: Vec<&[u8]> = if kind.is_list() { text.split(|b| *b == b' ').collect() } else { vec![&text] };
        if let Ok(value) = kind.parse(&words, &name.default()) {
            let shown = kind.format(&value);
            let words: Vec<&[u8]> = if kind.is_list() { shown.split(|b| *b == b' ').collect() } else { vec![&shown] };
            // `n` hides behind `A`, as in Redis.
            if !matches!(kind, Kind::Events) {
                prop_assert_eq!(kind.parse(&words, &name.default()).unwrap(), value);
            }
        }
    }

    #[test]
    fn any_password_survives_a_rewrite(password in proptest::collection::vec(any::<u8>(), 0..40), yaml: bool, text in "\\PC{0,20}") {
        let file = File::new(if yaml { "a.yml" } else { "a.conf" }, "");
        let settings = load(&[file.path()], "").unwrap();
        let password = if yaml { text.into_bytes() } else { password };
        settings.set(&[(b"requirepass", &password)], Origin::Local).unwrap();
        settings.rewrite(&[]).unwrap();
        let read = load(&[file.path()], "").unwrap();
        prop_assert_eq!(read.text(REQUIREPASS), password);
        prop_assert!(Name::all().all(|name| name == REQUIREPASS || read.is_default(name)));
    }
}
