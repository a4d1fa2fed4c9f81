//! HyperLogLog: how many different elements were added, within 0.81 %, in 12 KiB at most.
//!
//! Stored as a string, byte for byte as Redis does:
//!
//! ```text
//! "HYLL" | encoding 1 | unused 3 | cached count 8 (little endian; top bit of the last: stale) | registers
//! dense  (0): 16384 registers of 6 bits, the lowest bits of a byte first
//! sparse (1): 00nnnnnn            n+1 registers are 0
//!             01nnnnnn nnnnnnnn   n+1 registers are 0
//!             1vvvvvnn            n+1 registers are v+1
//! ```
//!
//! Counts are estimated as in Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog
//! sketches" (2017), algorithm 6.

use crate::base::simd::{pack_sixes, spread_sixes, widened};

/// Registers, each chosen by this many bits of an element's hash.
const INDEX_BITS: u32 = 14;
/// The number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash whose leading zeros are counted.
const RANK_BITS: usize = 64 - INDEX_BITS as usize;
const HEADER: usize = 16;
const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;
/// The sparse form of no element.
const EMPTY_LEN: usize = HEADER + 2;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// The largest value that the sparse form can tell.
const SPARSE_VALUE_MAX: u8 = 32;
const ZERO_RUN_MAX: usize = 1 << 14;
const VALUE_RUN_MAX: usize = 4;

/// The values of all registers.
pub type Registers = [u8; REGISTERS];

/// The sparse form does not describe all registers, or more than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// Whether `bytes` may be a HyperLogLog: its header is one, and a dense one has its length.
pub fn is_valid(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && bytes.starts_with(b"HYLL")
        && (bytes[4] == SPARSE || bytes[4] == DENSE && bytes.len() == DENSE_LEN)
}

/// Whether a valid HyperLogLog is dense.
pub fn is_dense(bytes: &[u8]) -> bool {
    bytes[4] == DENSE
}

/// The count kept in the header, unless it is stale.
pub fn cached(bytes: &[u8]) -> Option<u64> {
    let count = u64::from_le_bytes(bytes[8..HEADER].try_into().ok()?);
    (count >> 63 == 0).then_some(count)
}

/// Takes over the count that `old` kept, as a stale one: as Redis leaves it.
pub fn keep_stale_count(bytes: &mut [u8], old: &[u8]) {
    bytes[8..HEADER].copy_from_slice(&old[8..HEADER]);
    forget_count(bytes);
}

/// Marks the count in the header as stale.
pub fn forget_count(bytes: &mut [u8]) {
    bytes[HEADER - 1] |= 0x80;
}

/// The string that holds no element: sparse.
pub fn empty() -> Vec<u8> {
    let mut bytes = header(SPARSE);
    push_run(&mut bytes, 0, REGISTERS);
    bytes
}

/// What stands before the registers, with a stale count.
fn header(encoding: u8) -> Vec<u8> {
    let mut bytes = vec![b'H', b'Y', b'L', b'L', encoding, 0, 0, 0];
    bytes.extend_from_slice(&(1u64 << 63).to_le_bytes());
    bytes
}

/// A run of registers in the sparse form: their value, how many, and the bytes that say so.
fn run(code: &[u8]) -> Result<(u8, usize, usize), Corrupt> {
    match *code {
        [a, ..] if a & 0x80 != 0 => Ok(((a >> 2 & 31) + 1, usize::from(a & 3) + 1, 1)),
        [a, b, ..] if a & 0x40 != 0 => Ok((0, (usize::from(a & 63) << 8 | usize::from(b)) + 1, 2)),
        [a, ..] if a & 0x40 == 0 => Ok((0, usize::from(a) + 1, 1)),
        _ => Err(Corrupt),
    }
}

