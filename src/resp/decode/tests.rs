use super::*;
use proptest::prelude::*;
use redis_protocol::resp2::{decode, types::OwnedFrame};

type Requests = Vec<Vec<Vec<u8>>>;

/// Feeds `input` in pieces that end at `cuts`, as a connection does.
fn decode_in(input: &[u8], cuts: &[usize], limits: &Limits, max: usize) -> (Requests, Option<String>) {
    let mut decoder = Decoder::new();
    let (mut buffer, mut requests) = (Vec::new(), Vec::new());
    let mut at = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        buffer.extend_from_slice(&input[at..end]);
        at = end;
        loop {
            let (unquoted, mut batch) = (Bump::new(), Batch::default());
            let consumed = match decoder.decode(&buffer, limits, max, &unquoted, &mut batch) {
                Ok(consumed) => consumed,
                Err(error) => return (requests, Some(error.to_string())),
            };
            let before = requests.len();
            requests.extend(
                (0..batch.len()).map(|i| batch.request(i).iter().map(|word| word.to_vec()).collect()),
            );
            drop(batch);
            buffer.drain(..consumed);
            if requests.len() == before {
                break;
            }
        }
        assert!(buffer.is_empty() || end < input.len() || decoder.wanted() <= limits.bulk_len_max + 2);
    }
    (requests, None)
}

fn decode_all(input: &[u8]) -> (Requests, Option<String>) {
    decode_in(input, &[], &Limits::default(), 32)
}

fn encode(request: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", request.len()).into_bytes();
    for word in request {
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend(word);
        out.extend(b"\r\n");
    }
    out
}

/// What redis-protocol makes of the same bytes.
fn oracle(mut input: &[u8]) -> Requests {
    let mut requests = Vec::new();
    while let Some((frame, len)) = decode::decode(input).unwrap() {
        let OwnedFrame::Array(words) = frame else { panic!("{frame:?}") };
        let words = words.into_iter().map(|word| match word {
            OwnedFrame::BulkString(bytes) => bytes,
            other => panic!("{other:?}"),
        });
        requests.push(words.collect());
        input = &input[len..];
    }
    requests
}

#[test]
fn faults_are_told_as_redis_tells_them() {
    let long = |head: &str| format!("{head}{}", "1".repeat(70_000));
    for (input, fault) in [
        ("*x\r\n", "invalid multibulk length"),
        ("*\r\n", "invalid multibulk length"),
        ("*-0\r\n", "invalid multibulk length"),
        ("*01\r\n", "invalid multibulk length"),
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$01\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("*1\r\n$9223372036854775807\r\n", "invalid bulk length"),
        ("*1\r\nfoo\r\n", "expected '$', got 'f'"),
        ("*1\r\n\r\n", "expected '$', got ' '"),
        ("*1\r$4\r\nPING\r\n", "expected '$', got '4'"),
        ("*2\r\n$1\r\na\r\n*1\r\n", "expected '$', got '*'"),
        ("set \"a\r\n", "unbalanced quotes in request"),
        (&long("*"), "too big mbulk count string"),
        (&long("*1\r\n$"), "too big bulk count string"),
        (&long("get"), "too big inline request"),
    ] {
        let fault = Some(format!("Protocol error: {fault}"));
        assert_eq!(decode_all(input.as_bytes()), (vec![], fault.clone()), "{input:.40}");
        let ping = vec![vec![b"PING".to_vec()]];
        assert_eq!(decode_all(format!("PING\r\n{input}").as_bytes()), (ping, fault), "{input:.40}");
    }
}

#[test]
fn what_is_not_yet_there_is_waited_for() {
    for (input, wanted, parsed) in [
        ("", 0, 0),
        ("*2147483647\r\n", 0, 13),
        ("*1\r\nfoo", 0, 4),
        ("*1\r", 0, 0),
        ("*1\r\n$536870912\r\n", 536_870_914, 16),
        ("*2\r\n$4\r\nECHO\r\n$10\r\n123", 9, 19),
        ("PING", 0, 0),
    ] {
        let (mut decoder, unquoted, mut batch) = (Decoder::new(), Bump::new(), Batch::default());
        let input = input.as_bytes();
        assert_eq!(decoder.decode(input, &Limits::default(), 8, &unquoted, &mut batch), Ok(0));
        assert!(batch.is_empty());
        assert_eq!((decoder.wanted(), decoder.parsed()), (wanted, parsed));
    }
}

