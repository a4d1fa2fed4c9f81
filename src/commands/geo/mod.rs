//! Positions on earth, kept as scores of a sorted set.

pub mod add;
mod query;
pub mod radius;
pub mod read;
pub mod search;

use crate::base::number;
use crate::command::{Args, Error, Reply, Result};
use crate::types::geo::Position;

/// Takes a longitude and a latitude.
fn position(args: &mut Args<'_>) -> Result<Position> {
    let (longitude, latitude) = (args.float()?, args.float()?);
    let position = Position { longitude, latitude };
    if position.is_valid() {
        return Ok(position);
    }
    Err(Error::text(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// Takes a unit of length; returns its metres.
fn unit(args: &mut Args<'_>) -> Result<f64> {
    if args.word("M") {
        Ok(1.0)
    } else if args.word("KM") {
        Ok(1000.0)
    } else if args.word("FT") {
        Ok(0.3048)
    } else if args.word("MI") {
        Ok(1609.34)
    } else {
        Err(Error::new("ERR unsupported unit provided. please use M, KM, FT, MI"))
    }
}

/// Takes a number, or answers `error`.
fn length(args: &mut Args<'_>, error: Error) -> Result<f64> {
    number::parse_f64(args.bytes()?).ok_or(error)
}

/// Answers a position as a pair of numbers.
fn reply_position(reply: &mut Reply, position: Position) {
    reply.array(2);
    reply.double(position.longitude);
    reply.double(position.latitude);
}

/// Answers a distance: text with four decimals in both protocols.
fn reply_distance(reply: &mut Reply, distance: f64) {
    let scaled = (distance * 10_000.0).round_ties_even() as i64;
    reply.bulk(format!("{}.{:04}", scaled / 10_000, scaled % 10_000).as_bytes());
}
