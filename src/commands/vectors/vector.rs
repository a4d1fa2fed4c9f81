//! Vectors as calls give them.

use crate::base::number;
use crate::command::{Args, Error, Result};

/// The most dimensions that a vector may have, before or behind a projection.
const DIM_MAX: usize = 1 << 16;
/// The most products that a projection may be summed from: a tenth of a second.
const PRODUCTS_MAX: usize = 1 << 28;

const INVALID: Error = Error::new("ERR invalid vector specification");

/// A vector that a call gives.
#[derive(Debug)]
pub(super) struct Given {
    /// Its values.
    pub values: Vec<f32>,
    /// Onto how many dimensions it is to be projected: not more than it has.
    pub reduce: Option<usize>,
}

impl Given {
    /// Takes `[REDUCE dim] <FP32 blob | VALUES n value [value ...]>`.
    ///
    /// # Errors
    /// When it is written otherwise, too large, or of no dimension.
    pub fn parse_reduced(args: &mut Args<'_>) -> Result<Self> {
        // Without anything behind its number, REDUCE is no format.
        let reduces = args.left() > 2 && args.word("REDUCE");
        let reduce = if reduces { Some(dim(args)?) } else { None };
        let values = parse(args)?;
        match reduce {
            Some(dim) if dim > values.len() || dim * values.len() > PRODUCTS_MAX => Err(INVALID),
            _ => Ok(Given { values, reduce }),
        }
    }
}

/// Takes `<FP32 blob | VALUES n value [value ...]>`.
///
/// # Errors
/// When it is written otherwise, too large, or of no dimension.
pub(super) fn parse(args: &mut Args<'_>) -> Result<Vec<f32>> {
    if args.word("FP32") {
        let (floats, rest) = args.bytes().map_err(|_| INVALID)?.as_chunks();
        return match rest.is_empty() && (1..=DIM_MAX).contains(&floats.len()) {
            true => Ok(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
            false => Err(INVALID),
        };
    }
    if !args.word("VALUES") {
        return Err(INVALID);
    }
    let dim = dim(args)?;
    let words = args.take(dim).map_err(|_| INVALID)?;
    words.iter().map(|word| number::parse_f64(word).map(|n| n as f32).ok_or(INVALID)).collect()
}

fn dim(args: &mut Args<'_>) -> Result<usize> {
    args.int_in(1..=DIM_MAX as i64, INVALID).map(|dim| dim as usize).map_err(|_| INVALID)
}

/// What is said of a vector that is not of the size of the others.
pub(super) fn mismatch(given: usize, dim: usize) -> Error {
    Error::text(format!("ERR Vector dimension mismatch - got {given} but set has {dim}"))
}

/// What is said of a vector to be projected that is not of the size of the others.
pub(super) fn projection_mismatch(given: usize, dim: usize) -> Error {
    Error::text(format!(
        "ERR Input dimension mismatch for projection - got {given} but projection expects {dim}"
    ))
}
