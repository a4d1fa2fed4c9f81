//! Vector sets: the value of a module of Redis.
//!
//! ```text
//! set      dimensions, elements, quantization │ M << 8, flags,
//!          if 0x1: dimensions of the input, the matrix of the projection row by row, as floats; element…
//! element  name, if 0x2: attributes or nothing, vector, how many numbers, number…
//! numbers  id, highest layer │ version << 24, layer… (the lowest first), bits of l2 │ bits of range << 32
//! layer    links, most links, id…, since version 1: the farthest link
//! ```
//! Every number and text is a part of its own, as [`super::module`] draws them. Version 0 of an element's numbers is written,
//! which every Redis 8 reads: where the farthest link stands follows from the vectors. Nothing that was read is believed: see
//! [`Restoring`].

use super::super::reader::*;
use super::super::writer::{Output, put_length};
use super::module::{self, END, number, put_number, put_text, text};
use crate::keyspace::cut::Resume;
use crate::types::vectors::{LINKS_DEFAULT, LINKS_MAX, Quantization, Raw, Restoring, Shape, Stored, matrix};
use crate::types::{Item, VectorSet};

/// `vectorset`, version 0.
pub const ID: u64 = module::id(b"vectorset", 0);

const PROJECTED: u64 = 1;
const ATTRIBUTED: u64 = 1 << 1;
/// Versions of an element's numbers.
const PLAIN: u64 = 0;
const WITH_FARTHEST: u64 = 1;
/// The most links that are read of one layer: Redis gives some elements a few more than it should.
const ROOM_MAX: u64 = 4 * LINKS_MAX as u64;

pub(super) fn write(set: &VectorSet, out: &mut Output<'_>) {
    write_some(set, &mut Resume::default(), usize::MAX, out);
}

/// Writes a set in steps of `limit` elements.
pub(super) fn write_some(set: &VectorSet, resume: &mut Resume, limit: usize, out: &mut Output<'_>) -> bool {
    if !resume.begun {
        write_head(set, out);
    }
    let with_attributes = set.attributes_count() > 0;
    for element in set.stored(resume.at as usize).take(limit) {
        write_element(&element, set.shape(), with_attributes, out);
        resume.at += 1;
    }
    let is_whole = resume.at == set.len() as u64;
    if is_whole {
        out.push(END);
    }
    is_whole
}

fn write_head(set: &VectorSet, out: &mut Output<'_>) {
    let Shape { dim, quantization, links, input_dim } = *set.shape();
    put_length(ID, out);
    let flags = if input_dim.is_some() { PROJECTED } else { 0 }
        | if set.attributes_count() > 0 { ATTRIBUTED } else { 0 };
    let config = quantization as u64 | u64::from(links) << 8;
    [dim.into(), set.len() as u64, config, flags].into_iter().for_each(|n| put_number(n, out));
    if let Some(columns) = input_dim {
        put_number(columns.into(), out);
        let matrix: Vec<u8> =
            matrix(columns as usize, dim as usize).flat_map(|float| float.to_le_bytes()).collect();
        put_text(&matrix, out);
    }
}

fn write_element(element: &Stored<'_>, shape: &Shape, with_attributes: bool, out: &mut Output<'_>) {
    put_text(element.name.text().as_bytes(), out);
    if with_attributes {
        put_text(element.attributes.unwrap_or_default(), out);
    }
    let Raw { bytes, l2, range } = &element.raw;
    put_text(bytes, out);
    let numbers = element.layers.iter().map(|layer| 2 + layer.len() as u64).sum::<u64>() + 3;
    [numbers, element.id, element.layers.len() as u64 - 1].into_iter().for_each(|n| put_number(n, out));
    for (level, layer) in element.layers.iter().enumerate() {
        let room = u64::from(shape.links) * if level == 0 { 2 } else { 1 };
        let room = room.max(layer.len() as u64);
        [layer.len() as u64, room].iter().chain(layer).for_each(|n| put_number(*n, out));
    }
    let range = range.unwrap_or_default().to_bits();
    put_number(u64::from(range) << 32 | u64::from(l2.to_bits()), out);
}

