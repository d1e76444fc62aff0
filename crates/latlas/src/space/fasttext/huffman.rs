//! The Huffman tree of hierarchical softmax, node by node as the official program builds it, so that its models and ours
//! can be exchanged.
//!
//! Leaves are the outputs, most frequent first; the two nodes of the lowest counts are joined until one is left. Where
//! counts are equal the leaf is taken after the inner node. Inner node i is row i of the output matrix. An output's
//! path holds the inner nodes above it and, for each, which way the path turns: the observed label of that node.

use crate::error::{Error, Result};

/// A binary tree over outputs 0…n−1.
#[derive(Debug, Clone)]
pub struct Huffman {
    /// The two children of each inner node; inner node i is called n + i here.
    children: Vec<[u32; 2]>,
    /// For each output the inner nodes above it: those where the path turns to the second child first.
    paths: Vec<u32>,
    /// For each output where its path ends in `paths`, and how many nodes turn to the second child.
    ends: Vec<(usize, u32)>,
}

impl Huffman {
    /// The tree of these counts, which must not increase.
    pub fn new(counts: &[u64]) -> Result<Self> {
        let n = counts.len();
        if n == 0 || u32::try_from(2 * n).is_err() {
            return Err(Error::data(format!("a tree of {n} outputs cannot be built")));
        }
        if !counts.is_sorted_by(|a, b| a >= b) {
            return Err(Error::data(
                "a tree of outputs that are not sorted by count cannot be built",
            ));
        }
        let mut count: Vec<u64> = counts.to_vec();
        let mut parent = vec![0_u32; 2 * n - 1];
        let mut children = Vec::with_capacity(n - 1);
        // The next leaf, and the next inner node, each with the lowest count of its kind.
        let (mut leaf, mut inner) = (n, n);
        for node in n..2 * n - 1 {
            let mut pair = [0_u32; 2];
            for child in &mut pair {
                // An inner node that does not exist yet counts as infinite.
                let above = count.get(inner).copied();
                let takes_leaf = leaf > 0 && above.is_none_or(|above| count[leaf - 1] < above);
                let taken = if takes_leaf {
                    leaf -= 1;
                    leaf
                } else {
                    inner += 1;
                    inner - 1
                };
                *child = taken as u32;
                parent[taken] = node as u32;
            }
            count.push(count[pair[0] as usize].saturating_add(count[pair[1] as usize]));
            children.push(pair);
        }
        let (mut paths, mut ends) = (Vec::new(), Vec::with_capacity(n));
        let (mut seconds, mut firsts) = (Vec::new(), Vec::new());
        for output in 0..n {
            seconds.clear();
            firsts.clear();
            let mut node = output;
            while node != 2 * n - 2 {
                let above = parent[node] as usize - n;
                let turned =
                    if children[above][1] as usize == node { &mut seconds } else { &mut firsts };
                turned.push(above as u32);
                node = above + n;
            }
            paths.extend(seconds.iter().chain(&firsts));
            ends.push((paths.len(), seconds.len() as u32));
        }
        Ok(Huffman { children, paths, ends })
    }

    /// The inner nodes above an output, and how many of them, the first ones, have the observed label 1.
    #[inline]
    pub fn path(&self, output: usize) -> (&[u32], usize) {
        let start = if output == 0 { 0 } else { self.ends[output - 1].0 };
        let (end, seconds) = self.ends[output];
        (&self.paths[start..end], seconds as usize)
    }

    /// The children of an inner node: outputs, or n + the number of an inner node.
    pub fn children(&self, inner: usize) -> [u32; 2] {
        self.children[inner]
    }

    /// The root's number among inner nodes; `None` for a tree of one output.
    pub fn root(&self) -> Option<usize> {
        self.children.len().checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Huffman's own way: join the two lightest, whatever they are. The total code length is unique, the codes are not.
    fn optimal(counts: &[u64]) -> u64 {
        let mut heap: std::collections::BinaryHeap<_> =
            counts.iter().map(|&c| std::cmp::Reverse(c)).collect();
        let mut total = 0;
        while heap.len() > 1 {
            let both = heap.pop().unwrap().0 + heap.pop().unwrap().0;
            total += both;
            heap.push(std::cmp::Reverse(both));
        }
        total
    }

    proptest! {
        #[test]
        fn the_code_is_as_short_as_can_be(mut counts in proptest::collection::vec(1_u64..1000, 1..60)) {
            counts.sort_unstable_by(|a, b| b.cmp(a));
            let tree = Huffman::new(&counts).unwrap();
            let length: u64 =
                counts.iter().enumerate().map(|(i, c)| c * tree.path(i).0.len() as u64).sum();
            prop_assert_eq!(length, optimal(&counts));
        }
    }

    /// By hand, from the official program's loop: counts 5 2 2 1 join (3,2) → 4, then (1,4) → 5, then 0 and 5: where
    /// leaf 0 and inner 5 have count 5 each, the inner node comes first.
    #[test]
    fn the_nodes_are_those_of_the_official_program() {
        let tree = Huffman::new(&[5, 2, 2, 1]).unwrap();
        assert_eq!(
            (tree.children(0), tree.children(1), tree.children(2)),
            ([3, 2], [1, 4], [5, 0])
        );
        assert_eq!(tree.path(0), (&[2][..], 1));
        assert_eq!(tree.path(1), (&[1, 2][..], 0));
        assert_eq!(tree.path(3), (&[1, 0, 2][..], 1));
        assert_eq!(tree.path(2), (&[0, 1, 2][..], 2));
        assert_eq!(tree.root(), Some(2));
    }

    #[test]
    fn one_output_has_no_nodes_and_disorder_is_refused() {
        let tree = Huffman::new(&[7]).unwrap();
        assert_eq!((tree.path(0), tree.root()), ((&[][..], 0), None));
        assert!(Huffman::new(&[]).is_err() && Huffman::new(&[1, 2]).is_err());
    }
}
