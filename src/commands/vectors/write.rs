//! Elements and their attributes: given, taken away.

use super::vector::{Given, mismatch, projection_mismatch};
use super::{command, expect_words};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Keyed, Result};
use crate::types::VectorSet;
use crate::types::vectors::{LINKS_DEFAULT, LINKS_MAX, LINKS_MIN, Quantization, Shape};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[VADD, VREM, VSETATTR];

/// How many elements are looked at for the neighbours of a new one where nothing else is asked for.
const EF_DEFAULT: usize = 200;
const EF_MAX: i64 = 1_000_000;

const VADD: Command = command("VADD", vadd, WRITE | GROWS)
    .syntax(
        "key [REDUCE dim:integer] <format: FP32 | VALUES> vector element [CAS] [quant_type: NOQUANT | BIN | Q8] \
         [EF build-exploration-factor:integer] [SETATTR attributes] [M numlinks:integer]",
    )
    .arity(-1)
    .doc(
        "8.0.0",
        "O(log(N)) for N elements",
        "Adds an element to a vector set, which is created if it is absent, or gives it another vector.",
    );

/// What stands behind the element.
struct Options<'a> {
    quantization: Quantization,
    ef: usize,
    links: u32,
    attributes: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        const EF: Error = Error::new("ERR invalid EF");
        const LINKS: Error = Error::new("ERR invalid M");
        let mut options = Options {
            quantization: Quantization::Q8,
            ef: EF_DEFAULT,
            links: LINKS_DEFAULT,
            attributes: None,
        };
        while args.more() {
            if args.word("CAS") {
                // Redis looks for neighbours in a thread then. Here whoever calls waits anyway, and others do not.
            } else if args.left() > 1 && args.word("EF") {
                options.ef = args.int_in(1..=EF_MAX, EF).map_err(|_| EF)? as usize;
            } else if args.left() > 1 && args.word("M") {
                let bounds = i64::from(LINKS_MIN)..=i64::from(LINKS_MAX);
                options.links = args.int_in(bounds, LINKS).map_err(|_| LINKS)? as u32;
            } else if args.left() > 1 && args.word("SETATTR") {
                options.attributes = Some(args.bytes()?);
            } else {
                let mut known = Quantization::ALL.into_iter();
                options.quantization = known
                    .find(|quantization| args.word(quantization.option()))
                    .ok_or(Error::new("ERR invalid option after element"))?;
            }
        }
        Ok(options)
    }
}

fn vadd(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 5..)?;
    let key = cx.args.bytes()?;
    let given = Given::parse_reduced(&mut cx.args)?;
    let element = cx.args.bytes().map_err(|_| Error::arity(cx.command.full_name))?;
    let options = Options::parse(&mut cx.args)?;

    let dim = given.values.len();
    let shape = Shape {
        dim: given.reduce.unwrap_or(dim) as u32,
        quantization: options.quantization,
        links: options.links,
        input_dim: given.reduce.map(|_| dim as u32),
    };
    if let Some(set) = cx.txn.probe::<VectorSet>(key)? {
        check_shape(set.shape(), &shape)?;
    }
    let mut set = cx.txn.upsert_vectors(key, shape)?;
    let is_new = set.insert(element, &given.values, options.ef, options.attributes);
    cx.reply.bool(is_new);
    Ok(())
}

/// Makes sure that a vector fits a set.
fn check_shape(set: &Shape, given: &Shape) -> Result {
    if set.quantization != given.quantization {
        return Err(Error::new("ERR asked quantization mismatch with existing vector set"));
    }
    if set.links != given.links {
        return Err(Error::new("ERR asked M value mismatch with existing vector set"));
    }
    let (dim, reduced) = (given.input_dim(), given.input_dim.map(|_| given.dim));
    match set.input_dim {
        None if set.dim as usize != dim => Err(mismatch(dim, set.dim as usize)),
        None if reduced.is_some() => {
            Err(Error::new("ERR cannot add projection to existing set without projection"))
        }
        Some(_) if reduced != Some(set.dim) => Err(mismatch(dim, set.dim as usize)),
        Some(input_dim) if input_dim as usize != dim => Err(projection_mismatch(dim, input_dim as usize)),
        _ => Ok(()),
    }
}

const VREM: Command = command("VREM", vrem, WRITE).syntax("key element").arity(-1).doc(
    "8.0.0",
    "O(log(N)) for N elements",
    "Removes an element from a vector set.",
);

fn vrem(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 3..=3)?;
    let (key, element) = (cx.args.bytes()?, cx.args.bytes()?);
    let removed = cx.txn.edit::<VectorSet>(key)?.is_some_and(|mut set| set.remove(element));
    cx.reply.bool(removed);
    Ok(())
}

const VSETATTR: Command = command("VSETATTR", vsetattr, WRITE | FAST)
    .syntax("key element json")
    .arity(-1)
    .doc("8.0.0", "O(1)", "Gives an element attributes, or takes them away.");

fn vsetattr(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 4..=4)?;
    let (key, element, attributes) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let set = cx.txn.edit::<VectorSet>(key)?;
    cx.reply.bool(set.is_some_and(|mut set| set.set_attributes(element, attributes)));
    Ok(())
}
