use bumpalo::Bump;
use synap::resp::decode::{Batch, Decoder, Limits};

/// Whatever the bytes are and however they arrive: the decoder yields the same requests and fault.
pub fn decode(data: &[u8]) {
    let [head, input @ ..] = data else { return };
    let limits = Limits { unauthenticated: head & 0x80 != 0, ..Limits::default() };
    let whole = feed(input, input.len().max(1), 32, &limits);
    let pieces = feed(input, 1 + usize::from(head & 7), 1 + usize::from(head >> 3 & 3), &limits);
    assert_eq!(whole, pieces);
}

/// All requests in `input` when it arrives `step` bytes at a time, and the fault that ends them.
fn feed(input: &[u8], step: usize, max: usize, limits: &Limits) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
    let mut decoder = Decoder::new();
    let (mut buffer, mut requests) = (Vec::new(), Vec::new());
    for piece in input.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            let (unquoted, mut batch) = (Bump::new(), Batch::default());
            let consumed = match decoder.decode(&buffer, limits, max, &unquoted, &mut batch) {
                Ok(consumed) => consumed,
                Err(error) => return (requests, Some(error.to_string())),
            };
            let before = requests.len();
            requests.extend(
                (0..batch.len())
                    .map(|i| batch.request(i).iter().map(|word| word.to_vec()).collect::<Vec<_>>()),
            );
            drop(batch);
            buffer.drain(..consumed);
            if requests.len() == before {
                break;
            }
        }
    }
    (requests, None)
}
