//! The tree of merges: which components of {d* ≤ h} become one, and at which h.

use super::spanning::Edge;
use crate::map::clusters::union::Union;

/// A tree over n points: node i < n is point i, the others are merges, children before parents, the root last. A merge has
/// two children or more, all of them below its height.
pub(super) struct Merges {
    points: usize,
    heights: Vec<f32>,
    sizes: Vec<u32>,
    children: Vec<Vec<u32>>,
}

impl Merges {
    /// The merges along a spanning tree of n ≥ 2 points.
    pub(super) fn new(n: usize, mut tree: Vec<Edge>) -> Self {
        tree.sort_unstable_by(Edge::order);
        let mut merges =
            Merges { points: n, heights: Vec::new(), sizes: Vec::new(), children: Vec::new() };
        let mut union = Union::new(n);
        // The node of each set, and what is being merged into it at the present height.
        let mut node: Vec<u32> = (0..n as u32).collect();
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); n];
        for equals in tree.chunk_by(|a, b| a.weight == b.weight) {
            for edge in equals {
                let Some((stays, goes)) = union.join(edge.a, edge.b) else { continue };
                let mut theirs = std::mem::take(&mut parts[goes as usize]);
                if theirs.is_empty() {
                    theirs.push(node[goes as usize]);
                }
                let ours = &mut parts[stays as usize];
                if ours.is_empty() {
                    ours.push(node[stays as usize]);
                }
                ours.append(&mut theirs);
            }
            for edge in equals {
                let set = union.find(edge.a) as usize;
                let children = std::mem::take(&mut parts[set]);
                if !children.is_empty() {
                    node[set] = (n + merges.heights.len()) as u32;
                    merges.heights.push(edge.weight);
                    merges.sizes.push(children.iter().map(|&child| merges.size(child)).sum());
                    merges.children.push(children);
                }
            }
        }
        merges
    }

    /// The number of points.
    pub(super) fn points(&self) -> usize {
        self.points
    }

    /// The node of all points.
    pub(super) fn root(&self) -> u32 {
        (self.points + self.heights.len()) as u32 - 1
    }

    /// How many points are below a node.
    pub(super) fn size(&self, node: u32) -> u32 {
        self.merge(node).map_or(1, |at| self.sizes[at])
    }

    /// The children of a node; none of a point.
    pub(super) fn children(&self, node: u32) -> &[u32] {
        self.merge(node).map_or(&[][..], |at| self.children[at].as_slice())
    }

    /// The density at which a node falls apart: 1 / height, that of 0 being twice that of the least other height.
    pub(super) fn densities(&self) -> impl Fn(u32) -> f64 + '_ {
        let least = self.heights.iter().copied().find(|&height| height > 0.0).unwrap_or(1.0);
        let floor = f64::from(least) / 2.0;
        move |node| self.merge(node).map_or(0.0, |at| 1.0 / f64::from(self.heights[at]).max(floor))
    }

    /// Calls `each` with every point below a node.
    pub(super) fn points_below(&self, node: u32, mut each: impl FnMut(usize)) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match self.merge(node) {
                None => each(node as usize),
                Some(at) => open.extend(&self.children[at]),
            }
        }
    }

    fn merge(&self, node: u32) -> Option<usize> {
        (node as usize).checked_sub(self.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_heights_merge_at_once_whatever_the_tree() {
        let edge = |a: u32, b: u32, weight: f32| Edge { a, b, weight };
        // Points 0 1 2 at height 1 by a path or a star, 3 with them at 2, 4 5 at 0.
        for tree in [
            vec![
                edge(3, 2, 2.0),
                edge(0, 1, 1.0),
                edge(1, 2, 1.0),
                edge(4, 5, 0.0),
                edge(5, 3, 2.0),
            ],
            vec![
                edge(0, 2, 1.0),
                edge(4, 0, 2.0),
                edge(5, 4, 0.0),
                edge(3, 4, 2.0),
                edge(2, 1, 1.0),
            ],
        ] {
            let merges = Merges::new(6, tree);
            let sorted = |node: u32| {
                let mut children = merges.children(node).to_vec();
                children.sort_unstable();
                children
            };
            assert_eq!((sorted(6), sorted(7)), (vec![4, 5], vec![0, 1, 2]));
            assert_eq!((merges.root(), sorted(8)), (8, vec![3, 6, 7]));
            assert_eq!((merges.size(8), merges.size(7), merges.size(3)), (6, 3, 1));
            let density = merges.densities();
            assert_eq!((density(6), density(7), density(8)), (2.0, 1.0, 0.5));
            let mut below = Vec::new();
            merges.points_below(7, |point| below.push(point));
            below.sort_unstable();
            assert_eq!(below, [0, 1, 2]);
        }
    }
}
