//! The links of one layer: from the nearest neighbours of each node to few that lead everywhere.
//!
//! Of its nearest neighbours a node keeps those that are nearer to it than to one that it keeps already (Malkov & Yashunin,
//! Efficient and robust approximate nearest neighbor search using hierarchical navigable small world graphs, IEEE TPAMI
//! 2020, algorithm 4); then every link is made both ways, and where that is too much it is chosen once more.

use rayon::prelude::*;

use super::super::graph::Graph;
use super::codes::Codes;
use crate::error::Result;
use crate::kernels::scattered::Scattered;
use crate::linalg::blocks::Work;
use crate::run::Run;

/// Links of each node that are left free for [`Layer::reach`].
const SPARE: usize = 2;
/// Of those that chose a node, so many times its links are looked at.
const CROWD: usize = 4;
/// Nodes that a thread takes at a time.
const CHUNK: usize = 256;

/// How far another node is, and which one it is.
type Near = (f32, u32);

/// A layer: some nodes, each with its links to others of them, padded with itself.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) width: usize,
    pub(super) links: Vec<u32>,
}

/// What links are chosen by.
pub(super) struct Chooser<'a> {
    pub(super) codes: &'a Codes,
    pub(super) kernels: Scattered,
    /// The nodes of the layer; all if `None`.
    pub(super) nodes: Option<&'a [u32]>,
    /// Components of a vector.
    pub(super) cols: usize,
    /// α².
    pub(super) alpha: f32,
    pub(super) width: usize,
}

#[derive(Default)]
struct Scratch {
    near: Vec<Near>,
    hidden: Vec<f32>,
    left: Vec<usize>,
    nodes: Vec<u32>,
    ranks: Vec<f32>,
    chosen: Vec<Near>,
}

impl Chooser<'_> {
    #[inline]
    fn node(&self, local: u32) -> u32 {
        self.nodes.map_or(local, |nodes| nodes[local as usize])
    }

    /// The layer of n nodes whose nearest neighbours are those of `graph`, numbered as its points are.
    pub(super) fn layer(&self, graph: &Graph, n: usize, run: &Run) -> Result<Layer> {
        let most = self.width - SPARE;
        // One node alone has no neighbours.
        let near = |node: u32| if graph.k() > 0 { graph.neighbours(node as usize) } else { &[] };
        let work = Work::new(run, "choosing links", 2 * n as u64, "vectors")?;
        let chunks = |each: &(dyn Fn(u32, &mut Scratch, &mut Vec<Near>) + Sync)| {
            work.pool.install(|| {
                let chunks = (0..n.div_ceil(CHUNK)).into_par_iter();
                let lists = chunks.map_init(Scratch::default, |scratch, chunk| {
                    let range = chunk * CHUNK..n.min((chunk + 1) * CHUNK);
                    let (mut all, mut ends) = (Vec::new(), Vec::with_capacity(range.len()));
                    for node in range.clone() {
                        if work.cancelled() {
                            break;
                        }
                        each(node as u32, scratch, &mut all);
                        ends.push(all.len());
                    }
                    work.advance(range.len() as u64);
                    (all, ends)
                });
                lists.collect::<Vec<_>>()
            })
        };
        let own = Lists::new(chunks(&|node, scratch, all| {
            self.measure(node, near(node), scratch);
            self.choose(most, scratch);
            all.extend_from_slice(&scratch.chosen);
        }));
        work.finish()?;
        let back = own.reversed(n);
        let both = chunks(&|node, scratch, all| {
            scratch.near.clear();
            scratch.near.extend_from_slice(own.of(node as usize));
            scratch.near.extend_from_slice(back.of(node as usize));
            settle(&mut scratch.near);
            scratch.near.truncate(CROWD * self.width);
            if scratch.near.len() > most {
                self.choose(most, scratch);
                all.extend_from_slice(&scratch.chosen);
            } else {
                all.extend_from_slice(&scratch.near);
            }
        });
        work.finish()?;
        let both = Lists::new(both);
        let mut links = Vec::with_capacity(n * self.width);
        for node in 0..n {
            links.extend(both.of(node).iter().map(|near| near.1));
            links.resize((node + 1) * self.width, node as u32);
        }
        Ok(Layer { width: self.width, links })
    }

    /// The others with how far they are, nearest first, into `near`.
    fn measure(&self, own: u32, others: &[u32], scratch: &mut Scratch) {
        let Scratch { near, nodes, ranks, .. } = scratch;
        let (asked, half) = self.codes.node(self.node(own) as usize, self.cols);
        nodes.clear();
        nodes.extend(others.iter().map(|&other| self.node(other)));
        ranks.resize(nodes.len(), 0.0);
        self.codes.ranks(&self.kernels, &asked, nodes, ranks);
        near.clear();
        near.extend(ranks.iter().zip(others).map(|(rank, &other)| (rank + half, other)));
        settle(near);
    }

    /// At most so many of `near` into `chosen`: first those that no nearer one hides, then, while there is room, those that
    /// are hidden a little. One that is chosen hides another by the share D(own, other) / D(it, other).
    fn choose(&self, most: usize, scratch: &mut Scratch) {
        let Scratch { near, hidden, left, nodes, ranks, chosen } = scratch;
        chosen.clear();
        hidden.clear();
        hidden.resize(near.len(), 0.0);
        for bound in [1.0, self.alpha] {
            for i in 0..near.len() {
                if chosen.len() == most {
                    return;
                }
                // What is chosen already is hidden from now on.
                if hidden[i] > bound {
                    continue;
                }
                chosen.push(near[i]);
                hidden[i] = f32::INFINITY;
                let (asked, half) = self.codes.node(self.node(near[i].1) as usize, self.cols);
                left.clear();
                left.extend((i + 1..near.len()).filter(|&j| hidden[j] <= self.alpha));
                nodes.clear();
                nodes.extend(left.iter().map(|&j| self.node(near[j].1)));
                ranks.resize(nodes.len(), 0.0);
                self.codes.ranks(&self.kernels, &asked, nodes, ranks);
                for (&j, rank) in left.iter().zip(&*ranks) {
                    let apart = rank + half;
                    // One that is equal to it leads nowhere else.
                    let share = if apart > 0.0 { near[j].0 / apart } else { f32::INFINITY };
                    hidden[j] = hidden[j].max(share);
                }
            }
        }
    }
}

