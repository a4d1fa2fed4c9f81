//! Floor 9: `synap-migrate`, the way in and out for data, and the tool for damaged files.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the files are damaged.

mod address;
mod export;
mod import;
mod inspect;
mod own;
mod primary;
mod target;

use crate::config::manual;
use address::Address;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Moves data between Synap, Redis and Valkey; checks and repairs files.
#[derive(Parser)]
#[command(
    name = "synap-migrate",
    version = crate::base::version::SYNAP,
    max_term_width = 100,
    after_help = "--man prints the manual page, --completions SHELL those for bash, zsh or fish."
)]
struct Options {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Copies data into a running server, from files or live from another server.
    Import {
        /// An RDB or AOF file, a directory with appendonlydir or dump.rdb, or redis://user:password@host:port
        #[arg(long)]
        from: String,
        /// The server that gets the data
        #[arg(long, default_value = "redis://127.0.0.1:6379")]
        to: Address,
        /// Replace keys that the server has already
        #[arg(long)]
        replace: bool,
        /// After the data of a server, go on with its changes until interrupted
        #[arg(long)]
        follow: bool,
    },
    /// Writes the data of a running server to an RDB file.
    Export {
        /// The server
        #[arg(long, default_value = "redis://127.0.0.1:6379")]
        from: Address,
        /// The file, which is replaced once it is whole
        #[arg(long)]
        out: PathBuf,
        /// Who has to read it
        #[arg(long = "for", value_enum, default_value = "redis-7.0")]
        reader: Reader,
    },
    /// Reads files to their end and tells whether they are whole.
    Verify {
        /// An RDB or AOF file, or a directory of Synap, Redis or Valkey
        path: PathBuf,
    },
    /// Tells what files hold.
    Inspect {
        /// An RDB or AOF file, or a directory of Synap, Redis or Valkey
        path: PathBuf,
        /// Answer with one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Cuts an AOF file or Synap's log back to what is whole; says what it drops.
    Repair {
        /// The file, a copy of which is kept beside it, named .damaged; or the directory of Synap's log
        path: PathBuf,
    },
}

/// The oldest server that has to read an exported file.
#[derive(Clone, Copy, ValueEnum)]
enum Reader {
    /// Redis 7.0 and later, and Valkey: the default; fields of hashes that expire cannot be told
    #[value(name = "redis-7.0")]
    Redis70,
    /// Redis 7.2 and later, and Valkey
    #[value(name = "redis-7.2")]
    Redis72,
    /// Redis 7.4 and later, not Valkey: knows fields that expire
    #[value(name = "redis-8")]
    Redis8,
    /// Valkey 9: knows fields that expire
    #[value(name = "valkey-9")]
    Valkey9,
}

/// What ends a task early.
#[derive(Debug)]
enum Failure {
    /// It could not be done.
    Failed(String),
    /// The files are damaged.
    Damaged(String),
}

impl From<crate::snapshot::rdb::Damage> for Failure {
    fn from(damage: crate::snapshot::rdb::Damage) -> Self {
        Failure::Damaged(damage.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Failed(error.to_string())
    }
}

impl Failure {
    /// The same, with where it happened before it.
    fn at(self, place: impl std::fmt::Display) -> Self {
        match self {
            Failure::Failed(why) => Failure::Failed(format!("{place}: {why}")),
            Failure::Damaged(why) => Failure::Damaged(format!("{place}: {why}")),
        }
    }
}

/// Runs the tool with the given command line.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    match manual::told(Options::command(), args.get(1..).unwrap_or_default()) {
        Some(Ok(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Some(Err(why)) => {
            eprintln!("synap-migrate: {why}");
            return ExitCode::from(2);
        }
        None => {}
    }
    let options = Options::parse_from(args);
    let done = match options.task {
        Task::Import { from, to, replace, follow } => import::run(&from, &to, replace, follow),
        Task::Export { from, out, reader } => export::run(&from, &out, reader),
        Task::Verify { path } => inspect::verify(&path),
        Task::Inspect { path, json } => inspect::inspect(&path, json),
        Task::Repair { path } => inspect::repair(&path),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(why)) => {
            eprintln!("synap-migrate: {why}");
            ExitCode::FAILURE
        }
        Err(Failure::Damaged(why)) => {
            eprintln!("synap-migrate: damaged: {why}");
            ExitCode::from(3)
        }
    }
}