/// The runs of the sparse form, in order: their value, how many registers, and in how many bytes they are told.
///
/// # Errors
/// [`Corrupt`]
pub fn runs(bytes: &[u8]) -> Result<Vec<(u8, usize, usize)>, Corrupt> {
    let (mut code, mut runs, mut total) = (&bytes[HEADER..], Vec::new(), 0);
    while !code.is_empty() {
        let (value, count, len) = run(code)?;
        total += count;
        if total > REGISTERS {
            return Err(Corrupt);
        }
        runs.push((value, count, len));
        code = &code[len..];
    }
    if total == REGISTERS { Ok(runs) } else { Err(Corrupt) }
}

/// All registers of a valid HyperLogLog.
///
/// # Errors
/// [`Corrupt`]
pub fn registers(bytes: &[u8]) -> Result<Box<Registers>, Corrupt> {
    let mut registers = Box::new([0; REGISTERS]);
    merge(&mut registers, bytes)?;
    Ok(registers)
}

/// Raises `registers` to those of a valid HyperLogLog that are higher.
///
/// # Errors
/// [`Corrupt`]
pub fn merge(registers: &mut Registers, bytes: &[u8]) -> Result<(), Corrupt> {
    if is_dense(bytes) {
        widened((registers, &bytes[HEADER..]), raise);
        return Ok(());
    }
    let mut at = 0;
    for (value, count, _) in runs(bytes)? {
        if value > 0 {
            registers[at..at + count].iter_mut().for_each(|register| *register = value.max(*register));
        }
        at += count;
    }
    Ok(())
}

/// Arrays of registers that are spread at a time.
const SPREAD: usize = 32;

#[inline(always)]
fn raise((registers, packed): (&mut Registers, &[u8])) {
    let mut spread = [[0; 32]; SPREAD];
    let packed = packed.as_chunks::<24>().0.chunks(SPREAD);
    for (registers, packed) in registers.chunks_mut(32 * SPREAD).zip(packed) {
        spread_sixes(packed, &mut spread);
        let others = spread.as_flattened();
        registers.iter_mut().zip(others).for_each(|(register, other)| *register = (*register).max(*other));
    }
}

/// The value of register `at` in the packed bytes of a dense one.
fn dense_value(packed: &[u8], at: usize) -> u8 {
    let (byte, shift) = (at * 6 / 8, at * 6 % 8);
    let bits = u16::from_le_bytes([packed[byte], packed.get(byte + 1).copied().unwrap_or(0)]);
    (bits >> shift & 63) as u8
}

/// Sets register `at` in the packed bytes of a dense one.
fn set_dense_value(packed: &mut [u8], at: usize, value: u8) {
    let (byte, shift) = (at * 6 / 8, at * 6 % 8);
    let high = packed.get(byte + 1).copied().unwrap_or(0);
    let bits = u16::from_le_bytes([packed[byte], high]);
    let [low, high] = (bits & !(63 << shift) | u16::from(value) << shift).to_le_bytes();
    packed[byte] = low;
    if let Some(byte) = packed.get_mut(byte + 1) {
        *byte = high;
    }
}

/// Raises registers of a valid dense one in place to those of `wanted` that are higher; tells whether any was. Its count is
/// stale then.
pub fn raise_dense(bytes: &mut [u8], wanted: &[(usize, u8)]) -> bool {
    let (header, packed) = bytes.split_at_mut(HEADER);
    let mut raised = false;
    for (at, value) in wanted {
        if dense_value(packed, *at) < *value {
            set_dense_value(packed, *at, *value);
            raised = true;
        }
    }
    header[HEADER - 1] |= if raised { 0x80 } else { 0 };
    raised
}

/// How many of `wanted` a valid dense one has lower in its registers.
pub fn lower(bytes: &[u8], wanted: &[(usize, u8)]) -> usize {
    wanted.iter().filter(|(at, value)| dense_value(&bytes[HEADER..], *at) < *value).count()
}

/// What raising a register of a sparse one comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// It is as high already.
    Not,
    /// Done, and the count is stale.
    Done,
    /// The sparse form cannot tell it within its bounds.
    Full,
}