#[test]
fn empty_requests_are_skipped_and_line_ends_are_not_looked_at() {
    let input = b"\r\n\n  \r\n*0\r\n*-7\r\n*1\r\n$4\r\nPINGxx PING  \"\\x41\"\n*1\r\n$0\r\n\r\n''\r\n";
    let words = |request: &[&str]| request.iter().map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>();
    let requests = vec![words(&["PING"]), words(&["PING", "A"]), words(&[""]), words(&[""])];
    for max in [1, 2, 9] {
        assert_eq!(decode_in(input, &[], &Limits::default(), max), (requests.clone(), None));
    }
}

#[test]
fn a_client_without_credentials_may_send_little() {
    let limits = Limits { unauthenticated: true, ..Limits::default() };
    let fault = |text: &str| (vec![], Some(format!("Protocol error: unauthenticated {text} length")));
    assert_eq!(decode_in(b"*11\r\n", &[], &limits, 1), fault("multibulk"));
    assert_eq!(decode_in(b"*1\r\n$16385\r\n", &[], &limits, 1), fault("bulk"));
    assert_eq!(decode_in(b"*10\r\n$16384\r\n", &[], &limits, 1), (vec![], None));

    // AUTH in front of it: the fault is left to the next call, which has other limits.
    let input = [encode(&[b"AUTH".to_vec(), b"x".to_vec()]), encode(&vec![b"a".to_vec(); 11])].concat();
    let (mut decoder, unquoted) = (Decoder::new(), Bump::new());
    let mut batch = Batch::default();
    let consumed = decoder.decode(&input, &limits, 8, &unquoted, &mut batch).unwrap();
    assert_eq!((batch.len(), consumed), (1, 21));
    let (rest, mut batch) = (&input[consumed..], Batch::default());
    assert_eq!(decoder.decode(rest, &Limits::default(), 8, &unquoted, &mut batch), Ok(rest.len()));
    assert_eq!(batch.request(0).len(), 11);
}

#[test]
fn memory_follows_what_arrived() {
    let (mut decoder, unquoted, mut batch) = (Decoder::new(), Bump::new(), Batch::default());
    let limits = Limits::default();
    let input = b"*2000000000\r\n$536870912\r\n";
    assert_eq!(decoder.decode(input, &limits, 8, &unquoted, &mut batch), Ok(0));
    assert!(decoder.words.capacity() + unquoted.allocated_bytes() + batch.words.capacity() < 64);

    let big = encode(&vec![b"x".to_vec(); 10_000]);
    for end in (0..=big.len()).step_by(1000) {
        decoder = Decoder::new();
        let mut batch = Batch::default();
        decoder.decode(&big[..end], &limits, 8, &unquoted, &mut batch).unwrap();
        if batch.is_empty() {
            decoder.decode(&big, &limits, 8, &unquoted, &mut batch).unwrap();
        }
        assert_eq!(batch.request(0).len(), 10_000);
    }
    decoder.decode(b"", &limits, 8, &unquoted, &mut Batch::default()).unwrap();
    assert!(decoder.words.capacity() <= KEPT_PARTIAL_MAX);
}

fn requests() -> impl Strategy<Value = Requests> {
    let word = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(Just(b'\r'), 0..4),
        prop::collection::vec(any::<u8>(), 100..1200),
    ];
    prop::collection::vec(prop::collection::vec(word, 1..6), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn valid_requests_are_what_redis_protocol_reads(requests in requests(), max in 1usize..5) {
        let input: Vec<u8> = requests.iter().flat_map(|r| encode(r)).collect();
        prop_assert_eq!(&oracle(&input), &requests);
        prop_assert_eq!(&decode_all(&input), &(requests.clone(), None));
        for cut in 0..=input.len() {
            let got = decode_in(&input, &[cut], &Limits::default(), max);
            prop_assert_eq!(&got, &(requests.clone(), None), "cut at {}", cut);
        }
        let every: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(decode_in(&input, &every, &Limits::default(), max), (requests, None));
    }
}
