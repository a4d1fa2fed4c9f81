//! SLOWLOG: the calls that took long, the latest ones.

use compact_str::CompactString;
use parking_lot::Mutex;
use std::collections::VecDeque;

/// Arguments of a call that are kept, and bytes of each.
const ARGUMENTS_MAX: usize = 32;
const ARGUMENT_BYTES_MAX: usize = 128;

/// One slow call.
#[derive(Clone, Debug)]
pub struct Slow {
    /// Its number; never used twice.
    pub id: u64,
    /// When it ran, unix seconds.
    pub at_s: i64,
    /// How long it took, in microseconds.
    pub us: u64,
    /// Its words, cut short.
    pub argv: Vec<Vec<u8>>,
    /// The client's address.
    pub addr: CompactString,
    /// The client's name.
    pub name: CompactString,
}

/// The slow calls.
#[derive(Debug, Default)]
pub struct SlowLog {
    state: Mutex<(VecDeque<Slow>, u64)>,
}

/// `argv` as it is kept: few words, short ones, and how much is missing.
fn shorten(argv: &[&[u8]]) -> Vec<Vec<u8>> {
    let cut = |word: &&[u8]| match word.len().checked_sub(ARGUMENT_BYTES_MAX) {
        None | Some(0) => word.to_vec(),
        Some(more) => [&word[..ARGUMENT_BYTES_MAX], format!("... ({more} more bytes)").as_bytes()].concat(),
    };
    if argv.len() <= ARGUMENTS_MAX {
        return argv.iter().map(cut).collect();
    }
    let more = argv.len() - ARGUMENTS_MAX + 1;
    let rest = format!("... ({more} more arguments)").into_bytes();
    argv[..ARGUMENTS_MAX - 1].iter().map(cut).chain([rest]).collect()
}

impl SlowLog {
    /// Remembers a call; forgets the oldest ones above `len_max`.
    pub fn add(&self, argv: &[&[u8]], us: u64, at_s: i64, client: &super::Client, len_max: usize) {
        let mut state = self.state.lock();
        let (calls, next) = &mut *state;
        let (addr, name) = (client.addr.clone(), client.name.lock().clone());
        calls.push_front(Slow { id: *next, at_s, us, argv: shorten(argv), addr, name });
        *next += 1;
        calls.truncate(len_max);
    }

    /// The latest calls, newest first.
    pub fn latest(&self, count: usize) -> Vec<Slow> {
        self.state.lock().0.iter().take(count).cloned().collect()
    }

    /// How many calls are remembered.
    pub fn len(&self) -> usize {
        self.state.lock().0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.state.lock().0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_calls_are_cut() {
        let long = [b'x'; 200];
        let words: Vec<&[u8]> = vec![&long; 40];
        let kept = shorten(&words);
        assert_eq!(kept.len(), 32);
        assert!(kept[0].ends_with(b"xx... (72 more bytes)"));
        assert_eq!(kept[31], b"... (9 more arguments)");
        assert_eq!(shorten(&[b"get", b"k"]), [b"get".to_vec(), b"k".to_vec()]);
    }
}