/// Nearest first, each once.
fn settle(near: &mut Vec<Near>) {
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near.dedup_by_key(|near| near.1);
}

/// Lists one behind the other.
struct Lists {
    starts: Vec<usize>,
    all: Vec<Near>,
}

impl Lists {
    fn new(parts: Vec<(Vec<Near>, Vec<usize>)>) -> Self {
        let (mut starts, mut all) = (vec![0], Vec::new());
        for (part, ends) in parts {
            let first = all.len();
            starts.extend(ends.into_iter().map(|end| first + end));
            all.extend(part);
        }
        Lists { starts, all }
    }

    fn of(&self, node: usize) -> &[Near] {
        &self.all[self.starts[node]..self.starts[node + 1]]
    }

    /// Who names each of n nodes.
    fn reversed(&self, n: usize) -> Lists {
        let mut starts = vec![0; n + 1];
        for &(_, node) in &self.all {
            starts[node as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut free = starts.clone();
        let mut all = vec![(0.0, 0); self.all.len()];
        for (own, range) in self.starts.windows(2).enumerate() {
            for &(distance, node) in &self.all[range[0]..range[1]] {
                all[free[node as usize]] = (distance, own as u32);
                free[node as usize] += 1;
            }
        }
        Lists { starts, all }
    }
}

impl Layer {
    /// The links of a node, itself among them where it has fewer.
    #[cfg(test)]
    fn of(&self, node: u32) -> &[u32] {
        &self.links[node as usize * self.width..][..self.width]
    }

    /// Makes every node reachable from `entries`, which rise: by a link from one that it is linked to, where that has
    /// room, else by making it an entry.
    pub(super) fn reach(&mut self, entries: &mut Vec<u32>) {
        let n = self.links.len() / self.width;
        let mut reached = vec![false; n];
        let mut stack = entries.clone();
        for &entry in &stack {
            reached[entry as usize] = true;
        }
        let mut more = Vec::new();
        let mut lost = 0;
        loop {
            while let Some(node) = stack.pop() {
                for &other in &self.links[node as usize * self.width..][..self.width] {
                    if !std::mem::replace(&mut reached[other as usize], true) {
                        stack.push(other);
                    }
                }
            }
            let Some(next) = (lost..n).find(|&node| !reached[node]) else { break };
            lost = next;
            let near = self.links[next * self.width..][..self.width].to_vec();
            let free =
                near.into_iter().filter(|&other| reached[other as usize]).find_map(|other| {
                    let first = other as usize * self.width;
                    let slots = &self.links[first..first + self.width];
                    slots.iter().position(|&link| link == other).map(|slot| first + slot)
                });
            match free {
                Some(slot) => self.links[slot] = next as u32,
                None => more.push(next as u32),
            }
            reached[next] = true;
            stack.push(next as u32);
        }
        entries.extend(more);
        entries.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_cannot_be_reached_gets_a_link_or_becomes_an_entry() {
        // 0 ⇄ 1, 2 → 1, 3 ⇄ 4.
        let links = vec![1, 0, 0, 1, 1, 2, 4, 3, 3, 4];
        let mut layer = Layer { width: 2, links };
        let mut entries = vec![0];
        layer.reach(&mut entries);
        assert_eq!(entries, [0, 3]);
        assert_eq!(layer.of(1), [0, 2]);
    }
}
