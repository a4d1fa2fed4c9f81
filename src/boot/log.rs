//! Where the log goes, how much of it, and how its lines are written.

mod lines;

use crate::config::{self, Settings};
use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, reload};

use lines::{Form, Lines};

/// The level that `loglevel` means.
fn level(settings: &Settings) -> LevelFilter {
    match settings.string(config::LOGLEVEL).as_str() {
        "debug" => LevelFilter::TRACE,
        "verbose" => LevelFilter::DEBUG,
        "notice" => LevelFilter::INFO,
        "warning" => LevelFilter::WARN,
        _ => LevelFilter::OFF,
    }
}

/// Starts to log to `logfile`, or to standard output when it is empty; follows `loglevel` and `log-format`.
pub(super) fn start(settings: &Settings) -> Result<(), String> {
    let path = settings.string(config::LOGFILE);
    let writer = match path.is_empty() {
        true => BoxMakeWriter::new(std::io::stdout),
        false => {
            let file = OpenOptions::new().append(true).create(true).open(&path);
            BoxMakeWriter::new(Mutex::new(file.map_err(|error| format!("logfile {path}: {error}"))?))
        }
    };
    let (filter, handle) = reload::Layer::new(level(settings));
    let lines = Lines::new(Form::of(settings));
    let form = lines.form();
    let layer = fmt::layer()
        .with_writer(writer)
        .with_ansi(path.is_empty() && std::io::stdout().is_terminal())
        .event_format(lines);
    tracing_subscriber::registry().with(filter).with(layer).init();
    settings.on_change(&[config::LOG_FORMAT], move |settings| {
        form.store(Form::of(settings) as u8, Relaxed);
        Ok(())
    });
    settings.on_change(&[config::LOGLEVEL], move |settings| {
        handle.reload(level(settings)).map_err(|error| error.to_string())
    });
    Ok(())
}
