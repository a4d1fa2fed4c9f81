use super::*;

fn acl() -> Acl {
    let commands = [
        ("get", vec!["read", "string", "fast"], false),
        ("set", vec!["write", "string", "slow"], false),
        ("select", vec!["connection", "fast"], false),
        ("auth", vec!["connection", "fast"], true),
        ("config", vec!["slow"], false),
        ("config|get", vec!["admin", "slow", "dangerous"], false),
        ("config|set", vec!["admin", "slow", "dangerous"], false),
    ];
    Acl::new(Catalogue::new(commands))
}

fn rules(acl: &Acl, text: &str) -> Result<Rules, Fault> {
    let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
    let mut rules = acl.new_rules();
    gather(&words).expect("balanced").iter().try_for_each(|rule| acl.apply(&mut rules, rule))?;
    Ok(rules)
}

fn shown(acl: &Acl, text: &str) -> String {
    String::from_utf8(rules(acl, text).expect("rules").describe()).expect("text")
}

fn ask(acl: &Acl, rules: &Rules, argv: &[&str], wanted: u8) -> Result<(), Denied> {
    let argv: Vec<&[u8]> = argv.iter().map(|word| word.as_bytes()).collect();
    let command = match argv[0] {
        b"config" => acl.catalogue.find(&[argv[0], b"|", argv[1]].concat()),
        name => acl.catalogue.find(name),
    };
    let keys: Vec<KeyUse<'_>> = match argv[0] {
        b"get" | b"set" => vec![KeyUse { bytes: argv[1], at: 1, wanted }],
        _ => Vec::new(),
    };
    let databases = [DatabaseUse { number: Some(0), at: 0 }];
    let command = command.expect("a command");
    let question = Question { command, argv: &argv, keys: &keys, channels: &[], databases: &databases };
    rules.check(&question, &acl.catalogue)
}

#[test]
fn rules_are_written_down_as_redis_does() {
    let acl = acl();
    for (given, expected) in [
        ("on", "on sanitize-payload resetchannels -@all"),
        ("+@all ~* &*", "off sanitize-payload ~* &* +@all"),
        ("+config|get +config -get +@read", "off sanitize-payload resetchannels -@all +config -get +@read"),
        ("+SELECT|0 +select|1", "off sanitize-payload resetchannels -@all +select|0 +select|1"),
        ("+@all -config|get +GET", "off sanitize-payload resetchannels +@all -config|get +get"),
        ("%R~a %W~a %rW~b %w~c", "off sanitize-payload ~a ~b %W~c resetchannels -@all"),
        (
            "(+get ~a) (%R~b &c db=3)",
            "off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) (%R~b resetchannels &c db=3 -@all)",
        ),
        ("db=2,1,1", "off sanitize-payload resetchannels db=1,2 -@all"),
        ("resetdbs", "off sanitize-payload resetchannels resetdbs -@all"),
        ("nopass skip-sanitize-payload", "off nopass skip-sanitize-payload resetchannels -@all"),
    ] {
        assert_eq!(shown(&acl, given), expected, "{given}");
        assert_eq!(shown(&acl, expected), expected, "{given} again");
    }
}

#[test]
fn what_is_no_rule_is_told() {
    let acl = acl();
    for (given, fault) in [
        ("+nothing", Fault::Unknown),
        ("+@nothing", Fault::Unknown),
        ("+config|nothing", Fault::Unknown),
        ("+config|get|a", Fault::ArgumentOfSubcommand),
        ("+select|", Fault::Syntax),
        ("+select|a\nb", Fault::Syntax),
        ("~a\nb", Fault::Syntax),
        ("%~a", Fault::Syntax),
        ("%RR~a", Fault::Syntax),
        ("allkeys ~a", Fault::KeyAfterAll),
        ("&* &a", Fault::ChannelAfterAll),
        ("<a", Fault::NoSuchPassword),
        ("#ab", Fault::Hash),
        ("db=a", Fault::Syntax),
        ("db=-1", Fault::Database),
        ("(+get (+set))", Fault::Syntax),
    ] {
        assert_eq!(rules(&acl, given).err(), Some(fault), "{given}");
    }
}

