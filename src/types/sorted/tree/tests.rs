use super::*;
use proptest::prelude::*;

/// A tree that owns its nodes, beside a sorted vector that says what is right.
#[derive(Default)]
struct Pair {
    tree: Tree,
    model: Vec<(f64, Vec<u8>, Node)>,
}

impl Drop for Pair {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        for (_, _, node) in self.model.drain(..) {
            // SAFETY: the tree goes right after, and frees or reads no node.
            unsafe { node.free() }
        }
    }
}

impl Pair {
    fn place(&self, score: f64, member: &[u8]) -> Result<usize, usize> {
        self.model
            .binary_search_by(|(s, m, _)| s.partial_cmp(&score).unwrap().then_with(|| m[..].cmp(member)))
    }

    fn toggle(&mut self, score: f64, member: &[u8]) {
        match self.place(score, member) {
            Ok(at) => {
                let (score, _, node) = self.model.remove(at);
                self.tree.remove(score, node);
                free(node);
            }
            Err(at) => {
                let node = Node::new(score, member);
                self.model.insert(at, (score, member.to_vec(), node));
                self.tree.insert(node);
            }
        }
    }

    fn rescore(&mut self, rank: usize, score: f64) {
        if self.model.is_empty() {
            return;
        }
        let (old, member, node) = self.model.remove(rank % self.model.len());
        match self.place(score, &member) {
            Err(at) => {
                self.tree.rescore(node, score);
                self.model.insert(at, (score, member, node));
            }
            // Another element is there.
            Ok(_) => self.model.insert(rank % (self.model.len() + 1), (old, member, node)),
        }
    }

    fn remove_at(&mut self, rank: usize) {
        if !self.model.is_empty() {
            let (_, _, node) = self.model.remove(rank % self.model.len());
            assert_eq!(self.tree.remove_at(rank % (self.model.len() + 1)).0, node);
            free(node);
        }
    }

    fn check(&self) {
        let len = self.model.len();
        assert_eq!(self.tree.len(), len);
        let mut bytes = 0;
        let depth = check(&self.tree.root, &mut bytes);
        assert_eq!(self.tree.memory(), bytes);
        assert!(depth <= 12);
        assert!(self.tree.range(0..len).map(|(_, n)| *n).eq(self.model.iter().map(|m| m.2)));
        assert!(self.tree.range(0..len).rev().map(|(s, _)| s).eq(self.model.iter().rev().map(|m| m.0)));
        let (a, b) = (len / 3, len / 2);
        assert!(self.tree.range(a..b).map(|(_, n)| *n).eq(self.model[a..b].iter().map(|m| m.2)));
        for (rank, (score, member, _)) in self.model.iter().enumerate() {
            assert_eq!(self.tree.rank(&Probe::behind(*score, member)), rank + 1);
            let all = Probe { score: Some(*score), member: None, after: false };
            assert_eq!(self.tree.rank(&all), self.model.partition_point(|m| m.0 < *score));
            let all = Probe { after: true, ..all };
            assert_eq!(self.tree.rank(&all), self.model.partition_point(|m| m.0 <= *score));
        }
    }
}

#[allow(unsafe_code)]
fn free(node: Node) {
    // SAFETY: it has just been taken out of model and tree.
    unsafe { node.free() }
}

/// Checks the invariants below `child`; returns its depth and adds up its bytes.
fn check(child: &Child, bytes: &mut usize) -> usize {
    *bytes += child.size();
    let Child::Inner(inner) = child else { return 0 };
    assert!(!inner.children.spilled() && inner.children.len() < INNER_MAX);
    assert_eq!(inner.children.len(), inner.counts.len());
    assert_eq!(inner.children.len(), inner.separators.len() + 1);
    let mut depths = Vec::new();
    for (i, child) in inner.children.iter().enumerate() {
        let held = match child {
            Child::Leaf(leaf) => leaf.len(),
            Child::Inner(inner) => inner.counts.iter().sum(),
        };
        assert!(held > 0 && held == inner.counts[i]);
        assert!(i == 0 || inner.separators[i - 1] == child.first());
        depths.push(check(child, bytes));
    }
    assert!(depths.iter().all(|d| *d == depths[0]));
    depths[0] + 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn behaves_like_a_sorted_vector(
        steps in prop::collection::vec((0..11u8, 0..40i32, 0..30u8, 0..10_000usize), 1..1500),
    ) {
        let mut pair = Pair::default();
        for (n, (step, score, member, rank)) in steps.into_iter().enumerate() {
            // The first half mostly grows, the second mostly shrinks.
            match step {
                0 => pair.remove_at(rank),
                1 if n % 2 == 0 => pair.remove_at(0),
                2..5 if n > 700 => pair.remove_at(rank),
                8 => pair.rescore(rank, f64::from(score) / 2.0),
                9..11 if !pair.model.is_empty() => {
                    let near = pair.model[rank % pair.model.len()].0 + f64::from(score - 20) / 16.0;
                    pair.rescore(rank, near);
                }
                _ => pair.toggle(f64::from(score) / 2.0, &[member]),
            }
            if n % 50 == 0 {
                pair.check();
            }
        }
        pair.check();
        while !pair.model.is_empty() {
            pair.remove_at(0);
        }
        pair.check();
    }
}

#[test]
fn ascending_and_descending_runs_stay_ordered() {
    let mut pair = Pair::default();
    for n in 0..2000 {
        pair.toggle(f64::from(n), b"up");
        pair.toggle(f64::from(-n), b"down");
    }
    pair.check();
    for n in 0..2000 {
        pair.toggle(f64::from(n), b"up");
    }
    pair.check();
}

#[test]
fn infinities_and_zeros_have_their_places() {
    let mut pair = Pair::default();
    for score in [f64::INFINITY, 0.0, f64::NEG_INFINITY, -0.0, 1.0] {
        pair.toggle(score, if score.is_sign_negative() { b"b" } else { b"a" });
    }
    pair.check();
    let zeros = Probe { score: Some(-0.0), member: None, after: false };
    assert_eq!(pair.tree.rank(&zeros), 1);
    assert_eq!(pair.tree.rank(&Probe { after: true, ..zeros }), 3);
}
