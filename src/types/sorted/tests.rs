//! Sorted sets of both forms against a naive twin.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The naive twin: members with scores, sorted when asked.
#[derive(Default)]
struct Twin(BTreeMap<Vec<u8>, f64>);

impl Twin {
    fn elements(&self) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<_> = self.0.iter().map(|(m, s)| (m.clone(), *s)).collect();
        all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
        all
    }
}

fn elements(set: &Sorted, ranks: Range<usize>, descending: bool) -> Vec<(Vec<u8>, f64)> {
    let iter = set.iter(ranks.clone(), descending);
    assert_eq!(iter.len(), ranks.len());
    iter.map(|(member, score)| (member.to_vec(), score)).collect()
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..60u32).prop_map(|n| n.to_string().into_bytes()),
        "[a-c]{0,3}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..3),
        Just(vec![b'x'; 65]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-5..5i32).prop_map(f64::from),
        2 => any::<f64>().prop_filter("never NaN", |s| !s.is_nan()),
        1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, 1e300, 9007199254740993.0]),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Put(f64, Vec<u8>),
    Add(f64, Vec<u8>),
    Remove(Vec<u8>),
    RemoveRange(usize, usize),
    Pack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (score(), member()).prop_map(|(s, m)| Step::Put(s, m)),
        2 => (score(), member()).prop_map(|(s, m)| Step::Add(s, m)),
        3 => member().prop_map(Step::Remove),
        1 => (0..50usize, 0..4usize).prop_map(|(at, n)| Step::RemoveRange(at, n)),
        1 => Just(Step::Pack),
    ]
}

fn packing(settings: &[(&str, i64)]) -> Packing {
    let packing = Packing::default();
    for (name, value) in settings {
        packing.cell(name).unwrap().store(*value, std::sync::atomic::Ordering::Relaxed);
    }
    packing
}

fn apply(set: &mut Sorted, twin: &mut Twin, step: Step, packing: &Packing) {
    match step {
        Step::Put(score, member) => {
            let expected = match twin.0.insert(member.clone(), score) {
                None => Change::Added(score),
                Some(old) if old != score => Change::Updated(score),
                Some(old) => {
                    // An equal score, be it -0 for 0, is no change.
                    twin.0.insert(member.clone(), old);
                    Change::None
                }
            };
            assert_eq!(set.insert(score, &member, packing), expected);
        }
        Step::Add(score, member) => {
            let old = twin.0.get(&member).copied();
            let seen = std::cell::Cell::new(None);
            set.change(&member, packing, |old| {
                seen.set(old);
                if old.is_none() { Some(score) } else { None }
            });
            assert_eq!(seen.get(), old);
            twin.0.entry(member).or_insert(score);
        }
        Step::Remove(member) => assert_eq!(set.remove(&member), twin.0.remove(&member)),
        Step::RemoveRange(at, n) => {
            let all = twin.elements();
            let ranks = at.min(all.len())..(at + n).min(all.len());
            set.remove_range(ranks.clone());
            for (member, _) in &all[ranks] {
                twin.0.remove(member);
            }
        }
        Step::Pack => set.pack(packing),
    }
}

proptest! {
    #[test]
    fn what_is_gathered_is_as_if_added_one_by_one(
        pairs in prop::collection::vec((score(), member()), 0..40), entries in 0i64..40, longest in 0i64..70
    ) {
        let packing = packing(&[("zset_max_listpack_entries", entries), ("zset_max_listpack_value", longest)]);
        let (mut one_by_one, mut twin) = (Sorted::new(), Twin::default());
        for (score, member) in pairs {
            apply(&mut one_by_one, &mut twin, Step::Put(score, member), &packing);
        }
        let all = twin.elements();
        let gathered: Vec<_> = all.iter().map(|(member, score)| (Item::from(&member[..]), *score)).collect();
        let gathered = Sorted::gathered(&gathered, &packing);
        check(&gathered, &twin, &[]);
        prop_assert_eq!(gathered.encoding(), one_by_one.encoding());
    }
}

