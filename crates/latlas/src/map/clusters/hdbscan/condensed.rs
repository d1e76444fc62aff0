//! The tree of merges, read from the top: clusters that split, and points that fall out of them.

use super::Selection;
use super::merges::Merges;
use crate::map::clusters::NONE;

/// A cluster that has as much mass as its children, but for rounding, is taken in their stead.
const ROUNDING: f64 = 1e-9;

/// Clusters by number: 0 is all points, parents come before their children.
pub(super) struct Condensed {
    parents: Vec<u32>,
    /// The density at which a cluster split off its parent.
    births: Vec<f64>,
    /// The density at which its last point left it, or its children split off.
    deaths: Vec<f64>,
    /// S of the equation in `mod.rs`.
    stabilities: Vec<f64>,
    /// The cluster that each point left last, and at which density.
    left: Vec<(u32, f64)>,
}

impl Condensed {
    /// Clusters of at least `least` ≥ 2 points.
    pub(super) fn new(merges: &Merges, least: usize) -> Self {
        let density = merges.densities();
        let large = |node: &u32| merges.size(*node) as usize >= least;
        let mut tree = Condensed {
            parents: Vec::new(),
            births: Vec::new(),
            deaths: Vec::new(),
            stabilities: Vec::new(),
            left: vec![(0, 0.0); merges.points()],
        };
        tree.begin(0, 0.0);
        // Nodes that are all that is left of a cluster.
        let mut open = vec![(merges.root(), 0)];
        while let Some((node, cluster)) = open.pop() {
            let at = density(node);
            let splits = merges.children(node).iter().filter(|child| large(child)).count() > 1;
            for &child in merges.children(node) {
                if large(&child) && !splits {
                    open.push((child, cluster));
                    continue;
                }
                tree.leave(cluster, at, merges.size(child));
                if large(&child) {
                    open.push((child, tree.begin(cluster, at)));
                } else {
                    merges.points_below(child, |point| tree.left[point] = (cluster, at));
                }
            }
        }
        tree
    }

    fn begin(&mut self, parent: u32, birth: f64) -> u32 {
        self.parents.push(parent);
        self.births.push(birth);
        self.deaths.push(birth);
        self.stabilities.push(0.0);
        self.parents.len() as u32 - 1
    }

    /// So many points leave a cluster.
    fn leave(&mut self, cluster: u32, at: f64, points: u32) {
        let c = cluster as usize;
        self.deaths[c] = self.deaths[c].max(at);
        self.stabilities[c] += f64::from(points) * (at - self.births[c]);
    }

    /// Which clusters are taken: none of them below another.
    pub(super) fn choose(&self, selection: Selection, single: bool) -> Vec<bool> {
        let count = self.parents.len();
        let mut chosen = vec![false; count];
        let mut below = vec![0.0; count]; // the mass of what is chosen below
        let mut leaf = vec![true; count];
        for c in (0..count).rev() {
            let allowed = c > 0 || single;
            chosen[c] = allowed
                && match selection {
                    Selection::Eom => self.stabilities[c] >= below[c] * (1.0 - ROUNDING),
                    Selection::Leaf => leaf[c],
                };
            if c > 0 {
                let parent = self.parents[c] as usize;
                below[parent] += if chosen[c] { self.stabilities[c] } else { below[c] };
                leaf[parent] = false;
            }
        }
        let mut covered = vec![false; count];
        for c in 1..count {
            let parent = self.parents[c] as usize;
            covered[c] = covered[parent] || chosen[parent];
            chosen[c] &= !covered[c];
        }
        chosen
    }

    /// The chosen cluster of each point, and how firmly it belongs to it.
    pub(super) fn labels(&self, chosen: &[bool]) -> (Vec<u32>, Vec<f32>) {
        let mut owner = vec![NONE; self.parents.len()];
        for c in 0..owner.len() {
            owner[c] = if chosen[c] { c as u32 } else { owner[self.parents[c] as usize] };
        }
        let label = |&(cluster, at): &(u32, f64)| match owner[cluster as usize] {
            NONE => (NONE, 0.0),
            c => {
                let death = self.deaths[c as usize];
                // All at once where even the least density is nothing to f64.
                (c, if death > 0.0 { (at / death).min(1.0) as f32 } else { 1.0 })
            }
        };
        self.left.iter().map(label).unzip()
    }
}
