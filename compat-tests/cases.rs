//! The cases: transcripts below `compat-tests/cases`, each played several ways (see `compat-tests/README.md`).
//!
//! `cargo test --test cases -- [--filter family/command] [--way NAME] [--show]`

mod harness;

use harness::{
    inside::{Besides, Inside},
    play::{Way, play, skip},
    server::Spawned,
    transcript::{Case, parse},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
};

/// How often a case that races with the clock is played until it is right.
const ATTEMPTS: usize = 3;

struct Options {
    filter: String,
    way: String,
    show: bool,
}

struct File {
    /// `family/command`
    name: String,
    cases: Vec<Case>,
}

/// One way to play the cases, before its server is started.
#[derive(Clone)]
struct Plan {
    name: String,
    /// `None`: the library in this process.
    program: Option<String>,
    protocol: u8,
}

#[derive(Default)]
struct Outcome {
    passed: usize,
    failures: Vec<String>,
    /// Reason → number of cases.
    skipped: BTreeMap<String, usize>,
}

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("cases: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<usize, String> {
    let mut options = Options { filter: String::new(), way: String::new(), show: false };
    let mut args = std::env::args().skip(1);
    // Test runners list what is here before they run it.
    if std::env::args().any(|arg| arg == "--list") {
        if !std::env::args().any(|arg| arg == "--ignored") {
            println!("cases: test");
        }
        return Ok(0);
    }
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--filter" => options.filter = args.next().ok_or("--filter family/command")?,
            "--way" => options.way = args.next().ok_or("--way NAME")?,
            "--show" => options.show = true,
            "--exact" | "--nocapture" | "--quiet" | "cases" => {}
            other if other.starts_with('-') => return Err(format!("unknown option {other}")),
            other => options.filter = other.into(),
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat-tests/cases");
    let files = load(&root, &options.filter)?;
    let plans = plans(&options.way);
    let play = |plan: &Plan| (plan.clone(), play_all(plan, &files, options.show));
    let outcomes: Vec<(Plan, Result<Outcome, String>)> = if options.show {
        // One after the other, so that what is shown can be read.
        plans.iter().map(play).collect()
    } else {
        thread::scope(|scope| {
            let started: Vec<_> = plans.iter().map(|plan| (plan, scope.spawn(move || play(plan)))).collect();
            started
                .into_iter()
                .map(|(plan, thread)| {
                    let panicked = |_| (plan.clone(), Err("the runner panicked".into()));
                    thread.join().unwrap_or_else(panicked)
                })
                .collect()
        })
    };
    Ok(summary(outcomes))
}

/// Prints what happened and returns how much failed.
fn summary(outcomes: Vec<(Plan, Result<Outcome, String>)>) -> usize {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (plan, outcome) in outcomes {
        let label = format!("{} RESP{}", plan.name, plan.protocol);
        let outcome = outcome.unwrap_or_else(|why| Outcome {
            failures: vec![format!("{label}: {why}")],
            ..Outcome::default()
        });
        for failure in &outcome.failures {
            println!("FAILED {failure}\n");
        }
        let left: usize = outcome.skipped.values().sum();
        println!("{label}: {} passed, {} failed, {left} skipped", outcome.passed, outcome.failures.len());
        for (why, count) in &outcome.skipped {
            println!("    {count} skipped ({why})");
        }
        passed += outcome.passed;
        failed += outcome.failures.len();
        skipped += left;
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    failed
}

fn load(root: &Path, filter: &str) -> Result<Vec<File>, String> {
    let list = |dir: &Path| -> Result<Vec<PathBuf>, String> {
        let read = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let mut paths: Vec<PathBuf> = read.filter_map(|item| Some(item.ok()?.path())).collect();
        paths.sort();
        Ok(paths)
    };
    let mut files = Vec::new();
    for family in list(root)?.iter().filter(|path| path.is_dir()) {
        for path in list(family)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "resp")) {
            let name = path.strip_prefix(root).unwrap_or(&path).with_extension("").display().to_string();
            if !name.contains(filter) {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let cases = parse(&name, &text).map_err(|why| format!("{}: {why}", path.display()))?;
            files.push(File { name, cases });
        }
    }
    Ok(files)
}