#[test]
fn one_selector_has_to_allow_all_of_a_call() {
    let acl = acl();
    let user = rules(&acl, "+get %R~r* (+set %W~w*) (+config|get) +select|0").expect("rules");
    assert_eq!(ask(&acl, &user, &["get", "r1"], READ), Ok(()));
    assert_eq!(ask(&acl, &user, &["get", "w1"], READ), Err(Denied::Key(1)));
    assert_eq!(ask(&acl, &user, &["set", "w1", "x"], WRITE), Ok(()));
    assert_eq!(ask(&acl, &user, &["set", "w1", "x"], READ | WRITE), Err(Denied::Key(1)));
    assert_eq!(ask(&acl, &user, &["set", "r1", "x"], WRITE), Err(Denied::Key(1)));
    assert_eq!(ask(&acl, &user, &["config", "get"], 0), Ok(()));
    assert_eq!(ask(&acl, &user, &["config", "set"], 0), Err(Denied::Command));
    assert_eq!(ask(&acl, &user, &["select", "0"], 0), Ok(()));
    assert_eq!(ask(&acl, &user, &["select", "1"], 0), Err(Denied::Command));
    assert_eq!(ask(&acl, &user, &["auth", "x"], 0), Ok(()));
}

#[test]
fn databases_are_part_of_a_selector() {
    let acl = acl();
    let user = rules(&acl, "+@all ~* db=1").expect("rules");
    assert_eq!(ask(&acl, &user, &["get", "a"], READ), Err(Denied::Database(0)));
    assert!(!user.is_unrestricted());
    assert!(rules(&acl, "+@all ~* &* db=1 alldbs").expect("rules").is_unrestricted());
}

#[test]
fn a_change_is_whole_or_none() {
    let acl = acl();
    let failed = acl.set_user("a", [&b"on"[..], b"+nothing"]);
    assert_eq!(failed.err(), Some((&b"+nothing"[..], Fault::Unknown)));
    assert!(acl.user(b"a").is_none());
    acl.set_user("a", [&b"on"[..], b">p"]).expect("rules");
    let user = acl.user(b"a").expect("made");
    assert!(user.rules().admits(b"p") && !user.rules().admits(b"q"));
    assert!(acl.remove_user(b"default").is_none());
    assert!(acl.remove_user(b"a").is_some_and(|user| user.is_removed()));
}

#[test]
fn a_file_is_taken_as_a_whole() {
    let acl = acl();
    let lines =
        Lines::read(&acl, "f", b"# head\nuser a on +get ~x*\r\n\nuser b off (+set ~y )\n").expect("read");
    assert_eq!(lines.users.len(), 2);
    acl.set_user("c", [&b"on"[..]]).expect("made");
    let (gone, changed) = acl.replace(lines);
    assert_eq!((gone.len(), changed.len()), (1, 1));
    let fault =
        Lines::read(&acl, "f", b"user a on\nuser a on\nfoo\nuser b +nothing (+get\n").expect_err("faults");
    assert!(
        fault.starts_with("f:2: WARNING: Duplicate user 'a' found. f:3: should start with user keyword"),
        "{fault}"
    );
}

#[test]
fn the_same_refusal_is_counted() {
    let log = Log::default();
    let refusal = |object: &str, at_ms| Refusal {
        id: 0,
        count: 0,
        reason: Reason::Key,
        context: Context::TopLevel,
        object: object.as_bytes().into(),
        user: "a".into(),
        client: String::new(),
        created_ms: at_ms,
        updated_ms: at_ms,
    };
    for (object, at_ms) in [("x", 0), ("y", 10), ("x", 20), ("x", 70_000)] {
        log.add(refusal(object, at_ms), 10);
    }
    let told: Vec<_> = log.latest(10).into_iter().map(|r| (r.id, r.count, r.created_ms)).collect();
    assert_eq!(told, [(2, 1, 70_000), (0, 2, 0), (1, 1, 10)]);
    log.add(refusal("z", 80_000), 2);
    assert_eq!(log.latest(10).len(), 2);
}
