//! How a benchmark with options of its own ends.

use std::error::Error;
use std::process::ExitCode;

/// Runs the benchmark `name` with the `options` that were read; `help` is printed when there are none. What goes wrong is
/// told on standard error.
pub fn outcome<O>(
    name: &str,
    help: &str,
    options: Result<Option<O>, Box<dyn Error>>,
    run: impl FnOnce(&O) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    let ended = match options {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            print!("{help}");
            Ok(())
        }
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
