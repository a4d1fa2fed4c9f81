//! Sorted sets.
//!
//! ```text
//! sorted set         members │ string, score f64 LE │ …       from the highest score down
//! with text scores   members │ string, score │ …              length u8 and text; 253 NaN, 254 +inf, 255 -inf
//! ```

use super::super::writer::{self, Output};
use super::super::{kind, listpack, old, reader::*};
use super::with_packed;
use crate::base::number;
use crate::keyspace::cut::Resume;
use crate::types::sorted::Change;
use crate::types::{Item, Packing, Sorted};

const TWICE: &str = "a member of a sorted set stands there twice";
const SCORE: &str = "a score is no number";

pub(super) fn kind_byte(sorted: &Sorted) -> u8 {
    if sorted.encoding() == "listpack" { kind::SORTED_LISTPACK } else { kind::SORTED }
}

pub(super) fn write(kind: u8, sorted: &Sorted, out: &mut Output<'_>) {
    let (kind::SORTED_LISTPACK, Some(items)) = (kind, sorted.packed_items()) else {
        write_some(sorted, &mut Resume::default(), usize::MAX, out);
        return;
    };
    let (mut pack, mut text) = (Vec::with_capacity(listpack::room_for(&items)), Vec::new());
    let mut list = listpack::Writer::new(&mut pack);
    let mut items = items.encoded();
    while let (Some(member), Some(score)) = (items.next(), items.next()) {
        list.push_encoded(member);
        match Item::decode(score.0).0 {
            Item::Int(n) if i32::try_from(n).is_ok() => list.push_encoded(score),
            item => {
                text.clear();
                number::format_f64(Sorted::score_of(item), &mut text);
                list.push(Item::from(&text[..]));
            }
        }
    }
    list.end();
    out.text(&pack);
}

/// Writes a sorted set as a run of members with binary scores in steps, the highest first.
pub(super) fn write_some(sorted: &Sorted, resume: &mut Resume, limit: usize, out: &mut Output<'_>) -> bool {
    let len = sorted.len();
    if !resume.begun {
        writer::put_length(len as u64, out);
    }
    let left = len - resume.at as usize;
    let step = left.min(limit);
    for (member, score) in sorted.iter(left - step..left, true) {
        out.item(Item::from(member.text().as_bytes()));
        out.extend_from_slice(&score.to_le_bytes());
    }
    resume.at += step as u64;
    step == left
}

pub(super) fn read(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<Sorted, Damage> {
    let mut sorted = Sorted::new();
    let parse = match kind {
        kind::SORTED_ZIPLIST => old::ziplist,
        kind::SORTED_LISTPACK => listpack::elements,
        _ => return read_run(kind, input, packing),
    };
    with_packed(input, parse, |items| {
        sorted.expect(items.len() / 2, packing);
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a sorted set has a member without a score");
        }
        for [member, score] in pairs {
            let score = match score {
                Item::Int(n) => *n as f64,
                Item::Bytes(text) => parse_score(text).ok_or(SCORE)?,
            };
            if sorted.insert(score, member.text().as_bytes(), packing) == Change::None {
                return Err(TWICE);
            }
        }
        Ok(())
    })?;
    Ok(sorted)
}

fn read_run(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<Sorted, Damage> {
    let mut sorted = Sorted::new();
    let count = input.count()?;
    sorted.expect(usize::try_from(count).unwrap_or(usize::MAX), packing);
    let mut member = Vec::new();
    for _ in 0..count {
        input.string_into(&mut member)?;
        let score = match kind {
            kind::SORTED => f64::from_le_bytes(input.array()?),
            _ => score_text(input)?,
        };
        if score.is_nan() {
            return Err(input.damage(SCORE));
        }
        let known = sorted.len();
        sorted.insert(score, &member, packing);
        if sorted.len() == known {
            return Err(input.damage(TWICE));
        }
    }
    sorted.pack(packing);
    Ok(sorted)
}

fn score_text(input: &mut Reader<'_>) -> Result<f64, Damage> {
    match input.byte()? {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => {
            let score = parse_score(input.take(len.into())?);
            score.ok_or_else(|| input.damage(SCORE))
        }
    }
}

/// Unlike scores that clients send, those that are stored may be too small for all their digits.
fn parse_score(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|score: &f64| !score.is_nan())
}
