//! Scripts and functions: EVAL and its kin, FCALL, SCRIPT, FUNCTION.
//!
//! What is declared here as [`crate::command::Nest::Script`] is run by `dispatch::script`; the parts of it
//! that need no transaction are in `prepare`.

pub mod eval;
pub mod function;
pub mod library;
pub mod prepare;
mod prove;
pub mod script;

pub use library::log;

use crate::command::Error;
use crate::engine::Unkillable;

/// Why SCRIPT KILL or FUNCTION KILL ends nothing.
fn unkillable(why: Unkillable, functions: bool) -> Error {
    match why {
        Unkillable::None => Error::new("NOTBUSY No scripts in execution right now."),
        Unkillable::Wrote => Error::new(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        ),
        Unkillable::Other => busy(!functions),
    }
}

/// What clients are told while a script runs for too long.
pub fn busy(is_function: bool) -> Error {
    match is_function {
        true => Error::new(
            "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
        ),
        false => Error::new(
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        ),
    }
}
