//! The vector set against one that knows only what it should.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const DIM: usize = 5;

fn shape(quantization: Quantization) -> Shape {
    Shape { dim: DIM as u32, quantization, links: LINKS_MIN, input_dim: None }
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0u32..30).prop_map(|n| format!("element{n}").into_bytes()),
        2 => (0u32..30).prop_map(|n| n.to_string().into_bytes()),
        1 => (0usize..4).prop_map(|n| vec![b'x'; n * 700]),
    ]
}

fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-10.0f32..10.0, DIM)
}

/// Checks what has to hold of the graph.
fn check_graph(set: &VectorSet) {
    let (graph, len) = (&set.0.graph, set.len() as u32);
    let mut top = 0;
    for number in 0..len {
        top = top.max(graph.level(number));
        for level in 0..=graph.level(number) {
            let neighbours: Vec<u32> = graph.neighbours(number, level).collect();
            assert_eq!(neighbours.iter().collect::<HashSet<_>>().len(), neighbours.len());
            for other in neighbours {
                assert!(other != number && other < len && graph.level(other) >= level);
                assert!(graph.neighbours(other, level).any(|back| back == number));
            }
        }
    }
    assert_eq!(graph.max_level(), top);
}

fn restored(set: &VectorSet) -> VectorSet {
    let mut restoring = Restoring::new(*set.shape()).unwrap();
    set.stored(0).for_each(|stored| restoring.add(&stored).unwrap());
    restoring.finish().unwrap()
}

#[derive(Debug, Clone)]
enum Op {
    Insert(Vec<u8>, Vec<f32>),
    Remove(Vec<u8>),
    Attributes(Vec<u8>, Vec<u8>),
    Search(Vec<f32>, usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (name(), vector()).prop_map(|(name, vector)| Op::Insert(name, vector)),
        3 => name().prop_map(Op::Remove),
        3 => (name(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(n, text)| Op::Attributes(n, text)),
        1 => (vector(), 1usize..20).prop_map(|(query, count)| Op::Search(query, count)),
    ]
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()) as f32
}

proptest! {
    #[test]
    fn it_is_a_map_of_vectors(ops in prop::collection::vec(op(), 0..200)) {
        let mut set = VectorSet::new(shape(Quantization::None));
        let mut twin = BTreeMap::<Vec<u8>, (Vec<f32>, Vec<u8>)>::new();
        for op in ops {
            match op {
                Op::Insert(name, vector) => {
                    let known = twin.remove(&name);
                    prop_assert_eq!(set.insert(&name, &vector, 10), known.is_none());
                    twin.insert(name, (vector, known.map_or(Vec::new(), |(_, attributes)| attributes)));
                }
                Op::Remove(name) => prop_assert_eq!(set.remove(&name), twin.remove(&name).is_some()),
                Op::Attributes(name, text) => {
                    let known = twin.get_mut(&name);
                    prop_assert_eq!(set.set_attributes(&name, &text), known.is_some());
                    known.into_iter().for_each(|(_, attributes)| *attributes = text.clone());
                }
                Op::Search(query, count) => {
                    let search = Search { count, exact: true, ..Search::default() };
                    let found: Vec<f32> = set.search(&query, search).iter().map(|f| f.distance).collect();
                    let mut all: Vec<f32> = twin.values().map(|(vector, _)| 1.0 - cosine(&query, vector)).collect();
                    all.sort_by(f32::total_cmp);
                    all.truncate(count);
                    prop_assert_eq!(found.len(), all.len());
                    prop_assert!(found.iter().zip(&all).all(|(a, b)| (a - b).abs() < 1e-4), "{:?} {:?}", found, all);
                }
            }
            prop_assert_eq!(set.len(), twin.len());
            prop_assert_eq!(set.attributes_count(), twin.values().filter(|(_, text)| !text.is_empty()).count());
        }
        check_graph(&set);
        let again = restored(&set);
        check_graph(&again);
        if !twin.is_empty() {
            prop_assert_eq!(again.last_id(), set.last_id());
        }
        prop_assert_eq!(again.attributes_count(), set.attributes_count());
        for (name, (vector, attributes)) in &twin {
            prop_assert_eq!(again.raw(name), set.raw(name));
            prop_assert_eq!(again.attributes(name), set.attributes(name));
            prop_assert_eq!(again.links(name), set.links(name));
            let kept = set.embedding(name).unwrap();
            prop_assert!(kept.iter().zip(vector).all(|(a, b)| (a - b).abs() < 1e-3));
            prop_assert_eq!(set.attributes(name).unwrap_or_default(), &attributes[..]);
        }
        let mut names: Vec<Vec<u8>> = set.iter().map(|element| element.name.to_vec()).collect();
        names.sort();
        prop_assert_eq!(names, twin.into_keys().collect::<Vec<_>>());
    }
}

#[test]
fn a_sample_has_every_element_once() {
    let mut set = VectorSet::new(shape(Quantization::Q8));
    for n in 0..50 {
        set.insert(format!("{n}").as_bytes(), &[1.0, n as f32, 2.0, 3.0, 4.0], 10);
    }
    for count in [0, 1, 10, 50, 60] {
        let sample: std::collections::HashSet<_> = set.sample(count).into_iter().collect();
        assert_eq!(sample.len(), count.min(50));
    }
}