fn check(set: &Sorted, twin: &Twin, probes: &[(f64, Vec<u8>)]) {
    let all = twin.elements();
    assert_eq!(set.len(), all.len());
    assert_eq!(elements(set, 0..all.len(), false), all);
    let reversed: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(elements(set, 0..all.len(), true), reversed);
    for (rank, (member, score)) in all.iter().enumerate() {
        assert_eq!(set.rank(member), Some((rank, *score)));
        assert_eq!(set.score(member), Some(*score));
        assert_eq!(set.at(rank).map(|(m, s)| (m.to_vec(), s)), Some((member.clone(), *score)));
    }
    assert_eq!(set.random().is_some(), !all.is_empty());
    let mut scanned = Twin::default();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, 3, |member, score| {
            scanned.0.insert(member.to_vec(), score);
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned.0, twin.0);

    for ((low, _), (high, _)) in probes.iter().zip(probes.iter().rev()) {
        for (a, b) in [(false, false), (true, false), (false, true), (true, true)] {
            let range = ScoreRange {
                min: ScoreEdge { score: *low, exclusive: a },
                max: ScoreEdge { score: *high, exclusive: b },
            };
            let inside = |s: f64| (s > *low || !a && s == *low) && (s < *high || !b && s == *high);
            let expected: Vec<_> = all.iter().filter(|(_, s)| inside(*s)).cloned().collect();
            assert_eq!(elements(set, set.ranks_by_score(&range), false), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn behaves_like_its_twin(
        steps in prop::collection::vec(step(), 1..300), entries in 0..40i64,
        probes in prop::collection::vec((score(), member()), 4),
    ) {
        let packing = packing(&[("zset_max_listpack_entries", entries)]);
        let (mut set, mut twin) = (Sorted::new(), Twin::default());
        for (n, step) in steps.into_iter().enumerate() {
            apply(&mut set, &mut twin, step, &packing);
            if set.encoding() == "listpack" {
                prop_assert!(set.len() as i64 <= entries);
            }
            if n % 20 == 0 {
                check(&set, &twin, &probes);
            }
        }
        check(&set, &twin, &probes);
        check(&set.clone(), &twin, &probes);
    }

    #[test]
    fn ranges_by_member_are_those_of_a_sorted_list(
        members in prop::collection::btree_set(member(), 0..60), low in member(), high in member(), entries in 0..80i64,
    ) {
        let packing = packing(&[("zset_max_listpack_entries", entries)]);
        let mut set = Sorted::new();
        for member in &members {
            set.insert(7.0, member, &packing);
        }
        let edges = |m| [LexEdge::First, LexEdge::Last, LexEdge::Inclusive(m), LexEdge::Exclusive(m)];
        for min in edges(&low[..]) {
            for max in edges(&high[..]) {
                let inside = |m: &[u8]| {
                    let from = match min {
                        LexEdge::First => true,
                        LexEdge::Last => false,
                        LexEdge::Inclusive(edge) => m >= edge,
                        LexEdge::Exclusive(edge) => m > edge,
                    };
                    from && match max {
                        LexEdge::First => false,
                        LexEdge::Last => true,
                        LexEdge::Inclusive(edge) => m <= edge,
                        LexEdge::Exclusive(edge) => m < edge,
                    }
                };
                let expected: Vec<_> = members.iter().filter(|m| inside(m)).map(|m| (m.clone(), 7.0)).collect();
                for descending in [false, true] {
                    let ranks = set.ranks_by_lex(&LexRange { min, max }, descending);
                    prop_assert_eq!(elements(&set, ranks, false), expected.clone());
                }
            }
        }
    }
}

#[test]
fn it_is_one_word_and_turns_large_at_the_thresholds() {
    assert_eq!(size_of::<Sorted>(), 8);
    let packing = Packing::default();
    let mut set = Sorted::new();
    for n in 0..128 {
        set.insert(f64::from(n), format!("member:{n}").as_bytes(), &packing);
    }
    assert_eq!(set.encoding(), "listpack");
    set.insert(0.5, b"one more", &packing);
    assert_eq!((set.encoding(), set.len()), ("skiplist", 129));
    set.remove(b"one more");
    assert_eq!(set.encoding(), "skiplist");
    set.pack(&packing);
    assert_eq!(set.encoding(), "listpack");
    set.insert(0.5, &[b'm'; 65], &packing);
    assert_eq!(set.encoding(), "skiplist");
    set.pack(&packing);
    assert_eq!(set.encoding(), "skiplist");
}
