//! The network whose communities are sought: nodes, each with a mass, and weighted links between them.

use rayon::prelude::*;

use super::Objective;
use crate::error::{Error, Result};
use crate::index::Graph;
use crate::linalg::blocks::Work;
use crate::run::Run;

/// An undirected network; each link stands at both of its ends.
pub(super) struct Network {
    /// The links of node i are `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    ends: Vec<u32>,
    weights: Vec<f64>,
    /// The weight of the links inside of each node, that of merged points.
    inner: Vec<f64>,
    /// S of each node.
    masses: Vec<f64>,
}

impl Network {
    /// The network of shared neighbours of n points.
    pub(super) fn of(graph: &Graph, n: usize, objective: Objective, run: &Run) -> Result<Self> {
        if n > 1 && (graph.len() != n || graph.k() == 0) {
            return Err(Error::usage(format!(
                "a graph of {} points for {n}: communities need neighbours",
                graph.len()
            )));
        }
        let links = if n > 1 { links(graph, run)? } else { Vec::new() };
        let mut starts = vec![0_usize; n + 1];
        for &(i, j, _) in &links {
            starts[i as usize + 1] += 1;
            starts[j as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let (mut ends, mut weights) = (vec![0; 2 * links.len()], vec![0.0; 2 * links.len()]);
        let mut masses = vec![0.0; n];
        for &(i, j, weight) in &links {
            for (from, to) in [(i, j), (j, i)] {
                let at = next[from as usize];
                (ends[at], weights[at]) = (to, weight);
                next[from as usize] += 1;
                masses[from as usize] += weight;
            }
        }
        if objective == Objective::Cpm {
            masses = vec![1.0; n];
        }
        Ok(Network { starts, ends, weights, inner: vec![0.0; n], masses })
    }

    /// The number of nodes.
    pub(super) fn len(&self) -> usize {
        self.masses.len()
    }

    /// S of a node.
    pub(super) fn mass(&self, node: u32) -> f64 {
        self.masses[node as usize]
    }

    /// The nodes that a node is linked to, itself left out, and the weights.
    pub(super) fn links(&self, node: u32) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.starts[node as usize]..self.starts[node as usize + 1];
        self.ends[range.clone()].iter().copied().zip(self.weights[range].iter().copied())
    }

    /// The weight of all links.
    pub(super) fn weight(&self) -> f64 {
        self.weights.iter().sum::<f64>() / 2.0 + self.inner.iter().sum::<f64>()
    }

    /// H of the equation in `mod.rs`. Labels are below the number of nodes.
    pub(super) fn quality(&self, labels: &[u32], gamma: f64) -> f64 {
        let (mut inside, mut masses) = (0.0, vec![0.0; self.len()]);
        for (node, &label) in (0..).zip(labels) {
            masses[label as usize] += self.mass(node);
            let own = self.links(node).filter(|&(other, _)| labels[other as usize] == label);
            inside += own.map(|(_, weight)| weight).sum::<f64>() / 2.0 + self.inner[node as usize];
        }
        inside - gamma * masses.iter().map(|mass| mass * mass).sum::<f64>() / 2.0
    }

    /// The share of each node's links that stays in its community; 1 where it has none.
    pub(super) fn inside(&self, labels: &[u32]) -> Vec<f32> {
        let share = |(node, &label): (u32, &u32)| {
            let (mut own, mut all) = (0.0, 0.0);
            for (other, weight) in self.links(node) {
                all += weight;
                own += if labels[other as usize] == label { weight } else { 0.0 };
            }
            if all > 0.0 { (own / all) as f32 } else { 1.0 }
        };
        (0..).zip(labels).map(share).collect()
    }

    /// The network whose nodes are the `count` sets of these labels.
    pub(super) fn merged(&self, labels: &[u32], count: usize) -> Self {
        // Nodes by label, in order.
        let mut starts = vec![0_usize; count + 1];
        for &label in labels {
            starts[label as usize + 1] += 1;
        }
        (0..count).for_each(|c| starts[c + 1] += starts[c]);
        let mut next = starts.clone();
        let mut members = vec![0; self.len()];
        for (node, &label) in (0..).zip(labels) {
            members[next[label as usize]] = node;
            next[label as usize] += 1;
        }
        let mut merged = Network {
            starts: vec![0],
            ends: Vec::new(),
            weights: Vec::new(),
            inner: vec![0.0; count],
            masses: vec![0.0; count],
        };
        let mut to = Gather::new(count);
        for c in 0..count {
            to.clear();
            for &node in &members[starts[c]..starts[c + 1]] {
                merged.masses[c] += self.mass(node);
                merged.inner[c] += self.inner[node as usize];
                self.links(node).for_each(|(other, weight)| to.add(labels[other as usize], weight));
            }
            for &other in to.seen() {
                if other as usize == c {
                    merged.inner[c] += to.weight(other) / 2.0;
                } else {
                    merged.ends.push(other);
                    merged.weights.push(to.weight(other));
                }
            }
            merged.starts.push(merged.ends.len());
        }
        merged
    }
}

/// Links i < j with the Jaccard index of the two neighbourhoods, in order of i.
fn links(graph: &Graph, run: &Run) -> Result<Vec<(u32, u32, f64)>> {
    let n = graph.len();
    let work = Work::new(run, "linking neighbours", n as u64, "points")?;
    let neighbourhoods: Vec<Vec<u32>> = work.pool.install(|| {
        let of = |i: usize| {
            let mut all = graph.neighbours(i).to_vec();
            all.push(i as u32);
            all.sort_unstable();
            all
        };
        (0..n).into_par_iter().map(of).collect()
    });
    let of = |i: usize| -> Vec<(u32, u32, f64)> {
        work.advance(1);
        let own = &neighbourhoods[i];
        let link = |&j: &u32| {
            let theirs = &neighbourhoods[j as usize];
            let other = j as usize;
            // Each pair once: from the point that has the other; from the first, if both do.
            if other == i || (other < i && theirs.binary_search(&(i as u32)).is_ok()) {
                return None;
            }
            let both = common(own, theirs) as f64;
            let weight = both / (own.len() + theirs.len()) as f64;
            // |A ∪ B| = |A| + |B| − |A ∩ B|
            Some(((i as u32).min(j), (i as u32).max(j), weight / (1.0 - weight)))
        };
        own.iter().filter_map(link).collect()
    };
    let links: Vec<Vec<_>> = work.pool.install(|| (0..n).into_par_iter().map(of).collect());
    work.finish()?;
    Ok(links.concat())
}

/// How many two sorted lists have in common.
fn common(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut both) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        both += usize::from(a[i] == b[j]);
        let (x, y) = (a[i], b[j]);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    both
}