/// Reads a vector set behind the id of its module.
pub(super) fn read(input: &mut Reader<'_>) -> Result<VectorSet, Damage> {
    let (dim, elements, config, flags) = (number(input)?, number(input)?, number(input)?, number(input)?);
    let quantization = Quantization::ALL.get((config & 0xFF) as usize);
    let quantization = *quantization.ok_or_else(|| input.damage("an unknown quantization"))?;
    let links = match (config >> 8) as u32 & 0xFFFF {
        0 => LINKS_DEFAULT,
        links => links.min(LINKS_MAX),
    };
    let dim = u32::try_from(dim).map_err(|_| input.damage("too many dimensions"))?;
    let input_dim = if flags & PROJECTED != 0 { Some(read_projection(input, dim)?) } else { None };
    let shape = Shape { dim, quantization, links, input_dim };
    let mut restoring = Restoring::new(shape).map_err(|what| input.damage(what))?;
    for _ in 0..elements {
        read_element(input, quantization, flags & ATTRIBUTED != 0, &mut restoring)?;
    }
    if input.byte()? != END {
        return Err(input.damage("more in a vector set than belongs there"));
    }
    match restoring.finish() {
        Ok(set) if set.is_empty() => Err(input.fault(Fault::Empty)),
        Ok(set) => Ok(set),
        Err(what) => Err(input.damage(what)),
    }
}

fn read_projection(input: &mut Reader<'_>, dim: u32) -> Result<u32, Damage> {
    let columns = number(input)?;
    let columns = u32::try_from(columns).map_err(|_| input.damage("too many dimensions"))?;
    let read = text(input)?;
    let expected = matrix(columns as usize, dim as usize).map(f32::to_le_bytes);
    let is_known = read.len() as u128 == 4 * u128::from(columns) * u128::from(dim)
        && read.as_chunks().0.iter().zip(expected).all(|(read, expected)| *read == expected);
    if is_known { Ok(columns) } else { Err(input.damage("a projection of another kind")) }
}

fn read_element(
    input: &mut Reader<'_>,
    quantization: Quantization,
    with_attributes: bool,
    restoring: &mut Restoring,
) -> Result<(), Damage> {
    let name = text(input)?;
    let attributes = if with_attributes { text(input)? } else { Vec::new() };
    let bytes = text(input)?;
    let mut numbers = Numbers { left: number(input)?, input };
    let (id, head) = (numbers.next()?, numbers.next()?);
    let version = head >> 24 & 0xFF;
    if !matches!(version, PLAIN | WITH_FARTHEST) {
        return Err(input.damage("an element in an unknown version"));
    }
    let mut layers = Vec::new();
    for _ in 0..=head & 0xFF {
        let (links, room) = (numbers.next()?, numbers.next()?);
        if links > room || room > ROOM_MAX {
            return Err(input.damage("a number of links out of bounds"));
        }
        layers.push((0..links).map(|_| numbers.next()).collect::<Result<Vec<_>, _>>()?);
        if version == WITH_FARTHEST {
            numbers.next()?;
        }
    }
    let lengths = numbers.next()?;
    if numbers.left > 0 {
        return Err(input.damage("more of an element than belongs there"));
    }
    let (l2, range) = (f32::from_bits(lengths as u32), f32::from_bits((lengths >> 32) as u32));
    let range = (quantization == Quantization::Q8).then_some(range);
    let name = Item::from(&name[..]);
    let attributes = Some(&attributes[..]).filter(|text| !text.is_empty());
    let stored = Stored { id, name, raw: Raw { bytes, l2, range }, attributes, layers };
    restoring.add(&stored).map_err(|what| input.damage(what))
}

/// The numbers of an element.
struct Numbers<'i, 'a> {
    left: u64,
    input: &'i mut Reader<'a>,
}

impl Numbers<'_, '_> {
    fn next(&mut self) -> Result<u64, Damage> {
        if self.left == 0 {
            return Err(self.input.damage("too few numbers of an element"));
        }
        self.left -= 1;
        number(self.input)
    }
}