#[test]
fn a_projected_set_takes_both_sizes() {
    let shape = Shape { dim: 4, input_dim: Some(8), ..shape(Quantization::None) };
    let mut set = VectorSet::new(shape);
    let vector: Vec<f32> = (1..9).map(|n| n as f32).collect();
    set.insert(b"a", &vector, 10);
    let embedding = set.embedding(b"a").unwrap();
    assert_eq!(embedding.len(), 4);
    for query in [&vector, &embedding] {
        let found = set.search(query, Search { count: 1, ..Search::default() });
        assert!(found[0].distance.abs() < 1e-5);
    }
}

/// Vectors around a few centres, as embeddings are.
fn clustered(random: &mut fastrand::Rng, centres: &[Vec<f32>]) -> Vec<f32> {
    let centre = &centres[random.usize(..centres.len())];
    centre.iter().map(|at| at + (random.f32() - 0.5) * 0.7).collect()
}

/// The share of the 10 nearest elements that a search finds.
fn recall(set: &VectorSet, queries: &[Vec<f32>]) -> f64 {
    let found = |query: &[f32], exact: bool| -> HashSet<Vec<u8>> {
        let search = Search { count: 10, exact, ..Search::default() };
        set.search(query, search).iter().map(|found| found.name.to_vec()).collect()
    };
    let hits = queries.iter().map(|query| found(query, false).intersection(&found(query, true)).count());
    hits.sum::<usize>() as f64 / (10 * queries.len()) as f64
}

#[test]
fn a_search_finds_nearly_all() {
    const DIM: usize = 16;
    let mut random = fastrand::Rng::with_seed(1);
    let centres: Vec<Vec<f32>> = (0..40).map(|_| (0..DIM).map(|_| random.f32() - 0.5).collect()).collect();
    for quantization in [Quantization::None, Quantization::Q8] {
        let mut set = VectorSet::new(Shape { dim: DIM as u32, quantization, links: 16, input_dim: None });
        for n in 0..4000 {
            set.insert(format!("{n}").as_bytes(), &clustered(&mut random, &centres), 100);
        }
        let queries: Vec<Vec<f32>> = (0..50).map(|_| clustered(&mut random, &centres)).collect();
        assert!(recall(&set, &queries) > 0.97, "{}", recall(&set, &queries));
        for n in 0..2000 {
            set.remove(format!("{}", 2 * n).as_bytes());
        }
        check_graph(&set);
        assert!(recall(&set, &queries) > 0.97, "after removals: {}", recall(&set, &queries));
    }
}

#[test]
fn no_element_is_left_alone() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut set = VectorSet::new(shape(Quantization::Binary));
        for round in 0..300 {
            let name = random.u64(..4 + seed).to_string();
            if random.u8(..5) < 2 && set.len() > 2 {
                set.remove(name.as_bytes());
            } else {
                let vector: Vec<f32> = (0..DIM).map(|_| random.f32() - 0.5).collect();
                set.insert(name.as_bytes(), &vector, 3);
            }
            let graph = &set.0.graph;
            let mut reached = HashSet::from([0]);
            let mut open = vec![0];
            while let Some(number) = open.pop() {
                open.extend(graph.neighbours(number, 0).filter(|other| reached.insert(*other)));
            }
            assert_eq!(reached.len(), set.len(), "seed {seed}, round {round}");
        }
    }
}

#[test]
fn links_that_cannot_be_are_refused() {
    let stored = |id: u64, name: &'static str, layers: &[&[u64]]| Stored {
        id,
        name: Item::from(name.as_bytes()),
        raw: Raw { bytes: vec![1; DIM], l2: 1.0, range: Some(1.0) },
        attributes: None,
        layers: layers.iter().map(|layer| layer.to_vec()).collect(),
    };
    let restored = |elements: &[Stored<'_>]| {
        let mut restoring = Restoring::new(shape(Quantization::Q8)).unwrap();
        elements.iter().try_for_each(|element| restoring.add(element))?;
        restoring.finish().map(|set| check_graph(&set))
    };
    let [a, b] = [stored(7, "a", &[&[9]]), stored(9, "b", &[&[7]])];
    assert_eq!(restored(&[a.clone(), b.clone()]), Ok(()));
    for other in [
        stored(9, "b", &[&[]]),
        stored(9, "b", &[&[8]]),
        stored(9, "b", &[&[7, 7]]),
        stored(9, "b", &[&[7, 9]]),
        stored(9, "b", &[&[7], &[7]]),
        stored(9, "b", &[]),
        stored(9, "b", &[&[][..]; 30]),
        stored(9, "a", &[&[7]]),
        stored(7, "b", &[&[7]]),
        Stored { raw: Raw { bytes: vec![1; DIM + 1], ..b.raw.clone() }, ..b },
    ] {
        assert!(restored(&[a.clone(), other.clone()]).is_err(), "{other:?}");
    }
    for shape in [Shape { dim: 0, ..shape(Quantization::Q8) }, Shape { links: 0, ..shape(Quantization::Q8) }]
    {
        assert!(Restoring::new(shape).is_err());
    }
}

#[test]
fn vectors_without_a_direction_stay_in_order() {
    let mut set = VectorSet::new(shape(Quantization::None));
    let vectors = [[0.0; DIM], [f32::NAN; DIM], [f32::INFINITY; DIM], [f32::MIN_POSITIVE; DIM], [1.0; DIM]];
    for n in 0..400 {
        set.insert(format!("{n}").as_bytes(), &vectors[n % vectors.len()], 10);
    }
    check_graph(&set);
    let found = set.search(&vectors[4], Search { count: 5, ..Search::default() });
    assert!(found.len() == 5 && found[0].distance < 1e-6);
    (0..400).for_each(|n| assert!(set.remove(format!("{n}").as_bytes())));
    assert!(set.is_empty());
}
