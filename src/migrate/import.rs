//! Import: files or a running server into a running server.

use super::address::Address;
use super::target::Target;
use super::{Failure, primary};
use crate::snapshot::rdb::kind::Versions;
use crate::snapshot::rdb::{Reader, aof, file};
use crate::types::Packing;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub(super) fn run(from: &str, to: &Address, replace: bool, follow: bool) -> Result<(), Failure> {
    if from.starts_with("redis://") {
        let from: Address = from.parse().map_err(Failure::Failed)?;
        return primary::import(&from, to, replace, follow);
    }
    if follow {
        return Err(Failure::Failed("--follow needs a server: --from redis://…".into()));
    }
    let files = files(Path::new(from))?;
    let mut target = Target::connect(to, replace)?;
    // An RDB file alone is what there was; commands, also those behind it, are about what time has changed since.
    if files.len() > 1 || files[0].extension().is_none_or(|extension| extension != "rdb") {
        target.hold_time()?;
    }
    let copied = copy(&files, &mut target);
    target.release_time()?;
    copied?;
    println!(
        "imported {} keys and {} commands from {} to {to}; {} keys had expired, {} commands were refused",
        target.keys, target.commands, from, target.expired, target.refused
    );
    Ok(())
}

fn copy(files: &[PathBuf], target: &mut Target) -> Result<(), Failure> {
    for (at, path) in files.iter().enumerate() {
        if let Some(cut) = read(path, target).map_err(|failure| failure.at(path.display()))? {
            if at + 1 < files.len() {
                return Err(Failure::Damaged(format!("{}: it is cut off at byte {cut}", path.display())));
            }
            eprintln!("{}: its end is not whole and is left out, from byte {cut}", path.display());
        }
    }
    target.settle()
}

/// The files that `path` stands for, in the order in which they are read.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| Failure::from(error).at(path.display());
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    // As Redis: where commands are appended, they are the newer ones.
    for dir in [path.to_path_buf(), path.join("appendonlydir")] {
        if let Some(manifest) = manifest_in(&dir)? {
            let text = std::fs::read_to_string(&manifest)
                .map_err(|error| Failure::from(error).at(manifest.display()))?;
            let files = aof::manifest(&text).map_err(|why| Failure::Damaged(why).at(manifest.display()))?;
            if !files.is_empty() {
                return Ok(files.into_iter().map(|file| dir.join(file)).collect());
            }
        }
    }
    for name in ["appendonly.aof", "dump.rdb"] {
        let file = path.join(name);
        if file.is_file() {
            return Ok(vec![file]);
        }
    }
    Err(Failure::Failed(format!("{} holds neither appendonlydir nor dump.rdb", path.display())))
}

fn manifest_in(dir: &Path) -> Result<Option<PathBuf>, Failure> {
    let Ok(items) = std::fs::read_dir(dir) else { return Ok(None) };
    for item in items {
        let path = item?.path();
        if path.extension().is_some_and(|extension| extension == "manifest") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Reads an RDB or AOF file, or one that is both in turn; returns where it is cut off, if it is.
pub(super) fn read<T>(path: &Path, taker: &mut T) -> Result<Option<u64>, Failure>
where
    T: file::Sink<Error = Failure> + aof::Commands<Error = Failure>,
{
    let mut start = [0; 6];
    let len = File::open(path)?.read(&mut start)?;
    let mut source = File::open(path)?;
    let mut input = Reader::stream(&mut source);
    if file::begins(&start[..len]) {
        file::read(&mut input, Versions::Known, &Packing::default(), taker)?;
    }
    aof::read(&mut input, taker)
}