/// The oracles that are here, then Synap.
fn plans(only: &str) -> Vec<Plan> {
    let mut programs: Vec<(String, Option<String>)> = Vec::new();
    let installed = std::env::var("SYNAP_ORACLE").unwrap_or_else(|_| "redis-server".into());
    let others =
        ["SYNAP_ORACLE_8", "SYNAP_ORACLE_VALKEY"].map(|name| std::env::var(name).unwrap_or_default());
    for program in std::iter::once(installed).chain(others).filter(|program| !program.is_empty()) {
        match version(&program) {
            Some(name) => programs.push((name, Some(program))),
            None => println!("skipped: the oracle {program} does not run here"),
        }
    }
    programs.push(("tcp".into(), Some(env!("CARGO_BIN_EXE_synap-server").into())));
    programs.push(("inside".into(), None));
    // As `inside`, and after each case the data set is read back from the log.
    programs.push(("replay".into(), None));
    // As `inside`, and before each command the data set is made anew from its bytes.
    programs.push(("reload".into(), None));
    programs
        .into_iter()
        .filter(|(name, _)| name.starts_with(only) || (only == "oracle" && name.contains('-')))
        .flat_map(|(name, program)| {
            // What the log and a snapshot tell does not depend on the protocol.
            let protocols: &[u8] = if name.starts_with("re") && program.is_none() { &[3] } else { &[2, 3] };
            let plan =
                |protocol: &u8| Plan { name: name.clone(), program: program.clone(), protocol: *protocol };
            protocols.iter().map(plan).collect::<Vec<_>>()
        })
        .collect()
}

/// `redis-8.0` of a program that says `Redis server v=8.0.6 …`.
fn version(program: &str) -> Option<String> {
    let out = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let kind = text.split_whitespace().next()?.to_lowercase();
    let number = text.split("v=").nth(1)?.split_whitespace().next()?.to_string();
    let mut parts = number.split('.');
    Some(format!("{kind}-{}.{}", parts.next()?, parts.next()?))
}

fn play_all(plan: &Plan, files: &[File], show: bool) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut way: Box<dyn Way> = match &plan.program {
        Some(program) => Box::new(Spawned::start(&plan.name, program, plan.protocol)?),
        None => {
            let besides = match plan.name.as_str() {
                "replay" => Besides::Replay,
                "reload" => Besides::Reload,
                _ => Besides::Nothing,
            };
            Box::new(Inside::start(plan.protocol, besides)?)
        }
    };
    for file in files {
        for case in &file.cases {
            if let Some(why) = skip(case, way.name(), way.protocol()) {
                *outcome.skipped.entry(why).or_default() += 1;
                continue;
            }
            if show {
                println!("== {} ({}, {} RESP{})", case.name, file.name, plan.name, plan.protocol);
            }
            let mut left = if case.races() { ATTEMPTS } else { 1 };
            while left > 0 {
                left -= 1;
                let Err((line, why)) = play(way.as_mut(), case, show) else {
                    outcome.passed += 1;
                    break;
                };
                let at = format!("compat-tests/cases/{}.resp:{line}", file.name);
                let mut text = format!("{at} [{} RESP{}] {}\n{why}", plan.name, plan.protocol, case.name);
                if let Some(log) = way.recover()? {
                    text.push_str(&format!("\n    the server died; its log ends:\n{log}"));
                    left = 0;
                }
                if left > 0 {
                    // Told all the same: what fails by chance may be the server's fault.
                    println!("AGAIN {text}\n");
                } else {
                    outcome.failures.push(text);
                }
            }
        }
    }
    Ok(outcome)
}
