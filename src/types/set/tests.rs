//! The set against a naive one: its forms, its fairness, its scans.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn packing(ints: i64, entries: i64, value: i64) -> Packing {
    let packing = Packing::default();
    for (name, n) in [
        ("set_max_intset_entries", ints),
        ("set_max_listpack_entries", entries),
        ("set_max_listpack_value", value),
    ] {
        packing.cell(name).unwrap().store(n, std::sync::atomic::Ordering::Relaxed);
    }
    packing
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0i64..300).prop_map(|n| n.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        4 => (0u32..200).prop_map(|n| format!("member:{n}").into_bytes()),
        1 => (0usize..3000).prop_map(|n| vec![b'm'; n]),
    ]
}

proptest! {
    #[test]
    fn it_is_a_set(
        ints in 0i64..40, entries in 0i64..40,
        ops in prop::collection::vec((0u8..10, member()), 0..600),
    ) {
        let packing = packing(ints, entries, 20);
        let (mut set, mut twin) = (Set::new(), BTreeSet::new());
        for (op, member) in ops {
            match op {
                0..6 => prop_assert_eq!(set.insert(&member, &packing), twin.insert(member.clone())),
                6..9 => prop_assert_eq!(set.remove(&member), twin.remove(&member)),
                _ => {
                    let mut popped = None;
                    prop_assert_eq!(set.pop(|item| popped = Some(item.to_vec())), !twin.is_empty());
                    if let Some(popped) = popped {
                        prop_assert!(twin.remove(&popped));
                    }
                }
            }
            prop_assert_eq!(set.contains(&member), twin.contains(&member));
            prop_assert_eq!(set.len(), twin.len());
        }
        for set in [set.clone(), set] {
            let members: Vec<_> = set.iter().map(Item::to_vec).collect();
            prop_assert_eq!(members.len(), twin.len());
            prop_assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), twin.clone());
            prop_assert_eq!(set.random().is_some(), !twin.is_empty());
        }
    }
}

#[test]
fn the_forms_follow_the_history() {
    let packing = packing(3, 4, 5);
    let mut set = Set::new();
    let mut add = |member: &str| {
        set.insert(member.as_bytes(), &packing);
        set.encoding()
    };
    assert_eq!(
        ["1", "2", "3", "a", "b", "b", "123456"].map(&mut add),
        ["intset", "intset", "intset", "listpack", "hashtable", "hashtable", "hashtable"]
    );
    for (count, first, form) in
        [(3, "1", "intset"), (4, "1", "listpack"), (4, "a", "listpack"), (5, "a", "hashtable")]
    {
        let mut set = Set::new();
        set.expect(count, first.as_bytes(), &packing);
        assert_eq!(set.encoding(), form);
    }
}

fn numbered(count: usize) -> Set {
    let (packing, mut set) = (packing(0, 0, 0), Set::new());
    for n in 0..count {
        assert!(set.insert(format!("m{n}").as_bytes(), &packing));
    }
    set
}

#[test]
fn a_large_set_grows_and_shrinks() {
    const COUNT: usize = 60_000;
    let mut set = numbered(COUNT);
    assert!((0..COUNT).all(|n| set.contains(format!("m{n}").as_bytes())));
    let full = set.memory();
    assert!(full / COUNT <= 16, "{} bytes a member", full / COUNT);
    let mut left: BTreeSet<_> = set.iter().map(Item::to_vec).collect();
    assert_eq!(left.len(), COUNT);
    while left.len() > 100 {
        assert!(set.pop(|item| assert!(left.remove(&item.to_vec()))));
    }
    assert_eq!(set.iter().map(Item::to_vec).collect::<BTreeSet<_>>(), left);
    assert!(set.memory() < full / 50, "{} of {full} bytes", set.memory());
    while set.pop(|item| assert!(left.remove(&item.to_vec()))) {}
    assert!(left.is_empty() && set.is_empty());
    assert!(set.memory() < 2000);
}

#[test]
fn every_member_is_drawn_as_often() {
    for count in [3, 40, 5000] {
        for removed in [0, count / 2] {
            let mut set = numbered(count);
            (0..removed).for_each(|n| assert!(set.remove(format!("m{n}").as_bytes())));
            let mut drawn = BTreeMap::new();
            const DRAWS: usize = 40;
            for _ in 0..DRAWS * set.len() {
                *drawn.entry(set.random().unwrap().to_vec()).or_insert(0) += 1;
            }
            let expected = DRAWS as f64;
            let chi: f64 = drawn.values().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
            let chi = chi + (set.len() - drawn.len()) as f64 * expected;
            let freedom = (set.len() - 1) as f64;
            assert!(chi < freedom + 5.0 * (2.0 * freedom).sqrt() + 5.0, "{count} {removed}: {chi}");
        }
    }
}

#[test]
fn a_scan_sees_whatever_stays() {
    let packing = packing(0, 0, 0);
    for (before, grown) in [(200, 60_000), (60_000, 60_100), (500, 500)] {
        let mut set = numbered(before);
        let (mut seen, mut cursor, mut n, mut rounds) = (BTreeSet::new(), 0, before, 0);
        loop {
            cursor = set.scan(cursor, |item| _ = seen.insert(item.to_vec()));
            rounds += 1;
            if cursor == 0 {
                break;
            }
            // Shrinks from 60,000 to a few hundred, or grows, while the scan goes on.
            for _ in 0..100 {
                if before > 1000 && n > 300 {
                    n -= 1;
                    set.remove(format!("m{n}").as_bytes());
                } else if before < 1000 && n < grown {
                    set.insert(format!("m{n}").as_bytes(), &packing);
                    n += 1;
                }
            }
        }
        assert!(rounds < 10_000);
        let stayed = if before > 1000 { 300 } else { before };
        assert!((0..stayed).all(|n| seen.contains(format!("m{n}").as_bytes())), "{before} {grown}");
    }
}

#[test]
fn members_that_come_at_once_make_the_set_they_make_singly() {
    let packing = Packing::default();
    let texts: Vec<String> = (0..20_000).map(|n| format!("member:{n}")).collect();
    let long: Vec<String> = (0..600).map(|n| format!("{n:2000}")).collect();
    let [members, long] =
        [&texts, &long].map(|texts| texts.iter().map(|text| Item::from(text.as_bytes())).collect::<Vec<_>>());
    for some in [&members[..128], &members, &long] {
        let (mut at_once, mut singly) = (Set::new(), Set::new());
        at_once.extend_new(some, &packing);
        some.iter().for_each(|member| assert!(singly.insert_item(*member, &packing)));
        assert_eq!((at_once.encoding(), at_once.len()), (singly.encoding(), singly.len()));
        assert_eq!(at_once.is_large_for_certain(&packing), some.len() > 128);
        let (dense, grown) = (at_once.memory(), singly.memory());
        assert!(dense <= grown * 11 / 10, "{dense} bytes, {grown} when it grows");
        let copy = at_once.clone();
        assert!(copy.memory() <= dense, "{} bytes for a copy of {dense}", copy.memory());
        for mut set in [copy, at_once, singly] {
            assert!(some.iter().all(|member| set.remove_item(*member)));
            assert!(set.is_empty() && set.memory() < 2000);
        }
    }
}
