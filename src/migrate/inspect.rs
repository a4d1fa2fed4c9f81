//! Verify, inspect and repair: what is in files, and whether it is whole.

use super::import::{files, read};
use super::{Failure, own};
use crate::base::clock::system_ms;
use crate::snapshot::rdb::{Value, aof, file};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::Path;

/// What was found in files.
#[derive(Default)]
struct Survey {
    /// Keys by the name of their type.
    types: BTreeMap<&'static str, u64>,
    /// Keys by database.
    databases: BTreeMap<u32, u64>,
    expiring: u64,
    expired: u64,
    libraries: u64,
    /// Commands by name.
    commands: BTreeMap<String, u64>,
    left_out: Vec<String>,
}

impl Survey {
    fn keys(&self) -> u64 {
        self.databases.values().sum()
    }

    fn all_commands(&self) -> u64 {
        self.commands.values().sum()
    }
}

impl file::Sink for Survey {
    type Error = Failure;

    fn key(&mut self, record: file::Record<'_>, _: u64) -> Result<(), Failure> {
        let name = match record.value {
            Value::Text(_) | Value::Int(_) => "string",
            Value::List(_) => "list",
            Value::Set(_) => "set",
            Value::Sorted(_) => "zset",
            Value::Hash(_) => "hash",
            Value::Stream(_) => "stream",
            Value::Queue(_) => "queue",
            Value::Vectors(_) => "vectorset",
        };
        *self.types.entry(name).or_default() += 1;
        *self.databases.entry(record.db).or_default() += 1;
        self.expiring += u64::from(record.expire_at.is_some());
        self.expired += u64::from(record.expire_at.is_some_and(|at| at <= system_ms()));
        Ok(())
    }

    fn library(&mut self, _: &[u8]) -> Result<(), Failure> {
        self.libraries += 1;
        Ok(())
    }

    fn left_out(&mut self, what: &str) {
        self.left_out.push(what.to_string());
    }
}

impl aof::Commands for Survey {
    type Error = Failure;

    fn command(&mut self, words: aof::Words, _: u64) -> Result<(), Failure> {
        let name = words[0].to_ascii_uppercase().escape_ascii().to_string();
        *self.commands.entry(name).or_default() += 1;
        Ok(())
    }
}

/// What one file is like.
struct Finding {
    path: String,
    bytes: u64,
    survey: Survey,
    /// Where it is cut off.
    cut: Option<u64>,
    damage: Option<String>,
}

fn survey(path: &Path) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for path in files(path)? {
        let bytes = fs::metadata(&path).map_err(|error| Failure::from(error).at(path.display()))?.len();
        let mut survey = Survey::default();
        let (cut, damage) = match read(&path, &mut survey) {
            Ok(cut) => (cut, None),
            Err(Failure::Damaged(why)) => (None, Some(why)),
            Err(failure) => return Err(failure.at(path.display())),
        };
        findings.push(Finding { path: path.display().to_string(), bytes, survey, cut, damage });
    }
    Ok(findings)
}

/// The first damage of the files, as a failure.
fn judge(findings: &[Finding]) -> Result<(), Failure> {
    let last = findings.len().saturating_sub(1);
    for (at, finding) in findings.iter().enumerate() {
        let why = match (&finding.damage, finding.cut) {
            (Some(why), _) => why.clone(),
            (None, Some(cut)) if at < last => format!("it is cut off at byte {cut}"),
            _ => continue,
        };
        return Err(Failure::Damaged(format!("{}: {why}", finding.path)));
    }
    Ok(())
}

pub(super) fn verify(path: &Path) -> Result<(), Failure> {
    if let Some(dir) = own::directory(path) {
        let survey = own::survey(&dir)?;
        survey.print();
        return survey.judge();
    }
    let findings = survey(path)?;
    for finding in findings.iter().filter(|finding| finding.damage.is_none()) {
        let (keys, commands) = (finding.survey.keys(), finding.survey.all_commands());
        let end = match finding.cut {
            Some(cut) => format!("whole up to byte {cut}, what follows is cut off (repair drops it)"),
            None => "whole".to_string(),
        };
        println!("{}: {end}: {} bytes, {keys} keys, {commands} commands", finding.path, finding.bytes);
    }
    judge(&findings)
}

pub(super) fn inspect(path: &Path, json: bool) -> Result<(), Failure> {
    if let Some(dir) = own::directory(path) {
        let survey = own::survey(&dir)?;
        if json {
            println!("{}", survey.json());
        } else {
            survey.print();
        }
        return survey.judge();
    }
    let findings = survey(path)?;
    if json {
        let files: Vec<_> = findings.iter().map(Finding::json).collect();
        println!("{}", serde_json::json!({ "files": files }));
    } else {
        findings.iter().for_each(Finding::print);
    }
    judge(&findings)
}

impl Finding {
    fn json(&self) -> serde_json::Value {
        let Survey { types, databases, expiring, expired, libraries, commands, left_out } = &self.survey;
        serde_json::json!({
            "path": self.path,
            "bytes": self.bytes,
            "keys": self.survey.keys(),
            "types": types,
            "databases": databases,
            "expiring": expiring,
            "expired": expired,
            "libraries": libraries,
            "commands": commands,
            "left_out": left_out,
            "cut_off_at": self.cut,
            "damage": self.damage,
        })
    }

    fn print(&self) {
        let survey = &self.survey;
        println!("{}: {} bytes", self.path, self.bytes);
        println!("  keys      {} ({} expire, {} have)", survey.keys(), survey.expiring, survey.expired);
        survey.types.iter().for_each(|(name, n)| println!("    {name:8} {n}"));
        survey.databases.iter().for_each(|(db, n)| println!("    db {db:<5} {n}"));
        println!("  libraries {}", survey.libraries);
        println!("  commands  {}", survey.all_commands());
        survey.commands.iter().for_each(|(name, n)| println!("    {name:12} {n}"));
        survey.left_out.iter().for_each(|what| println!("  left out: {what}"));
        self.cut.iter().for_each(|cut| println!("  cut off at byte {cut}"));
        self.damage.iter().for_each(|why| println!("  damaged: {why}"));
    }
}

pub(super) fn repair(path: &Path) -> Result<(), Failure> {
    if let Some(dir) = own::directory(path) {
        return own::repair(&dir);
    }
    let placed = |error: std::io::Error| Failure::from(error).at(path.display());
    let cut = read(path, &mut Survey::default()).map_err(|failure| failure.at(path.display()))?;
    let Some(cut) = cut else {
        println!("{}: whole, nothing is to be repaired", path.display());
        return Ok(());
    };
    let len = fs::metadata(path).map_err(placed)?.len();
    let mut copy = path.as_os_str().to_owned();
    copy.push(".damaged");
    fs::copy(path, &copy).map_err(placed)?;
    let file = OpenOptions::new().write(true).open(path).map_err(placed)?;
    file.set_len(cut).and_then(|()| file.sync_all()).map_err(placed)?;
    println!(
        "{}: dropped {} bytes, from byte {cut} on; {} is as it was",
        path.display(),
        len - cut,
        Path::new(&copy).display()
    );
    Ok(())
}
