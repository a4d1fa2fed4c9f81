//! Bitwise operations over several byte strings of any lengths; the shorter ones end in zeros.

/// What to make of the bits at one place, one of each input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// All are 1.
    And,
    /// Any is 1.
    Or,
    /// An odd number of them is 1.
    Xor,
    /// The only one is 0.
    Not,
    /// The first is 1 and no other.
    Diff,
    /// The first is 0 and any other is 1.
    Diff1,
    /// The first is 1 and any other too.
    AndOr,
    /// Exactly one is 1.
    One,
}

/// Bytes worked on at a time, so that they stay in the cache while all inputs are applied.
const BLOCK: usize = 8 * 1024;

impl Operation {
    /// The combination of `inputs`, one at least, as long as the longest.
    pub fn combine<'a>(self, inputs: &[&'a [u8]]) -> Vec<u8> {
        let len = inputs.iter().map(|input| input.len()).max().unwrap_or(0);
        let (mut out, mut block) = (Vec::with_capacity(len), [0; BLOCK]);
        let mut scratch = if self == Operation::One { vec![0; len.min(BLOCK)] } else { Vec::new() };
        let mut parts = Vec::with_capacity(inputs.len());
        for i in 0..len.div_ceil(BLOCK) {
            let block = &mut block[..(len - i * BLOCK).min(BLOCK)];
            block.fill(0);
            let part = |input: &&'a [u8]| {
                let from = (i * BLOCK).min(input.len());
                &input[from..input.len().min(from + BLOCK)]
            };
            parts.clear();
            parts.extend(inputs.iter().map(part));
            self.fill(block, &parts, &mut scratch);
            out.extend_from_slice(block);
        }
        out
    }

    /// Fills `out`, all zeros, with the combination of inputs that are no longer.
    fn fill(self, out: &mut [u8], inputs: &[&[u8]], scratch: &mut [u8]) {
        let [first, others @ ..] = inputs else { return };
        match self {
            Operation::And => {
                apply(out, first, |_, b| b);
                others.iter().for_each(|input| apply_padded(out, input, |a, b| a & b));
            }
            Operation::Or => inputs.iter().for_each(|input| apply(out, input, |a, b| a | b)),
            Operation::Xor => inputs.iter().for_each(|input| apply(out, input, |a, b| a ^ b)),
            Operation::Not => apply_padded(out, first, |_, b| !b),
            Operation::Diff | Operation::Diff1 | Operation::AndOr => {
                others.iter().for_each(|input| apply(out, input, |a, b| a | b));
                match self {
                    Operation::Diff => apply_padded(out, first, |others, x| x & !others),
                    Operation::Diff1 => apply(out, first, |others, x| others & !x),
                    _ => apply_padded(out, first, |others, x| others & x),
                }
            }
            Operation::One => {
                let several = &mut scratch[..out.len()];
                several.fill(0);
                for input in inputs {
                    for ((seen, several), byte) in out.iter_mut().zip(&mut *several).zip(*input) {
                        *several |= *seen & byte;
                        *seen |= byte;
                    }
                }
                apply(out, several, |seen, several| seen & !several);
            }
        }
    }
}

/// Combines each byte of `out` with that of `input`, as far as `input` reaches.
fn apply(out: &mut [u8], input: &[u8], f: impl Fn(u8, u8) -> u8) {
    out.iter_mut().zip(input).for_each(|(a, b)| *a = f(*a, *b));
}

/// Likewise, but where `input` has ended it counts as zeros.
fn apply_padded(out: &mut [u8], input: &[u8], f: impl Fn(u8, u8) -> u8) {
    apply(out, input, &f);
    out[input.len()..].iter_mut().for_each(|a| *a = f(*a, 0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(op: Operation, bits: &[bool]) -> bool {
        let (first, others) = (bits[0], bits[1..].iter().any(|b| *b));
        let ones = bits.iter().filter(|b| **b).count();
        match op {
            Operation::And => ones == bits.len(),
            Operation::Or => ones > 0,
            Operation::Xor => ones % 2 == 1,
            Operation::Not => !first,
            Operation::Diff => first && !others,
            Operation::Diff1 => !first && others,
            Operation::AndOr => first && others,
            Operation::One => ones == 1,
        }
    }

    fn check(op: Operation, inputs: &[Vec<u8>]) {
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let inputs = if op == Operation::Not { &inputs[..1] } else { &inputs };
        let out = op.combine(inputs);
        assert_eq!(out.len(), inputs.iter().map(|i| i.len()).max().unwrap());
        for at in 0..out.len() as u64 * 8 {
            let bits: Vec<bool> = inputs.iter().map(|i| super::super::get(i, at)).collect();
            assert_eq!(super::super::get(&out, at), naive(op, &bits), "{op:?} {at}");
        }
    }

    const ALL: [Operation; 8] = [
        Operation::And,
        Operation::Or,
        Operation::Xor,
        Operation::Not,
        Operation::Diff,
        Operation::Diff1,
        Operation::AndOr,
        Operation::One,
    ];

    proptest! {
        #[test]
        fn inputs_of_any_lengths_are_combined(
            inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
        ) {
            ALL.iter().for_each(|op| check(*op, &inputs));
        }
    }

    #[test]
    fn inputs_longer_than_a_block_are_combined() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut bytes = |len: usize| (0..len).map(|_| random.u8(..)).collect::<Vec<_>>();
        let inputs = [bytes(2 * BLOCK + 7), bytes(BLOCK + 1), bytes(BLOCK), bytes(3)];
        ALL.iter().for_each(|op| check(*op, &inputs));
    }
}
