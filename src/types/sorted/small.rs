//! The small form of a sorted set: one packed list, members and scores in turn, in order.
//!
//! ```text
//! │ member │ score │ member │ score │ …
//! ```
//! A score is an integer item when it is a whole number; else a string item, the most significant
//! bytes of its IEEE representation without the zeros at their end (1.5 takes two, 0.1 all eight).

use super::tree::Probe;
use crate::types::packed::{At, Packed, PackedIter};
use crate::types::{Item, Packing};
use std::ops::Range;
