//! `bit`: operations on 32-bit words. Numbers are taken modulo 2^32, results are signed.

use super::integer;
use crate::lua::api::number;
use mlua::{Lua, MultiValue, Result, Table};

/// A double plus this has its nearest whole number, modulo 2^32, in its low bits.
const TO_BITS: f64 = 6_755_399_441_055_744.0;

/// The library.
pub fn library(lua: &Lua) -> Result<Table> {
    let bit = lua.create_table()?;
    bit.set("tobit", lua.create_function(|lua, args| Ok(word(lua, &args, 1)? as i32))?)?;
    bit.set("bnot", lua.create_function(|lua, args| Ok(!word(lua, &args, 1)? as i32))?)?;
    bit.set("bswap", lua.create_function(|lua, args| Ok(word(lua, &args, 1)?.swap_bytes() as i32))?)?;
    for (name, fold) in
        [("band", (|a, b| a & b) as fn(u32, u32) -> u32), ("bor", |a, b| a | b), ("bxor", |a, b| a ^ b)]
    {
        let f = move |lua: &Lua, args: MultiValue| {
            let first = word(lua, &args, 1)?;
            // The last first: of two that are wrong, that is the one told of.
            let all = (2..=args.len()).rev().try_fold(first, |all, at| Ok(fold(all, word(lua, &args, at)?)));
            all.map(|word: u32| word as i32)
        };
        bit.set(name, lua.create_function(f)?)?;
    }
    for (name, shift) in [
        ("lshift", (|a, n| a << n) as fn(u32, u32) -> u32),
        ("rshift", |a, n| a >> n),
        ("arshift", |a, n| (a as i32 >> n) as u32),
        ("rol", u32::rotate_left),
        ("ror", u32::rotate_right),
    ] {
        let f = move |lua: &Lua, args: MultiValue| {
            let (a, n) = (word(lua, &args, 1)?, word(lua, &args, 2)?);
            Ok(shift(a, n & 31) as i32)
        };
        bit.set(name, lua.create_function(f)?)?;
    }
    bit.set("tohex", lua.create_function(tohex)?)?;
    Ok(bit)
}

fn word(lua: &Lua, args: &MultiValue, at: usize) -> Result<u32> {
    number(lua, args, at).map(|n| (n + TO_BITS).to_bits() as u32)
}

fn tohex(lua: &Lua, args: MultiValue) -> Result<String> {
    let n = word(lua, &args, 1)?;
    let digits = match integer(lua, &args, 2, Some(8))? {
        _ if args.len() < 2 => 8,
        _ => word(lua, &args, 2)? as i32,
    };
    let len = (digits.unsigned_abs() as usize).min(8);
    let all = if digits < 0 { format!("{n:08X}") } else { format!("{n:08x}") };
    Ok(all[8 - len..].to_string())
}