/// Raises the register `at` of a valid sparse one to `value`. Reads no further than that register and some bytes, so that
/// damage behind it is left as it is.
///
/// # Errors
/// [`Corrupt`] when there is no such register.
pub fn raise_sparse(
    bytes: &mut Vec<u8>,
    at: usize,
    value: u8,
    sparse_len_max: usize,
) -> Result<Raised, Corrupt> {
    if value > SPARSE_VALUE_MAX {
        return Ok(Raised::Full);
    }
    // The run that the register is in, where it begins, and the place of the run before it.
    let (mut place, mut first, mut before) = (HEADER, 0, HEADER);
    let (old, count, len) = loop {
        let found = run(bytes.get(place..).unwrap_or_default())?;
        if at < first + found.1 {
            break found;
        }
        before = place;
        place += found.2;
        first += found.1;
    };
    if old >= value {
        return Ok(Raised::Not);
    }
    let mut new = Vec::with_capacity(5);
    push_run(&mut new, old, at - first);
    push_run(&mut new, value, 1);
    push_run(&mut new, old, first + count - at - 1);
    if new.len() > len && bytes.len() + new.len() - len > sparse_len_max {
        return Ok(Raised::Full);
    }
    bytes.splice(place..place + len, new);
    // Runs of one value that are beside each other now become one, where that fits.
    let mut place = before;
    for _ in 0..MERGED {
        let Ok((value, count, len)) = run(bytes.get(place..).unwrap_or_default()) else { break };
        match bytes.get(place + 1).map(|code| run(&[*code])) {
            Some(Ok((next, more, _))) if value > 0 && next == value && count + more <= VALUE_RUN_MAX => {
                let mut one = Vec::with_capacity(1);
                push_run(&mut one, value, count + more);
                bytes.splice(place..place + 2, one);
            }
            _ => place += len,
        }
    }
    forget_count(bytes);
    Ok(Raised::Done)
}

/// Runs that are looked at for neighbours of the same value.
const MERGED: usize = 5;

/// The string that holds `registers`: sparse if it may be and fits `sparse_len_max` bytes, its header among them, else dense.
/// Its count is stale.
pub fn encode(registers: &Registers, may_be_sparse: bool, sparse_len_max: usize) -> Vec<u8> {
    if may_be_sparse && registers.iter().all(|value| *value <= SPARSE_VALUE_MAX) {
        let mut bytes = header(SPARSE);
        for run in registers.chunk_by(|a, b| a == b) {
            push_run(&mut bytes, run[0], run.len());
        }
        if bytes.len() <= sparse_len_max.max(EMPTY_LEN) {
            return bytes;
        }
    }
    let mut bytes = header(DENSE);
    bytes.resize(DENSE_LEN, 0);
    pack_sixes(registers.as_chunks::<32>().0, bytes[HEADER..].as_chunks_mut::<24>().0);
    bytes
}

fn push_run(bytes: &mut Vec<u8>, value: u8, mut len: usize) {
    while len > 0 {
        let part = len.min(if value == 0 { ZERO_RUN_MAX } else { VALUE_RUN_MAX });
        let n = part - 1;
        match value {
            0 if part <= 64 => bytes.push(n as u8),
            0 => bytes.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]),
            _ => bytes.push(0x80 | (value - 1) << 2 | n as u8),
        }
        len -= part;
    }
}

