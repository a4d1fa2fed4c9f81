//! `oom-score-adj`: how soon the kernel ends this process when memory runs out.

use crate::base::number::parse_i64;
use crate::config::{self, Settings};
use parking_lot::Mutex;
use std::fs;

/// Where the kernel keeps the score, and its bounds.
const FILE: &str = "/proc/self/oom_score_adj";
const BOUNDS: (i64, i64) = (-1000, 1000);

/// The score of the process.
#[derive(Debug, Default)]
pub struct OomScore {
    /// What it was before it was changed here.
    before: Mutex<Option<i64>>,
}

impl OomScore {
    /// Sets the score that `settings` want, or the one from before when they want none.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn follow(&self, settings: &Settings) -> Result<(), String> {
        let mut before = self.before.lock();
        let wish = settings.string(config::OOM_SCORE_ADJ);
        if wish == "no" {
            return before.take().map_or(Ok(()), write);
        }
        let base = before.map_or_else(read, Ok)?;
        write(score(base, wish == "absolute", &settings.words(config::OOM_SCORE_ADJ_VALUES)))?;
        *before = Some(base);
        Ok(())
    }
}

/// The score that a primary gets by `values`.
fn score(base: i64, absolute: bool, values: &[String]) -> i64 {
    let value = values.first().and_then(|value| parse_i64(value.as_bytes())).unwrap_or(0);
    (if absolute { value } else { base + value }).clamp(BOUNDS.0, BOUNDS.1)
}

fn read() -> Result<i64, String> {
    let text = fs::read_to_string(FILE).map_err(|error| refused(&error))?;
    Ok(parse_i64(text.trim().as_bytes()).unwrap_or(0))
}

fn write(score: i64) -> Result<(), String> {
    fs::write(FILE, score.to_string()).map_err(|error| refused(&error))
}

fn refused(error: &std::io::Error) -> String {
    tracing::warn!("{FILE}: {error}");
    "Failed to set current oom_score_adj. Check server logs.".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_added_or_taken_as_they_are_and_bounded() {
        let values = ["15", "20", "30"].map(str::to_owned);
        assert_eq!(score(100, false, &values), 115);
        assert_eq!(score(100, true, &values), 15);
        assert_eq!(score(990, false, &values), 1000);
        assert_eq!(score(0, true, &["-2000".to_owned()]), -1000);
    }
}
