//! The stream against a sorted map.

use super::*;
use proptest::prelude::*;

type Pairs = Vec<Vec<u8>>;

fn add(stream: &mut Stream, id: Id, pairs: &[&[u8]]) {
    assert!(stream.append(id, pairs, &Packing::default()));
}

fn read(entry: &Entry<'_>) -> Pairs {
    entry.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect()
}

fn ids(stream: &Stream, start: Id, end: Id) -> Vec<Id> {
    stream.range(start, end).map(|entry| entry.id).collect()
}

fn filled(n: u64) -> Stream {
    let mut stream = Stream::new();
    for ms in 1..=n {
        add(&mut stream, Id::new(ms, 0), &[b"field", b"value", b"n", ms.to_string().as_bytes()]);
    }
    stream
}

#[test]
fn shared_field_names_are_stored_once() {
    let stream = filled(1000);
    assert_eq!(stream.blocks(), 10);
    assert!(stream.memory() / 1000 < 17, "{} bytes an entry", stream.memory() / 1000);
    let last = stream.last().unwrap();
    assert_eq!((last.id, read(&last)[3].as_slice()), (Id::new(1000, 0), &b"1000"[..]));
    assert_eq!(stream.first().unwrap().id, Id::new(1, 0));
}

#[test]
fn approximate_trimming_removes_whole_blocks_only() {
    let trim = |until, approximate, limit| Trim { until, approximate, limit, references: References::Keep };
    let mut stream = filled(1000);
    assert_eq!(stream.trim(&trim(Until::MaxLen(555), true, 0)), Some((400, Id::new(400, 0))));
    assert_eq!(stream.trim(&trim(Until::MaxLen(0), true, 250)), Some((200, Id::new(600, 0))));
    assert_eq!(stream.trim(&trim(Until::MinId(Id::new(750, 0)), true, 0)), Some((100, Id::new(700, 0))));
    assert_eq!(stream.trim(&trim(Until::MinId(Id::new(750, 0)), false, 0)), Some((49, Id::new(749, 0))));
    assert_eq!(stream.first().unwrap().id, Id::new(750, 0));
    assert_eq!(stream.trim(&trim(Until::MaxLen(7), false, 0)), Some((244, Id::new(993, 0))));
    assert_eq!(ids(&stream, Id::MIN, Id::MAX).len(), 7);
    assert_eq!(stream.trim(&trim(Until::MaxLen(0), false, 0)), Some((7, Id::new(1000, 0))));
    assert_eq!((stream.blocks(), stream.last_id()), (0, Id::new(1000, 0)));
    assert_eq!(stream.max_deleted_id(), Id::MIN);
}

#[test]
fn references_decide_what_is_removed() {
    let mut stream = filled(5);
    let (a, b) = (Id::new(1, 0), Id::new(2, 0));
    stream.add_group(b"g", Group::new(Id::new(3, 0), None));
    let group = stream.group_mut(b"g").unwrap();
    let (consumer, _) = group.find_or_create(b"c", 0);
    group.assign(a, Pending { consumer, delivered_ms: 0, count: 1 });
    assert_eq!(stream.delete(a, References::Acked), Deleted::Referenced);
    assert_eq!(stream.delete(b, References::Acked), Deleted::Done);
    assert_eq!(stream.delete(b, References::Acked), Deleted::Absent);
    assert_eq!(stream.delete(Id::new(4, 0), References::Acked), Deleted::Referenced);
    let trim = Trim { until: Until::MaxLen(0), approximate: false, limit: 0, references: References::Acked };
    assert_eq!(stream.trim(&trim), Some((1, Id::new(3, 0))));
    assert_eq!(ids(&stream, Id::MIN, Id::MAX), [a, Id::new(4, 0), Id::new(5, 0)]);
    assert_eq!(stream.trim(&Trim { references: References::Delete, ..trim }), Some((3, Id::new(5, 0))));
    assert_eq!(stream.group(b"g").unwrap().pending_len(), 0);
}