/// The register an element belongs to, and the value it wants there.
pub fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    ((hash & (REGISTERS as u64 - 1)) as usize, rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash2, 64-bit version A, with the seed Redis uses.
fn murmur(bytes: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mix = |word: u64| {
        let word = word.wrapping_mul(M);
        (word ^ word >> 47).wrapping_mul(M)
    };
    let mut hash = 0xadc8_3b19 ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        hash = (hash ^ mix(u64::from_le_bytes(*word))).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut word = [0; 8];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(M);
    hash ^ hash >> 47
}

/// How many elements made these registers.
pub fn estimate(registers: &Registers) -> u64 {
    // Several, so that equal values beside each other do not wait for one another.
    let mut histograms = [[0u32; 64]; 4];
    let mut zeros = 0;
    for eight in registers.as_chunks::<8>().0 {
        if *eight == [0; 8] {
            zeros += 8;
            continue;
        }
        for four in eight.as_chunks::<4>().0 {
            for (histogram, value) in histograms.iter_mut().zip(four) {
                histogram[usize::from(value & 63)] += 1;
            }
        }
    }
    histograms[0][0] += zeros;
    let histogram: [u32; 64] = std::array::from_fn(|value| histograms.iter().map(|some| some[value]).sum());
    let m = REGISTERS as f64;
    let share = |n: u32| f64::from(n) / m;
    let mut z = m * tau(1.0 - share(histogram[RANK_BITS + 1]));
    for count in histogram[1..=RANK_BITS].iter().rev() {
        z = (z + f64::from(*count)) * 0.5;
    }
    z += m * sigma(share(histogram[0]));
    (0.5 / std::f64::consts::LN_2 * m * m / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_hold_the_same_registers() {
        let mut registers = Box::new([0; REGISTERS]);
        for n in 0..400u32 {
            let (at, value) = place(&n.to_le_bytes());
            registers[at] = value.max(registers[at]);
            for may_be_sparse in [true, false] {
                let bytes = encode(&registers, may_be_sparse, 3000);
                assert!(is_valid(&bytes) && is_dense(&bytes) != may_be_sparse && cached(&bytes).is_none());
                assert_eq!(super::registers(&bytes).unwrap(), registers);
            }
        }
        assert_eq!(encode(&[0; REGISTERS], true, 3000)[HEADER..], [0x7f, 0xff]);
    }

    #[test]
    fn raising_registers_one_by_one_gives_the_same_registers() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut registers = Box::new([0; REGISTERS]);
        let mut sparse = encode(&registers, true, 3000);
        let mut dense = encode(&registers, false, 3000);
        for _ in 0..3000 {
            let (at, value) = place(&random.u64(..).to_le_bytes());
            let rises = value > registers[at];
            registers[at] = registers[at].max(value);
            assert_eq!(lower(&dense, &[(at, value)]), usize::from(rises));
            assert_eq!(raise_dense(&mut dense, &[(at, value)]), rises);
            assert_eq!(dense, encode(&registers, false, 3000));
            match raise_sparse(&mut sparse, at, value, 3000).unwrap() {
                Raised::Full => {
                    assert!(sparse.len() > 2990 || value > SPARSE_VALUE_MAX);
                    return;
                }
                raised => assert_eq!(raised == Raised::Done, rises),
            }
            assert_eq!(super::registers(&sparse).unwrap(), registers);
        }
        panic!("it has to become dense in the end");
    }

    #[test]
    fn damaged_runs_are_found() {
        let good = encode(&[0; REGISTERS], true, 3000);
        assert_eq!(registers(&[&good[..], b"hello"].concat()), Err(Corrupt));
        assert_eq!(registers(&good[..HEADER]), Err(Corrupt));
        assert_eq!(registers(&good[..HEADER + 1]), Err(Corrupt));
        assert!(!is_valid(b"HYLL") && !is_valid(&[b"HYLL\0", &[0; 40][..]].concat()));
    }

    #[test]
    fn estimates_are_near() {
        let mut registers = Box::new([0; REGISTERS]);
        for n in 1..=100_000u64 {
            let (at, value) = place(&n.to_le_bytes());
            registers[at] = value.max(registers[at]);
            if n.is_power_of_two() || n == 100_000 {
                assert!(estimate(&registers).abs_diff(n) as f64 <= (n as f64 * 0.03).max(1.0), "{n}");
            }
        }
        assert_eq!(estimate(&[0; REGISTERS]), 0);
    }
}
