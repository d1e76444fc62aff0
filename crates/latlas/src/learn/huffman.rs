//! A Huffman tree over words: frequent ones near the root (Huffman 1952; for word vectors Mikolov et al. 2013, \[2\]
//! §2.1).

use std::cmp::Reverse;

/// The tree as parents: eight bytes a word. Nodes 0…n−1 are the words, n…2n−2 the inner nodes, the last one the root.
pub(super) struct Huffman {
    words: u32,
    /// For each node but the root: twice the number of its parent among the inner nodes, plus its own bit.
    up: Vec<u32>,
}

impl Huffman {
    /// The tree of these counts; fewer than 2³¹ words. Ties are broken by number, so that the tree depends on the
    /// counts alone. No word of a vocabulary of one has a path.
    pub(super) fn new(counts: &[u64]) -> Self {
        let words = counts.len();
        let mut leaves: Vec<u32> = (0..words as u32).collect();
        leaves.sort_by_key(|&word| (Reverse(counts[word as usize]), word));
        let mut up = vec![0; words.saturating_sub(1) * 2];
        // Inner nodes are made with weights that never fall, so the two lightest nodes are always the last of the
        // leaves or the first of the inner nodes that are left.
        let mut inner: Vec<u64> = Vec::with_capacity(words.saturating_sub(1));
        let mut first = 0;
        for parent in 0..words.saturating_sub(1) {
            let mut weight = 0u64;
            for bit in 0..2 {
                let leaf = leaves.last().map(|&word| counts[word as usize]);
                let (node, light) = match (leaf, inner.get(first)) {
                    (Some(leaf), node) if node.is_none_or(|&node| leaf <= node) => {
                        (leaves.pop().map_or(0, |word| word as usize), leaf)
                    }
                    (_, node) => {
                        first += 1;
                        (words + first - 1, node.copied().unwrap_or(0))
                    }
                };
                weight = weight.saturating_add(light);
                up[node] = (parent as u32) << 1 | bit;
            }
            inner.push(weight);
        }
        Huffman { words: words as u32, up }
    }

    /// The path of a word from its leaf up to the root: each inner node with the label that its logistic regression
    /// is to give, 1 on the side of bit 0.
    #[inline]
    pub(super) fn path(&self, word: u32) -> impl Iterator<Item = (u32, f32)> {
        let mut node = word as usize;
        std::iter::from_fn(move || {
            let up = *self.up.get(node)?;
            node = self.words as usize + (up >> 1) as usize;
            Some((up >> 1, if up & 1 == 0 { 1.0 } else { 0.0 }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::stream;
    use rand_xoshiro::rand_core::Rng;
    use std::collections::{BTreeSet, BinaryHeap};

    fn lengths(counts: &[u64]) -> Vec<usize> {
        let tree = Huffman::new(counts);
        (0..counts.len() as u32).map(|word| tree.path(word).count()).collect()
    }

    fn cost(counts: &[u64], lengths: &[usize]) -> u64 {
        counts.iter().zip(lengths).map(|(&n, &length)| n * length as u64).sum()
    }

    /// The cost of a best code: the sum of the weights of all inner nodes, by merging the two lightest again and again.
    fn optimum(counts: &[u64]) -> u64 {
        let mut heap: BinaryHeap<Reverse<u64>> = counts.iter().map(|&n| Reverse(n)).collect();
        let mut sum = 0;
        while heap.len() > 1 {
            let (Some(Reverse(a)), Some(Reverse(b))) = (heap.pop(), heap.pop()) else { break };
            sum += a + b;
            heap.push(Reverse(a + b));
        }
        sum
    }

    /// By hand: 5 and 6 are merged first, then 7 with 8, then 11 with 12.
    #[test]
    fn a_small_tree_is_what_the_rule_makes_of_it() {
        assert_eq!(lengths(&[12, 8, 7, 6, 5]), [2, 2, 2, 3, 3]);
        assert_eq!(lengths(&[8, 4, 2, 1]), [1, 2, 3, 3]);
        assert_eq!(lengths(&[1, 1, 1, 1]), [2, 2, 2, 2]);
        assert_eq!(lengths(&[9, 3]), [1, 1]);
        assert_eq!(lengths(&[9]), [0]);
        assert_eq!(Huffman::new(&[]).path(0).count(), 0);
    }

    #[test]
    fn no_code_is_cheaper_and_the_lengths_fill_the_tree() {
        let mut random = stream(4, &[]);
        for n in [2, 3, 10, 100, 1000] {
            for spread in [1, 2, 50, 1_000_000] {
                let counts: Vec<u64> = (0..n).map(|_| random.next_u64() % spread + 1).collect();
                let lengths = lengths(&counts);
                assert_eq!(cost(&counts, &lengths), optimum(&counts), "{counts:?}");
                let kraft: f64 = lengths.iter().map(|&l| 0.5f64.powi(l as i32)).sum();
                assert!((kraft - 1.0).abs() < 1e-9, "{kraft}");
            }
        }
    }

    /// What makes the probabilities of all words sum to one: no word's code begins another's.
    #[test]
    fn codes_are_prefix_free() {
        let counts: Vec<u64> = (1..=200).map(|rank| 10_000 / rank).collect();
        let tree = Huffman::new(&counts);
        let codes: BTreeSet<Vec<(u32, bool)>> = (0..200)
            .map(|word| {
                let mut path: Vec<_> = tree.path(word).map(|(node, y)| (node, y == 1.0)).collect();
                path.reverse();
                path
            })
            .collect();
        assert_eq!(codes.len(), 200);
        let codes: Vec<_> = codes.into_iter().collect();
        assert!(codes.windows(2).all(|pair| !pair[1].starts_with(&pair[0])));
        assert!(codes.iter().flatten().all(|&(node, _)| node < 199));
        assert_eq!(codes[0][0].0, 198, "paths begin at the root");
    }
}
