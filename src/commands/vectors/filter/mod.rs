//! The expressions of VSIM's FILTER: a small language over the attributes of an element.
//!
//! ```text
//! .year >= 1980 and (.genre in ["drama", "crime"] or not .rating < 7.5)
//! ```
//!
//! | precedence | operators |
//! |---|---|
//! | 6 | `!` `not` |
//! | 5 | `**`, from right to left |
//! | 4 | `*` `/` `%` |
//! | 3 | `+` `-` |
//! | 2 | `>` `>=` `<` `<=` `==` `!=` `in` |
//! | 1 | `and` `&&` |
//! | 0 | `or` `||` |
//!
//! An expression is compiled once per call to a program in reverse Polish notation, which is run for each candidate over the
//! text of its attributes. A field that is absent, or holds an object, makes the whole expression false.

mod json;
mod program;
mod token;
mod value;

pub use program::{Filter, LEN_MAX};

#[cfg(test)]
mod tests;