#[test]
fn lag_is_known_at_the_ends_and_lost_behind_gaps() {
    let mut stream = filled(5);
    stream.add_group(b"g", Group::new(Id::MIN, None));
    let lag = |stream: &Stream| stream.lag(stream.group(b"g").unwrap());
    assert_eq!(lag(&stream), Some(5));
    stream.advance(b"g", &[Id::new(1, 0)]);
    assert_eq!((lag(&stream), stream.group(b"g").unwrap().entries_read), (Some(4), Some(1)));
    stream.advance(b"g", &[Id::new(2, 0)]);
    assert_eq!(lag(&stream), Some(3));
    stream.delete(Id::new(4, 0), References::Keep);
    assert_eq!(lag(&stream), None);
    stream.advance(b"g", &[Id::new(3, 0)]);
    assert_eq!(lag(&stream), None);
    stream.advance(b"g", &[Id::new(5, 0)]);
    assert_eq!((lag(&stream), stream.group(b"g").unwrap().entries_read), (Some(0), Some(5)));
}

proptest! {
    #[test]
    fn it_agrees_with_a_sorted_map(
        steps in prop::collection::vec((0..10u8, 0..120u64, 0..3u64, 0..4usize), 1..200),
        entries_max in 0..7i64,
    ) {
        let packing = Packing::default();
        packing.cell("stream_node_max_entries").unwrap().store(entries_max, std::sync::atomic::Ordering::Relaxed);
        packing.cell("stream_node_max_bytes").unwrap().store(300, std::sync::atomic::Ordering::Relaxed);
        let mut stream = Stream::new();
        let mut twin: std::collections::BTreeMap<Id, Pairs> = Default::default();
        for (op, n, seq, fields) in steps {
            match op {
                0..=5 => {
                    let id = Id::new(stream.last_id().ms + n / 60, seq);
                    let pairs: Vec<Vec<u8>> = (0..=fields)
                        .flat_map(|i| [format!("f{}", i % 3).into_bytes(), (n * n * n).to_string().into_bytes()])
                        .collect();
                    let slices: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
                    let fits = id > stream.last_id();
                    prop_assert_eq!(stream.append(id, &slices, &packing), fits);
                    if fits {
                        twin.insert(id, pairs);
                    }
                }
                6 | 7 => {
                    let id = twin.keys().nth(n as usize % (twin.len() + 1)).copied().unwrap_or(Id::new(n, seq));
                    let done = twin.remove(&id).is_some();
                    prop_assert_eq!(stream.delete(id, References::Keep) == Deleted::Done, done);
                }
                8 => {
                    let trim = Trim {
                        until: Until::MaxLen(n), approximate: fields > 2, limit: 0, references: References::Keep
                    };
                    let removed = stream.trim(&trim).map_or(0, |(removed, _)| removed);
                    prop_assert!(stream.len() >= n || removed == 0);
                    prop_assert!(trim.approximate || stream.len() <= n);
                    for _ in 0..removed {
                        twin.pop_first();
                    }
                }
                _ => {
                    let min = Id::new(n / 4, seq);
                    let trim = Trim {
                        until: Until::MinId(min), approximate: false, limit: 0, references: References::Keep
                    };
                    let kept = twin.split_off(&min);
                    prop_assert_eq!(stream.trim(&trim).map_or(0, |(removed, _)| removed), twin.len() as u64);
                    twin = kept;
                }
            }
            prop_assert_eq!(stream.len(), twin.len() as u64);
            let (start, end) = (Id::new(n / 3, seq), Id::new(n / 2, 1));
            let all: Vec<_> = stream.range(Id::MIN, Id::MAX).map(|e| (e.id, read(&e))).collect();
            prop_assert_eq!(all, twin.clone().into_iter().collect::<Vec<_>>());
            if start <= end {
                let expected: Vec<Id> = twin.range(start..=end).map(|(id, _)| *id).collect();
                prop_assert_eq!(ids(&stream, start, end), expected.clone());
                let mut backwards: Vec<Id> = stream.range(start, end).rev().map(|e| e.id).collect();
                backwards.reverse();
                prop_assert_eq!(backwards, expected);
            } else {
                prop_assert_eq!(ids(&stream, start, end), Vec::<Id>::new());
            }
        }
    }
}
