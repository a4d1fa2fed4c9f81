//! The list against a `VecDeque`, and its form against what Redis reports.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

fn packing(size: i64) -> Packing {
    let packing = Packing::default();
    packing.cell("list_max_listpack_size").unwrap().store(size, Relaxed);
    packing
}

fn contents(list: &List) -> Vec<Vec<u8>> {
    list.iter().map(Item::to_vec).collect()
}

#[test]
fn it_fits_the_entry() {
    assert_eq!(size_of::<List>(), 8);
}

#[test]
fn it_changes_form_by_size_and_back_at_half() {
    let packing = packing(-2);
    let mut list = List::new();
    let text = [b'x'; 100];
    // A listpack of n such elements has 7 + 103 n bytes; the new element counts with its text alone.
    for _ in 0..79 {
        list.push(End::Back, &[&text], &packing);
    }
    assert_eq!(list.encoding(), "listpack");
    list.push(End::Back, &[&text], &packing);
    assert_eq!(list.encoding(), "quicklist");
    while list.len() > 40 {
        assert_eq!(list.encoding(), "quicklist");
        list.pop(End::Back, &packing, |_| ());
    }
    list.pop(End::Front, &packing, |_| ());
    assert_eq!(list.encoding(), "listpack");
}

#[test]
fn it_changes_form_by_count() {
    let packing = packing(4);
    let mut list = List::new();
    list.push(End::Back, &[b"a", b"b", b"c", b"d"], &packing);
    assert_eq!(list.encoding(), "listpack");
    list.push(End::Back, &[b"e"], &packing);
    assert_eq!(list.encoding(), "quicklist");
    list.remove(2..5, &packing);
    assert_eq!((list.encoding(), contents(&list)), ("listpack", vec![b"a".to_vec(), b"b".to_vec()]));
}

#[test]
fn the_middle_of_a_million_is_near() {
    let packing = packing(-2);
    let mut list = List::new();
    for n in 0..1_000_000 {
        list.push(End::Back, &[n.to_string().as_bytes()], &packing);
    }
    assert_eq!(list.get(654_321).unwrap().as_int(), Some(654_321));
    assert!(list.memory() < 5_100_000, "{}", list.memory());
    list.remove(1000..999_000, &packing);
    assert_eq!((list.len(), list.get(1000).unwrap().as_int()), (2000, Some(999_000)));
    assert!(list.weight() < 10);
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "[a-c]{0,3}".prop_map(String::into_bytes),
        4 => any::<i64>().prop_map(|n| (n >> (n & 63)).to_string().into_bytes()),
        2 => (0..300usize).prop_map(|n| vec![b'v'; n]),
        1 => (4000..9000usize).prop_map(|n| vec![b'w'; n]),
    ]
}

proptest! {
    #[test]
    fn it_agrees_with_a_ring(
        steps in prop::collection::vec((0..12u8, any::<u16>(), text()), 1..160),
        size in prop_oneof![Just(-2i64), Just(-1), Just(-2), 0..9i64],
    ) {
        let packing = packing(size);
        let mut list = List::new();
        let mut twin: VecDeque<Vec<u8>> = VecDeque::new();
        for (op, n, text) in steps {
            let index = n as usize % (twin.len() + 1);
            match op {
                0..=2 => {
                    list.push(End::Front, &[&text, b"x"], &packing);
                    twin.push_front(text);
                    twin.push_front(b"x".to_vec());
                }
                3..=5 => {
                    list.push(End::Back, &[&text, b"x"], &packing);
                    twin.extend([text, b"x".to_vec()]);
                }
                6 => prop_assert_eq!(list.pop(End::Front, &packing, |item| item.to_vec()), twin.pop_front()),
                7 => prop_assert_eq!(list.pop(End::Back, &packing, |item| item.to_vec()), twin.pop_back()),
                8 => {
                    prop_assert_eq!(list.set(index, &text, &packing), index < twin.len());
                    if let Some(old) = twin.get_mut(index) {
                        *old = text;
                    }
                }
                9 => {
                    let after = n & 1 == 0;
                    prop_assert_eq!(list.insert(index, after, &text, &packing), index < twin.len());
                    if index < twin.len() {
                        twin.insert(index + usize::from(after), text);
                    }
                }
                10 => {
                    let end = (index + n as usize % 20).min(twin.len());
                    list.remove(index..end, &packing);
                    twin.drain(index..end);
                }
                _ => {
                    let max = n as usize % 4;
                    let (end, text) = if n & 8 == 0 { (End::Front, text) } else { (End::Back, b"x".to_vec()) };
                    let mut hits: Vec<usize> = (0..twin.len()).filter(|i| twin[*i] == text).collect();
                    if end == End::Back {
                        hits.reverse();
                    }
                    hits.truncate(max);
                    hits.sort_by(|a, b| b.cmp(a));
                    prop_assert_eq!(list.remove_equal(&text, end, max, &packing), hits.len());
                    for hit in hits {
                        twin.remove(hit);
                    }
                }
            }
            prop_assert_eq!(list.len(), twin.len());
            prop_assert_eq!(contents(&list), twin.iter().cloned().collect::<Vec<_>>());
            let mut back: Vec<_> = list.iter().rev().map(Item::to_vec).collect();
            back.reverse();
            prop_assert_eq!(&back, &contents(&list));
            let (skipped, count) = (n as usize % 3, n as usize % 5);
            let index = index.min(twin.len());
            for wanted in [b"x".as_slice(), twin.get(index).map_or(b"", Vec::as_slice)] {
                let hits = (0..index).filter(|i| twin[*i] == wanted).skip(skipped).take(count);
                let found = list.positions(wanted, End::Front, index, skipped, count);
                prop_assert_eq!(found, hits.collect::<Vec<_>>());
                let places = (0..twin.len()).rev().take(index);
                let hits = places.filter(|i| twin[*i] == wanted).skip(skipped).take(count);
                let found = list.positions(wanted, End::Back, index, skipped, count);
                prop_assert_eq!(found, hits.collect::<Vec<_>>());
            }
            let index = n as usize % (twin.len() + 1);
            prop_assert_eq!(list.get(index).map(Item::to_vec), twin.get(index).cloned());
            prop_assert_eq!(list.iter_from(index).map(Item::to_vec).next(), twin.get(index).cloned());
            match list.0.view() {
                View::Packed(packed) => {
                    prop_assert_eq!(packed.iter().map(extra).sum::<usize>(), packed.note() as usize);
                }
                View::Nodes(nodes) => nodes.check(),
            }
        }
    }
}