/// Labels numbered by first appearance, and how many there are.
pub(super) fn numbered(labels: &[u32]) -> (Vec<u32>, usize) {
    let most = labels.iter().copied().max().map_or(0, |most| most as usize + 1);
    let (mut number, mut count) = (vec![u32::MAX; most], 0);
    let numbered = labels.iter().map(|&label| {
        let number = &mut number[label as usize];
        if *number == u32::MAX {
            *number = count;
            count += 1;
        }
        *number
    });
    (numbered.collect(), count as usize)
}

/// Weights by community, of the few that a node is linked to.
pub(super) struct Gather {
    weights: Vec<f64>,
    seen: Vec<u32>,
}

impl Gather {
    pub(super) fn new(communities: usize) -> Self {
        Gather { weights: vec![0.0; communities], seen: Vec::new() }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.seen.drain(..).for_each(|community| self.weights[community as usize] = 0.0);
    }

    /// Adds a weight above 0.
    pub(super) fn add(&mut self, community: u32, weight: f64) {
        let sum = &mut self.weights[community as usize];
        if *sum == 0.0 {
            self.seen.push(community);
        }
        *sum += weight;
    }

    /// Those that something was added to, in that order.
    pub(super) fn seen(&self) -> &[u32] {
        &self.seen
    }

    /// What was added to one.
    pub(super) fn weight(&self, community: u32) -> f64 {
        self.weights[community as usize]
    }
}
